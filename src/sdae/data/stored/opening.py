"""Find the files of rows at a path, and open them as one source."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdae.core.constraints import integer
from sdae.core.errors import DataError, invalid_parameter
from sdae.core.files import checked_size
from sdae.core.windowed_order import BLOCKS_OF_A_WINDOW
from sdae.data.csv_table import without_index
from sdae.data.parquet_table import translated
from sdae.data.stored.alike import check_alike
from sdae.data.stored.csv_text import CsvText
from sdae.data.stored.feather_file import feather_schema
from sdae.data.stored.feather_shard import FeatherShard
from sdae.data.stored.group_cache import GroupCache
from sdae.data.stored.listed_columns import has_lists, names_in
from sdae.data.stored.npy_shard import NpyShard
from sdae.data.stored.parquet_shard import ParquetShard, parquet_schema
from sdae.data.stored.paths import CSV, FEATHER, NPY, PARQUET, files_at, kind_of
from sdae.data.stored.rows import DiskRows
from sdae.data.stored.scratch import ScratchShard
from sdae.data.stored.shard import (
    ROWS_PER_GROUP,
    Shard,
    check_list,
    labels_of,
)
from sdae.data.table import NotNumbers

MEMORY = 512 << 20
"""Bytes for rows, unless somebody says otherwise."""

Columns = Sequence[str] | Sequence[int] | None


def open_rows(
    path: str | Path,
    columns: Columns = None,
    target: str | int | None = None,
    *,
    memory: int = MEMORY,
    scratch: str | Path | None = None,
) -> DiskRows:
    """Open rows that stay on the disk, for data larger than the memory.

    Parameters
    ----------
    path : str or Path
        A ``.npy`` file of two dimensions, a ``.parquet`` file, a ``.feather`` or ``.arrow`` file,
        or a folder with files of one of these kinds, whose rows follow each other in the order of
        the files' names. In a Parquet or Feather file the rows are plain columns of numbers, or one
        column of fixed-size lists of numbers. Files whose names begin with a dot or an underscore
        are left out.
    columns : sequence of str or of int, or None
        The columns to read, in this order: names in a Parquet or Feather file, positions in an NPY
        file. None: all but the target.
    target : str, int or None
        The column of labels, by name or position. It is read at once, as ``.targets``; a missing
        label is NaN or None, which estimators take for a row without one.
    memory : int, default 512 MiB
        Bytes for rows: for decoded row groups of Parquet files and record batches of Feather files,
        and for the rows that estimators shuffle together. Fewer rows they read into memory.
    scratch : str, Path or None
        A folder for copies of files with groups of more than `memory`: their rows are rewritten
        there, in blocks of a few thousand, before anything else. A copy is removed by
        ``.close()``, when the rows are not used any more, or when Python ends. None: such a file is
        an error.

    Returns
    -------
    DiskRows
        Takes the place of an array in ``pretrain``, ``finetune`` and the methods of estimators.

    Raises
    ------
    InvalidParameterError
        If `memory` is not a positive integer.
    FileAccessError
        If the path does not exist or cannot be read, or a copy cannot be written.
    FileFormatError
        If a file is damaged or truncated.
    DataError
        If there are no such files, a file has no rows or other columns than the first, or a
        group of rows takes more than `memory`.
    MissingExtraError
        If a Parquet or Feather file is read without pyarrow.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sdae import StackedDenoisingAutoencoder, pretrain
    >>> from sdae.data import open_rows
    >>> folder = Path(tempfile.mkdtemp())
    >>> for part in range(3):
    ...     x = np.random.default_rng(part).random((500, 8), dtype=np.float32)
    ...     np.save(folder / f"part-{part}.npy", x)
    >>> rows = open_rows(folder)
    >>> rows.shape
    (1500, 8)
    >>> stack = StackedDenoisingAutoencoder(8, (6,))
    >>> history = pretrain(stack, rows, epochs=2, batch_size=10, shuffle=True, shuffle_window=640)
    """
    try:
        memory = integer(1).read(memory)
    except ValueError:
        wanted = "an integer ≥ 1, a number of bytes"
        raise invalid_parameter("memory", "open_rows", wanted, memory) from None
    cache = GroupCache(memory)
    try:
        shards = shards_at(path, columns, target, cache)
    except NotNumbers as fault:
        raise NotNumbers(
            f"{fault} A table of texts, dates or gaps is opened with sdae.data.open_table."
        ) from None
    return rows_of(shards, cache, memory, None if scratch is None else Path(scratch))


def rows_of(
    shards: list[Shard],
    cache: GroupCache,
    memory: int | None,
    scratch: Path | None,
    *,
    with_gaps: bool = True,
) -> DiskRows:
    """Return the rows of files; None for the `memory`: they are read in their order.

    Then groups may have any size. Without `with_gaps`, a missing value ends the copying of a file
    whose groups are too large.
    """
    if memory is not None:
        for shard in shards:
            _check_groups(shard, memory, scratch)
    targets = labels_of(shards)
    if memory is not None:
        shards = [_within(shard, memory, scratch, with_gaps=with_gaps) for shard in shards]
    has_groups = any(shard.groups is not None for shard in shards)
    return DiskRows(shards, targets, cache if has_groups else None, memory)


def _check_groups(shard: Shard, memory: int, scratch: Path | None) -> None:
    """Raise an error if a group of rows does not fit into the memory, and cannot be rewritten."""
    groups = shard.groups
    if scratch is not None or groups is None or groups.largest_bytes <= memory:
        return
    if groups.row_bytes > memory:
        raise DataError(
            f"{groups.described()}, more than memory={memory:,}, and a row alone takes "
            f"{groups.row_bytes:,}. Raise memory."
        )
    few = memory // (BLOCKS_OF_A_WINDOW * groups.row_bytes)
    n_rows = max(1, min(ROWS_PER_GROUP, few))
    raise DataError(
        f"{groups.described()}, more than memory={memory:,}. Rewrite the file with smaller groups "
        f"by sdae.data.convert(path, new_path, rows_per_group={n_rows}), let open_rows do it each "
        "time with scratch=FOLDER, or raise memory."
        + (" A file with gaps is opened with sdae.data.open_table." if groups.types else "")
    )


def _within(shard: Shard, memory: int, scratch: Path | None, *, with_gaps: bool) -> Shard:
    """Return a shard whose groups fit into the memory: itself, or a copy of it."""
    groups = shard.groups
    if scratch is None or groups is None or groups.largest_bytes <= memory:
        return shard
    return ScratchShard(shard, groups, scratch, memory, with_gaps=with_gaps)


def shards_at(
    path: str | Path, columns: Columns, target: str | int | None, cache: GroupCache | None
) -> list[Shard]:
    """Open the files at a path and check that they have the same columns.

    Raises
    ------
    FileAccessError, FileFormatError, DataError, MissingExtraError
        As :func:`open_rows` does.
    """
    paths = files_at(Path(path))
    check_list("columns", columns)
    if columns is None:
        columns = _beside_an_index(paths[0], target)
    shards: list[Shard] = []
    for each in paths:
        if each.suffix.lower() == NPY:
            numbers = None if columns is None else [_integer(column) for column in columns]
            shards.append(NpyShard(each, numbers, None if target is None else _integer(target)))
        else:
            kind = ParquetShard if each.suffix.lower() == PARQUET else FeatherShard
            names = None if columns is None else [name_in(column) for column in columns]
            shards.append(kind(each, names, None if target is None else name_in(target), cache))
    check_alike(shards)
    return shards


def _beside_an_index(path: Path, target: str | int | None) -> list[str] | None:
    """Return the columns of a file beside the index of a data frame; None if it has none."""
    if path.suffix.lower() == NPY:
        return None
    names = _schema(path).names
    there = [place for place, name in enumerate(names) if name != target]
    kept = without_index(names, there, str(path))
    return None if len(kept) == len(there) else [names[place] for place in kept]


def names_at(path: Path) -> tuple[str, ...]:
    """Return the names of all columns of the first file at a path; of an NPY file their positions.

    Raises
    ------
    FileAccessError, FileFormatError, DataError, MissingExtraError
        If it cannot be read.
    """
    if path.name.lower().endswith(CSV):
        return tuple(CsvText(path).header)
    first = files_at(path)[0]
    if kind_of(first) == NPY:
        return tuple(map(str, range(len(NpyShard(first, None, None).columns))))
    return names_in(_schema(first))


def holds_lists(path: Path) -> bool:
    """Return whether a file has a column of lists of one length, as `convert` writes.

    Raises
    ------
    FileAccessError, FileFormatError, MissingExtraError
        If it cannot be read.
    """
    return kind_of(path) not in (None, NPY) and path.is_file() and has_lists(_schema(path))


def always_a_table(source: str) -> bool:
    """Return whether a file is first read as columns of any type, numbers or not: a Feather.

    Raises
    ------
    FileAccessError, FileFormatError, MissingExtraError
        If it cannot be read.
    """
    if "\0" in source or not source.lower().endswith(FEATHER):
        return False
    return Path(source).is_file() and not holds_lists(Path(source))


def _schema(path: Path) -> Any:
    """Return the schema of a file, whose names can be read."""
    checked_size(path)  # not a pipe, which would wait for a writer
    schema = (parquet_schema if path.suffix.lower() == PARQUET else feather_schema)(path)
    with translated(str(path), "a file with columns"):
        _ = schema.names  # of a damaged file they may be no text
    return schema


def _integer(column: object) -> int:
    if isinstance(column, int | np.integer) and not isinstance(column, bool):
        return int(column)
    raise DataError(
        f"Columns of an NPY file do not have names. Got the column {column!r}: use its position, "
        "from 0."
    )


def name_in(column: object) -> str:
    """Return the name of a column that was asked for.

    Raises
    ------
    DataError
        If it is not a text.
    """
    if isinstance(column, str):
        return column
    raise DataError(
        "Columns of a CSV, Parquet or Feather file have names. "
        f"Got the column {column!r}: use a text."
    )
