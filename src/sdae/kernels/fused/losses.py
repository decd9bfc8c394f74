"""Losses of a sample and their slopes: what the decoder computed becomes δ = ∂L/∂a, in place.

Each works on columns `first` to `last`, (V,) arrays, and returns their share of the loss.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdae.kernels.fused.compiling import kernel
from sdae.kernels.fused.elementary import exp_of_negative, sigmoid_from

Real = NDArray[np.floating]

_CHUNK = 512


@kernel
def cross_entropy(delta: Real, x: Real, first: int, last: int) -> float:
    """Turn logits a into δ = x̂ − x, in place; return Σ max(a, 0) − a x + log(1 + exp(−|a|)).

    The logarithms are taken of products of up to 512 factors, each in [1, 2], in float64.
    """
    one, zero = delta.dtype.type(1), delta.dtype.type(0)
    cost = 0.0
    for start in range(first, last, _CHUNK):
        linear, product = zero, 1.0
        for j in range(start, min(start + _CHUNK, last)):
            a = delta[j]
            e = exp_of_negative(-abs(a))
            linear += (a if a > zero else zero) - a * x[j]
            product *= np.float64(one + e)
            delta[j] = sigmoid_from(a, e, one) - x[j]
        cost += np.float64(linear) + math.log(product)
    return cost


@kernel
def weighted_cross_entropy(delta: Real, x: Real, emphasis: Real, first: int, last: int) -> float:
    """As :func:`cross_entropy`, each component with a weight of its own."""
    one, zero = delta.dtype.type(1), delta.dtype.type(0)
    cost = 0.0
    for j in range(first, last):
        a = delta[j]
        e = exp_of_negative(-abs(a))
        linear = (a if a > zero else zero) - a * x[j]
        cost += np.float64(emphasis[j]) * (np.float64(linear) + math.log1p(np.float64(e)))
        delta[j] = emphasis[j] * (sigmoid_from(a, e, one) - x[j])
    return cost


@kernel
def squared_error(delta: Real, x: Real, first: int, last: int) -> float:
    """Turn x̂ = a into δ = 2 (x̂ − x), in place; return Σ (x̂ − x)²."""
    cost = delta.dtype.type(0)
    for j in range(first, last):
        error = delta[j] - x[j]
        cost += error * error
        delta[j] = error + error
    return np.float64(cost)


@kernel
def weighted_squared_error(delta: Real, x: Real, emphasis: Real, first: int, last: int) -> float:
    """As :func:`squared_error`, each component with a weight of its own."""
    cost = delta.dtype.type(0)
    for j in range(first, last):
        error = delta[j] - x[j]
        weighted = emphasis[j] * error
        cost += weighted * error
        delta[j] = weighted + weighted
    return np.float64(cost)
