"""Large tables of typed columns as data sets, whose rows stay on the disk.

Axes: n rows.
"""

from collections.abc import Sequence
from pathlib import Path

from sdae.core.errors import DataError
from sdae.core.schema.table_rows import TableRows
from sdae.core.schema.table_schema import Schema
from sdae.data.label_columns import Target
from sdae.data.stored.dataset import limits
from sdae.data.stored.disk_table import DiskTable
from sdae.data.stored.typed_file import TypedFile
from sdae.data.stored.typed_opening import is_large, open_typed
from sdae.data.tables import ReadOptions
from sdae.data.tables.reading import left_out
from sdae.data.task import Task
from sdae.data.typed_dataset import (
    Answers,
    TypedDataset,
    checked_targets,
    names_and_options,
    no_columns,
    targets_beside,
    with_targets,
)


def stored_typed(
    source: str,
    options: ReadOptions,
    target: Target = None,
    task: Task | None = None,
    *,
    memory: int | None = None,
    scratch: Path | None = None,
) -> TypedDataset | None:
    """Open a table with columns of any type; None if it is to be read into memory.

    Parameters
    ----------
    source : str
    options : ReadOptions
    target, task
        As for :func:`sdae.data.typed_dataset.load_typed`.
    memory : int or None
        Bytes that rows may take: more stay on the disk. None: more than 2 GiB do, and then take
        512 MiB.
    scratch : Path or None
        Folder for a copy of the rows; None: that for temporary files.

    Raises
    ------
    SdaeError
        Whatever is wrong with a large table.
    """
    few, room = limits(memory)
    if not is_large(source, few):
        return None
    targets = checked_targets(target, options)
    file = open_typed(Path(source), options, targets)
    unused = {*targets, *options.id}
    names = [name for name in file.columns if name not in unused]
    return _dataset(file, names, targets, task, options, room, scratch)


def stored_for_schema(
    source: str,
    schema: Schema,
    target: Target = None,
    task: Task | None = None,
    *,
    memory: int | None = None,
    scratch: Path | None = None,
) -> TypedDataset | None:
    """Open the columns of a schema, each as it was in training; None if they are to be read.

    Raises
    ------
    SdaeError
        Whatever is wrong with a large table; all columns that are missing are named.
    """
    few, room = limits(memory)
    if not is_large(source, few):
        return None
    targets = targets_beside(schema, target)
    wanted, options = names_and_options(schema, targets)
    file = open_typed(Path(source), options, targets, wanted)
    names = [name for name in wanted if name not in targets]
    return _dataset(file, names, targets, task, options, room, scratch)


def _dataset(
    file: TypedFile,
    names: Sequence[str],
    targets: Sequence[str],
    task: Task | None,
    options: ReadOptions,
    memory: int,
    scratch: Path | None,
) -> TypedDataset:
    if not names:
        raise no_columns(file.source)
    columns = [file.labels(name) for name in targets]
    answers = Answers([typed for typed, _ in columns], [texts for _, texts in columns])
    for typed in answers.typed:
        if len(typed.values) != file.n_rows:
            raise DataError(f"{file.source} changed while it was read. Try again.")
    rows = TableRows(DiskTable(file, names, memory, scratch))
    left = left_out(file.remarks, options.id, options)
    return with_targets(file.source, rows, answers, task, left, file.written)
