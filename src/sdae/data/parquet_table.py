"""Tables as Parquet, read with pyarrow (the extra ``tables``)."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.data.csv_table import find_target
from sdae.data.labels import read_labels
from sdae.data.table import Dataset, checked_table
from sdae.errors import DataError, FileFormatError, MissingExtraError
from sdae.files import read_bytes

_LIMIT = 2 << 30


def load_parquet(path: Path, target: str | None) -> Dataset:
    """Load a Parquet file of numeric columns and, by `target`, one of labels.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    FileFormatError
        If the file is damaged.
    DataError
        If the target is no column, or a feature is not a number.
    """
    source = str(path)
    table = _read(path)
    place = find_target(table.column_names, target, source)
    names = tuple(name for number, name in enumerate(table.column_names) if number != place)
    if not names or table.num_rows == 0:
        raise DataError(f"{source} is empty: {table.num_rows} rows, {len(names)} features.")
    x = np.empty((table.num_rows, len(names)), np.float32)
    for column, name in enumerate(names):
        x[:, column] = _feature(table.column(name), name, source)
    y = None
    if place is not None:
        values = table.column(place).to_pylist()
        y = read_labels(["" if value is None else _label(value) for value in values], source)
    return Dataset(path.stem, checked_table(x, y, source, names))


def _read(path: Path) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError(
            'Parquet files need pyarrow. Install it with: pip install "sdae[tables]"'
        ) from None
    content = read_bytes(path, _LIMIT)
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        n_cells = file.metadata.num_rows * max(file.metadata.num_columns, 1)
        if not 0 <= n_cells * 4 <= _LIMIT:
            raise FileFormatError(f"{path} is too large or damaged: it claims {n_cells:,} cells.")
        return file.read()
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError, MemoryError) as error:
        if isinstance(error, FileFormatError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileFormatError(f"{path} is no Parquet file, or is damaged: {reason}") from None


def _feature(column: Any, name: str, source: str) -> NDArray[np.float32]:
    import pyarrow as pa

    kind = column.type
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if not numeric and not pa.types.is_decimal(kind):
        raise DataError(
            f"{source}, column {name!r}, has values of type {kind}, where features must be "
            "numbers. Encode the column (pandas.get_dummies makes 0/1 columns), drop it, or name "
            "it with --target if it holds the labels."
        )
    numbers: NDArray[np.float32] = (
        column.cast(pa.float64(), safe=False).to_numpy().astype(np.float32)
    )
    return numbers


def _label(value: object) -> str:
    """Return a label as text; booleans as the numbers they stand for."""
    return str(int(value)) if isinstance(value, bool) else str(value)
