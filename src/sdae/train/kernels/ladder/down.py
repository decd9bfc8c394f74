"""The way down, and its gradients: normalisation, the Gaussian combinator, and the costs.

::

    μ = a₁ σ(a₂ u + a₃) + a₄ u + a₅      v = a₆ σ(a₇ u + a₈) + a₉ u + a₁₀      ẑ = (z̃ − μ) v + μ

Axes: U unlabelled samples, p units of the call, d units of the layer.
"""

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined, kernel
from sdae.core.kernels.elementary import exp_of_negative, sigmoid_from
from sdae.train.kernels.ladder.rows import mean_of, scale_of, slope_of_normal

Real = NDArray[np.float32]

_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)


@kernel
def combine(
    u: Real, z_tilde: Real, a: Real, u0: int, normal: Real, scale: Real, estimate: Real
) -> None:
    """Normalise u, (p, U), and estimate the layer.

    Parameters
    ----------
    z_tilde : (d, U)
    a : (10, d)
        Coefficients.
    normal : (d, U)
        Out: u normalised.
    scale : (d,)
        Out: the factor of the normalisation.
    estimate : (d, U)
        Out: ẑ.
    """
    for p in range(len(u)):
        unit = u0 + p
        row, values, noisy, out = u[p], normal[unit], z_tilde[unit], estimate[unit]
        a1, a2, a3, a4, a5 = a[0, unit], a[1, unit], a[2, unit], a[3, unit], a[4, unit]
        a6, a7, a8, a9, a10 = a[5, unit], a[6, unit], a[7, unit], a[8, unit], a[9, unit]
        mean = mean_of(row)
        factor = scale_of(row, mean)
        scale[unit] = factor
        for i in range(len(row)):
            v = (row[i] - mean) * factor
            values[i] = v
            mu = a1 * _sigmoid(a2 * v + a3) + a4 * v + a5
            share = a6 * _sigmoid(a7 * v + a8) + a9 * v + a10
            out[i] = (noisy[i] - mu) * share + mu


@kernel
def slope_of_combine(
    gradient: Real,
    normal: Real,
    scale: Real,
    z_tilde: Real,
    a: Real,
    u0: int,
    onto_a: Real,
    onto_z_tilde: Real,
    onto_u: Real,
) -> None:
    """Carry the gradient with respect to ẑ, (p, U), through the combinator and normalisation.

    Parameters
    ----------
    normal, scale, z_tilde, a
        As :func:`combine` had and left them.
    onto_a : (10, d)
        Out: the gradient of the coefficients.
    onto_z_tilde : (d, U)
        Out: the gradient with respect to z̃.
    onto_u : (d, U)
        Out: the gradient with respect to u, before normalisation.
    """
    n = gradient.shape[1]
    slopes = np.empty(n, np.float32)
    for p in range(len(gradient)):
        unit = u0 + p
        row, values, noisy = gradient[p], normal[unit], z_tilde[unit]
        across, down = onto_z_tilde[unit], onto_u[unit]
        a1, a2, a3, a4, a5 = a[0, unit], a[1, unit], a[2, unit], a[3, unit], a[4, unit]
        a6, a7, a8, a9, a10 = a[5, unit], a[6, unit], a[7, unit], a[8, unit], a[9, unit]
        g1 = g2 = g3 = g4 = g5 = _ZERO
        for i in range(n):  # of μ
            v, g = values[i], row[i]
            bent = _sigmoid(a7 * v + a8)
            share = a6 * bent + a9 * v + a10
            across[i] = g * share
            of_mu = g - g * share
            s = _sigmoid(a2 * v + a3)
            of_s = of_mu * s * (_ONE - s)
            g1 += of_mu * s
            g2 += of_s * v
            g3 += of_s
            g4 += of_mu * v
            g5 += of_mu
            slopes[i] = of_mu * a4 + of_s * a1 * a2
        onto_a[0, unit], onto_a[1, unit], onto_a[2, unit] = g1, g2 * a1, g3 * a1
        onto_a[3, unit], onto_a[4, unit] = g4, g5
        g1 = g2 = g3 = g4 = g5 = _ZERO
        for i in range(n):  # of v
            v = values[i]
            mu = a1 * _sigmoid(a2 * v + a3) + a4 * v + a5
            of_share = row[i] * (noisy[i] - mu)
            s = _sigmoid(a7 * v + a8)
            of_s = of_share * s * (_ONE - s)
            g1 += of_share * s
            g2 += of_s * v
            g3 += of_s
            g4 += of_share * v
            g5 += of_share
            slopes[i] += of_share * a9 + of_s * a6 * a7
        onto_a[5, unit], onto_a[6, unit], onto_a[7, unit] = g1, g2 * a6, g3 * a6
        onto_a[8, unit], onto_a[9, unit] = g4, g5
        slope_of_normal(slopes, values, scale[unit], down)


@kernel
def input_cost(estimate: Real, x: Real, factor: np.float32, u0: int, gradient: Real) -> float:
    """Return factor Σ (ẑ − x)², and put its gradient into `gradient`: (d, U), (p, U) -> (p, U)."""
    total, double = 0.0, _TWO * factor
    for p in range(len(x)):
        values, clean, out = estimate[u0 + p], x[p], gradient[p]
        squares = _ZERO
        for i in range(len(values)):
            off = values[i] - clean[i]
            squares += off * off
            out[i] = double * off
        total += float(squares)
    return float(factor) * total


@kernel
def layer_cost(
    estimate: Real,
    z: Real,
    mean: Real,
    scale: Real,
    factor: np.float32,
    u0: int,
    gradient: Real,
    onto_clean: Real,
) -> float:
    """Return factor Σ e² for e = (ẑ − m) / √(s + ε) − z, and its gradients.

    Parameters
    ----------
    estimate, z : (d, U)
        ẑ, and z of the clean way up.
    mean, scale : (d,)
        m and 1 / √(s + ε) of the clean way up.
    gradient : (p, U)
        Changed: the gradient with respect to ẑ is added.
    onto_clean : (d, U)
        Out: the gradient with respect to the clean values before normalisation, as far as they
        occur in e itself and in its scale.
    """
    total, double = 0.0, _TWO * factor
    for p in range(len(gradient)):
        unit = u0 + p
        values, clean, out, onto = estimate[unit], z[unit], gradient[p], onto_clean[unit]
        r, m = scale[unit], mean[unit]
        squares = _ZERO
        for i in range(len(values)):
            e = (values[i] - m) * r - clean[i]
            squares += e * e
            slope = double * e * r
            out[i] += slope
            onto[i] = -slope
        share = double * r * squares / np.float32(len(values))
        for i in range(len(values)):
            onto[i] -= share * clean[i]
        total += float(squares)
    return float(factor) * total


@inlined
def _sigmoid(a: np.float32) -> np.float32:
    s: np.float32 = sigmoid_from(a, exp_of_negative(-abs(a)), _ONE)  # type: ignore[arg-type]  # its twin for float32 is taken
    return s
