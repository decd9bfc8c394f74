"""Two independent orders of rows, for training with few labels and many rows.

Unlabelled rows are visited epoch by epoch (:class:`sdae.train.epoch.Plan`); labelled rows in passes
without end, each in a new order. Both are functions of the place, so nothing has to be saved.

Axes: n rows, B rows of a minibatch.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sdae.core.randomness import NoiseKey, Stream, visiting_order

_CONSTANT_SHARE = 2 / 3


@dataclass(frozen=True)
class EndlessPasses:
    """Passes over labelled rows, one after the other.

    A minibatch may end one pass and begin the next, or span several, if there are fewer rows than
    it takes: then a row occurs in it more than once.

    Attributes
    ----------
    n_rows : int
        n, the number of labelled rows.
    batch_size : int
        B, rows of a minibatch.
    seed : int
    """

    n_rows: int
    batch_size: int
    seed: int

    def minibatch(self, update: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows of an update (from 0), and the pass (from 1) that each is of: (B,), (B,).

        A row's noise should depend on its pass: so it differs each time that the row is visited.
        """
        first = update * self.batch_size
        passes, places = np.divmod(np.arange(first, first + self.batch_size), self.n_rows)
        rows = np.empty(self.batch_size, np.int64)
        for number in range(int(passes[0]), int(passes[-1]) + 1):
            of_it = passes == number
            rows[of_it] = _order(self.seed, number + 1, self.n_rows)[places[of_it]]
        return rows, passes.astype(np.int64) + 1


def late_decay(update: int, n_updates: int) -> float:
    """Return the factor of the learning rate of an update (from 0): 1, then linearly to 0.

    It falls in the last third, from one update to the next.
    """
    return min(1.0, (n_updates - update) / n_updates / (1 - _CONSTANT_SHARE))


@lru_cache(maxsize=8)
def _order(seed: int, number: int, n_rows: int) -> NDArray[np.int64]:
    order = visiting_order(NoiseKey(seed, Stream.LABELLED_ORDER, 0, number), n_rows)
    order.setflags(write=False)
    return order
