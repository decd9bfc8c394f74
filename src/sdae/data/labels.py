"""Labels and class numbers: what the source calls a class, and its place among the classes."""

import math
from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from sdae.errors import DataError

Labels = NDArray[np.int64] | NDArray[np.str_]
Classes = tuple[int, ...] | tuple[str, ...]

_SHOWN = 10
_MAX_LENGTH = 1000
_MISSING = ("", "nan", "null")


def read_labels(values: Sequence[str], source: str) -> Labels:
    """Read the labels of a text column: whole numbers if all are, otherwise texts.

    Raises
    ------
    DataError
        If a label is missing, is as long as only free text is, or they are numbers with fractions.
    """
    texts = [value.strip() for value in values]
    missing = [row for row, text in enumerate(texts) if text.lower() in _MISSING]
    if missing:
        raise _without_label(len(missing), missing[0], source)
    # An array of texts gives every row the room of the longest.
    longest = max(range(len(texts)), key=lambda row: len(texts[row]), default=0)
    if texts and len(texts[longest]) > _MAX_LENGTH:
        raise DataError(
            f"The labels of {source} must be classes: texts or whole numbers. Got a text of "
            f"{len(texts[longest]):,} characters in row {longest + 1}. Name another target."
        )
    # Python reads "1_0" as ten; as a label it is a name.
    if any("_" in text for text in texts):
        return np.array(texts, dtype=np.str_)
    try:
        return np.array([int(text) for text in texts], dtype=np.int64)
    except OverflowError:
        return np.array(texts, dtype=np.str_)  # numbers too long to count with are names too
    except ValueError:
        pass
    try:
        numbers = np.array([float(text) for text in texts])
    except ValueError:
        return np.array(texts, dtype=np.str_)
    return whole_numbers(numbers, source)


def whole_numbers(values: NDArray[np.generic], source: str) -> NDArray[np.int64]:
    """Return numeric labels (n,) as integers; booleans become 0 and 1.

    Raises
    ------
    DataError
        If a label is missing or has a fraction, as a target of regression has.
    """
    if values.dtype.kind in "iub":
        return _whole(values, source)
    # A value too large for float64 becomes infinite, which is refused below.
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = values.astype(np.float64)
    missing = np.isnan(numbers)
    if missing.any():
        raise _without_label(int(missing.sum()), int(missing.argmax()), source)
    if not (np.abs(numbers) < 2.0**53).all() or (numbers != np.round(numbers)).any():
        odd = next(float(n) for n in numbers if not abs(n) < 2.0**53 or not n.is_integer())
        value = f"{odd:g}" if math.isfinite(odd) else str(odd)
        raise DataError(
            f"The labels of {source} must be classes: texts or whole numbers. Got {value}, which "
            "looks like a target of regression. Cut it into classes, or name another target."
        )
    return numbers.astype(np.int64)


def _whole(values: NDArray[np.generic], source: str) -> NDArray[np.int64]:
    """Return integers as int64, without the detour by which large ones would be rounded."""
    if values.dtype == np.uint64 and values.size and int(values.max()) > np.iinfo(np.int64).max:
        raise DataError(
            f"{source} has the label {int(values.max())}, too large for 64 bits with a sign. Give "
            "such labels as texts."
        )
    return values.astype(np.int64)


def _without_label(n_rows: int, first: int, source: str) -> DataError:
    return DataError(
        f"{source} has {n_rows:,} {'row' if n_rows == 1 else 'rows'} without a label, the first in "
        f"row {first + 1}. Put rows without labels in a file of their own and give it with "
        "--unlabeled FILE."
    )


def find_classes(y: Labels, source: str) -> Classes:
    """Return the classes there are, sorted.

    Raises
    ------
    DataError
        If there are fewer than two.
    """
    classes: Classes = tuple(np.unique(y).tolist())
    if not classes:
        raise DataError(f"{source} has no labels, so no classes. Check the target.")
    if len(classes) == 1:
        raise DataError(
            f"{source} has only one class, {classes[0]!r}: there is nothing to tell apart. Check "
            "the target, or leave it out to pre-train only."
        )
    return classes


def encode_labels(y: Labels, classes: Classes, source: str) -> NDArray[np.int64]:
    """Return the class number of each label, (n,).

    Raises
    ------
    DataError
        If a label is none of `classes`, those of the training rows.
    """
    # A model of text classes may meet digits that were read as numbers, and the other way round;
    # as texts, both are the same.
    numbers = {str(label): number for number, label in enumerate(classes)}
    labels, places = np.unique(y, return_inverse=True)
    seen = [numbers.get(str(label)) for label in labels.tolist()]
    known_numbers = [number for number in seen if number is not None]
    if len(known_numbers) == len(seen):
        return np.array(known_numbers, dtype=np.int64)[places]
    unseen = labels.tolist()[seen.index(None)]
    known = [str(label) for label in classes]
    shown = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
    near = get_close_matches(str(unseen), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise DataError(
        f"{source} has the label {unseen!r}, which was never seen in training. Known are: "
        f"{shown}.{hint}"
    )
