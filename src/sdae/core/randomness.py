"""One seed, many independent streams: noise and order as functions of where they are needed.

Nothing here keeps a state. The order of an epoch follows from (seed, stage, epoch, layer), and the
noise of a sample from (seed, stream, layer, epoch, sample): so training can be resumed, sharded or
replayed anywhere, and every engine draws the same noise.

Noise comes from a counter-based generator (Salmon et al. 2011, "Parallel random numbers: as easy as
1, 2, 3"): the value at a position is a hash of the position. The hash is the output function of
SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators"), a
bijection of 64-bit words that passes the usual batteries in counter mode.

Axes: B samples, N components.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import invalid_parameter

GOLDEN, MIX_1, MIX_2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""The increment and the factors of SplitMix64."""

_WORD = (1 << 64) - 1


class Stream(IntEnum):
    """The purpose of random numbers. Each purpose has a stream of its own."""

    INITIALISATION = 1
    PRETRAINING_ORDER = 2
    FINETUNING_ORDER = 3
    CORRUPTION = 4
    DROPOUT = 5
    MODULE_CORRUPTION = 6
    STEP_CORRUPTION = 7
    SPLIT = 8
    IMPUTATION = 9
    LABELLED_ORDER = 10
    UNLABELLED_ORDER = 11
    LADDER_LABELLED = 12
    LADDER_UNLABELLED = 13
    CONSISTENCY = 14


@dataclass(frozen=True)
class NoiseKey:
    """Where noise is needed: all of its coordinates but the sample and the component."""

    seed: int
    stream: Stream
    layer: int = 0
    epoch: int = 0


def check_seed(seed: object, caller: str) -> int:
    """Return `seed` as an int.

    Raises
    ------
    InvalidParameterError
        If it is not an integer in [0, 2⁶⁴).
    """
    integer = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not integer or not 0 <= int(str(seed)) <= _WORD:
        raise invalid_parameter("seed", caller, "an integer in [0, 2**64)", seed)
    return int(str(seed))


def generator(key: NoiseKey, *parts: int) -> np.random.Generator:
    """Return a fresh NumPy generator for `key`: for initial weights and orders, not for noise.

    With `parts`, such as the number of a window, it is another one for each of them.
    """
    numbers = (key.seed, int(key.stream), key.layer, key.epoch)
    words = np.array([word for number in numbers for word in _words(number)], np.uint32)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words, spawn_key=parts)))


def visiting_order(key: NoiseKey, n_samples: int) -> NDArray[np.int64]:
    """Return a permutation of the samples, (n_samples,), that depends on `key` alone."""
    return generator(key).permutation(n_samples).astype(np.int64, copy=False)


def random_bits(key: NoiseKey, samples: NDArray[np.int64], n_components: int) -> NDArray[np.uint32]:
    """Draw 32 random bits for each component of each sample.

    Parameters
    ----------
    key : NoiseKey
        Seed, stream, layer and epoch.
    samples : ndarray of int64, shape (B,)
        Number of each sample in the data set (not its position in the batch).
    n_components : int
        N, components per sample.

    Returns
    -------
    ndarray of uint32, shape (B, N)
        Row i depends on `key` and ``samples[i]`` only, not on the rest of the batch.
    """
    n_words = (n_components + 1) // 2
    starts = row_hashes(key, samples)
    steps = np.arange(1, n_words + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    words = _mix(starts[:, None] + steps)  # (B, 1) + (N/2,) -> (B, N/2)
    return words.astype("<u8", copy=False).view("<u4")[:, :n_components]  # low half first


def row_hashes(key: NoiseKey, samples: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the hash from which the random bits of each sample follow, (B,)."""
    return _mix(samples.astype(np.uint64) * np.uint64(GOLDEN) + np.uint64(hash_key(key)))


def standard_normal(
    key: NoiseKey, samples: NDArray[np.int64], n_components: int
) -> NDArray[np.float64]:
    """Draw a standard normal value for each component of each sample (Box and Muller 1958).

    Parameters
    ----------
    key, samples, n_components
        As in :func:`random_bits`.

    Returns
    -------
    ndarray of float64, shape (B, N)
        Component 2j is r cos θ and component 2j + 1 is r sin θ of the pair's radius and angle.
    """
    n_pairs = (n_components + 1) // 2
    bits = random_bits(key, samples, 2 * n_pairs).astype(np.float64)  # (B, 2 pairs)
    radius = np.sqrt(-2.0 * np.log((bits[:, 0::2] + 0.5) * 2.0**-32))  # (B, pairs), never log 0
    angle = bits[:, 1::2] * (2.0 * np.pi * 2.0**-32)
    normal = np.empty((len(samples), 2 * n_pairs))
    np.multiply(radius, np.cos(angle), out=normal[:, 0::2])
    np.multiply(radius, np.sin(angle), out=normal[:, 1::2])
    return normal[:, :n_components]


def threshold(probability: float) -> int:
    """Return t such that a 32-bit word is below t with `probability` (to 2⁻³²).

    It may be 2³², so compare arrays of words with it as ``np.uint64``: some releases of NumPy
    before 2.3 crash when a Python number is outside the range of the array's type.
    """
    return round(probability * 2.0**32)


def hash_key(key: NoiseKey) -> int:
    """Fold the coordinates of a key into one 64-bit word, each through the mixing function."""
    word = 0
    for coordinate in (key.seed, int(key.stream), key.layer, key.epoch):
        word = ((word ^ coordinate) + GOLDEN) & _WORD
        word = ((word ^ (word >> 30)) * MIX_1) & _WORD
        word = ((word ^ (word >> 27)) * MIX_2) & _WORD
        word ^= word >> 31
    return word


def _words(number: int) -> tuple[int, ...]:
    """Return a number below 2⁶⁴ as NumPy's seeds hold it: 32 bits each, those above if not 0.

    It would do so itself, but takes longer than for all else that an order needs.
    """
    low, high = number & 0xFFFFFFFF, number >> 32
    return (low, high) if high else (low,)


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Apply SplitMix64's output function to `words`, in place, and return them."""
    words ^= words >> np.uint64(30)
    words *= np.uint64(MIX_1)
    words ^= words >> np.uint64(27)
    words *= np.uint64(MIX_2)
    words ^= words >> np.uint64(31)
    return words
