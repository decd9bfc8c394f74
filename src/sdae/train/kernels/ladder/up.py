"""The way up, and its gradients: normalisation, noise, non-linearity.

Samples are in three groups, each normalised by itself: labelled, unlabelled, and clean ones, of
which there may be none. ``groups`` (4,) are their bounds. Axes: R samples of all groups, U
unlabelled ones, p units of the call, d units of the layer.
"""

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import kernel
from sdae.train.kernels.ladder.normal import normal_pair
from sdae.train.kernels.ladder.rows import mean_of, scale_of, slope_of_normal

Real = NDArray[np.float32]
Ints = NDArray[np.int64]
Starts = NDArray[np.uint64]

CLEAN = 2
_ZERO = np.float32(0)


@kernel
def add_noise(x: Real, starts: Starts, sigma: np.float32, u0: int, h: Real) -> None:
    """Put x + σ n into `h`: (p, m) -> units of (d, R), for the m samples that `starts` (m,) has."""
    m = len(starts)
    words, radii = np.empty((2, m), np.uint32), np.empty(m, np.float32)
    noise = np.empty((2, m), np.float32)
    for u in range(len(x)):
        if u % 2 == 0:
            normal_pair(starts, u0 + u, words, radii, noise)
        row, out, drawn = x[u], h[u0 + u], noise[u % 2]
        for i in range(m):
            out[i] = row[i] + sigma * drawn[i]


@kernel
def normalise(
    a: Real,
    starts: Starts,
    sigma: np.float32,
    bias: Real,
    is_top: bool,
    groups: Ints,
    u0: int,
    z: Real,
    z_tilde: Real,
    h: Real,
    mean: Real,
    scale: Real,
) -> None:
    """Normalise units, add noise, and apply the non-linearity.

    Parameters
    ----------
    a : (p, R)
        Before normalisation.
    starts : (m,)
        Hashes for the noise of the samples that get noise, the first m.
    sigma : float
        Standard deviation of the noise.
    bias : (d,)
        β.
    is_top : bool
        The top is linear; h is z̃ + β there.
    z, h : (d, R)
        Out: normalised without noise; the values of the layer.
    z_tilde : (d, U)
        Out: z̃ of the unlabelled samples.
    mean, scale : (3, d)
        Out: the statistics of each group.
    """
    m = len(starts)
    words, radii = np.empty((2, m), np.uint32), np.empty(m, np.float32)
    noise, drawn = np.empty((2, m), np.float32), np.zeros(a.shape[1], np.float32)
    for u in range(len(a)):
        unit = u0 + u
        if u % 2 == 0:
            normal_pair(starts, unit, words, radii, noise)
        some = noise[u % 2]
        for i in range(m):
            drawn[i] = sigma * some[i]
        beta = bias[unit]
        for g in range(3):
            first, last = groups[g], groups[g + 1]
            if first == last:
                continue
            row, values = a[u, first:last], z[unit, first:last]
            out, added = h[unit, first:last], drawn[first:last]
            middle = mean_of(row)
            factor = scale_of(row, middle)
            mean[g, unit], scale[g, unit] = middle, factor
            for i in range(len(row)):
                values[i] = (row[i] - middle) * factor
            if g == 1:
                noisy = z_tilde[unit]
                for i in range(len(row)):
                    noisy[i] = values[i] + added[i]
            if is_top:
                for i in range(len(row)):
                    out[i] = values[i] + added[i] + beta
            else:
                for i in range(len(row)):
                    shifted = values[i] + added[i] + beta
                    out[i] = _ZERO if shifted < _ZERO else shifted  # NaN stays NaN


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
    u0: int,
    bias_gradient: Real,
    onto_a: Real,
) -> None:
    """Carry gradients through the non-linearity and the normalisation.

    Parameters
    ----------
    gradient : (p, R)
        With respect to the values h; changed.
    h, z, scale
        As :func:`normalise` left them.
    lateral : (d, U)
        The gradient with respect to z̃ that came across; it joins here.
    onto_clean : (d, clean samples)
        A gradient with respect to `a` of the clean samples that came across.
    bias_gradient : (d,)
        Out: the gradient of β.
    onto_a : (d, R)
        Out: the gradient with respect to `a`.
    """
    for u in range(len(gradient)):
        unit = u0 + u
        row, values = gradient[u], h[unit]
        if not is_top:
            for i in range(len(row)):
                row[i] = row[i] if values[i] > _ZERO else _ZERO
        total = _ZERO
        for i in range(len(row)):
            total += row[i]
        bias_gradient[unit] = total
        across, begin = lateral[unit], groups[1]
        for i in range(len(across)):
            row[begin + i] += across[i]
        for g in range(3):
            first, last = groups[g], groups[g + 1]
            if first < last:
                out = onto_a[unit, first:last]
                slope_of_normal(row[first:last], z[unit, first:last], scale[g, unit], out)
                if g == CLEAN:
                    more = onto_clean[unit]
                    for i in range(len(more)):
                        out[i] += more[i]
