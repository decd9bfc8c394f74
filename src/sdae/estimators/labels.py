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


def numpy_labels(y: Any) -> Any:
    """Return labels of one of pandas' own integer or boolean types as NumPy's; others as they are.

    scikit-learn makes floats of them, which rounds large ones and changes their texts.

    Raises
    ------
    DataError
        If some are missing.
    """
    if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1 and hasattr(y, "iloc"):
        column = y.iloc[:, 0]
        labels = numpy_labels(column)
        return y if labels is column else labels[:, None]
    dtype = getattr(y, "dtype", None)
    own = getattr(dtype, "numpy_dtype", None)
    if isinstance(dtype, np.dtype) or own is None or own.kind not in "iub":
        return y
    missing = np.asarray(y.isna())
    if missing.any():
        raise _missing_labels(missing)
    return y.to_numpy(own)


def plain_labels(y: Labels) -> Labels:
    """Return labels in an array of objects as an array of their type, if they have one.

    Raises
    ------
    DataError
        If some are missing, or are integers of more than 64 bits.
    """
    if y.dtype.kind != "O":
        return y
    labels = [each.item() if isinstance(each, np.generic) else each for each in y.tolist()]
    missing = np.array([_is_missing(label) for label in labels], bool)
    if missing.any():
        raise _missing_labels(missing)
    kinds = {type(label) for label in labels}
    if kinds == {int}:
        return _integers(labels)
    return np.array(labels) if kinds in ({bool}, {float}) else y


def _integers(labels: list[int]) -> Labels:
    """Return integers as an array without the detour by which large ones would be rounded."""
    for kind in (np.int64, np.uint64):
        try:
            return np.array(labels, kind)
        except OverflowError:
            pass
    odd = max(labels, key=abs)
    raise DataError(f"y has the label {odd}, too large for 64 bits. Give such labels as texts.")


def _is_missing(label: object) -> bool:
    return label is None or type(label).__name__ in ("NAType", "NaTType") or label != label


def _missing_labels(missing: NDArray[np.bool_]) -> DataError:
    return DataError(
        f"Input y contains NaN: {int(missing.sum()):,} of {len(missing):,} labels are missing, the "
        f"first in row {int(missing.argmax())}. Give rows without labels as X_unlabeled, or mark "
        "them: y.fillna(-1), for one, with unlabeled_label=-1."
    )


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
