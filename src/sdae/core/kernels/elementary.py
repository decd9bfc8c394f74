"""exp, sigmoid, tanh and GELU as polynomials: unlike the library's, they vectorise.

``exp(v) = 2ⁿ exp(r)`` with n the nearest integer to v / ln 2 and |r| ≤ ln 2 / 2. The Taylor
polynomial of exp(r) has degree 7 in float32 and 13 in float64: its error is below that of rounding.
ln 2 is taken off in two parts, the first with few bits, so that n times it is exact.

tanh(a) is in float32 a P(a²) / Q(a²), the fourth-degree polynomials whose largest relative error is
least for |a| ≤ 8.4, where tanh becomes 1; it is right to 3e-7 of itself, however small. In float64
it is (1 − e) / (1 + e) with e = exp(−2 |a|).

GELU is a Φ(a), Φ being the normal distribution. Its upper tail is exp(−x² / 2) times a function
that is smooth in t = 1 / (1 + c x): a polynomial through its values at Chebyshev's points.

A compiler may fuse a product and a sum in the vectors of a loop, and not in what is left of it,
where they stand behind a branch. So a value would depend on its place: what stands there is `fma`.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from sdae.core.kernels.compiling import chosen_by_type, in_order, inlined, intrinsic
from sdae.core.kernels.raw import fma

_LOWEST_32, _LOWEST_64 = np.float32(-87.0), -708.0
_ZERO_32, _ZERO_64 = np.float32(-105.0), -746.0
_SHIFT, _BACK = 64, 2.0**-64
_END = np.float32(39)
_FULL = np.float32(8.4)
_HEIGHT = 1 / math.sqrt(2 * math.pi)


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
    exponent = np.int32(np.int32(n) + np.int32(_SHIFT))  # Numba adds them to an int64
    return p * _power_of_two(exponent) * np.float32(_BACK)


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


def tangent(a: float) -> float:
    """Return tanh(a)."""
    return float(np.tanh(a))


@chosen_by_type(tangent)
def _tangent(a: Any) -> Any:
    return _tangent_32 if a == types.float32 else _tangent_64


def _tangent_32(a: Any) -> Any:
    f = np.float32
    a = _FULL if a > _FULL else -_FULL if a < -_FULL else a  # NaN stays NaN
    t = a * a
    p = f(1.44575318e-08)
    p = p * t + f(2.13795864e-05)
    p = p * t + f(0.00354160785)
    p = p * t + f(0.134195723)
    p = p * t + f(1)
    q = f(8.21984306e-07)
    q = q * t + f(0.000336141031)
    q = q * t + f(0.0260514051)
    q = q * t + f(0.467528962)
    q = q * t + f(1)
    h = a * p / q
    return f(1) if h > f(1) else f(-1) if h < f(-1) else h


def _tangent_64(a: Any) -> Any:
    e = exp_of_negative(-abs(a + a))
    t = (1.0 - e) / (1.0 + e)
    return t if a >= 0 else -t


def _tail_32(x: Any, e: Any) -> Any:
    """Return it by a polynomial of degree 9 in t = 1 / (1 + 0.3 x), right to 5e-9 up to 15."""
    f = np.float32
    t = f(1) / (f(1) + f(0.3) * x)
    p = f(-0.0209846694)
    p = p * t + f(0.114402112)
    p = p * t + f(-0.232835483)
    p = p * t + f(0.197921644)
    p = p * t + f(-0.0844812825)
    p = p * t + f(0.0988308413)
    p = p * t + f(0.0774857706)
    p = p * t + f(0.110423197)
    p = p * t + f(0.119550118)
    p = p * t + f(0.11968775)
    return e * (t * p)


def _tail_64(x: Any, e: Any) -> Any:
    """Return it by a polynomial of degree 22 in t = 1 / (1 + x / 4), right to 4e-17 up to 39."""
    t = 1 / (1 + 0.25 * x)
    p = -0.0010122350213441524
    p = p * t + 0.011096471880184597
    p = p * t + -0.054406282913560956
    p = p * t + 0.1544424516474848
    p = p * t + -0.26991779697144513
    p = p * t + 0.2670277219048097
    p = p * t + -0.04922290379091282
    p = p * t + -0.27548256352588485
    p = p * t + 0.4778805031969773
    p = p * t + -0.4670310516161868
    p = p * t + 0.3317856140129587
    p = p * t + -0.17592946165709222
    p = p * t + 0.0680096565489385
    p = p * t + -0.03072241832130962
    p = p * t + 0.0032696963836554745
    p = p * t + 0.005864963379556649
    p = p * t + 0.023616019479006024
    p = p * t + 0.04321725613067316
    p = p * t + 0.06350614776899742
    p = p * t + 0.0810349656839141
    p = p * t + 0.09350210585723466
    p = p * t + 0.09973556983946887
    p = p * t + 0.09973557010387663
    return e * (t * p)


@inlined
def sigmoid_from(a: Any, e: Any, one: Any) -> Any:
    """Return 1 / (1 + exp(−a)), given ``e = exp(−|a|)`` and 1 of the same type."""
    t = one / (one + e)
    return t if a >= 0 else e * t


@inlined
def within_tail(x: Any) -> Any:
    """Return x ≥ 0, or a bound beyond which the bell curve is 0."""
    return _END if x > _END else x  # NaN stays NaN


@inlined
def bell(x: Any) -> Any:
    """Return exp(−x² / 2)."""
    return exp_down_to_zero(-x * (x * np.float32(0.5)))


def upper_tail(x: float, e: float) -> float:  # noqa: ARG001 - the compiled ones need it
    """Return the share of a normal distribution above x ≥ 0, given ``e = exp(−x² / 2)``."""
    return 0.5 * math.erfc(x * math.sqrt(0.5))


@chosen_by_type(upper_tail)
def _upper_tail(x: Any, e: Any) -> Any:  # noqa: ARG001 - Numba wants the names
    return _tail_32 if x == types.float32 else _tail_64


SIGMOID, TANH, RELU, SILU, IDENTITY, GELU = range(6)
"""Numbers of the activations: flags of kernels, not types, so one compilation serves all."""


@inlined
def activate(values: Any, kind: int) -> None:
    """Replace values by s of them; sigmoids become as small as a number can be."""
    one = values.dtype.type(1)
    if kind == SILU:
        for j in range(len(values)):
            values[j] *= sigmoid_from(values[j], exp_down_to_zero(-abs(values[j])), one)
    elif kind == GELU:
        for j in range(len(values)):
            x = within_tail(abs(values[j]))
            tail = upper_tail(x, bell(x))
            values[j] = fma(-x, tail, values[j] if values[j] > 0 else one - one)
    else:
        squash(values, kind)


@inlined
def squash(values: Any, kind: int) -> None:
    """Replace values by s of them, whose slope follows from s(a)."""
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


@inlined
def activate_with_slopes(values: Any, slopes: Any, kind: int) -> None:
    """Replace values a by s(a), and `slopes` by s'(a), which does not follow from s(a)."""
    one = values.dtype.type(1)
    if kind == SILU:
        for j in range(len(values)):
            a = values[j]
            share = sigmoid_from(a, exp_down_to_zero(-abs(a)), one)
            values[j] = a * share
            slopes[j] = share + a * share * (one - share)
    elif kind == GELU:
        height = values.dtype.type(_HEIGHT)
        for j in range(len(values)):
            a = values[j]
            x = within_tail(abs(a))
            e = bell(x)
            tail = upper_tail(x, e)
            values[j] = fma(-x, tail, a if a > 0 else one - one)
            slopes[j] = (one - tail if a >= 0 else tail) + height * e * (x if a >= 0 else -x)


@inlined
def activated(a: Any, kind: int, one: Any) -> Any:
    """Return s(a) of the sigmoid, tanh or ReLU; `one` is 1 of the type of `a`."""
    if kind == RELU:
        return one - one if a < 0 else a  # NaN stays NaN
    if kind == TANH:
        return tangent(a)
    return sigmoid_from(a, exp_of_negative(-abs(a)), one)


@inlined
def slope(h: Any, kind: int, one: Any) -> Any:
    """Return s'(a) in terms of h = s(a)."""
    if kind == RELU:
        return one if h > 0 else one - one
    if kind == TANH:
        return one - h * h
    return h * (one - h)
