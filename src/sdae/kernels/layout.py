"""Memory for kernels: aligned arrays, and the shares of the threads."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

ALIGNMENT = 64
"""Bytes of a cache line, and of the widest vector register."""

LANES = 16
"""Columns are padded and shared out in multiples of this: a cache line of float32."""


def aligned_zeros(shape: tuple[int, ...], kind: np.dtype[T]) -> NDArray[T]:
    """Return zeros whose first byte lies at a multiple of ``ALIGNMENT``.

    NumPy aligns to 16 bytes only, and vector loads that straddle cache lines are slow.
    """
    n_bytes = int(np.prod(shape)) * kind.itemsize
    buffer = np.zeros(n_bytes + ALIGNMENT, np.uint8)
    start = -buffer.ctypes.data % ALIGNMENT
    return buffer[start : start + n_bytes].view(kind).reshape(shape)


def padded(n: int, multiple: int = LANES) -> int:
    """Return the lowest multiple of `multiple` that is at least `n`."""
    return -(-n // multiple) * multiple


def shares(n: int, n_threads: int, multiple: int) -> NDArray[np.intp]:
    """Cut `n` places into contiguous shares, (n_threads + 1,) of bounds.

    All bounds but the last are multiples of `multiple`; a share may be empty.
    """
    n_blocks = -(-n // multiple)
    bounds = np.array([n_blocks * t // n_threads * multiple for t in range(n_threads + 1)])
    return np.asarray(np.minimum(bounds, n), np.intp)
