"""The samples of an epoch in the order of their visit, cut into minibatches.

Axes: n rows, m consecutive samples, B samples of a minibatch.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray


class Minibatch(NamedTuple):
    """The samples of one step.

    Attributes
    ----------
    samples : ndarray of int64, shape (B,)
        Their numbers in the data set.
    span : slice or None
        The same as a slice, where they are consecutive: then rows need not be copied.
    """

    samples: NDArray[np.int64]
    span: slice | None


class Minibatches(Sequence[Minibatch]):
    """Samples in the order of their visit, cut into minibatches.

    A minibatch is made when it is needed: an epoch may have as many minibatches as rows.

    Parameters
    ----------
    samples : ndarray of int64, shape (m,)
        Their numbers in the data set.
    batch_size : int
        Samples of each minibatch but the last.
    first : int or None
        Number of the first sample where they are consecutive.
    """

    def __init__(self, samples: NDArray[np.int64], batch_size: int, first: int | None) -> None:
        self._samples = samples
        self.batch_size = batch_size
        self._first = first

    def __len__(self) -> int:
        """Return the number of minibatches."""
        return -(-len(self._samples) // self.batch_size)

    def __iter__(self) -> Iterator[Minibatch]:
        """Yield the minibatches; faster than by index."""
        for start in range(0, len(self._samples), self.batch_size):
            yield self._between(start, start + self.batch_size)

    @overload
    def __getitem__(self, index: int) -> Minibatch: ...

    @overload
    def __getitem__(self, index: slice) -> "Minibatches": ...

    def __getitem__(self, index: int | slice) -> "Minibatch | Minibatches":
        """Return a minibatch, or consecutive ones."""
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            some = slice(start * self.batch_size, stop * self.batch_size)
            first = None if self._first is None else self._first + some.start
            return Minibatches(self._samples[some], self.batch_size, first)
        start = range(len(self))[index] * self.batch_size
        return self._between(start, start + self.batch_size)

    @property
    def joined(self) -> Minibatch:
        """All samples as one minibatch."""
        return self._between(0, len(self._samples))

    def _between(self, start: int, stop: int) -> Minibatch:
        samples = self._samples[start:stop]
        if self._first is None:
            return Minibatch(samples, None)
        first = self._first + start
        return Minibatch(samples, slice(first, first + len(samples)))


def minibatches(
    n_rows: int,
    batch_size: int,
    *,
    order: NDArray[np.int64] | None = None,
    drop_last: bool = False,
) -> Minibatches:
    """Cut the rows, in file order or in the order given, into minibatches.

    The last one is smaller where `batch_size` does not divide `n_rows`, or left out with
    `drop_last`.
    """
    n_visited = min(n_rows, n_batches(n_rows, batch_size, drop_last) * batch_size)
    samples = np.arange(n_rows) if order is None else order
    return Minibatches(samples[:n_visited], batch_size, 0 if order is None else None)


def n_batches(n_rows: int, batch_size: int, drop_last: bool = False) -> int:
    """Return the number of minibatches of an epoch."""
    whole, rest = divmod(n_rows, batch_size)
    return whole + (rest > 0 and not drop_last)
