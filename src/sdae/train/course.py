"""The epochs of a layer or of fine-tuning so far, as the doctor's rules on records ask for them.

To add an epoch, and to look at all of them after it, takes the same time however many there are.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sdae.train.history import EpochRecord

# Validation errors and costs are compared as means over this many epochs.
WINDOW = 5


class Course:
    """Records in the order of training, with their extremes.

    Parameters
    ----------
    records : iterable of EpochRecord
        The first ones.

    Attributes
    ----------
    records : list of EpochRecord
    n_rises : int
        Epochs up to the last one in each of which the cost rose.
    highest_cost : float
    validated : list of EpochRecord
        The records that have a validation error.
    errors : list of float
        Their validation errors.
    lowest_error : float
    smallest_step : float
        The smallest difference between two errors; infinite where all are equal.
    """

    def __init__(self, records: Iterable[EpochRecord] = ()) -> None:
        self.records: list[EpochRecord] = []
        self.n_rises, self.highest_cost = 0, -math.inf
        self.validated: list[EpochRecord] = []
        self.errors: list[float] = []
        self.lowest_error = self.smallest_step = math.inf
        self._distinct: list[float] = []  # errors, ascending
        self._n_compared = 0  # windows of errors
        self._best, self._best_mean = 0, math.inf
        for record in records:
            self.add(record)

    def add(self, record: EpochRecord) -> None:
        """Add the record of the next epoch."""
        rises = self.records and self.records[-1].cost < record.cost
        self.n_rises = self.n_rises + 1 if rises else 0
        self.records.append(record)
        self.highest_cost = max(self.highest_cost, record.cost)
        if record.validation_error is not None:
            self.validated.append(record)
            self._add_error(record.validation_error)

    def best_window(self) -> tuple[int, float]:
        """Return where the lowest `WINDOW` errors in a row begin, and their mean; not of the last.

        There must be twice as many errors.
        """
        new = means(self.errors[self._n_compared : -WINDOW])
        lowest = int(new.argmin())
        if new[lowest] < self._best_mean:
            self._best, self._best_mean = self._n_compared + lowest, float(new[lowest])
        self._n_compared += len(new) - 1  # the last one is compared again: no epoch may be new
        return self._best, self._best_mean

    def _add_error(self, error: float) -> None:
        self.errors.append(error)
        self.lowest_error = min(self.lowest_error, error)
        place = bisect_left(self._distinct, error)
        near = self._distinct[max(0, place - 1) : place + 1]
        if error not in near:
            self._distinct.insert(place, error)
            steps = (abs(error - other) for other in near)
            self.smallest_step = min(self.smallest_step, *steps) if near else math.inf


def means(numbers: Sequence[float]) -> NDArray[np.float64]:
    """Return the mean of each `WINDOW` consecutive numbers, (n,) -> (n - WINDOW + 1,)."""
    return np.convolve(numbers, np.full(WINDOW, 1 / WINDOW), "valid")
