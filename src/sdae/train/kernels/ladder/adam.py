"""Adam's step on a block of a parameter, as PyTorch's (Kingma and Ba 2015)."""

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import kernel

Real = NDArray[np.float32]

_BETA_2, _EPSILON = np.float32(0.999), np.float32(1e-8)
_REST_1, _REST_2 = np.float32(0.1), np.float32(0.001)


@kernel
def adam(
    parameter: Real, gradient: Real, mean: Real, square: Real, rate: np.float32, root: np.float32
) -> None:
    """Update a parameter and its moments, all (m, n), in place.

    `rate` is the learning rate over 1 − β₁ᵗ, and `root` is √(1 − β₂ᵗ), at step t.
    """
    for i in range(len(parameter)):
        p, g, m, v = parameter[i], gradient[i], mean[i], square[i]
        for j in range(len(p)):
            slope = g[j]
            m[j] += _REST_1 * (slope - m[j])
            v[j] = _BETA_2 * v[j] + _REST_2 * slope * slope
            p[j] -= rate * m[j] / (np.sqrt(v[j]) / root + _EPSILON)
