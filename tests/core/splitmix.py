"""SplitMix64 in plain Python integers, from its definition, and the noise the package makes of it.

Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
"""

import math
from collections.abc import Iterator

WORD = 2**64


def output(state: int) -> int:
    """The output function: two multiplications between three shifts."""
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % WORD
    return state ^ (state >> 31)


def splitmix64(seed: int) -> Iterator[int]:
    """The generator: the state goes up by the golden ratio before each output."""
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) % WORD
        yield output(seed)


def bits_of_sample(
    seed: int, stream: int, layer: int, epoch: int, sample: int, n_components: int
) -> list[int]:
    """The 32-bit words of one sample: its coordinates folded into a seed, the low halves first."""
    word = 0
    for coordinate in (seed, stream, layer, epoch):
        word = next(splitmix64(word ^ coordinate))
    start = output((word + sample * 0x9E3779B97F4A7C15) % WORD)
    words = splitmix64(start)
    halves: list[int] = []
    while len(halves) < n_components:
        both = next(words)
        halves += [both % 2**32, both // 2**32]
    return halves[:n_components]


def normals_of_sample(bits: list[int]) -> list[float]:
    """Box and Muller's transform of pairs of words."""
    normals: list[float] = []
    for first, second in zip(bits[0::2], bits[1::2], strict=True):
        radius = math.sqrt(-2 * math.log((first + 0.5) / 2**32))
        angle = 2 * math.pi * second / 2**32
        normals += [radius * math.cos(angle), radius * math.sin(angle)]
    return normals
