"""Rows with labels and rows without, of which one file may have both.

Axes: n rows, V columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.wording import quoted
from sdae.data.table import Dataset, Table, Targets
from sdae.data.tables.options import NA_WORDS

BLANK = frozenset({""})
"""The only text for a missing label in a format that has missing values of its own."""


@dataclass(frozen=True, eq=False)
class PartsDataset(Dataset):
    """A data set with parts of its own, in which rows may lack their label too.

    Attributes
    ----------
    unlabelled_test, unlabelled_validation : ndarray or None
        Rows of these parts without a label, where others of the part have one.
    """

    unlabelled_test: Any = None
    unlabelled_validation: Any = None

    @classmethod
    def of(cls, parts: Mapping[str, Dataset]) -> "PartsDataset":
        """Join data sets without parts: "train" and, where they exist, "validation" and "test"."""
        train = parts["train"]
        tables = {part: each.train for part, each in parts.items()}
        others = {part: each.unlabelled for part, each in parts.items()}
        return cls(
            train.name,
            train.train,
            tables.get("validation"),
            tables.get("test"),
            train.unlabelled,
            others.get("test"),
            others.get("validation"),
        )


def unlabelled_beside(dataset: Dataset, part: Table) -> Any | None:
    """Return the rows without a label that lay among those of a part; None if there were none."""
    if part is dataset.train:
        return dataset.unlabelled
    if not isinstance(dataset, PartsDataset):
        return None
    is_test = part is dataset.test
    return dataset.unlabelled_test if is_test else dataset.unlabelled_validation


def without_label(columns: Sequence[Any], words: frozenset[str] = NA_WORDS) -> NDArray[np.bool_]:
    """Return which rows lack the label of a column, (n,), from the labels of each column, (n,).

    NaN and None are missing, and texts that are such `words` between blanks.
    """
    missing = np.zeros(len(columns[0]), bool)
    for column in columns:
        kind = column.dtype.kind if isinstance(column, np.ndarray) else "U"
        if kind == "f":
            missing |= np.isnan(column)
        elif kind in "OU":
            labels = column.tolist() if isinstance(column, np.ndarray) else column
            if kind == "U":  # there may be millions
                gaps = {label for label in set(labels) if label.strip() in words}
            else:
                gaps = {label for label in set(labels) if _is_missing(label, words)}
            if gaps:
                missing |= np.fromiter((label in gaps for label in labels), bool, len(labels))
    return missing


def known_labels(
    columns: Sequence[Sequence[str]],
    targets: Sequence[str],
    source: str,
    words: frozenset[str] = NA_WORDS,
) -> tuple[NDArray[np.bool_], list[Sequence[str]]]:
    """Return which rows lack a label, (n,), and the labels of the others, of each column.

    Raises
    ------
    DataError
        If all rows lack one.
    """
    if not columns:
        return np.zeros(0, bool), []
    missing = without_label(columns, words)
    if not missing.any():
        return missing, [*columns]
    check_some_have_labels(missing, source, targets)
    there = np.logical_not(missing).tolist()
    return missing, [[*compress(column, there)] for column in columns]


def check_some_have_labels(
    missing: NDArray[np.bool_], source: str, targets: Sequence[str] | None
) -> None:
    """Raise an error if all rows lack their label.

    Raises
    ------
    DataError
        If so.
    """
    if targets and missing.all():
        raise no_label(source, f"column {quoted(targets[0])}")


def no_label(source: str, where: str) -> DataError:
    """Return the error for a target that all rows lack, such as a ``column 'y'``."""
    return DataError(
        f"{source} has no label in {where}. Name another target, or none to pre-train only."
    )


def number_of_row(place: int, missing: NDArray[np.bool_] | None) -> int:
    """Return the number of a row in its file, from 1, by its place among the rows with labels."""
    return place + 1 if missing is None else int(np.flatnonzero(~missing)[place]) + 1


def labelled_apart(
    name: str,
    table: Table,
    y: Targets | None,
    label_names: tuple[str, ...] | None,
    missing: NDArray[np.bool_],
) -> Dataset:
    """Return a data set of the rows of a table, those without a label apart.

    Parameters
    ----------
    name : str
    table : Table
        All rows, without their targets.
    y : ndarray or None
        The targets of the rows that have one.
    label_names : tuple of str or None
        Names of several columns of labels, or of those of a regression.
    missing : ndarray of bool, shape (n,)
        Which rows have none.
    """
    labelled = replace(table, y=y, label_names=label_names)
    if y is None or not missing.any():
        return Dataset(name, labelled)
    return Dataset(name, replace(labelled, x=table.x[~missing]), unlabelled=table.x[missing])


def _is_missing(label: object, words: frozenset[str]) -> bool:
    return label is None or label != label or str(label).strip() in words
