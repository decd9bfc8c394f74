"""The cost of a ladder once more, in NumPy, from the equations of the paper.

Rasmus et al. 2015, algorithm 1. Samples are rows. Nothing here knows the package but the names of
its parameters. Axes: B samples, d_k units at depth k.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]

FLOOR = 1e-6


def sigmoid(a: Real) -> Real:
    return 1 / (1 + np.exp(-a))


def softmax(a: Real) -> Real:
    e = np.exp(a - a.max(axis=1, keepdims=True))
    probabilities: Real = e / e.sum(axis=1, keepdims=True)
    return probabilities


def encoder(
    p: Mapping[str, Real], x: Real, noise: Sequence[Real], sigmas: Sequence[float]
) -> tuple[list[Real], list[Real], list[Real], Real]:
    """Return z, the means and the deviations of each depth, and the logits."""
    n_layers = len(noise) - 1
    z, means, deviations = [x + sigmas[0] * noise[0]], [np.zeros(1)], [np.ones(1)]
    h = z[0]
    for layer in range(n_layers):
        a = h @ p[f"layers.{layer}.weight"].T
        mean = a.mean(axis=0)
        deviation = np.sqrt(((a - mean) ** 2).mean(axis=0) + FLOOR)
        z.append((a - mean) / deviation + sigmas[layer + 1] * noise[layer + 1])
        means.append(mean)
        deviations.append(deviation)
        h = np.maximum(z[-1] + p[f"layers.{layer}.bias"], 0)
    logits = p["gain"] * (z[-1] + p[f"layers.{n_layers - 1}.bias"])
    return z, means, deviations, logits


def combinator(a: Real, u: Real, z_tilde: Real) -> Real:
    mu = a[0] * sigmoid(a[1] * u + a[2]) + a[3] * u + a[4]
    v = a[5] * sigmoid(a[6] * u + a[7]) + a[8] * u + a[9]
    estimate: Real = (z_tilde - mu) * v + mu
    return estimate


def labels_cost(
    p: Mapping[str, Real],
    x: Real,
    y: NDArray[np.int64],
    noise: Sequence[Real],
    sigmas: Sequence[float],
    weights: Real,
) -> float:
    logits = encoder(p, x, noise, sigmas)[3]
    return float(np.mean(-np.log(softmax(logits)[np.arange(len(y)), y]) * weights))


def reconstruction_cost(
    p: Mapping[str, Real],
    x: Real,
    noise: Sequence[Real],
    sigmas: Sequence[float],
    factors: Sequence[float],
) -> float:
    silence = [np.zeros_like(each) for each in noise]
    clean, means, deviations, _ = encoder(p, x, silence, sigmas)
    noisy, _, _, logits = encoder(p, x, noise, sigmas)
    u, total = softmax(logits), 0.0
    for depth in reversed(range(len(noise))):
        u = (u - u.mean(axis=0)) / np.sqrt(u.var(axis=0) + FLOOR)
        estimate = combinator(p[f"laterals.{depth}.coefficients"], u, noisy[depth])
        scaled = (estimate - means[depth]) / deviations[depth]
        total += factors[depth] * float(np.mean((scaled - clean[depth]) ** 2))
        if depth:
            u = estimate @ p[f"layers.{depth - 1}.decoder_weight"].T
    return total
