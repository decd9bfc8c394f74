"""A ladder in NumPy: the plain network that predicts as it does, and its reconstructions.

It goes with predict.py. Axes: n rows, d_k units at depth k, O outputs.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

FLOOR = 1e-6  # added to a variance before its root is taken
FARTHEST = 1e9  # standard deviations from the mean at which signals from above are clipped

Array = Any  # a numpy array


def folded(weights: dict[str, Array], n_hidden: int) -> dict[str, Array]:
    """Return the weights of the plain network, and the ladder's own, after `ladder.`."""
    plain = {name: weights[name] for name in weights if name.startswith("scaling.")}
    for k in range(n_hidden + 1):
        weight, bias, mean, variance = (
            weights[f"layers.{k}.{name}"].astype(np.float64)
            for name in ("weight", "bias", "mean", "variance")
        )
        scale = 1 / np.sqrt(variance + FLOOR)
        names = f"layers.{k}.weight", f"layers.{k}.hidden_bias"
        if k == n_hidden:
            scale, bias = scale * weights["gain"], bias * weights["gain"]
            names = "head.weight", "head.bias"
        dtype = weights["gain"].dtype
        plain[names[0]] = (weight * scale[:, None]).astype(dtype)
        plain[names[1]] = (bias - mean * scale).astype(dtype)
    return plain | {f"ladder.{name}": weights[name] for name in weights}


def reconstruct(
    weights: dict[str, Array],
    n_hidden: int,
    combinator: str,
    x: Array,
    predicted: Callable[[Array], Array],
    sigmoid: Callable[[Array], Array],
) -> Array:
    """Return the estimate of clean scaled rows, from all layers: (n, V) -> (n, V).

    `predicted` makes what the head predicts of its outputs, (n, O): probabilities, or values.
    """

    def own(name: str) -> Array:
        return weights[f"ladder.{name}"]

    def normal(a: Array, place: str) -> Array:
        return (a - own(f"{place}.mean")) / np.sqrt(own(f"{place}.variance") + FLOOR)

    z, h = [x], x
    for k in range(n_hidden + 1):
        z.append(normal(h @ own(f"layers.{k}.weight").T, f"layers.{k}"))  # (n, d_k)
        shifted = z[-1] + own(f"layers.{k}.bias")
        h = np.maximum(shifted, 0)
    u = predicted(own("gain") * shifted)
    for depth in range(n_hidden + 1, -1, -1):
        u = np.clip(normal(u, f"laterals.{depth}"), -FARTHEST, FARTHEST)
        u = COMBINATORS[combinator](u, z[depth], own(f"laterals.{depth}.coefficients"), sigmoid)
        if depth:
            u = u @ own(f"layers.{depth - 1}.decoder_weight").T  # (n, d_{k-1})
    return u


def gaussian(u: Array, z: Array, a: Array, sigmoid: Callable[[Array], Array]) -> Array:
    """Return (z - mu) v + mu, (n, d), where mu and v depend on u."""
    mu = a[0] * sigmoid(a[1] * u + a[2]) + a[3] * u + a[4]
    v = a[5] * sigmoid(a[6] * u + a[7]) + a[8] * u + a[9]
    return (z - mu) * v + mu


def augmented_mlp(u: Array, z: Array, a: Array, _: Callable[[Array], Array]) -> Array:
    """Return what a network of four hidden units makes of u, z and u z, (n, d)."""
    estimate = a[20]
    for unit in range(4):
        seen = a[unit] * u + a[4 + unit] * z + a[8 + unit] * (u * z) + a[12 + unit]
        estimate = estimate + a[16 + unit] * np.maximum(seen, 0.1 * seen)
    return estimate


COMBINATORS: dict[str, Callable[[Array, Array, Array, Callable[[Array], Array]], Array]] = {
    "gaussian": gaussian,
    "augmented_mlp": augmented_mlp,
}
