"""Rows for a model that exists: its columns, in its units, and its answers.

Axes: n rows, V columns, L labels, T targets.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdae.app.runs.prepared_data import AnyRows, Classes, Rows
from sdae.core.errors import DataError
from sdae.core.inference import Results
from sdae.core.kinds.heads import Head
from sdae.core.model_file import Model
from sdae.core.preprocessing import Scaling, with_masked
from sdae.core.schema.raw_table import ColumnType, RawTable
from sdae.core.schema.table_rows import TableRows
from sdae.core.schema.table_schema import Schema
from sdae.core.source_rows import SourceRows, at_hand
from sdae.core.user_warnings import warn_user
from sdae.core.wording import listed, quoted
from sdae.data import Dataset, Table, load_dataset
from sdae.data.label_columns import Target, encode_targets, names_of_targets
from sdae.data.stored.dataset import stored_dataset
from sdae.data.stored.typed_dataset import stored_for_schema
from sdae.data.table import OF_NUMBERS, NotNumbers, match_columns
from sdae.data.tables import ReadOptions, is_table
from sdae.data.tables.formats import STANDARD_INPUT
from sdae.data.task import Task
from sdae.data.typed_dataset import as_raw, load_for_schema, load_typed

_NUMBERS = (ColumnType.NUMBER, ColumnType.BOOLEAN)


def load_for(
    model: Model,
    source: str,
    target: Target = None,
    task: Task | None = None,
    content: bytes | None = None,
    *,
    in_order: bool = False,
    labels: bool = True,
) -> Dataset:
    """Load the columns of a model from other data, with their targets if they are named.

    Rows without a label come apart, unless no `labels` are wanted; a gap in a model of numbers is
    masked. Other columns are ignored, whatever they hold. `content` is the bytes of standard input,
    if the source is "-".

    Very many rows stay on the disk, and so do those of a folder: they are a
    :class:`sdae.core.source_rows.SourceRows`. Those that are only read `in_order` may have groups
    of any size.

    Raises
    ------
    SdaeError
        Whatever is wrong with the data.
    """
    if model.schema is not None:
        large = stored_for_schema(source, model.schema, target, task)
        return (large or load_for_schema(source, model.schema, target, task, content)).dataset
    names = model.feature_names
    stored = stored_dataset(source, names_of_targets(target), names, task, in_order=in_order)
    if stored is not None:
        return stored
    fault: DataError | None = None
    if source == STANDARD_INPUT or source.lower().endswith(OF_NUMBERS) or not is_table(source):
        try:
            return load_dataset(source, target, names, task, content, labels=labels)
        except DataError as error:  # also if its separator is another
            if names is None or not is_table(source):
                raise
            fault = error
    options = ReadOptions(keep=frozenset(names or ()))
    try:
        dataset = load_typed(source, options, target, task, content).dataset
    except DataError:
        if fault is None:
            raise
        raise fault from None  # it names the row
    names = names or tuple(column.name for column in dataset.train.x)
    texts = [c.name for c in dataset.train.x if c.name in names and c.type not in _NUMBERS]
    if texts:
        raise fault or NotNumbers(
            f"{dataset.train.source}, column {quoted(texts[0])}, does not hold numbers, and the "
            "model was trained on numbers. Encode the column as for the training."
        )
    train, others = dataset.train, dataset.unlabelled
    every = train if others is None else replace(train, x=train.x.below(others))
    x = _numbers_of(every, names, model.scaling)
    return replace(
        dataset,
        train=replace(train, x=x[: train.n_rows], feature_names=names),
        unlabelled=None if others is None else x[train.n_rows :],
    )


def _numbers_of(table: Table, names: tuple[str, ...], scaling: Scaling | None) -> Rows:
    """Return columns of numbers, (n, V): a gap is the masked value."""
    values = {column.name: column.values for column in table.x}
    x = np.stack([values[name] for name in names], axis=1)
    gaps = np.isnan(x)
    incomplete = [name for name, lacks in zip(names, gaps.any(axis=0), strict=True) if lacks]
    if incomplete:
        warn_user(
            f"{table.source} has missing values in column{'s' * (len(incomplete) > 1)} "
            f"{listed(incomplete)}, and the rows of training had none. They count as masked: 0 in "
            "the network."
        )
    return with_masked(x, gaps, scaling)


def choose_rows(dataset: Dataset, part: str) -> Table:
    """Return the rows that a command works on.

    Parameters
    ----------
    dataset : Dataset
    part : {"auto", "train", "validation", "test"}
        ``auto`` is the test part where the source has one, and otherwise all its rows.

    Raises
    ------
    DataError
        If the source has no such part.
    """
    parts = {"train": dataset.train, "validation": dataset.validation, "test": dataset.test}
    if part == "auto":
        return dataset.train if dataset.test is None else dataset.test
    table = parts.get(part)
    if table is None:
        there = ", ".join(name for name, rows in parts.items() if rows is not None)
        raise DataError(f"{dataset.name} has no part {part!r}. It has: {there}.")
    return table


TO_NAME = "If one of them holds the labels, name it with --target."
"""What to do about more columns than the model has, where a command has --target."""

TO_LEAVE_OUT = "Leave the labels, and other columns that it was not trained on, out of the file."
"""What to do about them in other commands."""


def fitting(model: Model, table: Table, remedy: str = TO_NAME) -> Table:
    """Return the table with the model's columns, in the model's order.

    For a model with a schema its rows are encoded: they are the network's. Those of a large table
    are encoded when they are read, from the first to the last.

    Raises
    ------
    DataError
        If a column is missing, or the number of columns is wrong.
    """
    if model.schema is not None:
        if isinstance(table.x, TableRows):
            rows: Any = table.x.encoded_in_order(model.schema, table.source)
        else:
            rows = model.schema.encode(as_raw(table).x, table.source)
        return replace(table, x=rows, feature_names=model.schema.parts)
    if model.feature_names is not None:
        table = match_columns(table, model.feature_names)
    if table.x.shape[1] != model.stack.n_visible:
        raise DataError(
            f"{table.source} has {table.x.shape[1]} feature columns; the model expects "
            f"{model.stack.n_visible}, and does not know their names. {remedy}"
        )
    return table


def encoded_rows(schema: Schema, rows: RawTable | TableRows, source: str) -> AnyRows:
    """Return rows of a table as a schema encodes them; those on the disk go to a copy."""
    return rows.encoded(schema) if isinstance(rows, TableRows) else schema.encode(rows, source)


def network_input(model: Model, table: Table) -> AnyRows:
    """Return the rows as the model's network takes them: right columns, scaled.

    Those of a large table go to a copy, of which any can be read, unless they are few.
    """
    if model.schema is not None and isinstance(table.x, TableRows):
        x = table.x.in_memory() if table.x.are_few else table.x
        return encoded_rows(model.schema, x, table.source)
    rows: AnyRows = scaled(fitting(model, table).x, model.scaling)
    return rows


def in_parts(function: Callable[[Rows], Results], x: Rows | SourceRows) -> Results:
    """Apply a function of rows to an array, or to the blocks of rows on the disk: (n, V) -> (n, K).

    A row's result does not depend on the others.
    """
    if not isinstance(x, SourceRows):
        return function(x)
    return np.concatenate([function(block) for block in x.blocks()])


def targets_of(model: Model, table: Table) -> NDArray[np.int64] | NDArray[np.float64]:
    """Return the class numbers of a table, (n,), its labels, (n, L), or its values, (n, T).

    Raises
    ------
    DataError
        If there are none, or a label did not occur in training.
    """
    if table.y is None:
        raise DataError(
            f"{table.source} has no labels to compare with. Name their column with --target."
        )
    outputs = outputs_of(model)
    assert outputs is not None  # it has a head, as commands make sure
    return encode_targets(table, *outputs)


def outputs_of(model: Model) -> tuple[Head, Classes] | None:
    """Return the head of a model and what its outputs stand for, or None without a head.

    They are classes, labels, or the names of the targets of a regression.
    """
    head = model.stack.head_kind
    if head is None:
        return None
    numbers = range(model.stack.head.out_features)
    if head.facts.probabilities is None:
        return head, model.target_names or tuple(map(str, numbers))
    return head, model.classes or tuple(numbers)


def task_of(model: Model) -> Task | None:
    """Return what a model predicts, or None without a head."""
    facts = None if model.stack.head_kind is None else model.stack.head_kind.facts
    if facts is None:
        return None
    if facts.probabilities is None:
        return Task.REGRESSION
    return Task.CLASSIFICATION if facts.picks_one else Task.MULTILABEL


def scaled(x: Any, scaling: Scaling | None) -> Any:
    """Return scaled rows for the network, in float32; many rows of a source stay there."""
    x = at_hand(x)
    if isinstance(x, SourceRows):
        return x.scaled(scaling, torch.empty(0))
    rows: Rows = x
    return rows.astype(np.float32, copy=False) if scaling is None else scaling.apply(rows)
