"""The next block of rows, read in a thread while the one before is trained on.

Axes: n rows, V columns, m rows of a block.
"""

import os
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sdae.data.stored.shard import Numbers

Samples = NDArray[np.int64]


class Reading:
    """A block that a thread reads, or has read.

    Parameters
    ----------
    samples : ndarray of int64, shape (m,)
    kind : numpy.dtype
        Type in which the rows are wanted.
    read : callable
        Returns the rows, (m, V).
    """

    def __init__(
        self, samples: Samples, kind: "np.dtype[np.generic]", read: Callable[[Samples], Numbers]
    ) -> None:
        self._samples, self._kind, self._read = samples, kind, read
        self._rows: Numbers | None = None
        self._error: BaseException | None = None
        self._n_taken = 0
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="sdae-reading")
        self._thread.start()

    @property
    def is_here(self) -> bool:
        """Whether the thread is one of this process: a fork does not copy it."""
        return self._process == os.getpid()

    @property
    def is_used_up(self) -> bool:
        """Whether all rows were taken."""
        return self._n_taken == len(self._samples)

    def wait(self) -> None:
        """Wait for the thread to end."""
        self._thread.join()

    def continues_with(self, samples: Samples, kind: "np.dtype[np.generic]") -> bool:
        """Return whether some rows are the next of the block that were not taken yet."""
        coming = self._samples[self._n_taken : self._n_taken + len(samples)]
        return kind == self._kind and np.array_equal(coming, samples)

    def take(self, n_rows: int) -> Numbers:
        """Return the next rows, once the thread has ended.

        Raises
        ------
        BaseException
            What the thread could not do.
        """
        if self._error is not None:
            raise self._error
        assert self._rows is not None  # the thread has ended
        first, self._n_taken = self._n_taken, self._n_taken + n_rows
        return self._rows[first : self._n_taken]

    def _run(self) -> None:
        try:
            self._rows = self._read(self._samples)
        except BaseException as error:  # raised where the rows are needed
            self._error = error


class ReadAhead:
    """The block in use, and the one after it.

    A caller that reads without it waits first, by `wait`: so two threads never read at one time.
    """

    def __init__(self) -> None:
        self._used: Reading | None = None
        self._next: Reading | None = None

    def __getstate__(self) -> dict[str, None]:
        """Return the state of another process, where nothing is read."""
        return {"_used": None, "_next": None}

    def start(
        self, samples: Samples, kind: "np.dtype[np.generic]", read: Callable[[Samples], Numbers]
    ) -> None:
        """Read a block in a thread; the one before it, once it is read, is in use from now on."""
        self.wait()
        self._used = self._next
        self._next = Reading(samples, kind, read)

    def take(self, samples: Samples, kind: "np.dtype[np.generic]") -> Numbers | None:
        """Return rows that were read ahead, (m, V); None if these were not.

        Raises
        ------
        BaseException
            What the thread could not do.
        """
        block = self._used
        if block is None or not block.continues_with(samples, kind):
            self.wait()
            block = self._next
            if block is None or not block.continues_with(samples, kind):
                return None
            self._used, self._next = block, None
        try:
            rows = block.take(len(samples))
        except BaseException:
            self._used = None
            raise
        if block.is_used_up:
            self._used = None
        return rows

    def wait(self) -> bool:
        """Wait until no thread reads; return whether one was lost in a fork."""
        if self._next is None:
            return False
        if not self._next.is_here:
            self._next = None
            return True
        self._next.wait()
        return False

    def forget(self) -> None:
        """Wait until no thread reads, and let go of all rows."""
        self.wait()
        self._used = self._next = None
