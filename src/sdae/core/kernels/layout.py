"""Memory for kernels: aligned arrays, and the shares of the threads."""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

ALIGNMENT = 64
"""Bytes of a cache line, and of the widest vector register."""

LANES = 16
"""Columns are padded and shared out in multiples of this: a cache line of float32."""

PAGE = 4096
"""Addresses that differ by a multiple of this look the same to a processor at first.

It holds a load back behind a store that is under way if the lowest 12 bits of their addresses are
the same. So arrays that a loop loads and stores side by side lie at different places of a page, and
rows side by side either at the same place, where each is loaded before it is stored, or far apart.
"""

_NEARLY_A_PAGE = PAGE * 7 // 8


def aligned_zeros(
    shape: tuple[int, ...], kind: np.dtype[T], place: int | None = None
) -> NDArray[T]:
    """Return zeros that begin at a multiple of ``ALIGNMENT``, or `place` bytes into a page.

    NumPy aligns to 16 bytes only, and vector loads that straddle cache lines are slow.
    """
    multiple = ALIGNMENT if place is None else PAGE
    n_bytes = math.prod(shape) * kind.itemsize
    buffer = np.zeros(n_bytes + 2 * multiple, np.uint8)
    start = -buffer.__array_interface__["data"][0] % multiple + (place or 0)
    return buffer[start : start + n_bytes].view(kind).reshape(shape)


def row_length(n_columns: int, kind: np.dtype[T]) -> int:
    """Return how many columns a row has in memory: `n_columns`, padded where that is nearly a page.

    Rows that are a little shorter than a number of pages lie a little before each other's places.
    """
    in_page = PAGE // kind.itemsize
    nearly = _NEARLY_A_PAGE // kind.itemsize
    return padded(n_columns, in_page if n_columns % in_page > nearly else LANES)


def padded(n: int, multiple: int = LANES) -> int:
    """Return the lowest multiple of `multiple` that is at least `n`."""
    return -(-n // multiple) * multiple


def shares(n: int, n_threads: int, multiple: int) -> NDArray[np.intp]:
    """Cut `n` places into contiguous shares, (n_threads + 1,) of bounds.

    All bounds but the last are multiples of `multiple`; a share may be empty.
    """
    n_blocks = -(-n // multiple)
    bounds = [min(n_blocks * t // n_threads * multiple, n) for t in range(n_threads + 1)]
    return np.array(bounds, np.intp)
