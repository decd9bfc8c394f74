"""Targets of a classifier as numbers: one class per row, or any number of labels.

Axes: n rows, C classes, L labels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sdae.core.errors import DataError, invalid_parameter
from sdae.estimators.label_encoding import (
    Labels,
    class_numbers,
    column_of_labels,
    found_classes,
    has_label,
    marked_labels,
    numpy_labels,
    plain_labels,
)
from sdae.estimators.missing_targets import with_gaps_filled

Targets = NDArray[np.int64]
"""Class numbers (n,), or the labels of rows as 0 and 1 (n, L); −1 for rows without labels."""

_NO_LABEL = -1


def is_multilabel(y: Any) -> bool:
    """Return whether targets have several columns, as a list, array, table or sparse matrix."""
    if sparse.issparse(y):
        return bool(y.shape[1] > 1)
    shape = getattr(y, "shape", None)
    if shape is None and isinstance(y, list | tuple):
        ragged = len({len(row) if isinstance(row, list | tuple) else 0 for row in y}) > 1
        shape = () if ragged else np.shape(y)
    return shape is not None and len(shape) == 2 and int(shape[1]) > 1


def plain_targets(y: Any) -> Any:
    """Return targets of a classifier in a form that scikit-learn's checks do not change."""
    if sparse.issparse(y):
        dense = y.toarray()
        return dense if is_multilabel(y) else dense.ravel()
    return np.asarray(y) if is_multilabel(y) else numpy_labels(y)


def indicators(y: Any, caller: str) -> Targets:
    """Return labels in several columns as 0 and 1, (n, L), where all rows are labelled.

    Raises
    ------
    DataError
        If there is another value.
    """
    return _indicators(plain_targets(y), None, caller)


def targets_of(
    y: NDArray[Any],
    marker: object,
    classes: Labels | None,
    caller: str,
    there: NDArray[np.bool_] | None = None,
) -> tuple[Targets, Labels]:
    """Return the targets of each row, and the classes.

    Parameters
    ----------
    y : ndarray, shape (n,) or (n, L)
        Labels.
    marker : object
        The value that marks rows without a label; None if there is none.
    classes : ndarray or None
        The classes; None takes those in `y`.
    caller : str
        Name in error messages.
    there : ndarray of bool, shape (n,), or None
        The rows whose labels are not missing; None if all are there.

    Returns
    -------
    targets : (n,) or (n, L)
        With a single class (n, 1): whether a row belongs to it.
    classes : (C,) or (L,)
    """
    if there is not None:
        known, found = targets_of(y[there], marker, classes, caller)
        targets = np.full((len(y), *known.shape[1:]), _NO_LABEL)
        targets[there] = known
        return targets, found
    if y.ndim == 2:
        targets = _indicators(y, marker, caller)
        columns: Labels = np.arange(targets.shape[1])
        if classes is not None and len(classes) != len(columns):
            wanted = f"as many as y has columns, {len(columns)}"
            raise invalid_parameter("classes", "partial_fit", wanted, classes.tolist())
        return targets, columns if classes is None else classes
    labelled = has_label(y, marker, caller)
    labels = plain_labels(y[labelled])
    classes = found_classes(labels) if classes is None else classes
    numbers = np.full(len(y), _NO_LABEL)
    numbers[labelled] = class_numbers(labels, classes)
    if len(classes) == 1:
        numbers = np.where(labelled, 1, _NO_LABEL)[:, None]
    return numbers, classes


def announced_classes(
    classes: Any, y: Any, before: Labels | None, marker: object, caller: str
) -> Labels:
    """Return the classes of a stream: given at its first call, optional later.

    `before` are those of the first call. For labels in several columns, `y` determines their
    number.
    """
    if before is not None:
        if classes is not None and not np.array_equal(before, np.unique(column_of_labels(classes))):
            wanted = f"those of the first call, {before.tolist()}"
            raise invalid_parameter("classes", "partial_fit", wanted, classes)
        return before
    y = with_gaps_filled(y, caller).y
    if is_multilabel(y):
        columns = np.arange(plain_targets(y).shape[1])
        if classes is not None and not np.array_equal(column_of_labels(classes), columns):
            wanted = f"0 to {len(columns) - 1}, the columns of y, or None"
            raise invalid_parameter("classes", "partial_fit", wanted, classes)
        return columns
    if classes is None:
        raise invalid_parameter("classes", "partial_fit", "given at the first call", classes)
    announced = found_classes(column_of_labels(classes))
    if not has_label(announced, marker, caller).all():
        wanted = f"without the unlabeled_label {marker!r}"
        raise invalid_parameter("classes", "partial_fit", wanted, classes)
    return announced


def rows_of_classes(targets: Targets, classes: Labels) -> NDArray[np.int64]:
    """Return how many rows have each class, or each label, (C,)."""
    if targets.ndim == 2:
        return np.asarray((targets == 1).sum(axis=0))
    return np.bincount(targets[targets != _NO_LABEL], minlength=len(classes))


def has_targets(targets: Targets) -> NDArray[np.bool_]:
    """Return which rows have labels, (n,)."""
    labelled: NDArray[np.bool_] = targets.reshape(len(targets), -1).min(axis=1, initial=1) >= 0
    return labelled


def _indicators(y: NDArray[Any], marker: object, caller: str) -> Targets:
    """Return the labels of each row as 0 and 1, (n, L); rows with the `marker` become rows of −1.

    Raises
    ------
    DataError
        If there is another value.
    """
    values = y.astype(object) if y.dtype.kind in "OUS" else y
    unlabelled = marked_labels(values, marker, caller).all(axis=1)
    known = values[~unlabelled]
    right = (known == 0) | (known == 1)
    if not np.all(right):
        row, column = np.argwhere(~np.asarray(right, bool))[0]
        hint = "" if marker is None else f" A row without labels holds {marker!r} in all columns."
        got = known[row, column]
        got = got.item() if isinstance(got, np.generic) else got
        raise DataError(
            f"The y parameter of {caller} has several columns, so it must hold only 0 and 1: 1 "
            f"where a row has the label of the column. Got {got!r} instead.{hint}"
        )
    targets = np.full(y.shape, _NO_LABEL, np.int64)
    targets[~unlabelled] = known.astype(np.int64)
    return targets
