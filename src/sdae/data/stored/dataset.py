"""Rows that stay on the disk as a data set, with their labels in memory.

Axes: n rows, V columns.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError, SdaeError
from sdae.core.source_rows import SourceRows, at_hand, read
from sdae.data.array_files import find_column
from sdae.data.csv_table import without_index
from sdae.data.labelled_rows import BLANK, check_some_have_labels, labelled_apart, without_label
from sdae.data.stored.csv_shard import CsvShard
from sdae.data.stored.feather_file import declares_classes
from sdae.data.stored.gaps import GapInCopy
from sdae.data.stored.group_cache import GroupCache
from sdae.data.stored.opening import MEMORY, holds_lists, names_at, rows_of, shards_at
from sdae.data.stored.paths import CSV, NPY, PARQUET, files_at, kind_of
from sdae.data.stored.rows import DiskRows
from sdae.data.stored.shard import Shard, bytes_of, labels_of
from sdae.data.stored.text_lines import takes_more
from sdae.data.table import Dataset, LacksColumns, NotNumbers, Table
from sdae.data.tables.formats import STANDARD_INPUT
from sdae.data.tables.options import check_names
from sdae.data.target_columns import targets_of_array, targets_of_texts
from sdae.data.task import Task

FEW_BYTES = 2 << 30
"""Rows that take less are read into memory, unless somebody says otherwise."""


def stored_dataset(
    source: str,
    targets: Sequence[str] = (),
    features: Collection[str] | None = None,
    task: Task | None = None,
    *,
    kept: Collection[str] = (),
    left_out: Collection[str] = (),
    memory: int | None = None,
    scratch: Path | None = None,
    in_order: bool = False,
) -> Dataset | None:
    """Open rows of numbers that stay on the disk; None if they are to be read into memory.

    They are :class:`sdae.core.source_rows.SourceRows`, or few.

    Parameters
    ----------
    source : str
        A file or folder that :func:`sdae.data.open_rows` opens; anything else gives None.
    targets : sequence of str
        Name of the column of labels, if there is one: of an NPY file its position.
    features : collection of str or None
        Names of the columns to read, in this order; None: all but the target.
    task : Task or None
        What the target is for.
    kept : collection of str
        Names of the only columns that are read, in the file's order; none: all.
    left_out : collection of str
        Names of columns that are not read.
    memory : int or None
        Bytes that rows may take: more stay on the disk. None: more than 2 GiB do, and then take
        512 MiB.
    scratch : Path or None
        Folder for copies of files whose row groups are too large; None: that for temporary files,
        which TMPDIR sets.
    in_order : bool
        Whether rows are only read from the first to the last: then groups may have any size, and
        no rows are read now.

    Raises
    ------
    SdaeError
        Whatever is wrong with rows that can only stay on the disk: a folder of files, or more than
        2 GiB.
    """
    if source in ("mnist", STANDARD_INPUT) or "\0" in source:
        return None
    path = Path(source)
    few, room = limits(memory)
    if path.name.lower().endswith(CSV) and path.is_file():
        if not takes_more(path, few):
            return None
        rows = _rows_of_csv(path, targets, features, (kept, left_out), room, scratch)
        return _few_in_memory(_dataset(path, rows, targets, task), at_hand)
    kind = kind_of(path)
    if kind is None:
        return None
    most_times = 1 if kind == NPY else _MOST_TIMES
    are_lists, is_folder = False, path.is_dir()
    try:
        are_lists = holds_lists(path)
        only_here = is_folder or are_lists  # other readers know neither
        if not only_here and path.stat().st_size * most_times <= few:
            return None
        cache = GroupCache(room)
        features = _columns(path, targets, features, kept, left_out)
        shards = _shards(path, targets, features, cache)
        are_few = bytes_of(shards) <= few
        if are_few and not only_here:
            return None
        at_once = are_few and are_lists
        most = None if in_order or at_once else room
        if most is not None and scratch is None:
            scratch = Path(gettempdir())
        rows = rows_of(shards, cache, most, scratch, with_gaps=False)
    except SdaeError as error:
        # Readers of whole files know more kinds of columns.
        as_asked = (memory is not None or are_lists) and not isinstance(error, NotNumbers)
        as_asked |= isinstance(error, GapInCopy)
        if is_folder or as_asked or path.stat().st_size > FEW_BYTES:
            raise
        return None
    found = _dataset(path, rows, targets, task)
    if features is not None and kind == NPY and not set(rows.columns) >= set(features):
        found = replace(found, train=replace(found.train, feature_names=None))
    return _few_in_memory(found, read if at_once else at_hand)


def _few_in_memory(found: Dataset, in_memory: Callable[[Any], Any]) -> Dataset:
    train = replace(found.train, x=in_memory(found.train.x))
    return replace(found, train=train, unlabelled=in_memory(found.unlabelled))


def _rows_of_csv(
    path: Path,
    targets: Sequence[str],
    features: Collection[str] | None,
    kept_and_left_out: tuple[Collection[str], Collection[str]],
    memory: int,
    scratch: Path | None,
) -> DiskRows:
    target = _only(path, targets)
    named = _columns(path, targets, features, *kept_and_left_out)
    columns = None if named is None else [*named]
    # A model that learned codes as numbers reads them on as such.
    shard = CsvShard(path, columns, target, scratch, with_codes=features is not None)
    return DiskRows([shard], labels_of([shard]), None, memory)


def limits(memory: int | None) -> tuple[int, int]:
    """Return how many bytes rows may take to be read into memory, and what others may take."""
    return (FEW_BYTES, MEMORY) if memory is None else (memory, memory)


_MOST_TIMES = 64
"""As many times its size a packed file may take in memory, when it is read whole."""


def _columns(
    path: Path,
    targets: Sequence[str],
    features: Collection[str] | None,
    kept: Collection[str],
    left_out: Collection[str],
) -> Collection[str] | None:
    """Return the names of the columns to read; None: all but the target."""
    if not (kept or left_out):
        return features
    names = names_at(path)
    check_names((*left_out, *kept), names, str(path))
    unused = {*left_out, *targets}
    there = [place for place, name in enumerate(names) if name not in unused]
    if kept:
        return [names[place] for place in there if names[place] in kept]
    return [names[place] for place in without_index(names, there, str(path))]


def _shards(
    path: Path, targets: Sequence[str], features: Collection[str] | None, cache: GroupCache
) -> list[Shard]:
    target: str | int | None = _only(path, targets)
    columns: Any = None if features is None else list(features)
    names = names_at(path)
    if columns is not None and not set(names) >= set(columns):
        if kind_of(path) != NPY:
            raise LacksColumns(str(path), columns, names)
        columns = None  # they are matched by their place
    if kind_of(path) == NPY:
        width = len(names)
        target = None if target is None else find_column(str(target), width, str(path))
        if columns is not None:
            columns = [find_column(name, width, str(path)) for name in columns]
    return shards_at(path, columns, target, cache)


def _only(path: Path, targets: Sequence[str]) -> str | None:
    """Return the target, or None without one.

    Raises
    ------
    DataError
        If there are several.
    """
    if len(targets) > 1:
        raise DataError(
            f"{path} stays on the disk, where rows have one target. Got {len(targets)}. Name one "
            "of them, or use --memory with a size above that of the rows."
        )
    return targets[0] if targets else None


def _dataset(path: Path, rows: DiskRows, targets: Sequence[str], task: Task | None) -> Dataset:
    x, y, names = SourceRows(rows), rows.targets, rows.columns
    table = Table(x, None, names, None, str(path))
    if y is None:
        return Dataset(path.stem, table)
    missing = without_label([y], BLANK)
    check_some_have_labels(missing, str(path), targets)
    is_feather = kind_of(path) not in (None, NPY, PARQUET)
    if task is None and is_feather and declares_classes(files_at(path)[0], targets[0]):
        task = Task.CLASSIFICATION
    if missing.any():
        y = y[~missing]
    if kind_of(path) == NPY:
        place = find_column(targets[0], len(names_at(path)), str(path))
        found, label_names = targets_of_array(y[:, None], [str(place)], str(path), task, missing)
    else:
        found, label_names = _targets(y, targets, str(path), task, missing)
    return labelled_apart(path.stem, table, found, label_names, missing)


def _targets(
    y: NDArray[Any],
    names: Sequence[str],
    source: str,
    task: Task | None,
    missing: NDArray[np.bool_],
) -> Any:
    """Return targets as the readers of whole files do, which see texts."""
    values, numbers = np.unique(y, return_inverse=True)
    texts = [str(value) for value in values.tolist()]
    column = [texts[number] for number in numbers.tolist()]  # a text is stored once
    known = y.astype(np.float64) if y.dtype.kind in "iuf" else None
    return targets_of_texts([column], names, source, task, [known], missing)
