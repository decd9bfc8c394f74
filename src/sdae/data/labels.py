"""Labels and class numbers: the name of a class in the source, and its index among the classes."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.user_warnings import warn_user
from sdae.core.wording import listed, nearest, quoted
from sdae.data.labelled_rows import number_of_row
from sdae.data.table import NotNumbers

Labels = NDArray[np.int64] | NDArray[np.str_]
Classes = tuple[int, ...] | tuple[str, ...]

_MOST_SHOWN = 10
_SAMPLE = 1000
_MAX_LENGTH = 1000
# bytes of the array; bytes of the array per character of text
_MAX_ROOM, _MAX_RATIO = 256 << 20, 16
_CANONICAL = re.compile(r"0|-?[1-9][0-9]*")
_WHOLE = re.compile(r"(0|-?[1-9][0-9]*)\.0+")
_WORDS_FOR_MISSING = ("nan", "NaN", "None", "<NA>", "NaT")
_NEGATIVE = re.compile(r"-[0-9.]")
_TRUTH = {"true": "1", "false": "0"}


def read_labels(
    values: Sequence[str], source: str, missing: NDArray[np.bool_] | None = None
) -> Labels:
    """Read the labels of a text column: whole numbers if all are written so, otherwise texts.

    ``7`` is such a number; ``007``, ``7.0`` and ``1e1`` are texts, and so are all labels beside
    them: no two different texts become one class. `missing` says which rows of the source, (n,),
    are not among the values.

    Raises
    ------
    DataError
        If a label is too long.
    """
    texts, places = distinct(values)
    _check_text_lengths(texts, places, source, missing)
    labels = _read_texts(texts)
    return labels[places]


def distinct(values: Sequence[str]) -> tuple[list[str], NDArray[np.int32]]:
    """Return the distinct texts, stripped, and for each value its index among them.

    Classes are usually few, so each text is checked once; if there are many, all are returned.
    """
    if len(set(values[:_SAMPLE])) > _SAMPLE // 2:
        return [value.strip() for value in values], np.arange(len(values), dtype=np.int32)
    numbers: dict[str, int] = {}
    places = np.fromiter(
        (numbers.setdefault(value, len(numbers)) for value in values), np.int32, len(values)
    )
    return [value.strip() for value in numbers], places


def _check_text_lengths(
    texts: list[str],
    places: NDArray[np.int32],
    source: str,
    missing: NDArray[np.bool_] | None,
) -> None:
    """Raise an error if a text is too long: arrays store every text at the longest size."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    longest = int(lengths.max(initial=0))
    room = 4 * longest * len(places)
    if longest > _MAX_LENGTH or room > max(_MAX_ROOM, _MAX_RATIO * int(lengths[places].sum())):
        row = number_of_row(int((lengths[places] == longest).argmax()), missing)
        raise DataError(
            f"The labels of {source} must be classes: texts or whole numbers. Got a text of "
            f"{longest:,} characters in row {row} instead. Name another target."
        )


def _read_texts(texts: list[str]) -> Labels:
    if all(map(_CANONICAL.fullmatch, texts)):
        try:
            return np.array([int(text) for text in texts], dtype=np.int64)
        except (OverflowError, ValueError):
            pass  # numbers too long for int64, or for Python, are names too
    return np.array(texts, dtype=np.str_)


def whole_numbers(values: NDArray[np.generic], source: str) -> NDArray[np.int64]:
    """Return numeric labels (n,) as integers; booleans become 0 and 1.

    Raises
    ------
    DataError
        If a label is missing or has a fraction, as regression targets have.
    """
    if values.dtype.kind in "iub":
        return _whole(values, source)
    # A value too large for float64 becomes infinite, which raises an error below.
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = values.astype(np.float64)
    missing = np.isnan(numbers)
    if missing.any():
        raise _without_label(int(missing.sum()), int(missing.argmax()), source)
    if not (np.abs(numbers) < 2.0**53).all() or (numbers != np.round(numbers)).any():
        odd = next(float(n) for n in numbers if not abs(n) < 2.0**53 or not n.is_integer())
        value = f"{odd:g}" if math.isfinite(odd) else str(odd)
        raise DataError(
            f"The labels of {source} must be classes: texts or whole numbers. Got {value} instead, "
            "which looks like a target of regression: give --task regression for that. Otherwise "
            "divide the values into classes, or name another target."
        )
    return numbers.astype(np.int64)


def _whole(values: NDArray[np.generic], source: str) -> NDArray[np.int64]:
    """Return integers as int64, not through float64, which would round large ones."""
    if values.dtype == np.uint64 and values.size and int(values.max()) > np.iinfo(np.int64).max:
        raise DataError(
            f"{source} has the label {int(values.max())}, too large for a signed 64-bit integer. "
            "Give such labels as texts."
        )
    return values.astype(np.int64)


def _without_label(n_rows: int, first: int, source: str) -> DataError:
    return NotNumbers(
        f"{source} has {n_rows:,} {'row' if n_rows == 1 else 'rows'} without a label, the first in "
        f"row {first + 1}. Put rows without labels into a separate file and give it with "
        "--unlabeled FILE."
    )


def find_classes(y: NDArray[Any], source: str) -> Classes:
    """Return the classes, sorted; warn of those that seem to mark rows without a label.

    Raises
    ------
    DataError
        If there are fewer than two.
    """
    labels, counts = np.unique(y, return_counts=True)
    classes: Classes = tuple(labels.tolist())
    for said in marks_of_no_label(labels, counts).values():
        warn_user(
            f"{source}: {said} Here it is a class like the others. If these rows have no label, "
            "put them into a separate file and give it with --unlabeled FILE, or leave their "
            "labels blank: NaN in an array."
        )
    if not classes:
        raise DataError(f"{source} has no labels, so no classes. Check the target.")
    if len(classes) == 1:
        raise DataError(
            f"{source} has only one class, {_shown(classes[0])}: a classifier needs at least two. "
            "Check the target, or leave it out to pre-train only."
        )
    return classes


def marks_of_no_label(labels: NDArray[Any], counts: NDArray[np.int64]) -> dict[Any, str]:
    """Return the labels that seem to mark rows without one, with a sentence on each.

    They are blank texts, words such as ``nan``, and -1 where no other label is negative, and there
    are three others or more, or fewer rows with others. Beside 1 alone -1 is a class, as in many
    data sets.

    Parameters
    ----------
    labels : ndarray, shape (C,)
        The different labels.
    counts : ndarray of int, shape (C,)
        How many rows have each.
    """
    said = {}
    plain = [_plain(str(label)) for label in labels.tolist()]
    for label, text, count in zip(labels.tolist(), plain, counts.tolist(), strict=True):
        rows = f"{count:,} {'row has' if count == 1 else 'rows have'} the label {label!r},"
        if isinstance(label, str) and not label.strip():
            said[label] = f"{rows} a blank text, as of a blank cell."
        elif isinstance(label, str) and label in _WORDS_FOR_MISSING:
            said[label] = f"{rows} a text that often means that there is none."
        elif text == "-1" and _is_mark({*plain} - {"-1"}, count / counts.sum()):
            said[label] = f"{rows} which scikit-learn gives to rows without a label."
    return said


def _is_mark(others: set[str], share: float) -> bool:
    """Return whether -1, the label of a share of the rows, marks rows without one."""
    if others == {"1"} or any(_NEGATIVE.match(text) for text in others):
        return False
    return len(others) >= 3 or share > 0.5


def encode_labels(y: NDArray[Any], classes: Classes, source: str) -> NDArray[np.int64]:
    """Return the class number of each label, (n,).

    Raises
    ------
    DataError
        If a label is not one of `classes`, the classes of the training rows.
    """
    labels, places = np.unique(y, return_inverse=True)
    numbers, alike = _numbers_of(classes), _alike(classes)
    seen = [numbers.get(str(label), alike.get(_plain(str(label)))) for label in labels.tolist()]
    known_numbers = [number for number in seen if number is not None]
    if len(known_numbers) == len(seen):
        return np.array(known_numbers, dtype=np.int64)[places]
    unseen = labels.tolist()[seen.index(None)]
    known = [str(label) for label in classes]
    near = nearest(str(unseen), known)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise DataError(
        f"{source} has the label {_shown(unseen)}, which did not occur in training. Known labels: "
        f"{listed(known, most=_MOST_SHOWN)}.{hint}"
    )


def class_of(name: str, classes: Classes) -> int | None:
    """Return the class number that a text means, or None."""
    return _numbers_of(classes).get(name, _alike(classes).get(_plain(name)))


def _numbers_of(classes: Classes) -> dict[str, int]:
    """Return the class numbers by the texts of the classes.

    A model with text classes may get digits that were read as numbers, and the reverse; compared
    as texts, both are the same.
    """
    return {str(label): number for number, label in enumerate(classes)}


def _alike(classes: Classes) -> dict[str, int]:
    """Return the class of each plain text that a single class has.

    So files that write one table differently fit one model: ``7.0`` is the class 7 where no other
    class is written like it, and ``true`` is the class True, or 1.
    """
    plain = [_plain(str(label)) for label in classes]
    counts = Counter(plain)
    return {text: number for number, text in enumerate(plain) if counts[text] == 1}


def _plain(text: str) -> str:
    """Return a whole number without its ``.0``, and a truth value as 0 or 1."""
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else _TRUTH.get(text.lower(), text)


def _shown(label: int | str) -> str:
    return quoted(label) if isinstance(label, str) else str(label)
