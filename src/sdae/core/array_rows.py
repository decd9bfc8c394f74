"""Rows of a large array in memory, which are scaled when a minibatch needs them.

A scaled copy of all rows, and copies of those that train and of those that validate, would each
take as much memory as the array. Small arrays are copied: there it takes nothing.

Axes: n rows, V columns, B rows of a minibatch.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.kernels.presence import numba_fault
from sdae.core.minibatches import Minibatch
from sdae.core.preprocessing import Scaling

FEW_NUMBERS = 1 << 20
"""Arrays of fewer numbers are copied: as float32 they take less than 4 MiB."""

_NUMBERS_AT_ONCE = 1 << 15  # they stay in a cache while they are scaled
_KINDS = (np.dtype(np.float32), np.dtype(np.float64))


class ArrayRows:
    """Rows of an array, or some of them, delivered in float32 on the CPU.

    They have the bytes of :meth:`sdae.core.preprocessing.Scaling.apply`. The array is only read.

    Parameters
    ----------
    x : ndarray of float32 or float64, shape (n, V)
        In C order.
    scaling : Scaling or None
        What happens to delivered rows.

    Attributes
    ----------
    shape : tuple of int
        (n, V), of the rows that were picked.
    are_finite : bool
        Whether somebody has looked at all rows and found them finite.
    """

    def __init__(
        self,
        x: NDArray[np.floating],
        scaling: Scaling | None = None,
        places: NDArray[np.int64] | None = None,
    ) -> None:
        self._x, self._scaling, self._places = x, scaling, places
        self.shape = (len(x) if places is None else len(places), x.shape[1])
        self.are_finite = False
        self._patterns: NDArray[np.float64] | None = None
        if scaling is not None and scaling.is_ordinary and numba_fault() is None:
            self._patterns = scaling.patterns()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "ArrayRows":
        """Return the rows that a mask or numbers pick; none is read."""
        places = np.arange(len(self)) if self._places is None else self._places
        return ArrayRows(self._x, self._scaling, places[chosen])

    def scaled(self, scaling: Scaling | None) -> "ArrayRows":
        """Return the same rows, scaled."""
        return ArrayRows(self._x, scaling, self._places)

    def copied(self) -> NDArray[np.floating]:
        """Return all rows as an array of their own type, not scaled."""
        return self._x if self._places is None else self._x[self._places]

    def delivered(self) -> NDArray[np.float32]:
        """Return all rows as they are delivered."""
        return self._delivered(np.arange(len(self)))

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Return the rows of a minibatch, (B, V)."""
        return torch.from_numpy(self.array(minibatch))

    def array(self, minibatch: Minibatch) -> NDArray[np.float32]:
        """Return the rows of a minibatch as an array, (B, V)."""
        return self._delivered(minibatch.samples)

    def values(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return for each column the value in the row with the given number, (B, V) -> (B, V)."""
        places = numbers if self._places is None else self._places[numbers]
        taken = np.take_along_axis(self._x, places, 0)
        return ArrayRows(taken, self._scaling).delivered()

    def _delivered(self, samples: NDArray[np.int64]) -> NDArray[np.float32]:
        places = samples if self._places is None else self._places[samples]
        out = np.empty((len(places), self.shape[1]), np.float32)
        at_once = max(1, _NUMBERS_AT_ONCE // self.shape[1])
        for start in range(0, len(places), at_once):
            taken = self._x.take(places[start : start + at_once], 0)
            self._scale(taken, out[start : start + at_once])
        return out

    def _scale(self, taken: NDArray[np.floating], out: NDArray[np.float32]) -> None:
        """Write rows, (B, V), scaled into `out`."""
        if self._patterns is None:
            with np.errstate(over="ignore"):  # the rows are looked at elsewhere
                out[:] = taken if self._scaling is None else self._scaling.apply(taken)
            return
        # Numba takes a second to import, and `import sdae` does without.
        from sdae.core.kernels.scaling import scale

        address: int = taken.__array_interface__["data"][0]
        patterns, is_double = self._patterns, taken.dtype == np.float64
        flat, period = patterns.reshape(-1), patterns.shape[1]
        scale(address, is_double, taken.size, flat, period, out.reshape(-1), np.inf)


def is_large(x: Any, n_rows: int | None = None) -> bool:
    """Return whether rows, or `n_rows` of them, are better left where they are.

    That takes an array in C order: of others, single rows lie all over the memory.
    """
    return (
        isinstance(x, np.ndarray)
        and x.ndim == 2
        and x.dtype in _KINDS
        and x.flags.c_contiguous
        and x.flags.aligned
        and (len(x) if n_rows is None else n_rows) * x.shape[1] >= FEW_NUMBERS
    )


def picked(x: Any, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Any:
    """Return the rows that a mask or numbers pick; those of a large array as a source."""
    n_rows = int(np.count_nonzero(chosen)) if chosen.dtype == bool else len(chosen)
    return (ArrayRows(x) if is_large(x, n_rows) else x)[chosen]


def copied(x: Any) -> Any:
    """Return rows of a large array as an array; anything else as it is."""
    return x.copied() if isinstance(x, ArrayRows) else x
