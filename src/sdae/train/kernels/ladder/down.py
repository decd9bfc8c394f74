"""The way down, and its gradients: normalisation and the Gaussian combinator.

::

    μ = a₁ σ(a₂ u + a₃) + a₄ u + a₅      v = a₆ σ(a₇ u + a₈) + a₉ u + a₁₀      ẑ = (z̃ − μ) v + μ

A call does some columns of a layer, from `c0` on; what belongs to these columns alone begins at
column 0. Axes: U unlabelled rows, c columns of the call, d units of the layer.
"""

import numpy as np
from numpy.typing import NDArray

from sdae.train.kernels.compiling import inlined, kernel
from sdae.train.kernels.elementary import exp_of_negative, sigmoid_from
from sdae.train.kernels.ladder.columns import WIDTH, measure

Real = NDArray[np.float32]

_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)


@kernel
def combine(
    u: Real, z_tilde: Real, a: Real, c0: int, normal: Real, scale: Real, estimate: Real
) -> None:
    """Normalise u, (U, c), and estimate the layer.

    Parameters
    ----------
    z_tilde : (U, d)
    a : (10, d)
        Coefficients.
    normal : (U, d)
        Out: u normalised.
    scale : (d,)
        Out: the factor of the normalisation.
    estimate : (U, d)
        Out: ẑ.
    """
    mean = np.empty(WIDTH, np.float32)
    for b in range(0, u.shape[1], WIDTH):
        n = min(WIDTH, u.shape[1] - b)
        c = c0 + b
        m, r, k = mean[:n], scale[c : c + n], a[:, c : c + n]
        measure(u, 0, len(u), b, m, r)
        for i in range(len(u)):
            row, values = u[i, b : b + n], normal[i, c : c + n]
            noisy, out = z_tilde[i, c : c + n], estimate[i, c : c + n]
            for j in range(n):
                v = (row[j] - m[j]) * r[j]
                values[j] = v
                first = _sigmoid(k[1, j] * v + k[2, j])
                second = _sigmoid(k[6, j] * v + k[7, j])
                mu = k[0, j] * first + k[3, j] * v + k[4, j]
                factor = k[5, j] * second + k[8, j] * v + k[9, j]
                out[j] = (noisy[j] - mu) * factor + mu


@kernel
def slope_of_combine(
    gradient: Real,
    normal: Real,
    scale: Real,
    z_tilde: Real,
    a: Real,
    c0: int,
    onto_a: Real,
    onto_z_tilde: Real,
    onto_u: Real,
) -> None:
    """Carry the gradient with respect to ẑ, (U, c), through the combinator and normalisation.

    Parameters
    ----------
    normal, scale, z_tilde, a
        As :func:`combine` had and left them.
    onto_a : (10, d)
        Out: the gradient of the coefficients.
    onto_z_tilde : (U, d)
        Out: the gradient with respect to z̃.
    onto_u : (U, d)
        Out: the gradient with respect to u, before normalisation.
    """
    first_sum, second_sum = np.empty(WIDTH, np.float32), np.empty(WIDTH, np.float32)
    share = _ONE / np.float32(len(gradient))
    for b in range(0, gradient.shape[1], WIDTH):
        n = min(WIDTH, gradient.shape[1] - b)
        c = c0 + b
        k, out = a[:, c : c + n], onto_a[:, c : c + n]
        out[:] = _ZERO
        first_sum[:n] = _ZERO
        second_sum[:n] = _ZERO
        for i in range(len(gradient)):
            row, values = gradient[i, b : b + n], normal[i, c : c + n]
            noisy, across = z_tilde[i, c : c + n], onto_z_tilde[i, c : c + n]
            down = onto_u[i, c : c + n]
            for j in range(n):
                v, g = values[j], row[j]
                first = _sigmoid(k[1, j] * v + k[2, j])
                second = _sigmoid(k[6, j] * v + k[7, j])
                mu = k[0, j] * first + k[3, j] * v + k[4, j]
                factor = k[5, j] * second + k[8, j] * v + k[9, j]
                of_factor = g * (noisy[j] - mu)
                of_mu = g - g * factor
                across[j] = g * factor
                bent = of_mu * first * (_ONE - first)
                bent_too = of_factor * second * (_ONE - second)
                out[0, j] += of_mu * first
                out[1, j] += bent * v
                out[2, j] += bent
                out[3, j] += of_mu * v
                out[4, j] += of_mu
                out[5, j] += of_factor * second
                out[6, j] += bent_too * v
                out[7, j] += bent_too
                out[8, j] += of_factor * v
                out[9, j] += of_factor
                onto = (of_mu * k[3, j] + bent * k[0, j] * k[1, j]) + (
                    of_factor * k[8, j] + bent_too * k[5, j] * k[6, j]
                )
                down[j] = onto
                first_sum[j] += onto
                second_sum[j] += onto * v
        for j in range(n):
            out[1, j] *= k[0, j]
            out[2, j] *= k[0, j]
            out[6, j] *= k[5, j]
            out[7, j] *= k[5, j]
            first_sum[j] *= share
            second_sum[j] *= share
        r = scale[c : c + n]
        for i in range(len(gradient)):
            values, down = normal[i, c : c + n], onto_u[i, c : c + n]
            for j in range(n):
                down[j] = r[j] * (down[j] - first_sum[j] - values[j] * second_sum[j])


@kernel
def input_cost(estimate: Real, x: Real, factor: float, c0: int, gradient: Real) -> float:
    """Return factor Σ (ẑ − x)², and put its gradient into `gradient`: (U, d), (U, d) -> (U, c)."""
    n = gradient.shape[1]
    total = 0.0
    double = _TWO * factor
    for i in range(len(gradient)):
        values, clean, out = estimate[i, c0 : c0 + n], x[i, c0 : c0 + n], gradient[i]
        squares = _ZERO
        for j in range(n):
            off = values[j] - clean[j]
            squares += off * off
            out[j] = double * off
        total += squares
    return factor * total


@kernel
def layer_cost(
    estimate: Real,
    z: Real,
    mean: Real,
    scale: Real,
    factor: float,
    c0: int,
    gradient: Real,
    onto_clean: Real,
) -> float:
    """Return factor Σ e² for e = (ẑ − m) / √(s + ε) − z, and its gradients.

    Parameters
    ----------
    estimate, z : (U, d)
        ẑ, and z of the clean way up.
    mean, scale : (d,)
        m and 1 / √(s + ε) of the clean way up.
    gradient : (U, c)
        Changed: the gradient with respect to ẑ is added.
    onto_clean : (U, d)
        Out: the gradient with respect to the clean values before normalisation, as far as they
        occur in e itself and in its scale.
    """
    n = gradient.shape[1]
    squares = np.zeros(n, np.float32)
    double, share = _TWO * factor, _ONE / np.float32(len(gradient))
    r, m = scale[c0 : c0 + n], mean[c0 : c0 + n]
    for i in range(len(gradient)):
        values, clean = estimate[i, c0 : c0 + n], z[i, c0 : c0 + n]
        out, onto = gradient[i], onto_clean[i, c0 : c0 + n]
        for j in range(n):
            e = (values[j] - m[j]) * r[j] - clean[j]
            squares[j] += e * e
            slope = double * e * r[j]
            out[j] += slope
            onto[j] = -slope
    for i in range(len(gradient)):
        clean, onto = z[i, c0 : c0 + n], onto_clean[i, c0 : c0 + n]
        for j in range(n):
            onto[j] -= double * share * r[j] * squares[j] * clean[j]
    total = 0.0
    for j in range(n):
        total += squares[j]
    return factor * total


@inlined
def _sigmoid(a: np.float32) -> np.float32:
    return sigmoid_from(a, exp_of_negative(-abs(a)), _ONE)
