"""The rows of a study: all parts of a source joined, labels as class numbers, rows without labels.

Axes: n rows, m more rows without labels, V columns.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.app.compare.typed_rows import Kind, cells_of, kinds_of
from sdae.core.errors import DataError
from sdae.core.schema.raw_table import RawTable
from sdae.data import Dataset, Table, load_dataset
from sdae.data.label_columns import Target, encode_targets, find_head
from sdae.data.labelled_rows import unlabelled_beside
from sdae.data.table import OF_NUMBERS, NotNumbers, match_columns
from sdae.data.tables import ReadOptions, is_table
from sdae.data.task import Task
from sdae.data.typed_dataset import load_typed
from sdae.data.unnamed_rows import ARRAYS, rows_of_array

Rows = NDArray[Any]
Classes = tuple[int, ...] | tuple[str, ...]
AS_IT_IS = ReadOptions()


@dataclass(frozen=True, eq=False)
class StudyData:
    """The data of a study.

    Attributes
    ----------
    name : str
        Name of the data, for messages.
    x : ndarray of float32 or float64, or of objects, shape (n, V)
        Rows with labels; objects for a table with columns of other types, or with gaps.
    y : ndarray of int64, shape (n,) or (n, L), or of float64, shape (n, T)
        Class numbers, or zeros and ones where a row may have several labels; values of a
        regression.
    classes : tuple
        The label of each class number, or the names of the labels or targets.
    unlabelled : ndarray of the same type, shape (m, V)
        More rows, for pre-training.
    kinds : tuple of Kind or None
        The kind of each column where rows are objects.
    """

    name: str
    x: Rows
    y: NDArray[Any]
    classes: Classes
    unlabelled: Rows
    kinds: tuple[Kind, ...] | None = None

    @property
    def variance(self) -> NDArray[np.float64] | None:
        """The variance of values, (T,), or None for classes and labels."""
        return self.y.var(axis=0) if self.y.dtype.kind == "f" else None

    @cached_property
    def sha256(self) -> str:
        """The hash of rows and labels."""
        digest = hashlib.sha256()
        if self.kinds is not None:
            parts = (self.x.tolist(), self.y.tolist(), self.unlabelled.tolist(), self.kinds)
            digest.update(json.dumps(parts, default=str).encode())
            return digest.hexdigest()
        for array in (self.x, self.y, self.unlabelled):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def load_study_data(
    source: str,
    target: Target,
    unlabeled: str | None = None,
    options: ReadOptions = AS_IT_IS,
    task: Task | None = None,
) -> StudyData:
    """Load a source, its labelled parts joined, and a file of rows without labels.

    A table that is not all numbers is read with its types; rows without a label are for
    pre-training.

    Parameters
    ----------
    source, target : str, and str or sequence of str
        As :func:`sdae.data.load_dataset` takes them.
    unlabeled : str or None
        A source of more rows, with the same columns.
    options : ReadOptions
        How a table is read.
    task : Task or None
        What the target is for; None: what it looks like.

    Raises
    ------
    SdaeError
        Whatever is wrong with the files, the columns or the labels.
    """
    reads_numbers = source.lower().endswith(OF_NUMBERS) or not is_table(source)
    if options != AS_IT_IS or not reads_numbers:
        return _load_table(source, target, unlabeled, options, task)
    try:
        dataset = load_dataset(source, target, task=task)
    except NotNumbers:
        if not is_table(source):
            raise
        return _load_table(source, target, unlabeled, options, task)
    parts = [part for part in (dataset.train, dataset.validation, dataset.test) if part is not None]
    for part in parts:
        _check_width(part, dataset.train, "Parts")
    labelled = [(part.x, part.y) for part in parts if part.y is not None]
    if not labelled:
        raise _no_labels(dataset.name)
    y = np.concatenate([labels for _, labels in labelled])
    table = replace(dataset.train, y=y, source=dataset.name)
    head, classes = find_head(table)
    more = [dataset.train.x[:0], *_without_label(dataset, parts)]
    if unlabeled is not None:
        more.append(_more_rows(unlabeled, dataset.train))
    return StudyData(
        dataset.name,
        np.concatenate([rows for rows, _ in labelled]),
        encode_targets(table, head, classes),
        classes,
        np.concatenate(more),
    )


def _without_label(dataset: Dataset, parts: Sequence[Table]) -> list[Rows]:
    """Return the rows of parts whose label is missing, and those of parts without labels."""
    beside = [unlabelled_beside(dataset, part) for part in parts]
    found = [rows for rows in beside if rows is not None]
    return [*found, *(part.x for part in parts if part.y is None)]


def _load_table(
    source: str, target: Target, unlabeled: str | None, options: ReadOptions, task: Task | None
) -> StudyData:
    """Load a table with columns of any type."""
    found = load_typed(source, options, target, task)
    dataset, more = found.dataset, found.dataset.unlabelled
    train = dataset.train
    if train.y is None:
        raise _no_labels(dataset.name)
    rows: RawTable = train.x
    every = rows if more is None else rows.below(more)
    if unlabeled is not None:
        every = every.below(_like(rows, unlabeled, options), unlabeled)
    head, classes = find_head(train)
    cells = cells_of(every)
    return StudyData(
        dataset.name,
        cells[: len(rows)],
        encode_targets(train, head, classes),
        classes,
        cells[len(rows) :],
        kinds_of(every, train.source),
    )


def _like(rows: RawTable, source: str, options: ReadOptions) -> RawTable:
    """Load more rows with the columns of a table: those of an array stand in its order."""
    if source.lower().endswith(ARRAYS):
        return rows_of_array(source, rows.names).like(rows, source)
    extra = load_typed(source, options.only(rows.names)).dataset.train
    more: RawTable = extra.x.like(rows, extra.source)
    return more


def _no_labels(name: str) -> DataError:
    return DataError(f"{name} has no labels. Name their column with --target.")


def _more_rows(source: str, like: Table) -> Rows:
    table = load_dataset(source, features=like.feature_names, labels=False).train
    if like.feature_names is not None:
        table = match_columns(table, like.feature_names)
    _check_width(table, like, "Rows without labels")
    rows: NDArray[np.floating] = table.x
    return rows


def _check_width(table: Table, like: Table, what: str) -> None:
    """Raise an error for rows with another number of columns."""
    if table.n_features != like.n_features:
        raise DataError(
            f"{table.source} has {table.n_features} columns, but {like.source} has "
            f"{like.n_features} feature columns. {what} must have the same columns."
        )
