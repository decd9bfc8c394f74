"""The rows of a study: all parts of a source joined, labels as class numbers, rows without labels.

Axes: n rows, m more rows without labels, V columns.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.data import Table, load_dataset
from sdae.data.label_columns import Target, encode_targets, find_head, is_regression
from sdae.data.table import match_columns

Rows = NDArray[np.floating]
Classes = tuple[int, ...] | tuple[str, ...]


@dataclass(frozen=True, eq=False)
class StudyData:
    """The data of a study.

    Attributes
    ----------
    name : str
        Name of the data, for messages.
    x : ndarray of float32 or float64, shape (n, V)
        Rows with labels.
    y : ndarray of int64, shape (n,) or (n, L)
        Class numbers, or zeros and ones where a row may have several labels.
    classes : tuple
        The label of each class number, or the names of the labels.
    unlabelled : ndarray of float32 or float64, shape (m, V)
        More rows, for pre-training.
    """

    name: str
    x: Rows
    y: NDArray[np.int64]
    classes: Classes
    unlabelled: Rows

    @cached_property
    def sha256(self) -> str:
        """The hash of rows and labels."""
        digest = hashlib.sha256()
        for array in (self.x, self.y, self.unlabelled):
            digest.update(f"{array.dtype.str}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def load_study_data(source: str, target: Target, unlabeled: str | None = None) -> StudyData:
    """Load a source, its labelled parts joined, and a file of rows without labels.

    Parameters
    ----------
    source, target : str, and str or sequence of str
        As :func:`sdae.data.load_dataset` takes them.
    unlabeled : str or None
        A source of more rows, with the same columns.

    Raises
    ------
    SdaeError
        Whatever is wrong with the files, the columns or the labels.
    """
    dataset = load_dataset(source, target)
    parts = [part for part in (dataset.train, dataset.validation, dataset.test) if part is not None]
    labelled = [(part.x, part.y) for part in parts if part.y is not None]
    if not labelled:
        raise DataError(f"{dataset.name} has no labels. Name their column with --target.")
    y = np.concatenate([labels for _, labels in labelled])
    table = replace(dataset.train, y=y, source=dataset.name)
    if is_regression(table):
        raise DataError(
            f"{dataset.name} has values as its target, but the study compares classifiers. Name a "
            "column of classes with --target."
        )
    head, classes = find_head(table)
    more = dataset.train.x[:0]
    if unlabeled is not None:
        more = _more_rows(unlabeled, dataset.train)
    return StudyData(
        dataset.name,
        np.concatenate([rows for rows, _ in labelled]),
        encode_targets(table, head, classes).astype(np.int64),
        classes,
        more,
    )


def _more_rows(source: str, like: Table) -> Rows:
    table = load_dataset(source, features=like.feature_names).train
    if like.feature_names is not None:
        table = match_columns(table, like.feature_names)
    if table.n_features != like.n_features:
        raise DataError(
            f"{table.source} has {table.n_features} columns, but {like.source} has "
            f"{like.n_features} feature columns. Rows without labels must have the same columns."
        )
    rows: NDArray[np.floating] = table.x
    return rows
