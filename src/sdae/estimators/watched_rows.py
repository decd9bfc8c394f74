"""Choose the labelled rows that early stopping sets aside for validation.

Axes: n rows.
"""

import logging
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from sdae.core.errors import invalid_parameter
from sdae.core.randomness import NoiseKey, Stream, generator
from sdae.core.wording import listed
from sdae.data.every_class import missing_classes, with_every_class

Places = NDArray[np.int64]

logger = logging.getLogger("sdae")

_PURPOSE = 4  # purpose in Stream.SPLIT; data.splits and app.compare.label_splits use 0 to 3


def set_aside(n_rows: int, share: float, seed: int) -> tuple[Places, Places]:
    """Return the indices of the training rows, and of the validation rows."""
    return _cut(n_rows, share, seed, None)


def set_aside_by_class(labels: NDArray[Any], share: float, seed: int) -> tuple[Places, Places]:
    """Return the indices of the training and the validation rows, by their labels, (n,).

    Each class has about the same share in both, and is in both where possible. Training rows have
    priority; the log names missing classes.
    """
    _, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
    n_watched = math.ceil(share * len(labels))
    room = min(n_watched, len(labels) - n_watched)
    has_room = counts.min() > 1 and room >= len(counts)
    train, watch = _cut(len(labels), share, seed, numbers if has_room else None)
    is_watched = np.zeros(len(labels), bool)
    is_watched[watch] = True
    rng = generator(NoiseKey(seed, Stream.SPLIT, _PURPOSE))
    mended = with_every_class(numbers, is_watched, rng)
    if (mended != is_watched).any():
        train, watch = np.flatnonzero(~mended), np.flatnonzero(mended)
    _warn_of_missing(labels, mended)
    return train, watch


def _cut(n_rows: int, share: float, seed: int, strata: Any) -> tuple[Places, Places]:
    if (n_watched := math.ceil(share * n_rows)) >= n_rows:
        raise invalid_parameter(
            "validation_fraction",
            "the estimator",
            "small enough to leave training rows with early_stopping",
            share,
            f"With n_samples={n_rows} labelled rows, {n_watched} would be set aside.",
        )
    train, watch = train_test_split(
        np.arange(n_rows), test_size=share, random_state=seed % 2**32, stratify=strata
    )
    return train, watch


def _warn_of_missing(labels: NDArray[Any], is_watched: NDArray[np.bool_]) -> None:
    for rows, purpose, so_that in (
        (~is_watched, "training rows", "it is never predicted"),
        (is_watched, "validation rows", "the validation scores do not cover it"),
    ):
        missing = missing_classes(labels, rows).tolist()
        if missing:
            logger.warning(
                "With early_stopping none of the %d %s has class %s: %s. Give more rows of it, or "
                "another validation_fraction.",
                int(rows.sum()),
                purpose,
                listed(map(str, missing)),
                so_that,
            )
