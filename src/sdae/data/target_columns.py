"""Targets as a file holds them: classes, several labels, or the values of a regression.

Axes: n rows, L labels, T targets of regression.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.wording import quoted
from sdae.data.label_columns import checked_indicators, read_indicators
from sdae.data.labelled_rows import number_of_row
from sdae.data.labels import Labels, distinct, read_labels, whole_numbers
from sdae.data.table import NotNumbers
from sdae.data.task import Task, numbers_in, task_of_numbers

Numbers = NDArray[np.float64]
Found = tuple[Labels | Numbers | None, tuple[str, ...] | None]
"""Targets, and the names of several columns of labels, or of those of a regression."""

_WITH_COMMA = re.compile(r"[+-]?[0-9. ]*,[0-9., ]*")
_REMEDY = "Name another target, and leave a cell empty where its value is missing."


def targets_of_texts(
    columns: Sequence[Sequence[str]],
    names: Sequence[str],
    source: str,
    task: Task | None = None,
    numbers: Sequence[Numbers | None] | None = None,
    missing: NDArray[np.bool_] | None = None,
) -> Found:
    """Read columns of targets, given as texts.

    Parameters
    ----------
    columns : sequence of sequence of str
        One column of n texts, or several.
    names : sequence of str
    source : str
    task : Task or None
        What they are for. None: one column of texts, or of few whole numbers, holds classes, other
        numbers are values of a regression, and several columns are labels.
    numbers : sequence of ndarray or None
        The numbers of each column, (n,), if it holds numbers and they are known.
    missing : ndarray of bool or None
        Which rows of the source have no target, and are not among the n; for messages.

    Returns
    -------
    y : ndarray or None
        Classes (n,), labels as zeros and ones (n, L), or values in float64 (n, T).
    names : tuple of str or None

    Raises
    ------
    DataError
        If a target is not what the task needs.
    """
    if not columns:
        return None, None
    if task is Task.CLASSIFICATION and len(columns) > 1:
        raise DataError(
            f"{len(columns)} targets are named, but a classification has one. Name one of them, or "
            "give --task multilabel."
        )
    if len(columns) == 1 and task is None:
        task = _task_of(columns[0], names[0], source)
    if task is Task.CLASSIFICATION:
        return read_labels(columns[0], source, missing), None
    if task is not Task.REGRESSION:
        return read_indicators(columns, names, source, missing), tuple(names)
    known = [None] * len(columns) if numbers is None else numbers
    values = [_values(*each, source, missing) for each in zip(columns, names, known, strict=True)]
    return np.stack(values, axis=1), tuple(names)


def targets_of_array(
    y: NDArray[np.generic],
    names: Sequence[str] | None,
    source: str,
    task: Task | None,
    missing: NDArray[np.bool_],
) -> Found:
    """Return labels, (n,) or (n, L), or values, (n, T), and the names of several columns.

    `missing` says which rows of the source are not among the n.

    Raises
    ------
    DataError
        If they are not what the task needs, or one is missing.
    """
    of_columns = None if names is None else tuple(names)
    if names is not None and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2):
        raise DataError(
            f"The labels of {source} must have shape (n,), or (n, L) where rows have several. "
            f"Got shape {y.shape} instead."
        )
    settled = _task_of_array(y, source, task)
    if settled is Task.REGRESSION:
        return _values_of_array(y, of_columns, source, missing), of_columns
    if settled is Task.MULTILABEL:
        return checked_indicators(y.reshape(len(y), -1), names, source, missing), of_columns
    if y.dtype.kind == "U":
        return read_labels(y.tolist(), source, missing), None
    return whole_numbers(y, source), None


def _task_of_array(y: NDArray[np.generic], source: str, task: Task | None) -> Task:
    """Return what an array of targets is for: (n,) of classes or values, (n, L) of labels.

    Raises
    ------
    DataError
        If it does not fit the task.
    """
    several = y.ndim == 2 and y.shape[1] > 1
    if task is Task.CLASSIFICATION and several:
        raise DataError(
            f"{source} has {y.shape[1]} columns of labels, but a classification has one target. "
            "Name one of them, or give --task multilabel."
        )
    if task is not None:
        return task
    if y.ndim == 2:
        return Task.MULTILABEL
    if y.dtype.kind != "f":  # whole numbers in an array are class numbers, however many
        return Task.CLASSIFICATION
    known = y[np.isfinite(y.astype(np.float64))].astype(np.float64)
    has_fractions = bool((known != np.round(known)).any())
    return Task.REGRESSION if has_fractions else Task.CLASSIFICATION


def _values_of_array(
    y: NDArray[Any],
    names: Sequence[str] | None,
    source: str,
    missing: NDArray[np.bool_],
) -> Numbers:
    """Return values of a regression without missing rows as float64, (n,) or (n, T) -> (n, T).

    Raises
    ------
    DataError
        If one of them is not a finite number.
    """
    columns = y.reshape(len(y), -1)
    names = names or [str(column) for column in range(columns.shape[1])]
    if y.dtype.kind not in "iufb":
        raise DataError(
            f"The target of {source} must hold numbers for a regression. Got {y.dtype} instead. "
            f"{_REMEDY}"
        )
    with np.errstate(over="ignore"):
        values = columns.astype(np.float64)
    for column, name in zip(values.T, names, strict=True):
        _check_finite(column, name, source, missing)
    return values


def _task_of(texts: Sequence[str], name: str, source: str) -> Task:
    """Return what a single column looks like."""
    different, _ = distinct(texts)
    numbers = numbers_in(different)
    if numbers is None and _has_commas(different):
        raise _with_commas(name, source)
    return Task.CLASSIFICATION if numbers is None else task_of_numbers(numbers)[0]


def _values(
    texts: Sequence[str],
    name: str,
    numbers: Numbers | None,
    source: str,
    missing: NDArray[np.bool_] | None,
) -> Numbers:
    """Return the values of one target, (n,)."""
    if numbers is None:
        different, places = distinct(texts)
        numbers = numbers_in(different)
        if numbers is None:
            if _has_commas(different):
                raise _with_commas(name, source)
            row = next(row for row, text in enumerate(texts) if numbers_in([text]) is None)
            raise DataError(
                f"The target {quoted(name)} of {source} must hold numbers for a regression. Got "
                f"{quoted(texts[row])} in row {number_of_row(row, missing)}. {_REMEDY}"
            )
        numbers = numbers[places]
    _check_finite(numbers, name, source, missing)
    return numbers


def _check_finite(
    values: Numbers, name: str, source: str, missing: NDArray[np.bool_] | None
) -> None:
    wrong = ~np.isfinite(values)
    if wrong.any():
        row = int(wrong.argmax())
        what = NotNumbers if np.isnan(values[row]) else DataError
        raise what(
            f"The target {quoted(name)} of {source} must hold finite numbers. Got {values[row]} in "
            f"row {number_of_row(row, missing)}. Leave such rows out, or name another target."
        )


def _has_commas(texts: Sequence[str]) -> bool:
    """Return whether all texts are numbers, some of them with a comma."""
    with_comma = [text for text in texts if "," in text]
    others = [text for text in texts if "," not in text]
    return (
        bool(with_comma)
        and all(_WITH_COMMA.fullmatch(text) for text in with_comma)
        and numbers_in(others) is not None
    )


def _with_commas(name: str, source: str) -> NotNumbers:
    return NotNumbers(
        f"{source} has decimal commas in the target {quoted(name)}. Write points, or give "
        "--decimal ','."
    )
