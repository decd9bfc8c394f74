"""Make sure that both parts of a split have a row of every class, where possible.

Axes: n rows, C classes.
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def with_every_class(
    y: NDArray[np.generic],
    is_cut: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    at_least: int = 1,
) -> NDArray[np.bool_]:
    """Exchange as few rows as needed so that both parts have every class; sizes do not change.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Labels.
    is_cut : ndarray of bool, shape (n,)
        Which rows are cut off from the rest; not changed.
    rng : Generator
        Chooses among rows of one class. Not used if no row has to move.
    at_least : int, default 1
        Number of rows of each class that must stay in the rest, or one if a class has fewer; one
        row must be in the part cut off. A class with too few rows for both stays in the rest.

    Returns
    -------
    ndarray of bool, shape (n,)
        Which rows are cut off now. Nothing changes if the rest has fewer rows than there are
        classes; if the part cut off has fewer, only the rest gets every class.
    """
    _, numbers, total = np.unique(y, return_inverse=True, return_counts=True)
    is_cut = is_cut.copy()
    n_cut, n_rest = int(is_cut.sum()), int((~is_cut).sum())
    of_rest = np.minimum(total, at_least)  # (C,)
    if of_rest.sum() > n_rest:
        of_rest = np.ones_like(total)
    if of_rest.sum() > n_rest:
        return is_cut
    of_cut = np.minimum(total - of_rest, 1)  # (C,)
    if of_cut.sum() > n_cut:
        of_cut = np.zeros_like(of_cut)
    in_cut = np.bincount(numbers[is_cut], minlength=len(total))  # (C,)
    for number in np.flatnonzero(in_cut < of_cut):
        _move(is_cut, (numbers == number) & ~is_cut, int(of_cut[number] - in_cut[number]), rng)
    in_rest = total - in_cut
    for number in np.flatnonzero(in_rest < of_rest):
        _move(is_cut, (numbers == number) & is_cut, int(of_rest[number] - in_rest[number]), rng)
    while (surplus := int(is_cut.sum()) - n_cut) != 0:
        # The class with the most spare rows gives one back.
        side, needed = (is_cut, of_cut) if surplus > 0 else (~is_cut, of_rest)
        spare = np.bincount(numbers[side], minlength=len(total)) - needed  # (C,)
        _move(is_cut, side & (numbers == spare.argmax()), 1, rng)
    return is_cut


def missing_classes(y: NDArray[np.generic], part: NDArray[np.bool_]) -> NDArray[np.generic]:
    """Return the labels, sorted, that are missing in a part."""
    return np.setdiff1d(y, y[part])


def _move(
    is_cut: NDArray[np.bool_], among: NDArray[np.bool_], n_rows: int, rng: np.random.Generator
) -> None:
    """Move a number of rows to the other part."""
    moved = rng.choice(np.flatnonzero(among), n_rows, replace=False)
    is_cut[moved] = ~is_cut[moved]
