"""Who is tested on, and who has a label: stratified, seeded, and nested in the number of labels.

Axes: n rows, p of them to learn from (the pool), q to test on, m more without labels, V columns.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdae.app.compare.study_data import Rows, StudyData
from sdae.core.errors import DataError
from sdae.core.randomness import NoiseKey, Stream, generator
from sdae.data.every_class import missing_classes, with_every_class

Numbers = NDArray[np.int64]

_TEST, _LABELS, _RARE = 2, 3, 5  # 0 and 1 are the parts that sdae.data.splits cuts, 4 is of fits
_LEAST = 2  # rows of a class to learn from, which is what choosing a setting takes


@dataclass(frozen=True, eq=False)
class Pool:
    """What models may learn from in one split; it knows nothing of the test rows.

    Attributes
    ----------
    rows : ndarray of float32, shape (p + m, V)
        Those that can have labels, then those that never do.
    y : ndarray of int64, shape (p,)
        Class numbers.
    order : ndarray of int64, shape (p,)
        In which the rows get their labels: the first k of them are stratified, for every k.
    """

    rows: Rows
    y: Numbers
    order: Numbers

    def labelled(self, n_labels: int) -> tuple[Rows, Numbers]:
        """Return the rows that have labels when so many do, and their class numbers."""
        chosen = np.sort(self.order[:n_labels])
        return self.rows[chosen], self.y[chosen]

    def first_of_each_class(self) -> Numbers:
        """Return the row of each class, (C,), that is the first of it to have a label."""
        places = np.unique(self.y[self.order], return_index=True)[1]
        return self.order[places]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What models are tested on: rows (q, V) and their class numbers (q,)."""

    x: Rows
    y: Numbers


def cut(data: StudyData, test: float, seed: int) -> tuple[Pool, HeldOut]:
    """Split the rows with labels into a pool and test rows, both with every class if they can be.

    Parameters
    ----------
    data : StudyData
    test : float
        Share of the rows to test on.
    seed : int

    Raises
    ------
    DataError
        If there are too few rows for both parts to have some.
    """
    n_test = round(test * len(data.y))
    if not 1 <= n_test < len(data.y):
        raise DataError(
            f"{data.name} has too few rows ({len(data.y)}) to test on a share of {test:g}. Change "
            "--test."
        )
    is_tested = np.zeros(len(data.y), bool)
    is_tested[stratified_order(data.y, seed, _TEST)[:n_test]] = True
    if any(len(missing_classes(data.y, part)) for part in (is_tested, ~is_tested)):
        # Shares are rounded, so that a rare class may be left out on either side.
        rng = generator(NoiseKey(seed, Stream.SPLIT, _RARE))
        is_tested = with_every_class(data.y, is_tested, rng, at_least=_LEAST)
    tested, kept = np.flatnonzero(is_tested), np.flatnonzero(~is_tested)
    rows = np.concatenate([data.x[kept], data.unlabelled])  # (p, V), (m, V) -> (p + m, V)
    y = data.y[kept]
    pool = Pool(rows, y, stratified_order(y, seed, _LABELS))
    return pool, HeldOut(data.x[tested], data.y[tested])


def stratified_order(y: Numbers, seed: int, purpose: int) -> Numbers:
    """Return an order of the rows, (n,), of which every beginning is stratified.

    The r-th of the n_c rows of a class, in random order, comes at (r + ½) / n_c: that is
    Sainte-Laguë's rule for sharing out places, by which no class loses a place as places become
    more. So label sets are nested, and their counts by class do not depend on the seed.
    """
    rng = generator(NoiseKey(seed, Stream.SPLIT, purpose))
    due = np.empty(len(y))
    for number in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == number))
        due[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((y, due)).astype(np.int64)
