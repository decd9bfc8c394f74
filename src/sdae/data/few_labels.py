"""Keeping a few labels of a data set and hiding the others, to see what a method does with few.

Axes: n rows, C classes.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sdae.core.constraints import integer, read_fields
from sdae.core.errors import DataError, invalid_parameter
from sdae.core.randomness import NoiseKey, Stream, check_seed, generator
from sdae.data.table import Table

Places = NDArray[np.int64]

_NUMBER = 2  # of this choice; those of split_dataset are 0 and 1


def balanced_labels(y: NDArray[np.generic], n: int, seed: int) -> Places:
    """Choose rows with as many labels of each class as possible.

    Parameters
    ----------
    y : ndarray, shape (rows,)
        The class of each row.
    n : int
        Number of rows to choose: at least the number of classes.
    seed : int
        Seed of the choice. The rows of a smaller `n` are among those of a larger one.

    Returns
    -------
    ndarray of int64, shape (n,)
        Their places in `y`, in order. The numbers of two classes differ by 1 at most, unless a
        class has fewer rows.

    Raises
    ------
    InvalidParameterError
        If `n` is below the number of classes or above the number of rows, or `n` or `seed` is not
        an integer of that kind.
    """
    read_fields({"n": integer(0)}, {"n": n}, "balanced_labels")
    seed = check_seed(seed, "balanced_labels")
    classes, numbers = np.unique(y, return_inverse=True)
    if not len(classes) <= n <= len(y):
        wanted = f"from {len(classes):,}, the number of classes, to {len(y):,}, the number of rows"
        raise invalid_parameter("n", "balanced_labels", wanted, n)
    rng = generator(NoiseKey(seed, Stream.SPLIT, _NUMBER))
    order = rng.permutation(len(y))
    turn = np.empty(len(y), np.int64)  # a class gives one row in each turn
    for number in range(len(classes)):
        members = order[numbers[order] == number]
        turn[members] = np.arange(len(members))
    rank = rng.permutation(len(classes))[numbers]  # of the class within a turn
    return np.sort(np.lexsort((rank, turn))[:n]).astype(np.int64)


def with_few_labels(table: Table, n: int | None, seed: int) -> tuple[Table, Places | slice]:
    """Return the rows of a table that keep their labels, and their places in it.

    Parameters
    ----------
    table : Table
        The training rows that have labels.
    n : int or None
        Number of labels, chosen by :func:`balanced_labels`; None keeps all.
    seed : int

    Raises
    ------
    DataError
        If there are no classes to choose from, or `n` is not a possible number.
    """
    if n is None:
        return table, slice(None)
    if table.y is None:
        raise DataError(
            f"{table.source} has no labels, so --labels cannot hide any. Name their column with "
            "--target, or leave --labels out."
        )
    if table.y.ndim != 1 or table.y.dtype.kind == "f":
        what = "numbers" if table.y.dtype.kind == "f" else "several labels"
        raise DataError(
            f"--labels keeps as many labels of each class, but the target of {table.source} is "
            f"{what}. Leave --labels out, or delete targets in the file: rows without one serve as "
            "rows without labels."
        )
    n_classes = len(np.unique(table.y))
    if not n_classes <= n <= len(table.y):
        raise DataError(
            f"--labels must be from {n_classes:,}, the number of classes, to {len(table.y):,}, the "
            f"number of training rows of {table.source} that have labels. Got {n:,} instead."
        )
    chosen = balanced_labels(table.y, n, seed)
    return replace(table.rows(chosen, "labelled"), source=table.source), chosen
