"""Test rows and labelled rows of a study: stratified, seeded, and nested by number of labels.

Axes: n rows, of which p are training rows (the pool) and q test rows; m more rows without labels, V
columns.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.app.compare.study_data import Rows, StudyData
from sdae.app.compare.typed_rows import Kind
from sdae.core.errors import DataError
from sdae.core.randomness import NoiseKey, Stream, generator
from sdae.data.every_class import missing_classes, with_every_class

Numbers = NDArray[Any]

_TEST, _LABELS, _RARE = 2, 3, 5  # sdae.data.splits uses 0 and 1, fits use 4
_LEAST = 2  # minimum training rows per class, needed to choose a setting


@dataclass(frozen=True, eq=False)
class Pool:
    """The training rows of one split; it does not contain the test rows.

    Attributes
    ----------
    rows : ndarray of float32 or float64, or of objects, shape (p + m, V)
        Rows that can have labels, then rows that never do.
    y : ndarray of int64, shape (p,) or (p, L), or of float64, shape (p, T)
        Class numbers, or zeros and ones of several labels; values of a regression.
    order : ndarray of int64, shape (p,)
        The order in which rows get their labels: the first k are stratified, for every k.
    kinds : tuple of Kind or None
        The kind of each column where rows are objects.
    """

    rows: Rows
    y: Numbers
    order: Numbers
    kinds: tuple[Kind, ...] | None = None

    @property
    def of_values(self) -> bool:
        """Whether the targets are values."""
        return self.y.dtype.kind == "f"

    def labelled(self, n_labels: int) -> tuple[Rows, Numbers]:
        """Return the first `n_labels` labelled rows and their class numbers."""
        chosen = np.sort(self.order[:n_labels])
        return self.rows[chosen], self.y[chosen]

    def without_labels(self, n_labels: int) -> Rows:
        """Return all other rows: those that get no label here, and those that never do."""
        is_labelled = np.zeros(len(self.rows), bool)
        is_labelled[self.order[:n_labels]] = True
        return self.rows[~is_labelled]

    def rows_that_name_labels(self) -> Numbers:
        """Return rows that show which classes or labels there are: one of each class, or any."""
        return self.first_of_each_class() if self.y.ndim == 1 else self.order[:1]

    def first_of_each_class(self) -> Numbers:
        """Return for each class the first row that gets a label, (C,)."""
        places = np.unique(self.y[self.order], return_index=True)[1]
        return self.order[places]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Test rows, (q, V), and their class numbers, (q,), or other targets.

    `variance`, (T,), is the unit of the errors of values.
    """

    x: Rows
    y: Numbers
    variance: Numbers | None = None


def cut(data: StudyData, test: float, seed: int) -> tuple[Pool, HeldOut]:
    """Split the labelled rows into a pool and test rows, both with every class if possible.

    Parameters
    ----------
    data : StudyData
    test : float
        Share of the rows to test on.
    seed : int

    Raises
    ------
    DataError
        If there are too few rows for both parts.
    """
    n_test = round(test * len(data.y))
    if not 1 <= n_test < len(data.y):
        raise DataError(
            f"{data.name} has too few rows ({len(data.y)}) to test on a share of {test:g}. Change "
            "--test."
        )
    is_tested = np.zeros(len(data.y), bool)
    is_tested[stratified_order(data.y, seed, _TEST)[:n_test]] = True
    if data.y.ndim == 1 and any(
        len(missing_classes(data.y, part)) for part in (is_tested, ~is_tested)
    ):
        # Shares are rounded, so a rare class may be missing in either part.
        rng = generator(NoiseKey(seed, Stream.SPLIT, _RARE))
        is_tested = with_every_class(data.y, is_tested, rng, at_least=_LEAST)
    tested, kept = np.flatnonzero(is_tested), np.flatnonzero(~is_tested)
    rows = np.concatenate([data.x[kept], data.unlabelled])  # (p, V), (m, V) -> (p + m, V)
    y = data.y[kept]
    pool = Pool(rows, y, stratified_order(y, seed, _LABELS), data.kinds)
    return pool, HeldOut(data.x[tested], data.y[tested], data.variance)


def stratified_order(y: Numbers, seed: int, purpose: int) -> Numbers:
    """Return an order of the rows, (n,), whose first k rows are stratified for every k.

    The r-th of the n_c rows of a class, in random order, comes at (r + ½) / n_c: this is the
    Sainte-Laguë method of apportionment, in which no class loses rows when the number of labels
    grows. So label sets are nested, and their counts per class do not depend on the seed.
    """
    rng = generator(NoiseKey(seed, Stream.SPLIT, purpose))
    if y.ndim == 2:
        return rng.permutation(len(y)).astype(np.int64)
    due = np.empty(len(y))
    for number in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == number))
        due[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((y, due)).astype(np.int64)
