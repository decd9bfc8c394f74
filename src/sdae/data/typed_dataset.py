"""Tables of which not all columns are numbers, as data sets: raw columns, and labels.

Axes: n rows.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.schema.columns import IgnoredColumn
from sdae.core.schema.number_columns import DateColumn
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.table_rows import TableRows
from sdae.core.schema.table_schema import AS_USUAL, Schema, Written
from sdae.core.schema.unfit import check_numbers
from sdae.core.wording import quoted
from sdae.data.label_columns import Target, names_of_targets
from sdae.data.labelled_rows import BLANK, check_some_have_labels, without_label
from sdae.data.table import Dataset, Table
from sdae.data.tables import ReadOptions, TableFile, read_table
from sdae.data.tables.formats import name_of
from sdae.data.target_columns import Found, targets_of_texts
from sdae.data.task import Task, task_of_column


class TypedDataset(NamedTuple):
    """A data set whose rows are raw tables, or stay on the disk.

    Attributes
    ----------
    dataset : Dataset
    left_out : tuple of IgnoredColumn
        Columns of the file that are not among the rows' columns.
    written : Written
        How the file is written, where that is not the usual way.
    """

    dataset: Dataset
    left_out: tuple[IgnoredColumn, ...] = ()
    written: Written = AS_USUAL


def load_typed(
    source: str | Path,
    options: ReadOptions,
    target: Target = None,
    task: Task | None = None,
    content: bytes | None = None,
) -> TypedDataset:
    """Load a table with columns of any type; rows whose label is missing come apart.

    Parameters
    ----------
    source : str or Path
        A file that :func:`sdae.data.tables.read_table` reads.
    options : ReadOptions
        How it is read.
    target : str, sequence of str, or None
        The column of labels, or several columns of zeros and ones.
    task : Task or None
        What the target is for; None: what it looks like.
    content : bytes or None
        The bytes of the file, if they are known already.

    Raises
    ------
    SdaeError
        If the file cannot be read, or a column cannot be used.
    """
    targets = checked_targets(target, options)
    found = read_table(source, options, content=content, targets=targets)
    return _parted(source, found, targets, task)


def load_for_schema(
    source: str | Path,
    schema: Schema,
    target: Target = None,
    task: Task | None = None,
    content: bytes | None = None,
) -> TypedDataset:
    """Load the columns of a schema, each read as the type that it had in training.

    Raises
    ------
    SdaeError
        If the file cannot be read, or columns are missing: all are named.
    """
    targets = targets_beside(schema, target)
    found = read_for_schema(source, schema, targets, content=content)
    return _parted(source, found, targets, task)


def checked_targets(target: Target, options: ReadOptions) -> tuple[str, ...]:
    """Return the names of the targets.

    Raises
    ------
    DataError
        If one of them is left out.
    """
    targets = names_of_targets(target)
    for name in targets:
        if name in options.drop or name in options.id:
            flag = "--drop" if name in options.drop else "--id"
            raise DataError(
                f"Column {quoted(name)} is the target, so {flag} must not name it. Leave it out of "
                "one of them."
            )
    return targets


def targets_beside(schema: Schema, target: Target) -> tuple[str, ...]:
    """Return the names of the targets.

    Raises
    ------
    DataError
        If one of them is a column of the schema.
    """
    targets = names_of_targets(target)
    if features := [name for name in targets if name in {column.name for column in schema.used}]:
        raise DataError(
            f"The target {quoted(features[0])} is one of the columns that the run was trained on, "
            f"so it cannot be what it predicts. Train a run with --drop {features[0]}, or name "
            "another target."
        )
    return targets


def read_for_schema(
    source: str | Path,
    schema: Schema,
    targets: Sequence[str] = (),
    *,
    content: bytes | None = None,
    more: Sequence[str] = (),
    na_values: Sequence[str] = (),
) -> TableFile:
    """Read the columns of a schema, each as the type that it had in training; no others.

    Parameters
    ----------
    source : str or Path
    schema : Schema
    targets : sequence of str
        Columns of labels, which come after those of the schema.
    content : bytes or None
        The bytes of the file, if they are known already.
    more : sequence of str
        Columns to be read too, each as what it holds.
    na_values : sequence of str
        Words that mean a missing value, beside those of the schema.

    Raises
    ------
    SdaeError
        If the file cannot be read, or columns are missing: all are named.
    """
    names, options = names_and_options(schema, targets, more, na_values)
    found = read_table(source, options, content=content, targets=targets, wanted=names)
    columns = {column.name: column for column in (*found.table, *found.ids)}
    return replace(found, table=RawTable([columns[name] for name in names]))


def names_and_options(
    schema: Schema,
    targets: Sequence[str] = (),
    more: Sequence[str] = (),
    na_values: Sequence[str] = (),
) -> tuple[list[str], ReadOptions]:
    """Return the columns to read for a schema, in its order, and how to read them."""
    names = list(dict.fromkeys((*(column.name for column in schema.used), *targets, *more)))
    options = options_for(schema, targets, na_values)
    return names, replace(options, keep=frozenset(names))


def options_for(
    schema: Schema, targets: Sequence[str] = (), na_values: Sequence[str] = ()
) -> ReadOptions:
    """Return how to read a table so that columns have the types of a schema."""
    texts = [c.name for c in schema.used if getattr(c, "type", None) is ColumnType.TEXT]
    return ReadOptions(
        parse_dates=frozenset(c.name for c in schema.used if isinstance(c, DateColumn)),
        na_values=frozenset((*schema.missing_marks, *na_values)),
        id=tuple(name for name in texts if name not in targets),  # they are read as they stand
        usual_decimal=schema.written.decimal,
        usual_separator=schema.written.separator,
    )


def _parted(
    source: str | Path, found: TableFile, targets: Sequence[str], task: Task | None
) -> TypedDataset:
    """Return rows and targets of a table, and the rows without targets apart."""
    columns = {column.name: column for column in found.table}
    answers = [columns.pop(name) for name in targets]
    if not columns:
        raise no_columns(found.source)
    rows = RawTable(list(columns.values()))
    check_numbers(rows, found.source)
    if not len(rows):
        raise DataError(f"{found.source} is empty: it has no rows below its header.")
    return with_targets(
        source, rows, Answers(answers, found.labels.columns), task, found.left_out, found.written
    )


class Answers(NamedTuple):
    """The targets of all rows: typed, and as texts."""

    typed: Sequence[RawColumn]
    texts: Sequence[RawColumn]


def no_columns(source: str) -> DataError:
    """Return the error for a table of targets alone."""
    return DataError(f"{source} has no column besides the target. Add columns to it.")


def with_targets(
    source: str | Path,
    rows: RawTable | TableRows,
    answers: Answers,
    task: Task | None,
    left_out: tuple[IgnoredColumn, ...],
    written: Written,
) -> TypedDataset:
    """Return rows and targets of a table, and the rows without targets apart.

    Raises
    ------
    DataError
        If no row has a target, or they are not what the task needs.
    """
    shown = name_of(source)
    targets = [column.name for column in answers.typed]
    unlabelled, there = None, np.ones(len(rows), bool)
    if targets:
        there = ~np.logical_or.reduce(
            [
                without_label([column.values for column in answers.texts], BLANK),
                *(column.missing for column in answers.typed),
            ]
        )
        check_some_have_labels(~there, shown, targets)
    if not there.all():
        unlabelled, rows = rows[~there], rows[there]
    y, label_names = _targets(answers, shown, there, task)
    name = Path(shown).name.split(".")[0]
    table = Table(rows, y, None, None, shown, label_names)
    return TypedDataset(Dataset(name, table, unlabelled=unlabelled), left_out, written)


def _targets(answers: Answers, source: str, there: NDArray[np.bool_], task: Task | None) -> Found:
    """Return the targets of the rows that have them, by what they are for."""
    for column in answers.typed:
        if column.type is ColumnType.DATE:
            raise DataError(
                f"The target {column.name!r} holds dates, neither classes nor numbers. Name "
                "another."
            )
    if task is None and len(answers.typed) == 1:
        task, _ = task_of_column(answers.typed[0])
    texts = {column.name: column.values[there].tolist() for column in answers.texts}
    numbers = [
        None if column.type is ColumnType.TEXT else column.values[there] for column in answers.typed
    ]
    targets = [column.name for column in answers.typed]
    columns = [texts[name] for name in targets]
    return targets_of_texts(columns, targets, source, task, numbers, missing=~there)


def as_raw(table: Table) -> Table:
    """Return a table of numbers as one of raw columns; one of raw columns unchanged."""
    if isinstance(table.x, RawTable):
        return table
    names = table.feature_names or tuple(f"x{k}" for k in range(table.x.shape[1]))
    columns = [
        RawColumn(name, ColumnType.NUMBER, values.astype(np.float64))
        for name, values in zip(names, table.x.T, strict=True)
    ]
    raw = RawTable(columns, named=table.feature_names is not None)
    return replace(table, x=raw, feature_names=None)
