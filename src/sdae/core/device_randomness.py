"""The random numbers of :mod:`sdae.core.randomness`, drawn where a tensor lies, on a GPU above all.

Bits are to the byte those of NumPy. PyTorch has no unsigned words of 64 bits, so the same bits are
held as signed ones: sums and products wrap around alike, and a shift to the right is followed by a
mask. A normal value is computed from the same bits in float64, and agrees up to the rounding of
each device's logarithm, sine and cosine.

The hash of a key and the numbers of samples may be tensors: then they are data of a CUDA graph, and
not part of it.

Axes: B samples, N components.
"""

import math

import torch
from torch import Tensor

from sdae.core.randomness import GOLDEN, MIX_1, MIX_2

_LOW = (1 << 32) - 1
_SIGN = -(1 << 31)


def signed(word: int) -> int:
    """Return the integer whose 64 bits in two's complement are those of a word."""
    return word - (1 << 64) if word >= 1 << 63 else word


def random_words(word: int | Tensor, samples: Tensor, n_components: int) -> Tensor:
    """Draw 32 random bits for each component of each sample, as signed integers of 32 bits.

    Parameters
    ----------
    word : int or Tensor of int64, shape ()
        The hash of a key, :func:`signed`.
    samples : Tensor of int64, shape (B,)
        Number of each sample in the data set.
    n_components : int
        N, components per sample.

    Returns
    -------
    Tensor of int32, shape (B, N)
        The bits that :func:`sdae.core.randomness.random_bits` draws.
    """
    n_words = (n_components + 1) // 2
    starts = _mix(samples * signed(GOLDEN) + word)  # (B,)
    steps = torch.arange(1, n_words + 1, device=samples.device) * signed(GOLDEN)
    words = _mix(starts[:, None] + steps)  # (B, 1) + (N/2,) -> (B, N/2)
    return words.view(torch.int32)[:, :n_components]  # low half first, as CPUs and GPUs store them


def are_below(bits: Tensor, limit: int) -> Tensor:
    """Return where bits, as words without a sign, are below a limit of at most 2³²."""
    if limit > _LOW:
        return torch.ones_like(bits, dtype=torch.bool)
    return (bits ^ _SIGN) < limit + _SIGN  # the order of signed integers, moved by 2³¹


def unsigned(bits: Tensor) -> Tensor:
    """Return bits as integers from 0 to before 2³², in int64."""
    return bits.to(torch.int64) & _LOW


def standard_normal_words(word: int | Tensor, samples: Tensor, n_components: int) -> Tensor:
    """Draw a standard normal value for each component of each sample, in float64, (B, N).

    From the bits that :func:`sdae.core.randomness.standard_normal` takes, by the same formulas.
    """
    n_pairs = (n_components + 1) // 2
    bits = unsigned(random_words(word, samples, 2 * n_pairs)).double()  # (B, 2 pairs)
    radius = torch.sqrt(-2.0 * torch.log((bits[:, 0::2] + 0.5) * 2.0**-32))  # (B, pairs)
    angle = bits[:, 1::2] * (2.0 * math.pi * 2.0**-32)
    normal = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=2)
    return normal.flatten(1)[:, :n_components]  # (B, pairs, 2) -> (B, N)


def _mix(words: Tensor) -> Tensor:
    """Apply SplitMix64's output function to `words`, in place, and return them."""
    words ^= _shifted(words, 30)
    words *= signed(MIX_1)
    words ^= _shifted(words, 27)
    words *= signed(MIX_2)
    words ^= _shifted(words, 31)
    return words


def _shifted(words: Tensor, n_bits: int) -> Tensor:
    """Shift to the right, with zeros from the left."""
    shifted = words >> n_bits
    shifted &= (1 << (64 - n_bits)) - 1
    return shifted
