"""Labels and class numbers: what the source calls a class, and its place among the classes."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.wording import listed, nearest, quoted

Labels = NDArray[np.int64] | NDArray[np.str_]
Classes = tuple[int, ...] | tuple[str, ...]

_MOST_SHOWN = 10
_SAMPLE = 1000
_MAX_LENGTH = 1000
_MAX_ROOM, _MAX_RATIO = 256 << 20, 16  # bytes of the array; bytes of it per character there is
_MISSING = ("", "nan", "null")


def read_labels(values: Sequence[str], source: str) -> Labels:
    """Read the labels of a text column: whole numbers if all are, otherwise texts.

    Raises
    ------
    DataError
        If a label is missing, is as long as only free text is, or they are numbers with fractions.
    """
    texts, places = _distinct(values)
    missing = [place for place, text in enumerate(texts) if len(text) < 5 and _is_missing(text)]
    if missing:
        without = np.isin(np.arange(len(texts)), missing)[places]
        raise _without_label(int(without.sum()), int(without.argmax()), source)
    _check_text_lengths(texts, places, source)
    labels = _read_texts(texts, source)
    return labels[places]


def _distinct(values: Sequence[str]) -> tuple[list[str], NDArray[np.int32]]:
    """Return the different texts, stripped, and the place of each value's among them.

    Classes are few, so that each needs a look only once; where they are not, all are returned.
    """
    if len(set(values[:_SAMPLE])) > _SAMPLE // 2:
        return [value.strip() for value in values], np.arange(len(values), dtype=np.int32)
    numbers: dict[str, int] = {}
    places = np.fromiter(
        (numbers.setdefault(value, len(numbers)) for value in values), np.int32, len(values)
    )
    return [value.strip() for value in numbers], places


def _is_missing(text: str) -> bool:
    return text.lower().lstrip("+-") in _MISSING


def _check_text_lengths(texts: list[str], places: NDArray[np.int32], source: str) -> None:
    """Refuse texts of which one is too long: an array gives every row the room of the longest."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    longest = int(lengths.max(initial=0))
    room = 4 * longest * len(places)
    if longest > _MAX_LENGTH or room > max(_MAX_ROOM, _MAX_RATIO * int(lengths[places].sum())):
        row = int((lengths[places] == longest).argmax())
        raise DataError(
            f"The labels of {source} must be classes: texts or whole numbers. Got a text of "
            f"{longest:,} characters in row {row + 1}. Name another target."
        )


def _read_texts(texts: list[str], source: str) -> Labels:
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
            f"{source} has only one class, {_shown(classes[0])}: there is nothing to tell apart. "
            "Check the target, or leave it out to pre-train only."
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
    near = nearest(str(unseen), known)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise DataError(
        f"{source} has the label {_shown(unseen)}, which was never seen in training. Known are: "
        f"{listed(known, most=_MOST_SHOWN)}.{hint}"
    )


def _shown(label: int | str) -> str:
    return quoted(label) if isinstance(label, str) else str(label)
