"""Cutting validation and test rows from the training rows: stratified by label, and seeded."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError, invalid_parameter
from sdae.core.randomness import NoiseKey, Stream, generator
from sdae.core.wording import quoted
from sdae.data.every_class import with_every_class
from sdae.data.table import Dataset, Table


def split_dataset(dataset: Dataset, *, validation: float, test: float, seed: int) -> Dataset:
    """Cut the parts that the source does not have: first a test part, then a validation part.

    Parameters
    ----------
    dataset : Dataset
        The data; not changed.
    validation, test : float
        Shares of the source's training rows; 0 cuts nothing.
    seed : int
        Seed of the choice of rows. Each part keeps the order of the source.

    Raises
    ------
    InvalidParameterError
        If a share is not in [0, 1), or both together leave no rows to train on.
    DataError
        If there are too few rows, or too few of one class, for all parts.

    Notes
    -----
    Where there are labels, every part has rows of every class, in about the proportions of the
    source.
    """
    for name, share in (("validation", validation), ("test", test)):
        if not 0 <= share < 1:
            raise invalid_parameter(name, "split_dataset", "a share of the rows in [0, 1)", share)
    shares = {
        "test": 0.0 if dataset.test is not None else test,
        "validation": 0.0 if dataset.validation is not None else validation,
    }
    if sum(shares.values()) >= 1:
        raise invalid_parameter(
            "validation",
            "split_dataset",
            "small enough to leave rows to train on",
            validation,
            f"The test part already takes a share of {test:g}.",
        )
    table = dataset.train
    remaining = np.arange(len(table.x))
    parts: dict[str, Table | None] = {"test": dataset.test, "validation": dataset.validation}
    for number, (part, share) in enumerate(shares.items()):
        if share > 0:
            n_cut = round(share * len(table.x))
            n_later = sum(later > 0 for later in list(shares.values())[number + 1 :])
            cut = _choose(table, remaining, n_cut, part, seed, number, n_later)
            parts[part] = table.rows(cut, part)
            remaining = np.setdiff1d(remaining, cut, assume_unique=True)
    train = table if len(remaining) == len(table.x) else table.rows(remaining, "train")
    return replace(dataset, train=train, validation=parts["validation"], test=parts["test"])


def _choose(
    table: Table,
    remaining: NDArray[np.int64],
    n_cut: int,
    part: str,
    seed: int,
    number: int,
    n_later: int,
) -> NDArray[np.int64]:
    """Choose `n_cut` of the remaining rows, stratified where there are labels; sorted.

    They have at least one row of every class, and leave enough rows of each class for the training
    rows and the `n_later` parts that are cut later.
    """
    from sklearn.model_selection import train_test_split

    if not 1 <= n_cut < len(remaining):
        raise DataError(
            f"{table.source} has too few rows ({len(table.x)}) to cut a {part} part of {n_cut} "
            f"from. Change --{part}, or set it to 0."
        )
    # Of several labels there are as many combinations as may be: the choice is then by chance.
    has_classes = table.y is not None and table.y.ndim == 1 and table.y.dtype.kind != "f"
    labels = table.y[remaining] if has_classes and table.y is not None else None
    if labels is not None:
        _check_room(labels, n_cut, part, table.source, n_later)
    rng = generator(NoiseKey(seed, Stream.SPLIT, number))
    _, cut = train_test_split(
        remaining,
        test_size=n_cut,
        random_state=int(rng.integers(2**32)),
        stratify=labels,
    )
    if labels is not None:
        # Shares are rounded, so a rare class may be missing in either part.
        is_cut = with_every_class(labels, np.isin(remaining, cut), rng, at_least=1 + n_later)
        cut = remaining[is_cut]
    return np.sort(cut).astype(np.int64)


def _check_room(
    labels: NDArray[np.generic], n_cut: int, part: str, source: str, n_later: int
) -> None:
    """Raise an error if a part could not have every class."""
    classes, counts = np.unique(labels, return_counts=True)
    rare, fewest = str(classes[counts.argmin()]), int(counts.min())
    if fewest < 2 + n_later:
        later = " The validation part and the training rows need one each." if n_later else ""
        raise DataError(
            f"{source} has too few rows of class {quoted(rare)} to cut a {part} part with every "
            f"class: {fewest} left.{later} Add rows, drop the class, or set --{part} to 0."
        )
    n_left, n_needed = len(labels) - n_cut, len(classes) * (1 + n_later)
    if n_cut < len(classes) or n_left < n_needed:
        others = "the validation part and the training rows" if n_later else "the training rows"
        raise DataError(
            f"{source} has too few rows for parts with every class: of {len(labels)} rows the "
            f"{part} part would take {n_cut} and leave {n_left} for {others}, which need "
            f"{len(classes)} and {n_needed} for {len(classes)} classes. Add rows, change "
            f"--{part}, or set it to 0."
        )
