"""The samples of an epoch in the order of their visit, cut into minibatches.

Axes: n rows, m consecutive samples, B samples of a minibatch.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple, Protocol, overload

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


class Order(Protocol):
    """The samples of an epoch in the order of their visit."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def between(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the samples at the positions from `start` to before `stop`."""
        ...


class GivenOrder:
    """An order that is in memory."""

    def __init__(self, samples: NDArray[np.int64]) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def between(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the samples at the positions from `start` to before `stop`."""
        return self._samples[start:stop]


class Minibatches(Sequence[Minibatch]):
    """Samples in the order of their visit, cut into minibatches.

    A minibatch is made when it is needed: an epoch may have as many minibatches as rows. The
    samples themselves are asked for when the first minibatch is.

    Parameters
    ----------
    order : Order or None
        The order of the epoch; None: the samples are visited by their numbers.
    batch_size : int
        Samples of each minibatch but the last.
    start, stop : int
        The positions in the epoch that these minibatches cover, from `start` to before `stop`.
    """

    def __init__(self, order: Order | None, batch_size: int, start: int, stop: int) -> None:
        self._order = order
        self.batch_size = batch_size
        self._start, self._stop = start, stop
        self._n_batches = n_batches(stop - start, batch_size)

    def __len__(self) -> int:
        """Return the number of minibatches."""
        return self._n_batches

    def __iter__(self) -> Iterator[Minibatch]:
        """Yield the minibatches; faster than by index."""
        for start in range(0, self._stop - self._start, self.batch_size):
            yield self._between(start, start + self.batch_size)

    @overload
    def __getitem__(self, index: int) -> Minibatch: ...

    @overload
    def __getitem__(self, index: slice) -> "Minibatches": ...

    def __getitem__(self, index: int | slice) -> "Minibatch | Minibatches":
        """Return a minibatch, or consecutive ones."""
        if isinstance(index, slice):
            start, stop, _ = index.indices(self._n_batches)
            if start == 0 and stop == self._n_batches:
                return self
            first = min(self._start + start * self.batch_size, self._stop)
            last = min(self._start + stop * self.batch_size, self._stop)
            return Minibatches(self._order, self.batch_size, first, max(first, last))
        start = range(len(self))[index] * self.batch_size
        return self._between(start, start + self.batch_size)

    @property
    def n_samples(self) -> int:
        """The number of samples."""
        return self._stop - self._start

    @property
    def joined(self) -> Minibatch:
        """All samples as one minibatch."""
        return self._between(0, self._stop - self._start)

    @cached_property
    def _samples(self) -> NDArray[np.int64]:
        """The samples at these positions."""
        assert self._order is not None  # see _between
        return self._order.between(self._start, self._stop)

    def _between(self, start: int, stop: int) -> Minibatch:
        if self._order is not None:
            return Minibatch(self._samples[start:stop], None)
        first, last = self._start + start, min(self._start + stop, self._stop)
        return Minibatch(np.arange(first, last), slice(first, last))


def minibatches(
    n_rows: int,
    batch_size: int,
    *,
    order: NDArray[np.int64] | Order | None = None,
    drop_last: bool = False,
) -> Minibatches:
    """Cut the rows, in file order or in the order given, into minibatches.

    The last one is smaller where `batch_size` does not divide `n_rows`, or left out with
    `drop_last`.
    """
    n_visited = min(n_rows, n_batches(n_rows, batch_size, drop_last) * batch_size)
    if isinstance(order, np.ndarray):
        order = GivenOrder(order)
    return Minibatches(order, batch_size, 0, n_visited)


def n_batches(n_rows: int, batch_size: int, drop_last: bool = False) -> int:
    """Return the number of minibatches of an epoch."""
    whole, rest = divmod(n_rows, batch_size)
    return whole + (rest > 0 and not drop_last)
