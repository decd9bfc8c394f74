"""What a noise draws for the rows of a batch, by NumPy or where the rows lie: with the same bits.

A noise asks for what it needs (which components are below a threshold, a coin beside it, ranks,
donors, normal values) and does not see who draws it.

Axes: B samples, N drawn things of a row.
"""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.device_randomness import (
    are_below,
    random_words,
    signed,
    standard_normal_words,
    unsigned,
)
from sdae.core.randomness import NoiseKey, hash_key, random_bits, standard_normal


class Draws(Protocol):
    """The random numbers of some samples, by their key."""

    @property
    def samples(self) -> Tensor:
        """The numbers of the samples, (B,)."""
        ...

    def below(self, n: int, limit: int) -> Tensor:
        """Return where 32 random bits are below a limit of at most 2³², (B, N)."""
        ...

    def below_with_coins(self, n: int, limit: int) -> tuple[Tensor, Tensor]:
        """Return where the upper 31 bits are below a limit, and the lowest bit, two (B, N)."""
        ...

    def exactly(self, n: int, count: int) -> Tensor:
        """Return a uniform subset of `count` of N things, (B, N)."""
        ...

    def below_with_numbers(self, n: int, limit: int, n_numbers: int) -> tuple[Tensor, Tensor]:
        """Return where bits are below a limit, and numbers below `n_numbers`, two (B, N)."""
        ...

    def normal(self, n: int, std: float, dtype: torch.dtype) -> Tensor:
        """Return normal values of a standard deviation, (B, N)."""
        ...


class HostDraws:
    """Drawn by NumPy.

    Parameters
    ----------
    key : NoiseKey
    samples : ndarray of int64, shape (B,)
    """

    def __init__(self, key: NoiseKey, samples: NDArray[np.int64]) -> None:
        self._key = key
        self._samples = samples

    @property
    def samples(self) -> Tensor:
        """The numbers of the samples, (B,)."""
        return torch.from_numpy(np.array(self._samples))

    def below(self, n: int, limit: int) -> Tensor:
        """Return where 32 random bits are below a limit of at most 2³², (B, N)."""
        return torch.from_numpy(self._bits(n) < np.uint64(limit))

    def below_with_coins(self, n: int, limit: int) -> tuple[Tensor, Tensor]:
        """Return where the upper 31 bits are below a limit, and the lowest bit, two (B, N)."""
        bits = self._bits(n)
        coins = (bits & np.uint32(1)).astype(bool)
        drawn = (bits >> np.uint32(1)) < np.uint64(limit)
        return torch.from_numpy(drawn), torch.from_numpy(coins)

    def exactly(self, n: int, count: int) -> Tensor:
        """Return a uniform subset of `count` of N things, (B, N)."""
        bits = self._bits(n)
        # Ranks of random words choose a uniform subset; the column breaks ties, so it is unique.
        ranks = np.argsort(bits, axis=1, kind="stable")[:, :count]  # (B, count)
        drawn = np.zeros(bits.shape, dtype=bool)
        np.put_along_axis(drawn, ranks, True, axis=1)
        return torch.from_numpy(drawn)

    def below_with_numbers(self, n: int, limit: int, n_numbers: int) -> tuple[Tensor, Tensor]:
        """Return where bits are below a limit, and numbers below `n_numbers`, two (B, N)."""
        bits = self._bits(2 * n)
        drawn = bits[:, :n] < np.uint64(limit)
        numbers = bits[:, n:].astype(np.uint64) * np.uint64(n_numbers) >> np.uint64(32)
        return torch.from_numpy(drawn), torch.from_numpy(numbers.astype(np.int64))

    def normal(self, n: int, std: float, dtype: torch.dtype) -> Tensor:
        """Return normal values of a standard deviation, (B, N)."""
        # MPS does not have float64, so they are converted before they go there.
        return torch.from_numpy(standard_normal(self._key, self._samples, n) * std).to(dtype)

    def _bits(self, n: int) -> NDArray[np.uint32]:
        return random_bits(self._key, self._samples, n)


class DeviceDraws:
    """Drawn by PyTorch where the numbers of the samples lie.

    Parameters
    ----------
    word : int or Tensor of int64, shape ()
        The hash of the key, as a signed integer.
    samples : Tensor of int64, shape (B,)
    """

    def __init__(self, word: int | Tensor, samples: Tensor) -> None:
        self._word = word
        self.samples = samples

    @classmethod
    def of(cls, key: NoiseKey, samples: NDArray[np.int64], device: torch.device) -> "DeviceDraws":
        """Return the draws of a key for samples, on a device."""
        return cls(signed(hash_key(key)), torch.from_numpy(np.array(samples)).to(device))

    def below(self, n: int, limit: int) -> Tensor:
        """Return where 32 random bits are below a limit of at most 2³², (B, N)."""
        return are_below(self._bits(n), limit)

    def below_with_coins(self, n: int, limit: int) -> tuple[Tensor, Tensor]:
        """Return where the upper 31 bits are below a limit, and the lowest bit, two (B, N)."""
        bits = self._bits(n)
        return are_below(bits, 2 * limit), (bits & 1).bool()

    def exactly(self, n: int, count: int) -> Tensor:
        """Return a uniform subset of `count` of N things, (B, N)."""
        bits = self._bits(n)
        if count == 0:
            return torch.zeros_like(bits, dtype=torch.bool)
        # The column breaks ties, so no two are equal.
        ranked = unsigned(bits) * n + torch.arange(n, device=bits.device)
        last = ranked.sort(dim=1).values[:, count - 1 : count]  # (B, 1)
        return ranked <= last

    def below_with_numbers(self, n: int, limit: int, n_numbers: int) -> tuple[Tensor, Tensor]:
        """Return where bits are below a limit, and numbers below `n_numbers`, two (B, N)."""
        bits = self._bits(2 * n)
        numbers = (unsigned(bits[:, n:]) * n_numbers) >> 32
        return are_below(bits[:, :n], limit), numbers

    def normal(self, n: int, std: float, dtype: torch.dtype) -> Tensor:
        """Return normal values of a standard deviation, (B, N)."""
        return (standard_normal_words(self._word, self.samples, n) * std).to(dtype)

    def _bits(self, n: int) -> Tensor:
        return random_words(self._word, self.samples, n)


def draws_on(device: torch.device, key: NoiseKey, samples: NDArray[np.int64]) -> Draws:
    """Return the draws of some samples for rows on a device: on CUDA they are made there."""
    if device.type == "cuda":
        return DeviceDraws.of(key, samples, device)
    return HostDraws(key, samples)
