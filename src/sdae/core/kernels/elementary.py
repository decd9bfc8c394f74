"""exp, sigmoid and tanh as polynomials: unlike the library's, they vectorise.

``exp(v) = 2ⁿ exp(r)`` with n the nearest integer to v / ln 2 and |r| ≤ ln 2 / 2. The Taylor
polynomial of exp(r) has degree 7 in float32 and 13 in float64: its error is below that of rounding.
ln 2 is taken off in two parts, the first with few bits, so that n times it is exact.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from sdae.core.kernels.compiling import chosen_by_type, in_order, inlined, intrinsic

_LOWEST_32, _LOWEST_64 = np.float32(-87.0), -708.0
_ZERO_32, _ZERO_64 = np.float32(-105.0), -746.0
_SHIFT, _BACK = 64, 2.0**-64


@intrinsic
def _power_of_two(_context: Any, n: Any) -> Any:
    """Return 2ⁿ by writing n into the exponent: float32 of an int32, float64 of an int64."""
    result, bias, mantissa, real = {
        types.int32: (types.float32, 127, 23, ir.FloatType()),
        types.int64: (types.float64, 1023, 52, ir.DoubleType()),
    }[n]

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        (value,) = arguments
        biased = builder.add(value, ir.Constant(value.type, bias))
        return builder.bitcast(builder.shl(biased, ir.Constant(value.type, mantissa)), real)

    return result(n), generate


def exp_of_negative(v: float) -> float:
    """Return exp(v) for v ≤ 0; below −87 (float32) or −708 (float64) the value there."""
    return float(np.exp(v))


@chosen_by_type(exp_of_negative)
def _exp_of_negative(v: Any) -> Any:
    return _exp_32 if v == types.float32 else _exp_64


def exp_down_to_zero(v: float) -> float:
    """Return exp(v) for v ≤ 0, also where that is too small for a normal number, and then 0."""
    return float(np.exp(v))


@chosen_by_type(exp_down_to_zero)
def _exp_down_to_zero(v: Any) -> Any:
    return _small_exp_32 if v == types.float32 else _small_exp_64


def _exp_32(v: Any) -> Any:
    p, n = _exp_parts_32(_LOWEST_32 if v < _LOWEST_32 else v)  # NaN stays NaN
    return p * _power_of_two(np.int32(n))


def _small_exp_32(v: Any) -> Any:
    p, n = _exp_parts_32(_ZERO_32 if v < _ZERO_32 else v)
    return p * _power_of_two(np.int32(n) + np.int32(_SHIFT)) * np.float32(_BACK)


def _exp_64(v: Any) -> Any:
    p, n = _exp_parts_64(_LOWEST_64 if v < _LOWEST_64 else v)
    return p * _power_of_two(np.int64(n))


def _small_exp_64(v: Any) -> Any:
    p, n = _exp_parts_64(_ZERO_64 if v < _ZERO_64 else v)
    return p * _power_of_two(np.int64(n) + _SHIFT) * _BACK


@in_order
def _exp_parts_32(v: Any) -> Any:
    """Return exp(r) and n, whose product p 2ⁿ is exp(v)."""
    f = np.float32
    n = np.floor(v * f(1.44269504) + f(0.5))
    r = v - n * f(0.693359375) - n * f(-2.12194440e-4)
    p = f(1 / 5040)
    p = p * r + f(1 / 720)
    p = p * r + f(1 / 120)
    p = p * r + f(1 / 24)
    p = p * r + f(1 / 6)
    p = p * r + f(0.5)
    p = p * r + f(1)
    return p * r + f(1), n


@in_order
def _exp_parts_64(v: Any) -> Any:
    n = np.floor(v * 1.4426950408889634 + 0.5)
    r = v - n * 6.93145751953125e-1 - n * 1.42860682030941723212e-6
    p = 1 / 6227020800
    p = p * r + 1 / 479001600
    p = p * r + 1 / 39916800
    p = p * r + 1 / 3628800
    p = p * r + 1 / 362880
    p = p * r + 1 / 40320
    p = p * r + 1 / 5040
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 0.5
    p = p * r + 1.0
    return p * r + 1.0, n


@inlined
def sigmoid_from(a: Any, e: Any, one: Any) -> Any:
    """Return 1 / (1 + exp(−a)), given ``e = exp(−|a|)`` and 1 of the same type."""
    t = one / (one + e)
    return t if a >= 0 else e * t


SIGMOID, TANH, RELU, SILU, IDENTITY = range(5)
"""Numbers of the activations: flags of kernels, not types, so one compilation serves all."""


@inlined
def activate(values: Any, kind: int) -> None:
    """Replace values by s of them; sigmoids become as small as a number can be."""
    one = values.dtype.type(1)
    if kind == TANH:
        for j in range(len(values)):
            values[j] = activated(values[j], TANH, one)
    elif kind == RELU:
        for j in range(len(values)):
            values[j] = activated(values[j], RELU, one)
    elif kind == SIGMOID:
        for j in range(len(values)):
            values[j] = sigmoid_from(values[j], exp_down_to_zero(-abs(values[j])), one)
    elif kind == SILU:
        for j in range(len(values)):
            values[j] *= sigmoid_from(values[j], exp_down_to_zero(-abs(values[j])), one)


@inlined
def activated(a: Any, kind: int, one: Any) -> Any:
    """Return s(a) of the sigmoid, tanh or ReLU; `one` is 1 of the type of `a`."""
    if kind == RELU:
        return one - one if a < 0 else a  # NaN stays NaN
    if kind == TANH:
        e = exp_of_negative(-abs(a + a))
        t = (one - e) / (one + e)
        return t if a >= 0 else -t
    return sigmoid_from(a, exp_of_negative(-abs(a)), one)


@inlined
def slope(h: Any, kind: int, one: Any) -> Any:
    """Return s'(a) in terms of h = s(a)."""
    if kind == RELU:
        return one if h > 0 else one - one
    if kind == TANH:
        return one - h * h
    return h * (one - h)
