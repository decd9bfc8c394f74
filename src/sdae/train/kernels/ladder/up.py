"""The way up, and its gradients: normalisation, noise, non-linearity.

Rows are in three groups, each normalised by itself: labelled, unlabelled, and clean ones, of which
there may be none. ``groups`` (4,) are their bounds. A call does some columns of a layer, from `c0`
on; what belongs to these columns alone begins at column 0. Axes: R rows of all groups, U unlabelled
rows, c columns of the call, d units of the layer.
"""

import numpy as np
from numpy.typing import NDArray

from sdae.train.kernels.compiling import kernel
from sdae.train.kernels.ladder.columns import WIDTH, measure
from sdae.train.kernels.ladder.normal import normal_numbers

Real = NDArray[np.float32]
Ints = NDArray[np.int64]
Starts = NDArray[np.uint64]

CLEAN = 2
_ZERO, _ONE = np.float32(0), np.float32(1)


@kernel
def add_noise(x: Real, starts: Starts, sigma: float, c0: int, h: Real) -> None:
    """Put x + σ n into columns of `h`, (R, c) -> (R, d), of the rows that `starts`, (m,), has."""
    words = np.empty((2, WIDTH // 2), np.uint32)
    radii, noise = np.empty(WIDTH // 2, np.float32), np.empty(WIDTH, np.float32)
    for b in range(0, x.shape[1], WIDTH):
        n = min(WIDTH, x.shape[1] - b)
        for i in range(len(x)):
            row, out = x[i, b : b + n], h[i, c0 + b : c0 + b + n]
            if i >= len(starts):
                out[:] = row
                continue
            normal_numbers(starts[i], c0 + b, n, words, radii, noise)
            for j in range(n):
                out[j] = row[j] + sigma * noise[j]


@kernel
def normalise(
    a: Real,
    starts: Starts,
    sigma: float,
    bias: Real,
    is_top: bool,
    groups: Ints,
    c0: int,
    z: Real,
    z_tilde: Real,
    h: Real,
    mean: Real,
    scale: Real,
) -> None:
    """Normalise the columns, add noise, and apply the non-linearity.

    Parameters
    ----------
    a : (R, c)
        Before normalisation.
    starts : (m,)
        Hashes for the noise of the rows that get noise, the first m.
    sigma : float
        Standard deviation of the noise.
    bias : (d,)
        β.
    is_top : bool
        The top is linear; h is z̃ + β there.
    z, h : (R, d)
        Out: normalised without noise; the values of the layer.
    z_tilde : (U, d)
        Out: z̃ of the unlabelled rows.
    mean, scale : (3, d)
        Out: the statistics of each group.
    """
    words = np.empty((2, WIDTH // 2), np.uint32)
    radii, noise = np.empty(WIDTH // 2, np.float32), np.zeros(WIDTH, np.float32)
    for b in range(0, a.shape[1], WIDTH):
        n = min(WIDTH, a.shape[1] - b)
        c = c0 + b
        for g in range(3):
            first, last = groups[g], groups[g + 1]
            if first == last:
                continue
            m, r = mean[g, c : c + n], scale[g, c : c + n]
            measure(a, first, last, b, m, r)
            for i in range(first, last):
                noisy = i < len(starts)
                if noisy:
                    normal_numbers(starts[i], c, n, words, radii, noise)
                factor = sigma if noisy else _ZERO
                row, values, out = a[i, b : b + n], z[i, c : c + n], h[i, c : c + n]
                beta = bias[c : c + n]
                for j in range(n):
                    value = (row[j] - m[j]) * r[j]
                    values[j] = value
                    noise[j] = value + factor * noise[j]
                if g == 1:
                    z_tilde[i - first, c : c + n] = noise[:n]
                for j in range(n):
                    shifted = noise[j] + beta[j]
                    out[j] = shifted if is_top or not shifted < _ZERO else _ZERO


@kernel
def slope_of_normalise(
    gradient: Real,
    h: Real,
    is_top: bool,
    lateral: Real,
    onto_clean: Real,
    z: Real,
    scale: Real,
    groups: Ints,
    c0: int,
    bias_gradient: Real,
    onto_a: Real,
) -> None:
    """Carry gradients through the non-linearity and the normalisation.

    Parameters
    ----------
    gradient : (R, c)
        With respect to the values h; changed.
    h, z, scale
        As :func:`normalise` left them.
    lateral : (U, d)
        The gradient with respect to z̃ that came across; it joins here.
    onto_clean : (clean rows, d)
        A gradient with respect to `a` of the clean rows that came across.
    bias_gradient : (d,)
        Out: the gradient of β.
    onto_a : (R, d)
        Out: the gradient with respect to `a`.
    """
    first_sum, second_sum = np.empty(WIDTH, np.float32), np.empty(WIDTH, np.float32)
    for b in range(0, gradient.shape[1], WIDTH):
        n = min(WIDTH, gradient.shape[1] - b)
        c = c0 + b
        of_bias = bias_gradient[c : c + n]
        of_bias[:] = _ZERO
        for g in range(3):
            first, last = groups[g], groups[g + 1]
            if first == last:
                continue
            first_sum[:n] = _ZERO
            second_sum[:n] = _ZERO
            for i in range(first, last):
                row, values, normal = gradient[i, b : b + n], h[i, c : c + n], z[i, c : c + n]
                for j in range(n):
                    if not is_top:
                        row[j] = row[j] if values[j] > _ZERO else _ZERO
                    of_bias[j] += row[j]
                if g == 1:
                    across = lateral[i - first, c : c + n]
                    for j in range(n):
                        row[j] += across[j]
                for j in range(n):
                    first_sum[j] += row[j]
                    second_sum[j] += row[j] * normal[j]
            share = _ONE / np.float32(last - first)
            for j in range(n):
                first_sum[j] *= share
                second_sum[j] *= share
            r = scale[g, c : c + n]
            for i in range(first, last):
                row, normal = gradient[i, b : b + n], z[i, c : c + n]
                out = onto_a[i, c : c + n]
                for j in range(n):
                    out[j] = r[j] * (row[j] - first_sum[j] - normal[j] * second_sum[j])
                if g == CLEAN:
                    across = onto_clean[i - first, c : c + n]
                    for j in range(n):
                        out[j] += across[j]
