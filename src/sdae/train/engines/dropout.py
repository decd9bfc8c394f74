"""Dropout in torch: which components stay, from the noise that all engines draw alike.

Axes: B samples, N components.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.kinds.draws import draws_on
from sdae.core.randomness import NoiseKey, threshold


def kept(like: Tensor, level: float, key: NoiseKey, samples: NDArray[np.int64]) -> Tensor:
    """Return 0 with probability `level` and 1 elsewhere, of shape (B, N) and of `like`'s type."""
    dropped = draws_on(like.device, key, samples).below(like.shape[1], threshold(level))  # (B, N)
    return dropped.logical_not_().to(like)
