"""Tables as Parquet, read with pyarrow (the extra ``tables``), a batch of rows at a time.

Axes: n rows, V columns.
"""

import io
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.data.csv_table import find_target, wanted_columns
from sdae.data.labels import Labels, read_labels
from sdae.data.table import Dataset, checked_table
from sdae.errors import DataError, FileFormatError, MissingExtraError
from sdae.files import read_bytes

_LIMIT = 2 << 30
_BATCH_CELLS = 1 << 22


def load_parquet(
    path: Path, target: str | None, features: Collection[str] | None = None
) -> Dataset:
    """Load a Parquet file of numeric columns and, by `target`, one of labels.

    Integers, floats, decimals, truth values (0 and 1), and dictionaries of these are numbers.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    FileFormatError
        If the file is damaged.
    DataError
        If the target is no column, a name stands twice, or a feature is not a number.
    """
    source = str(path)
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError(
            f'{source} is a Parquet file, which pyarrow reads: pip install "sdae[tables]"'
        ) from None
    content = read_bytes(path, _LIMIT)
    try:
        # Pages come with checksums where the writer made them; without, damage may go unseen.
        file = pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True)
        x, y, names = _read(file, target, features, source)
    except DataError:
        raise
    except (
        pa.ArrowException,
        OSError,
        ValueError,
        TypeError,
        LookupError,
        ArithmeticError,
        MemoryError,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise FileFormatError(
            f"{source} is no Parquet file, or is damaged: {reason} Save it again."
        ) from None
    return Dataset(path.stem, checked_table(x, y, source, names))


def _read(
    file: Any, target: str | None, features: Collection[str] | None, source: str
) -> tuple[NDArray[np.float32], Labels | None, tuple[str, ...]]:
    """Read the columns, after the schema has told that all of them can be used."""
    schema = file.schema_arrow
    place = find_target(schema.names, target, source)
    columns = wanted_columns(schema.names, place, features, source)
    names = tuple(schema.names[column] for column in columns)
    for name in names:
        _check_type(schema.field(name).type, name, source, is_label=False)
    if place is not None:
        _check_type(schema.field(place).type, schema.names[place], source, is_label=True)
    n_rows = file.metadata.num_rows
    if not names or n_rows <= 0:
        raise DataError(
            f"{source} is empty: it has {n_rows} rows and {len(names)} features. Both must be at "
            "least 1."
        )
    if n_rows * len(names) * 4 > _LIMIT:
        raise FileFormatError(
            f"{source} has or claims {n_rows:,} rows of {len(names):,} features; at most "
            f"{_LIMIT:,} bytes of float32 are read. Cut it into parts."
        )
    x = np.empty((n_rows, len(names)), np.float32)
    labels: list[str] = []
    start = 0
    read = [schema.names[column] for column in columns]
    read += [] if place is None else [schema.names[place]]
    for batch in file.iter_batches(max(1, _BATCH_CELLS // len(names)), columns=read):
        stop = start + batch.num_rows
        for column, name in enumerate(names):
            x[start:stop, column] = _numbers(batch.column(name))
        if place is not None:
            labels.extend(_label(value) for value in batch.column(schema.names[place]).to_pylist())
        start = stop
    if start != n_rows:
        raise FileFormatError(f"{source} is damaged: it claims {n_rows:,} rows but has {start:,}.")
    return x, None if place is None else read_labels(labels, source), names


def _check_type(kind: Any, name: str, source: str, *, is_label: bool) -> None:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    is_number = (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)  # a column of missing values, told as such later
    )
    if is_label:
        is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if not is_number and not is_text:
            raise DataError(
                f"{source}, column {name!r}, has values of type {kind}, where labels must be texts "
                "or whole numbers. Convert it to texts, or name another target."
            )
    elif not is_number:
        raise DataError(
            f"{source}, column {name!r}, has values of type {kind}, where features must be "
            "numbers. Encode the column (pandas.get_dummies makes 0/1 columns), drop it, or name "
            "it with --target if it holds the labels."
        )


def _numbers(column: Any) -> NDArray[np.float32]:
    """Return a column of a batch, (rows,); missing values NaN, too large ones infinite."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    numbers: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(
        zero_copy_only=False
    )
    with np.errstate(over="ignore", invalid="ignore"):
        return numbers.astype(np.float32)


def _label(value: object) -> str:
    """Return a label as text: a missing one as none, a truth value as the number it stands for."""
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else str(value)
