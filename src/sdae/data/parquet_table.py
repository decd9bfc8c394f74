"""Tables as Parquet, read with pyarrow (the extra ``tables``), a batch of rows at a time.

The file is read on demand, a few columns at a time, and each batch is written to its final place in
memory: reading all columns at once would hold a page of each.

Axes: n rows, V columns.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from sdae.core.errors import DataError, FileFormatError, MissingExtraError
from sdae.core.files import checked_size
from sdae.core.wording import plain, quoted, reason
from sdae.data.bounds import check_columns, check_room
from sdae.data.csv_table import find_targets, wanted_columns
from sdae.data.exact import Rows, is_usable
from sdae.data.labelled_rows import BLANK, known_labels, labelled_apart
from sdae.data.table import Dataset, NotNumbers, checked_table, not_finite
from sdae.data.tables.arrow_columns import is_text, numbers_of
from sdae.data.target_columns import targets_of_texts
from sdae.data.task import Task

_LIMIT = 2 << 30
_BATCH_CELLS = 1 << 20
_COLUMNS = 8  # read together: eight float64 fill a cache line
_BUFFER_BYTES, _SMALL_FILE = 1 << 16, 1 << 24


def load_parquet(
    path: Path,
    target: Sequence[str] = (),
    features: Collection[str] | None = None,
    task: Task | None = None,
) -> Dataset:
    """Load a Parquet file of numeric columns and, by `target`, one of labels.

    Integers, floats, decimals, booleans (0 and 1), and dictionaries of these are numbers.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    FileFormatError
        If the file is damaged.
    DataError
        If the target is not a column, a name occurs twice, or a feature is not a number.
    """
    source = str(path)
    try:
        import pyarrow  # noqa: F401 - is it installed?
    except ImportError:
        raise MissingExtraError(
            f'{source} is a Parquet file, and reading it needs pyarrow: pip install "sdae[tables]"'
        ) from None
    n_packed = checked_size(path, _LIMIT)
    with translated(source):
        return _read(path, n_packed, target, features, source, task)


@contextmanager
def translated(source: str, what: str = "a Parquet file") -> Iterator[None]:
    """Turn an error of pyarrow, which says that a file is damaged, into ours."""
    import pyarrow as pa

    try:
        yield
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
        raise FileFormatError(
            f"{source} is not {what}, or is damaged: {reason(error)}. Save it again."
        ) from None


def _read(
    path: Path,
    n_packed: int,
    targets: Sequence[str],
    features: Collection[str] | None,
    source: str,
    task: Task | None,
) -> Dataset:
    """Read the columns, after checking in the schema that all can be used."""
    file = open_parquet(path)
    fields = list(file.schema_arrow)
    header = [field.name for field in fields]
    check_columns(len(header), source)
    places = find_targets(header, targets, source)
    columns = wanted_columns(header, places, features, source)
    names = tuple(header[column] for column in columns)
    for column in columns:
        check_type(fields[column].type, header[column], source, is_label=False)
    for place in places:
        check_type(fields[place].type, header[place], source, is_label=True)
    if places:
        # As a dictionary, each text is stored once, not once per row.
        file = open_parquet(path, read_dictionary=list(targets))
    n_rows = file.metadata.num_rows
    if not names or n_rows <= 0:
        raise DataError(
            f"{source} is empty: it has {n_rows} rows and {len(names)} features. Both must be at "
            "least 1."
        )
    _check_size(file.metadata, len(names), n_packed, source)
    kinds = [fields[column].type for column in columns]
    x = np.empty((n_rows, len(names)), np.float32 if all(map(is_single, kinds)) else np.float64)
    for first in range(0, len(names), _COLUMNS):
        _fill(x[:, first : first + _COLUMNS], file, names[first : first + _COLUMNS], names, source)
    labels = [_all_labels(file, name) for name in targets]
    missing, known = known_labels(labels, targets, source, BLANK)
    y, label_names = targets_of_texts(known, targets, source, task, missing=missing)
    table = checked_table(x, None, source, names)
    return labelled_apart(path.stem, table, y, label_names, missing)


def _fill(
    x: Rows, file: Any, names: tuple[str, ...], all_names: tuple[str, ...], source: str
) -> None:
    """Read some columns into their final place, (n, columns)."""
    start = 0
    for batch in file.iter_batches(max(1, _BATCH_CELLS // _COLUMNS), columns=[*names]):
        block = x[start : start + batch.num_rows]
        for column, name in enumerate(names):
            with np.errstate(over="ignore"):
                block[:, column] = numbers_of(batch.column(name))[: len(block)]
        if not is_usable(block).all():  # report it now, not after reading the rest
            raise _not_finite(file, all_names, source)
        start += batch.num_rows
    if start != len(x):
        raise FileFormatError(
            f"{source} is damaged: it should have {len(x):,} rows by its metadata, but has "
            f"{start:,}. Save it again."
        )


def _not_finite(file: Any, names: tuple[str, ...], source: str) -> DataError:
    """Find the first row with a value that is not a finite number, and return the error."""
    start, n_rows = 0, file.metadata.num_rows
    for batch in file.iter_batches(max(1, _BATCH_CELLS // len(names)), columns=[*names]):
        block = np.stack([numbers_of(batch.column(name)) for name in names], axis=1)
        if not is_usable(block).all():
            more = start + len(block) < n_rows
            return not_finite(block, source, names, first_row=start, more=more)
        start += len(block)
    return FileFormatError(f"{source} changed while it was read. Try again.")


def _all_labels(file: Any, name: str) -> list[str]:
    batches = file.iter_batches(_BATCH_CELLS, columns=[name])
    return [text for batch in batches for text in _labels(batch.column(0))]


def open_parquet(path: Path, **options: Any) -> Any:
    """Open a Parquet file to be read in pieces; `options` are those of pyarrow's ParquetFile."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.ParquetFile(
        pa.OSFile(str(path)),
        # Pages have checksums if the writer made them; without them damage may go unnoticed.
        page_checksum_verification=True,
        # Otherwise whole columns, or the whole file, are loaded before the first row is read.
        pre_buffer=False,
        # Of a small file whole columns may be. A damaged size of a page is then found at once: the
        # buffer would first take as much memory (pyarrow 26.0.1: 1.6 GiB for a file of 3 kB).
        buffer_size=_BUFFER_BYTES if path.stat().st_size > _SMALL_FILE else 0,
        **options,
    )


def _check_size(metadata: Any, n_features: int, n_packed: int, source: str) -> None:
    """Raise an error if the metadata of the file says that it would take too much memory."""
    n_bytes = metadata.num_rows * n_features * 4
    if n_bytes > _LIMIT:
        raise FileFormatError(
            f"{source} has, by its metadata, {metadata.num_rows:,} rows of {n_features:,} "
            f"features; sdae reads at most {_LIMIT:,} bytes of float32. Split it into parts."
        )
    groups = (metadata.row_group(group) for group in range(metadata.num_row_groups))
    check_room(n_bytes + sum(group.total_byte_size for group in groups), n_packed, source)


def check_type(kind: Any, name: str, source: str, *, is_label: bool) -> None:
    """Raise an error for a column whose type is not of numbers, or of labels.

    Raises
    ------
    DataError
        If values of this type cannot be used.
    """
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    shown = plain(str(kind))
    is_number = (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)  # a column of missing values, reported as such later
    )
    if is_label:
        if not is_number and not is_text(kind):
            raise DataError(
                f"{source}, column {quoted(name)}, has values of type {shown}, but labels must be "
                "texts or whole numbers. Convert it to texts, or name another target."
            )
    elif not is_number:
        raise NotNumbers(
            f"{source}, column {quoted(name)}, has values of type {shown}, but features must be "
            "numbers. Encode the column (pandas.get_dummies makes 0/1 columns), drop it, or name "
            "it with --target if it holds the labels."
        )


def is_single(kind: Any) -> bool:
    """Return whether float32 holds every number of a type."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    narrow = (
        pa.bool_(),
        pa.int8(),
        pa.uint8(),
        pa.int16(),
        pa.uint16(),
        pa.float16(),
        pa.float32(),
    )
    return kind in narrow


def _labels(column: Any) -> list[str]:
    """Return the labels of a batch as texts."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        return [_label(value) for value in column.to_pylist()]
    texts = [_label(value) for value in column.dictionary.to_pylist()]
    return ["" if place is None else texts[place] for place in column.indices.to_pylist()]


def _label(value: object) -> str:
    """Return a label as a text, an empty one if it is missing.

    A decimal is the text of its number, as other readers have it, unless a float would round it.
    """
    if isinstance(value, Decimal) and Decimal(repr(float(value))) == value:
        return str(float(value))
    return "" if value is None or value != value else str(value)
