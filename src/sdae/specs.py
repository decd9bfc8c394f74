"""The kinds of choices and their texts, under the name that earlier versions had them."""

from sdae.core.kinds.activations import Activation
from sdae.core.kinds.decoders import Decoder, Emphasis, parse_emphasis
from sdae.core.kinds.noises import (
    GaussianNoise,
    MaskingNoise,
    Noise,
    SaltAndPepperNoise,
    SwapNoise,
    parse_noise,
)
from sdae.core.kinds.schedules import Schedule, parse_schedule
from sdae.core.kinds.text import parse_choice

__all__ = [
    "Activation",
    "Decoder",
    "Emphasis",
    "GaussianNoise",
    "MaskingNoise",
    "Noise",
    "SaltAndPepperNoise",
    "Schedule",
    "SwapNoise",
    "parse_choice",
    "parse_emphasis",
    "parse_noise",
    "parse_schedule",
]
