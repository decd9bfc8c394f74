"""The statistics of columns over the rows of a group.

Axes: R rows, c columns of a matrix, n of them at a time.
"""

import numpy as np
from numpy.typing import NDArray

from sdae.train.kernels.compiling import inlined

Real = NDArray[np.float32]

WIDTH = 128
"""Columns at a time: their statistics, and a row of them, stay in the nearest cache."""

_FLOOR = np.float32(1e-6)  # VARIANCE_FLOOR of core/ladder
_ZERO, _ONE = np.float32(0), np.float32(1)


@inlined
def measure(a: Real, first: int, last: int, b: int, mean: Real, scale: Real) -> None:
    """Put the mean, and 1 / √(variance + ε), of rows `first` to `last` into (n,), (n,)."""
    n = len(mean)
    count = np.float32(last - first)
    mean[:] = _ZERO
    for i in range(first, last):
        row = a[i, b : b + n]
        for j in range(n):
            mean[j] += row[j]
    for j in range(n):
        mean[j] /= count
    scale[:] = _ZERO
    for i in range(first, last):
        row = a[i, b : b + n]
        for j in range(n):
            off = row[j] - mean[j]
            scale[j] += off * off
    for j in range(n):
        scale[j] = _ONE / np.sqrt(scale[j] / count + _FLOOR)
