"""Losses of a sample and their slopes: what the decoder computed becomes δ = ∂L/∂a, in place.

Each works on some columns, given as (C,) arrays of them, and returns their share of the loss.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined
from sdae.core.kernels.elementary import exp_of_negative, sigmoid_from

Real = NDArray[np.floating]

_CHUNK = 64


@inlined
def cross_entropy(delta: Real, x: Real) -> float:
    """Turn logits a into δ = x̂ − x, in place; return Σ max(a, 0) − a x + log(1 + exp(−|a|)).

    The logarithms are taken of products: of up to 64 factors, each in [1, 2], in the type of the
    weights, and of up to 8 of these products in float64.
    """
    one, zero = delta.dtype.type(1), delta.dtype.type(0)
    cost, product = 0.0, 1.0
    for chunk in range(-(-len(delta) // _CHUNK)):
        some = slice(chunk * _CHUNK, (chunk + 1) * _CHUNK)
        delta_of, x_of = delta[some], x[some]
        linear, factor = zero, one
        for j in range(len(delta_of)):
            a = delta_of[j]
            e = exp_of_negative(-abs(a))
            linear += (a if a > zero else zero) - a * x_of[j]
            factor *= one + e
            delta_of[j] = sigmoid_from(a, e, one) - x_of[j]
        cost += np.float64(linear)
        product *= np.float64(factor)
        if chunk % 8 == 7:
            cost += math.log(product)
            product = 1.0
    return cost + math.log(product)


@inlined
def weighted_cross_entropy(delta: Real, x: Real, emphasis: Real) -> float:
    """As :func:`cross_entropy`, each component with a weight of its own."""
    one, zero = delta.dtype.type(1), delta.dtype.type(0)
    cost = 0.0
    for j in range(len(delta)):
        a = delta[j]
        e = exp_of_negative(-abs(a))
        linear = (a if a > zero else zero) - a * x[j]
        cost += np.float64(emphasis[j]) * (np.float64(linear) + math.log1p(np.float64(e)))
        delta[j] = emphasis[j] * (sigmoid_from(a, e, one) - x[j])
    return cost


@inlined
def squared_error(delta: Real, x: Real) -> float:
    """Turn x̂ = a into δ = 2 (x̂ − x), in place; return Σ (x̂ − x)²."""
    cost = delta.dtype.type(0)
    for j in range(len(delta)):
        error = delta[j] - x[j]
        cost += error * error
        delta[j] = error + error
    return np.float64(cost)


@inlined
def weighted_squared_error(delta: Real, x: Real, emphasis: Real) -> float:
    """As :func:`squared_error`, each component with a weight of its own."""
    cost = delta.dtype.type(0)
    for j in range(len(delta)):
        error = delta[j] - x[j]
        weighted = emphasis[j] * error
        cost += weighted * error
        delta[j] = weighted + weighted
    return np.float64(cost)
