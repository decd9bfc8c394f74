"""Labels of any kind, their class numbers, and rows without labels.

Axes: n rows, m labelled ones, C classes.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from sdae.core.errors import DataError, invalid_parameter
from sdae.core.user_warnings import warn_user
from sdae.core.wording import listed
from sdae.data.labels import marks_of_no_label

Labels = NDArray[Any]
_MARKERS = (bool, int, float, str, np.generic)
_LABEL_TYPE = re.compile(r"[<|](b1|[iu][1248]|f[248]|U\d{1,6}|O)")  # allowed in a file
_MOST_LABEL_BYTES = 1 << 28


def has_label(y: Labels, marker: object, caller: str) -> NDArray[np.bool_]:
    """Return which rows have a label, (n,): all except those with the `marker`, if given."""
    return np.logical_not(marked_labels(y, marker, caller))


def marked_labels(y: Labels, marker: object, caller: str) -> NDArray[np.bool_]:
    """Return which of some labels, of any shape, are the `marker`; none if it is None.

    To Python true equals 1, but here they are different labels.

    Raises
    ------
    InvalidParameterError
        If the marker is not a label, or of another type than an array of texts, booleans or
        numbers. One of objects may hold several types.
    """
    if marker is None:
        return np.zeros(y.shape, bool)
    if not isinstance(marker, _MARKERS):
        wanted = "None or one label: a text, a number or a boolean"
        remedy = "A label that is None, NaN or NA needs no mark."
        raise invalid_parameter("unlabeled_label", caller, wanted, marker, remedy)
    labels = y.ravel().tolist()
    if labels and y.dtype.kind != "O" and not _is_comparable(marker, labels[0]):
        wanted = "of the type of the labels"
        remedy = f"y holds {labels[0]!r}, for example."
        raise invalid_parameter("unlabeled_label", caller, wanted, marker, remedy)
    is_boolean = _is_boolean(marker)
    found = [label == marker and _is_boolean(label) == is_boolean for label in labels]
    return np.array(found, bool).reshape(y.shape)


def _is_comparable(marker: object, label: object) -> bool:
    """Return whether a marker could be a label of an array; a number that no boolean equals may."""
    if _is_boolean(label) != _is_boolean(marker):
        return _is_boolean(label) and not isinstance(marker, str) and marker not in (0, 1)
    return isinstance(marker, str) == isinstance(label, str)


def _is_boolean(label: object) -> bool:
    return isinstance(label, bool | np.bool_)


def numpy_labels(y: Any) -> Any:
    """Return labels as a NumPy array if scikit-learn would change or reject them; others unchanged.

    scikit-learn converts pandas' own integers and booleans and categories of booleans to floats,
    which rounds large ones and changes their texts. It does not accept arrays of NumPy's
    StringDType.

    Raises
    ------
    DataError
        If labels are missing.
    """
    column = y.iloc[:, 0] if hasattr(y, "iloc") and y.ndim == 2 and y.shape[1] == 1 else y
    labels = as_array(column)
    if labels.ndim == 0 or labels.size != len(labels):
        return y  # scikit-learn reports what is wrong
    missing = missing_labels(labels.ravel())
    if missing.any():
        raise _refused(missing)
    dtype = getattr(column, "dtype", None)
    own = own_type(dtype)
    if own is not None:
        labels = column.to_numpy(own)
    elif not hasattr(dtype, "categories") and getattr(dtype, "kind", None) != "T":
        return y
    return labels if column is y else labels[:, None]


def as_array(y: Any) -> Labels:
    """Return labels as an array that keeps missing labels recognisable."""
    if isinstance(y, list | tuple):
        return np.asarray(y, object)  # NumPy would convert a NaN among texts to a text
    if isinstance(y, np.ma.MaskedArray):
        labels = np.array(y.data, object)
        labels[np.ma.getmaskarray(y)] = None
        return labels
    labels = np.asarray(y)
    return labels.astype(object) if labels.dtype.kind == "T" else labels


def own_type(dtype: Any) -> "np.dtype[Any] | None":
    """Return NumPy's counterpart of one of pandas' own integer or boolean types."""
    own: np.dtype[Any] | None = getattr(dtype, "numpy_dtype", None)
    known = isinstance(dtype, np.dtype) or own is None or own.kind not in "iub"
    return None if known else own


def plain_labels(y: Labels) -> Labels:
    """Return labels in native byte order, and objects of one type as an array of that type.

    Raises
    ------
    DataError
        If some are integers of more than 64 bits.
    """
    if y.dtype.kind != "O":
        return y.astype(y.dtype.newbyteorder("="), copy=False)
    labels = [each.item() if isinstance(each, np.generic) else each for each in y.tolist()]
    kinds = {type(label) for label in labels}
    if kinds == {int}:
        return _integers(labels)
    return np.array(labels) if kinds in ({bool}, {float}) else y


def column_of_labels(y: Any) -> Labels:
    """Return labels given without rows as an array of their type, (n,).

    Raises
    ------
    DataError
        If some are missing, or are integers of more than 64 bits.
    ValueError
        From scikit-learn, if they have another shape.
    """
    return plain_labels(column_or_1d(numpy_labels(y)))


def _integers(labels: list[int]) -> Labels:
    """Return integers as an array without rounding large ones through floats."""
    for kind in (np.int64, np.uint64):
        try:
            return np.array(labels, kind)
        except OverflowError:
            pass
    odd = max(labels, key=abs)
    raise DataError(
        f"y has the label {odd}, too large for a signed 64-bit integer. Give such labels as texts."
    )


def missing_labels(labels: Labels) -> NDArray[np.bool_]:
    """Return which labels are missing, (n,): None, NaN, and the missing values of pandas."""
    if labels.dtype.kind == "O":
        return np.array([_is_missing(label) for label in labels.tolist()], bool)
    return np.isnan(labels) if labels.dtype.kind in "fcmM" else np.zeros(len(labels), bool)


def _is_missing(label: object) -> bool:
    """Return whether an object is a missing label."""
    if label is None or type(label).__name__ in ("NAType", "NaTType"):
        return True
    odd = label != label  # an array, if the label is one
    return isinstance(odd, bool | np.bool_) and bool(odd)


def _refused(missing: NDArray[np.bool_]) -> DataError:
    return DataError(
        f"Input y contains NaN: {int(missing.sum()):,} of {len(missing):,} labels are missing, the "
        f"first in row {int(missing.argmax())}. Here each row needs a label: leave the others out."
    )


def found_classes(y: Labels) -> Labels:
    """Return the distinct labels, sorted, (m,) -> (C,).

    Raises
    ------
    DataError
        If they are of several types: numbers beside texts.
    """
    try:
        check_classification_targets(y)
        classes: Labels = np.unique(y)
    except (TypeError, ValueError):  # scikit-learn's, where the first label is not a text
        kinds = sorted({type(label).__name__ for label in y.tolist()})
        if len(kinds) == 1:
            raise
        raise DataError(
            f"The labels in y must be of one type, but are of several: {listed(kinds)}. Give all "
            "as texts, and None where a row has no label; or name the label of such rows by "
            "unlabeled_label."
        ) from None
    return classes


def warn_of_marks(classes: Labels, counts: NDArray[np.int64], marker: object, caller: str) -> None:
    """Warn of classes that seem to mark rows without a label: a blank text, 'nan', or -1.

    NumPy makes such a text of a NaN beside texts. Where a `marker` is given, -1 is a class.

    Parameters
    ----------
    classes : ndarray, shape (C,)
    counts : ndarray of int, shape (C,)
        How many rows have each.
    marker : label or None
    caller : str
    """
    for mark, said in marks_of_no_label(classes, counts).items():
        if marker is None or isinstance(mark, str):
            warn_user(
                f"The y parameter of {caller}: {said} Here it is a class like the others. If these "
                f"rows have no label, give unlabeled_label={mark!r}, or None in its place."
            )


def class_numbers(y: Labels, classes: Labels) -> NDArray[np.int64]:
    """Return the index of each label among the classes, (m,).

    Raises
    ------
    DataError
        If a label is not among them.
    """
    places = {label: number for number, label in enumerate(classes.tolist())}
    labels = y.tolist()
    unknown = sorted({repr(label) for label in labels if label not in places})
    if unknown:
        raise DataError(
            f"y must hold labels among the classes {classes.tolist()}. Got {', '.join(unknown)} "
            "too. Give partial_fit all classes at its first call, or fit again."
        )
    return np.array([places[label] for label in labels], np.int64)


def labels_for_a_file(classes: Labels) -> tuple[str, tuple[Any, ...]]:
    """Return the type of the labels, and the labels as JSON values.

    Raises
    ------
    DataError
        If a file cannot store them.
    """
    if classes.nbytes > _MOST_LABEL_BYTES:
        raise DataError("The labels are too long for a file. Use shorter class names.")
    kind, labels = classes.dtype.str, classes.tolist()
    if not _LABEL_TYPE.fullmatch(kind) or not all(
        isinstance(label, bool | int | float | str) for label in labels
    ):
        raise DataError(
            f"The labels are of type {classes.dtype}, which a file cannot store. Use texts or "
            "numbers."
        )
    return kind, tuple(map(repr, labels) if classes.dtype.kind == "f" else labels)


def labels_of_a_file(
    given: Sequence[Any] | None, n_classes: int, kind: str, *, in_order: bool = True
) -> Labels:
    """Return the labels of a file as an array of a type that :func:`labels_for_a_file` named.

    Classes are sorted; names of several labels have the order of their columns.

    Raises
    ------
    ValueError
        If they are not a valid result of that function.
    """
    if not _LABEL_TYPE.fullmatch(kind):
        raise ValueError(f"{kind!r} is not a type of labels")
    labels: Sequence[Any] = range(n_classes) if given is None else given
    types = {type(label) for label in labels}
    texts = {"U": {str}, "f": {str}, "b": {bool}, "O": {str}}.get(kind[1], {int})
    if types != texts:
        raise ValueError(f"its labels are not of type {kind}")
    # An array of texts stores each at the length of the longest, or of its type.
    longest = max((len(label) for label in labels if isinstance(label, str)), default=0)
    if len(labels) * max(4 * longest, np.dtype(kind).itemsize) > _MOST_LABEL_BYTES:
        raise ValueError(f"its labels are too long, or of the too large type {kind}")
    classes = np.array(labels, kind)
    found = np.unique(classes)
    if len(found) != len(labels) or (in_order and (found != classes).any()):
        raise ValueError("its labels are not distinct, or not sorted")
    return classes
