"""Labels of any kind and the numbers of their classes; rows that have none.

Axes: n rows, m labelled ones, C classes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets

from sdae.errors import DataError, invalid_parameter

Labels = NDArray[Any]
_MARKERS = (bool, int, float, str, np.generic)


def has_label(y: Labels, marker: object, caller: str) -> NDArray[np.bool_]:
    """Tell which rows have a label, (n,): all but those with the `marker`, if there is one."""
    if marker is None:
        return np.ones(len(y), bool)
    if not isinstance(marker, _MARKERS):
        wanted = "None or one label: a text or a number"
        raise invalid_parameter("unlabeled_label", caller, wanted, marker)
    labels = y.tolist()
    if y.dtype.kind != "O" and isinstance(marker, str) != (y.dtype.kind == "U"):
        wanted = "of the type of the labels"
        remedy = f"y holds {labels[0]!r} for one."
        raise invalid_parameter("unlabeled_label", caller, wanted, marker, remedy)
    return np.array([label != marker for label in labels], bool)


def plain_labels(y: Labels) -> Labels:
    """Return labels in an array of objects as an array of their type, if they have one."""
    kinds = {type(label) for label in y.tolist()} if y.dtype.kind == "O" else set()
    return np.array(y.tolist()) if len(kinds) == 1 and kinds <= {bool, int, float} else y


def found_classes(y: Labels, caller: str) -> Labels:
    """Return the different labels in their order, (m,) -> (C,).

    Raises
    ------
    DataError
        If there are fewer than two.
    """
    check_classification_targets(y)
    classes: Labels = np.unique(y)
    if len(classes) < 2:
        raise DataError(
            f"{caller} needs labels of at least 2 classes. Got 1 class: {classes.tolist()}."
        )
    return classes


def class_numbers(y: Labels, classes: Labels) -> NDArray[np.int64]:
    """Return the place of each label among the classes, (m,).

    Raises
    ------
    DataError
        If a label is not among them.
    """
    places = {label: number for number, label in enumerate(classes.tolist())}
    labels = y.tolist()
    strange = sorted({repr(label) for label in labels if label not in places})
    if strange:
        raise DataError(
            f"y must hold labels among the classes {classes.tolist()}. Got {', '.join(strange)} "
            "too. Give partial_fit all classes at its first call, or fit anew."
        )
    return np.array([places[label] for label in labels], np.int64)
