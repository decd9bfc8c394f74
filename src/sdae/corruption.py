"""Corruption: q(x_tilde given x), and which components it drew.

The values that name a noise are defined in :mod:`sdae.specs` and exported from here; this module
says what they do. Which components are drawn is decided by the counter-based bits of
:mod:`sdae.randomness`, in NumPy, so every engine and device sees the same noise.

Axes: B samples, V components.

>>> from sdae.corruption import GaussianNoise, MaskingNoise, parse_noise
>>> parse_noise("masking:0.3") == parse_noise(0.3) == MaskingNoise(0.3)
True
>>> print(MaskingNoise(0.25, exact=True), GaussianNoise(0.1))
masking:0.25:exact gaussian:0.1

Sources: Vincent, Larochelle, Bengio and Manzagol, "Extracting and composing robust features with
denoising autoencoders" (ICML 2008); Vincent, Larochelle, Lajoie, Bengio and Manzagol, "Stacked
denoising autoencoders" (JMLR 11, 2010), section 3.3.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.randomness import NoiseKey, random_bits, standard_normal, threshold
from sdae.specs import GaussianNoise, MaskingNoise, Noise, SaltAndPepperNoise, parse_noise

__all__ = [
    "Corrupted",
    "GaussianNoise",
    "MaskingNoise",
    "Noise",
    "SaltAndPepperNoise",
    "corrupt",
    "parse_noise",
]


class Corrupted(NamedTuple):
    """A corrupted batch.

    Attributes
    ----------
    x_tilde : Tensor, shape (B, V)
        The corrupted input; `x` itself, not a copy, where nothing is corrupted.
    drawn : Tensor of bool, shape (B, V), or None
        The components drawn for corruption, changed or not. None where the noise draws none in
        particular: Gaussian noise (it touches all), or level 0.
    """

    x_tilde: Tensor
    drawn: Tensor | None


def corrupt(x: Tensor, noise: Noise, key: NoiseKey, samples: NDArray[np.int64]) -> Corrupted:
    """Corrupt a batch.

    Parameters
    ----------
    x : Tensor, shape (B, V)
        The clean input. It is never changed.
    noise : MaskingNoise, SaltAndPepperNoise or GaussianNoise
        What to do to it.
    key : NoiseKey
        Seed, stream, layer and epoch of the noise.
    samples : ndarray of int64, shape (B,)
        The number of each row in its data set: a row's noise depends on it, not on the batch.

    Returns
    -------
    Corrupted
        `x_tilde` and the components drawn.
    """
    if noise.level == 0:
        return Corrupted(x, None)
    match noise:
        case MaskingNoise():
            drawn = _on_device(_masked(noise, key, samples, x.shape[1]), x)  # (B, V)
            return Corrupted(x.masked_fill(drawn, 0.0), drawn)
        case SaltAndPepperNoise():
            bits = random_bits(key, samples, x.shape[1])  # (B, V)
            # 31 bits say whether a component is drawn; the lowest one is the coin.
            drawn = _on_device((bits >> np.uint32(1)) < np.uint64(threshold(noise.level) >> 1), x)
            salt = _on_device((bits & np.uint32(1)).astype(bool), x)
            peppered = x.masked_fill(drawn & ~salt, noise.low)
            return Corrupted(peppered.masked_fill(drawn & salt, noise.high), drawn)
        case GaussianNoise():
            normal = standard_normal(key, samples, x.shape[1]) * noise.std  # (B, V)
            return Corrupted(x + _on_device(normal, x).to(x.dtype), None)


def _masked(
    noise: MaskingNoise, key: NoiseKey, samples: NDArray[np.int64], n_visible: int
) -> NDArray[np.bool_]:
    """Draw the components to zero, (B, V)."""
    bits = random_bits(key, samples, n_visible)
    if not noise.exact:
        return bits < np.uint64(threshold(noise.level))
    n_masked = round(noise.level * n_visible)
    # Ranks of random words choose a uniform subset; the column breaks ties, so it is unique.
    ranks = np.argsort(bits, axis=1, kind="stable")[:, :n_masked]  # (B, n_masked)
    drawn = np.zeros(bits.shape, dtype=bool)
    np.put_along_axis(drawn, ranks, True, axis=1)
    return drawn


def _on_device(array: NDArray[np.bool_] | NDArray[np.float64], x: Tensor) -> Tensor:
    tensor = torch.from_numpy(array)
    # MPS has no float64: narrow before the copy.
    if tensor.is_floating_point():
        tensor = tensor.to(x.dtype)
    return tensor.to(x.device, non_blocking=True)
