"""Dropout in torch: which components stay, from the noise that all engines draw alike.

Axes: B samples, N components.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.randomness import NoiseKey, random_bits, threshold


def kept(like: Tensor, level: float, key: NoiseKey, samples: NDArray[np.int64]) -> Tensor:
    """Return 0 with probability `level` and 1 elsewhere, of shape (B, N) and of `like`'s type."""
    stays = random_bits(key, samples, like.shape[1]) >= np.uint64(threshold(level))  # (B, N)
    return torch.from_numpy(stays).to(like)
