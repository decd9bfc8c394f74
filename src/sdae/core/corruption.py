"""Corruption: q(x_tilde given x), and the components drawn.

The noises are in :mod:`sdae.core.kinds.noises`, and exported from here.

>>> from sdae.corruption import GaussianNoise, MaskingNoise, parse_noise
>>> parse_noise("masking:0.3") == parse_noise(0.3) == MaskingNoise(0.3)
True
>>> print(MaskingNoise(0.25, exact=True), GaussianNoise(0.1))
masking:0.25:exact gaussian:0.1
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.kinds.corrupted import EACH_COMPONENT, Columns, Corrupted, Donors, OfBatch
from sdae.core.kinds.draws import Draws, draws_on
from sdae.core.kinds.noises import (
    GaussianNoise,
    MaskingNoise,
    Noise,
    SaltAndPepperNoise,
    SwapNoise,
    parse_noise,
)
from sdae.core.randomness import NoiseKey

__all__ = [
    "Corrupted",
    "GaussianNoise",
    "MaskingNoise",
    "Noise",
    "SaltAndPepperNoise",
    "SwapNoise",
    "corrupt",
    "corrupt_by",
    "parse_noise",
]


def corrupt(
    x: Tensor,
    noise: Noise,
    key: NoiseKey,
    samples: NDArray[np.int64],
    donors: Donors | None = None,
    columns: Columns = EACH_COMPONENT,
) -> Corrupted:
    """Corrupt a batch.

    Parameters
    ----------
    x : Tensor, shape (B, V)
        The clean input. It is never changed.
    noise : MaskingNoise, SaltAndPepperNoise, GaussianNoise or SwapNoise
        How to corrupt it.
    key : NoiseKey
        Seed, stream, layer and epoch of the noise.
    samples : ndarray of int64, shape (B,)
        The number of each row in its data set: a row's noise depends on it, not on the batch.
    donors : Donors or None
        The rows that swapped values come from. None: the rows of the batch.
    columns : Columns
        What is drawn together: each component by itself, or the columns of a table
        (:mod:`sdae.core.blocks`).

    Returns
    -------
    Corrupted
        `x_tilde` and the components drawn.
    """
    if noise.level == 0:
        return Corrupted(x, None)
    return corrupt_by(x, noise, draws_on(x.device, key, samples), donors, columns)


def corrupt_by(
    x: Tensor,
    noise: Noise,
    draws: Draws,
    donors: Donors | None = None,
    columns: Columns = EACH_COMPONENT,
) -> Corrupted:
    """Corrupt a batch, (B, V), by random numbers that the caller has; see :func:`corrupt`."""
    if noise.level == 0:
        return Corrupted(x, None)
    return noise.corrupt(x, draws, OfBatch(x) if donors is None else donors, columns)
