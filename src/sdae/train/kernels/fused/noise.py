"""Noise of many samples at once: the bits of :mod:`sdae.core.randomness`, compiled.

The twin of every function here is NumPy's: ``random_bits``, ``standard_normal`` and ``corrupt``.
Axes: m samples, N components; columns past N are padding and are left as they are.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined, kernel

Real = NDArray[np.floating]

MASKING, EXACT_MASKING, SALT_AND_PEPPER, GAUSSIAN = 0, 1, 2, 3

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LOW = np.uint64(0xFFFFFFFF)
_ONE, _32 = np.uint64(1), np.uint64(32)
_TO_UNIT = 2.0**-32


@inlined
def _mix(word: np.uint64) -> np.uint64:
    """Apply SplitMix64's output function."""
    word ^= word >> np.uint64(30)
    word *= _MIX_1
    word ^= word >> np.uint64(27)
    word *= _MIX_2
    return word ^ (word >> np.uint64(31))


@inlined
def draw_bits(key: np.uint64, sample: int, bits: NDArray[np.uint64]) -> None:
    """Put the 32 random bits of each component of a sample into `bits`, of even length."""
    start = _mix(np.uint64(sample) * _GOLDEN + key)
    for pair in range(len(bits) // 2):
        word = _mix(start + np.uint64(pair + 1) * _GOLDEN)
        bits[2 * pair] = word & _LOW
        bits[2 * pair + 1] = word >> _32


@kernel
def corrupt_rows(
    x: Real,
    samples: NDArray[np.int64],
    kind: int,
    key: np.uint64,
    limit: np.uint64,
    low: float,
    high: float,
    std: float,
    x_tilde: Real,
    drawn: NDArray[np.bool_],
) -> None:
    """Corrupt rows; they can be a thread's share of those of a slice.

    Parameters
    ----------
    x : (m, N)
        Clean rows.
    samples : (m,)
        Their numbers in the data set.
    kind : int
        ``MASKING``, ``EXACT_MASKING``, ``SALT_AND_PEPPER`` or ``GAUSSIAN``.
    key : uint64
        Hash of the noise key.
    limit : uint64
        What a component's bits must be below for it to be drawn: of 32 bits for masking, of the
        upper 31 for salt and pepper. For exact masking, the number of components.
    low, high : float of the type of `x`
        The two values of salt-and-pepper noise; masking writes `low`.
    std : float
        Standard deviation of Gaussian noise.
    x_tilde : (m, N or more)
        Out.
    drawn : (m, N), or (0, 0)
        Out, if wanted: the components drawn.
    """
    n = x.shape[1]
    bits = np.empty(n + n % 2, np.uint64)
    keys = np.empty(n, np.uint64)
    for row in range(len(x)):
        draw_bits(key, samples[row], bits)
        if kind == GAUSSIAN:
            _add_normal(x[row], bits, std, x_tilde[row])
            continue
        bound = limit
        if kind == EXACT_MASKING:
            # The column breaks ties, so exactly `limit` keys are below the bound.
            for j in range(n):
                keys[j] = bits[j] << _32 | np.uint64(j)
            bound = _kth_smallest(keys, limit)
        for j in range(n):
            if kind == MASKING:
                hit = bits[j] < bound
            elif kind == EXACT_MASKING:
                hit = (bits[j] << _32 | np.uint64(j)) < bound
            else:
                hit = bits[j] >> _ONE < bound
            value = x[row, j]
            if hit:
                value = high if kind == SALT_AND_PEPPER and bits[j] & _ONE else low
            x_tilde[row, j] = value
            if len(drawn) > 0:
                drawn[row, j] = hit


@inlined
def _add_normal(x: Real, bits: NDArray[np.uint64], std: float, x_tilde: Real) -> None:
    """Add normal noise to a row (Box and Muller 1958)."""
    n = len(x)
    for j in range(0, n, 2):
        radius = math.sqrt(-2.0 * math.log((np.float64(bits[j]) + 0.5) * _TO_UNIT))
        angle = np.float64(bits[j + 1]) * (2.0 * math.pi * _TO_UNIT)
        x_tilde[j] = x[j] + x.dtype.type(radius * math.cos(angle) * std)
        if j + 1 < n:
            x_tilde[j + 1] = x[j + 1] + x.dtype.type(radius * math.sin(angle) * std)


@inlined
def _kth_smallest(keys: NDArray[np.uint64], k: np.uint64) -> np.uint64:
    """Return the k-th smallest of distinct keys, counted from 0; reorders them (Hoare 1961)."""
    if k >= len(keys):
        return np.uint64(0xFFFFFFFFFFFFFFFF)
    first, last = 0, len(keys) - 1
    while first < last:
        pivot = keys[(first + last) // 2]
        i, j = first, last
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if k <= j:
            last = j
        elif k >= i:
            first = i
        else:
            break
    result: np.uint64 = keys[k]
    return result


@kernel
def draw_kept(
    samples: NDArray[np.int64],
    key: np.uint64,
    limit: np.uint64,
    start: int,
    n: int,
    kept: NDArray[np.bool_],
) -> None:
    """Draw which of `n` components dropout keeps, into columns `start` on of `kept`.

    Those are kept whose bits are not below `limit`.
    """
    bits = np.empty(n + n % 2, np.uint64)
    for row in range(len(kept)):
        draw_bits(key, samples[row], bits)
        for j in range(n):
            kept[row, start + j] = bits[j] >= limit
