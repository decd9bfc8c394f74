"""Corruption of a batch, and the noises: public names of :mod:`sdae.core.corruption`."""

from sdae.core.corruption import (
    Corrupted,
    GaussianNoise,
    MaskingNoise,
    Noise,
    SaltAndPepperNoise,
    SwapNoise,
    corrupt,
    parse_noise,
)

__all__ = [
    "Corrupted",
    "GaussianNoise",
    "MaskingNoise",
    "Noise",
    "SaltAndPepperNoise",
    "SwapNoise",
    "corrupt",
    "parse_noise",
]
