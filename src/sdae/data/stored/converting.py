"""Rewrite rows in blocks, as an NPY file or as a Parquet file of small row groups.

Axes: n rows, V columns.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from sdae.core.constraints import integer
from sdae.core.errors import DataError, MissingExtraError, invalid_parameter
from sdae.core.files import end_of, replacing, translate_os_errors
from sdae.data.exact import is_usable
from sdae.data.stored.opening import NPY, PARQUET, Columns, shards_at
from sdae.data.stored.shard import Numbers, Shard

VECTOR = "x"
"""Name of the column of rows in a Parquet file that `convert` writes."""


def convert(
    source: str | Path,
    destination: str | Path,
    columns: Columns = None,
    target: str | int | None = None,
    *,
    rows_per_group: int = 2048,
) -> None:
    """Write rows into one new file, some at a time: the memory does not grow with the rows.

    The new file appears when it is complete; if writing fails, an older one is left as it is.

    Parameters
    ----------
    source : str or Path
        Anything that :func:`sdae.data.open_rows` opens, with row groups of any size.
    destination : str or Path
        A path that ends in ``.npy`` or ``.parquet``. In a Parquet file the rows are one column
        ``x`` of fixed-size lists; the names of the columns are in the metadata of the file.
    columns, target
        As for :func:`sdae.data.open_rows`; the target is a column of its own in a Parquet file.
    rows_per_group : int, default 2048
        Rows of a row group, which is what is decoded at once.

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
    try:
        n_rows = integer(1).read(rows_per_group)
    except ValueError:
        raise invalid_parameter(
            "rows_per_group", "convert", "an integer ≥ 1", rows_per_group
        ) from None
    end = end_of(destination)
    suffix = end.suffix.lower()
    if suffix not in (NPY, PARQUET):
        raise DataError(f"{end} must end in {NPY} or {PARQUET}, the kinds of files with rows.")
    if suffix == NPY and target is not None:
        raise DataError(
            f"{end} cannot hold labels beside rows. Leave target out, and save "
            "open_rows(…).targets with numpy.save, or convert to Parquet."
        )
    shards = shards_at(source, columns, target, None)
    blocks = _blocks(shards, n_rows)
    with replacing(end) as new, translate_os_errors(end, "write"):
        if suffix == NPY:
            _write_npy(new, shards, blocks)
        else:
            _write_parquet(new, shards, blocks, target)


def _blocks(shards: Sequence[Shard], n_rows: int) -> Iterator[Numbers]:
    """Yield the rows of all files in blocks of `n_rows`, the last of the rest.

    Raises
    ------
    DataError
        If a number is not finite: what is written can be trained on.
    """
    held: list[Numbers] = []
    n_held = 0
    for shard in shards:
        start = 0
        for block in shard.blocks(n_rows):
            rows = block
            if not is_usable(rows).all():
                row = start + int(np.argmin(is_usable(rows).all(axis=1)))
                raise DataError(
                    f"{shard.path}, row {row} (counted from 0), has a value that is missing or not "
                    "finite. Fill it in, or drop the row."
                )
            start += len(rows)
            while n_held + len(rows) >= n_rows:
                taken = n_rows - n_held
                yield np.concatenate([*held, rows[:taken]])
                held, n_held, rows = [], 0, rows[taken:]
            if len(rows):
                held.append(rows)
                n_held += len(rows)
    if n_held:
        yield np.concatenate(held)


def _write_npy(path: Path, shards: Sequence[Shard], blocks: Iterator[Numbers]) -> None:
    kind = shards[0].kind.newbyteorder("<")
    shape = (sum(shard.n_rows for shard in shards), len(shards[0].columns))
    header = {"descr": kind.str, "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for block in blocks:
            file.write(np.ascontiguousarray(block, kind).data)


def _write_parquet(
    path: Path, shards: Sequence[Shard], blocks: Iterator[Numbers], target: str | int | None
) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError(
            'Writing a Parquet file needs pyarrow: pip install "sdae[tables]"'
        ) from None
    kind, columns = shards[0].kind.newbyteorder("="), shards[0].columns
    labels = None if target is None else pa.array(_labels(shards))
    fields = [pa.field(VECTOR, pa.list_(pa.from_numpy_dtype(kind), len(columns)), nullable=False)]
    if labels is not None:
        fields.append(pa.field(_label_name(target), labels.type))
    names = json.dumps(list(columns))
    schema = pa.schema(fields, metadata={"sdae.columns": names})
    # Numbers rarely repeat, so dictionaries would cost more than they save.
    with pq.ParquetWriter(
        path, schema, use_dictionary=False, write_page_checksum=True, write_statistics=False
    ) as writer:
        start = 0
        for block in blocks:
            values = pa.array(np.ascontiguousarray(block, kind).reshape(-1))
            vectors = pa.FixedSizeListArray.from_arrays(values, type=fields[0].type)
            arrays = [vectors]
            if labels is not None:
                arrays.append(labels.slice(start, len(block)))
            table = pa.Table.from_arrays(arrays, schema=schema)
            writer.write_table(table, row_group_size=len(block))  # a group
            start += len(block)


def _labels(shards: Sequence[Shard]) -> Numbers:
    return np.concatenate([part for shard in shards if (part := shard.labels()) is not None])


def _label_name(target: str | int | None) -> str:
    """Return the name of the column of labels; that of the rows is taken."""
    name = f"y.{target}" if isinstance(target, int | np.integer) else str(target)
    return f"{name}.label" if name == VECTOR else name
