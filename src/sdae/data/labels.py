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


def read_labels(values: Sequence[str], source: str) -> Labels:
    """Read the labels of a text column: whole numbers if all are, otherwise texts.

    Raises
    ------
    DataError
        If a label is missing, or they are numbers with fractions.
    """
    texts = [value.strip() for value in values]
    missing = [row for row, text in enumerate(texts) if text.lower() in ("", "nan", "null")]
    if missing:
        raise DataError(
            f"{source} has {len(missing):,} rows without a label, the first in row "
            f"{missing[0] + 1}. Put rows without labels in a file of their own and give it with "
            "--unlabeled FILE."
        )
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
    numbers = values.astype(np.float64)
    if np.isnan(numbers).any():
        raise DataError(
            f"{source} has {int(np.isnan(numbers).sum()):,} rows without a label. Put them in a "
            "file of their own and give it with --unlabeled FILE."
        )
    if not (np.abs(numbers) < 2.0**53).all() or (numbers != np.round(numbers)).any():
        odd = next(float(n) for n in numbers if not abs(n) < 2.0**53 or not n.is_integer())
        value = f"{odd:g}" if math.isfinite(odd) else str(odd)
        raise DataError(
            f"The labels of {source} must be classes: texts or whole numbers. Got {value}, which "
            "looks like a target of regression. Cut it into classes, or name another target."
        )
    return numbers.astype(np.int64)


def find_classes(y: Labels, source: str) -> Classes:
    """Return the classes there are, sorted.

    Raises
    ------
    DataError
        If there are fewer than two.
    """
    classes: Classes = tuple(np.unique(y).tolist())
    if len(classes) < 2:
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
    numbers = {label: number for number, label in enumerate(classes)}
    # A model of text classes may meet digits that were read as numbers, and the other way round.
    kind = type(classes[0])
    try:
        return np.array([numbers[kind(label)] for label in y.tolist()], dtype=np.int64)
    except (KeyError, ValueError):
        pass
    unseen = next(label for label in y.tolist() if label not in numbers)
    known = [str(label) for label in classes]
    shown = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
    near = get_close_matches(str(unseen), known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise DataError(
        f"{source} has the label {unseen!r}, which was never seen in training. Known are: "
        f"{shown}.{hint}"
    )
