"""Rewrite rows in blocks: as an NPY file, or as Parquet or Feather in small groups.

Axes: n rows, V columns.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sdae.core.constraints import integer
from sdae.core.errors import DataError, MissingExtraError, invalid_parameter
from sdae.core.files import end_of, replacing, translate_os_errors
from sdae.core.wording import listed
from sdae.data.stored.csv_stream import WiderType
from sdae.data.stored.listed_columns import described
from sdae.data.stored.npy_writing import NpyWriter
from sdae.data.stored.opening import Columns
from sdae.data.stored.paths import FEATHER, NPY, PARQUET, is_row_file_in
from sdae.data.stored.shard import ROWS_PER_GROUP
from sdae.data.stored.streams import Block, RowStream, SingleStream, regrouped, stream_of

VECTOR = "x"
"""Name of the column of rows in a file of groups that `convert` writes, unless labels have it."""

_KINDS = (NPY, PARQUET, *FEATHER)

Done = Callable[[float], None]


class Written(NamedTuple):
    """What a new file holds."""

    n_rows: int
    n_columns: int
    n_bytes: int


def convert(
    source: str | Path,
    destination: str | Path,
    columns: Columns = None,
    target: str | int | None = None,
    *,
    rows_per_group: int = ROWS_PER_GROUP,
    float32: bool = False,
) -> None:
    """Write rows into one new file, some at a time: the memory does not grow with the rows.

    The new file appears when it is complete; if writing fails, an older one is left as it is.

    Parameters
    ----------
    source : str or Path
        Anything that :func:`sdae.data.open_rows` opens, with groups of rows of any size; or a
        ``.csv`` or ``.csv.gz`` with a header, whose columns are numbers, except the target. Its
        numbers become float32 if that holds all of them exactly, else float64.
    destination : str or Path
        A path that ends in ``.npy``, ``.parquet``, ``.feather`` or ``.arrow``. In all but NPY the
        rows are one column ``x`` of fixed-size lists; the names of the columns are in the metadata
        of the file, and :func:`sdae.data.open_rows` gives them and picks by them.
    columns, target
        As for :func:`sdae.data.open_rows`; the target is a column of its own in the new file, which
        cannot be NPY. In a CSV, columns have names.
    rows_per_group : int, default 2048
        Rows of a row group or record batch, which is what is decoded at once.
    float32 : bool, default False
        Round numbers to 32 bits, which take half the disk and memory. Training rounds them too, but
        only once they are scaled: leave it off for large numbers that hardly differ, as times do.

    Raises
    ------
    InvalidParameterError
        If `rows_per_group` is not a positive integer.
    FileAccessError, FileFormatError, DataError, MissingExtraError
        As :func:`sdae.data.open_rows` does, or if the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sdae.data import convert, open_rows
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.save(folder / "rows.npy", np.eye(100, dtype=np.float32))
    >>> convert(folder / "rows.npy", folder / "rows.parquet", rows_per_group=10)
    >>> open_rows(folder / "rows.parquet").shape
    (100, 100)
    """
    converted(source, destination, columns, target, rows_per_group=rows_per_group, float32=float32)


def converted(
    source: str | Path,
    destination: str | Path,
    columns: Columns = None,
    target: str | int | None = None,
    *,
    rows_per_group: int = ROWS_PER_GROUP,
    float32: bool = False,
    done: Done = lambda _: None,
) -> Written:
    """Convert rows, as :func:`convert` does, and return what was written.

    `done` gets the share of the source that has been read.

    Raises
    ------
    InvalidParameterError, FileAccessError, FileFormatError, DataError, MissingExtraError
        As :func:`convert` does.
    """
    try:
        n_rows = integer(1).read(rows_per_group)
    except ValueError:
        raise invalid_parameter(
            "rows_per_group", "convert", "an integer ≥ 1", rows_per_group
        ) from None
    end = end_of(destination)
    suffix = end.suffix.lower()
    if suffix not in _KINDS:
        raise DataError(f"{end} must end in {listed(_KINDS)}, the kinds of files with rows.")
    if suffix == NPY and target is not None:
        raise DataError(
            f"{end} cannot hold labels beside rows. Leave target out, name the columns of the rows "
            "by columns, and save open_rows(…).targets with numpy.save; or convert to Parquet."
        )
    if is_row_file_in(end, Path(source)):
        raise DataError(
            f"{end} would be one of the files of {source}, the folder that is converted, whose "
            "rows would then be there twice. Choose a path outside that folder."
        )
    stream = stream_of(source, columns, target, n_rows)
    if float32:
        stream = SingleStream(stream)
    while True:
        try:
            with replacing(end) as new, translate_os_errors(end, "write"):
                n_written = _write(new, suffix, stream, n_rows, target, done)
                n_bytes = new.stat().st_size
        except WiderType:
            continue
        return Written(n_written, len(stream.columns), n_bytes)


def _write(
    path: Path, suffix: str, stream: RowStream, n_rows: int, target: str | int | None, done: Done
) -> int:
    """Write all rows; return how many there are."""
    blocks = regrouped(stream.blocks(done), n_rows)
    if suffix == NPY:
        return _write_npy(path, stream, blocks)
    return _write_groups(path, suffix, stream, blocks, target)


def _write_npy(path: Path, stream: RowStream, blocks: Iterator[Block]) -> int:
    n_written = 0
    with NpyWriter(path, stream.kind) as writer:
        for rows, _ in blocks:
            writer.add(rows)
            n_written += len(rows)
    return n_written


def _write_groups(
    path: Path, suffix: str, stream: RowStream, blocks: Iterator[Block], target: str | int | None
) -> int:
    try:
        import pyarrow as pa
    except ImportError:
        raise MissingExtraError(
            f'Writing a {suffix} file needs pyarrow: pip install "sdae[tables]"'
        ) from None
    kind, n_columns = stream.kind.newbyteorder("="), len(stream.columns)
    # A list of numbers none of which may be missing takes less to decode.
    number = pa.field("element", pa.from_numpy_dtype(kind), nullable=False)
    vector = VECTOR if target != VECTOR else f"{VECTOR}.rows"
    fields = [pa.field(vector, pa.list_(number, n_columns), nullable=False)]
    if target is not None:
        is_text = stream.label_kind.kind == "U"
        label = pa.string() if is_text else pa.from_numpy_dtype(stream.label_kind)
        fields.append(pa.field(_label_name(target), label))
    schema = pa.schema(fields, metadata=described(stream.columns, named=stream.named))
    n_written = 0
    with (_parquet if suffix == PARQUET else _feather)(path, schema) as write:
        for rows, labels in blocks:
            values = pa.array(np.ascontiguousarray(rows, kind).reshape(-1))
            arrays = [pa.FixedSizeListArray.from_arrays(values, type=fields[0].type)]
            if labels is not None:
                arrays.append(pa.array(labels, fields[1].type))
            write(pa.RecordBatch.from_arrays(arrays, schema=schema))
            n_written += len(rows)
    return n_written


@contextmanager
def _parquet(path: Path, schema: Any) -> Iterator[Callable[[Any], None]]:
    """Yield what writes a row group."""
    import pyarrow.parquet as pq

    # Numbers rarely repeat, so dictionaries would cost more than they save.
    with pq.ParquetWriter(
        path, schema, use_dictionary=False, write_page_checksum=True, write_statistics=False
    ) as writer:
        yield lambda batch: writer.write_batch(batch, row_group_size=batch.num_rows)


@contextmanager
def _feather(path: Path, schema: Any) -> Iterator[Callable[[Any], None]]:
    """Yield what writes a record batch."""
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema, options=options) as new:
        yield new.write_batch


def _label_name(target: str | int | None) -> str:
    """Return the name of the column of labels."""
    return f"y.{target}" if isinstance(target, int | np.integer) else str(target)
