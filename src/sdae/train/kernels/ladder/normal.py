"""Standard normal noise in float32, in loops that vectorise.

The twin of ``standard_normal`` of :mod:`sdae.core.randomness`, from the same bits (Box and Muller
1958). The logarithm, sine and cosine are polynomials with the coefficients of the Cephes library
(Moshier 1989), which are exact to about the last place of float32.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined, intrinsic

Real = NDArray[np.float32]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_27, _30, _31, _32 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(32)
_ALL = np.uint32(0xFFFFFFFF)
_EIGHTH_OF_TURN = np.uint32(1 << 29)
_QUARTERS = np.uint32(30)
_UNIT = np.float32(2.0**-32)
_RADIANS = np.float32(2 * math.pi * 2.0**-32)
_LN_2 = np.float32(math.log(2))
_ROOT_HALF = np.int32(0x3F3504F3)  # the bits of √½
_MANTISSA = np.int32(23)


@intrinsic
def _bits_of(_context: Any, _value: Any) -> Any:
    """Return the bits of a float32 as an int32."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def _with_bits(_context: Any, _bits: Any) -> Any:
    """Return the float32 that has the bits of an int32."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@inlined
def normal_pair(
    starts: NDArray[np.uint64], unit: int, words: NDArray[np.uint32], radii: Real, out: Real
) -> None:
    """Put the normal numbers of components `unit` (even) and the next, of m rows, into `out`.

    Parameters
    ----------
    starts : (m,)
        Hashes of the rows' numbers and of the noise's key.
    words : (2, m), radii : (m,)
        For this function's own use.
    out : (2, m)
    """
    step = np.uint64(unit // 2 + 1) * _GOLDEN
    lower, turns, first, second = words[0], words[1], out[0], out[1]
    for i in range(len(starts)):
        word = starts[i] + step
        word ^= word >> _30
        word *= _MIX_1
        word ^= word >> _27
        word *= _MIX_2
        word ^= word >> _31
        turns[i] = np.uint32(word >> _32)
        lower[i] = np.uint32(word)
    for i in range(len(starts)):
        squared = _minus_log(lower[i])
        radii[i] = np.sqrt(squared + squared)
    for i in range(len(starts)):
        turn = turns[i]
        quarter = np.uint32(np.uint32(turn + _EIGHTH_OF_TURN) >> _QUARTERS)
        angle = np.float32(np.int32(turn - np.uint32(quarter << _QUARTERS))) * _RADIANS
        square = angle * angle
        sine = _sine(angle, square)
        cosine = _cosine(square)
        swapped = (quarter & np.uint32(1)) != 0
        below = (quarter & np.uint32(2)) != 0
        along = sine if swapped else cosine
        across = cosine if swapped else sine
        along = -along if swapped != below else along
        across = -across if below else across
        first[i] = radii[i] * along
        second[i] = radii[i] * across


@inlined
def _minus_log(bits: np.uint32) -> np.float32:
    """Return −log((bits + ½) 2⁻³²), exact to the last places also where it is near 0."""
    f = np.float32
    if bits >= np.uint32(0xC0000000):  # above ¾ the difference from 1 has all digits
        m = -(f(np.uint32(_ALL - bits)) + f(0.5)) * _UNIT
        e = f(0)
    else:
        u = _bits_of((f(bits) + f(0.5)) * _UNIT)
        shift = np.int32(np.int32(u - _ROOT_HALF) >> _MANTISSA)
        m = _with_bits(np.int32(u - np.int32(shift << _MANTISSA))) - f(1)
        e = f(shift)
    p = f(7.0376836292e-2)
    p = p * m - f(1.1514610310e-1)
    p = p * m + f(1.1676998740e-1)
    p = p * m - f(1.2420140846e-1)
    p = p * m + f(1.4249322787e-1)
    p = p * m - f(1.6668057665e-1)
    p = p * m + f(2.0000714765e-1)
    p = p * m - f(2.4999993993e-1)
    p = p * m + f(3.3333331174e-1)
    square = m * m
    return -(m + (p * m - f(0.5)) * square + e * _LN_2)


@inlined
def _sine(angle: np.float32, square: np.float32) -> np.float32:
    """Return the sine of an angle within an eighth of a turn of 0."""
    f = np.float32
    p = f(-1.9515295891e-4)
    p = p * square + f(8.3321608736e-3)
    p = p * square - f(1.6666654611e-1)
    return angle + p * square * angle


@inlined
def _cosine(square: np.float32) -> np.float32:
    """Return the cosine, from the square of such an angle."""
    f = np.float32
    p = f(2.443315711809948e-5)
    p = p * square - f(1.388731625493765e-3)
    p = p * square + f(4.166664568298827e-2)
    return f(1) - f(0.5) * square + p * square * square
