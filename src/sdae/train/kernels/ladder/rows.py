"""Normalising a row: the values of a unit over the samples of a group."""

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined

Real = NDArray[np.float32]

_FLOOR = np.float32(1e-6)  # VARIANCE_FLOOR of core/ladder
_ZERO, _ONE = np.float32(0), np.float32(1)


@inlined
def mean_of(row: Real) -> np.float32:
    """Return the mean."""
    total = _ZERO
    for i in range(len(row)):
        total += row[i]
    mean: np.float32 = total / np.float32(len(row))
    return mean


@inlined
def scale_of(row: Real, mean: np.float32) -> np.float32:
    """Return 1 / √(variance + ε)."""
    total = _ZERO
    for i in range(len(row)):
        off = row[i] - mean
        total += off * off
    scale: np.float32 = _ONE / np.sqrt(total / np.float32(len(row)) + _FLOOR)
    return scale


@inlined
def slope_of_normal(gradient: Real, normal: Real, scale: np.float32, out: Real) -> None:
    """Put the gradient with respect to a row, from that of its normalised values, into `out`."""
    first, second = _ZERO, _ZERO
    for i in range(len(gradient)):
        first += gradient[i]
        second += gradient[i] * normal[i]
    first /= np.float32(len(gradient))
    second /= np.float32(len(gradient))
    for i in range(len(gradient)):
        out[i] = scale * (gradient[i] - first - normal[i] * second)
