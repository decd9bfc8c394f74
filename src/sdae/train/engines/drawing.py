"""Noise of the rows of a slice by compiled kernels, on all threads of a team.

Axes: m rows of a slice, V components, U units.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.team import Counter, Team
from sdae.core.kinds.noises import Noise
from sdae.core.randomness import NoiseKey, hash_key, threshold
from sdae.train.kernels.fused.noise import corrupt_rows, draw_kept

Real = NDArray[np.floating]


def draw_corrupted(
    team: Team,
    noise: Noise,
    key: NoiseKey,
    x: Real,
    samples: NDArray[np.int64],
    x_tilde: Real,
    drawn: NDArray[np.bool_],
) -> None:
    """Corrupt rows (m, V), by a noise that has a kernel.

    `x_tilde` and `drawn` are results, (m, V) or wider; `drawn` is (0, 0) where it is not wanted.
    """
    arguments = noise.kernel_arguments(x.shape[1])
    assert arguments is not None  # checked by the caller
    kind, limit, low, high = arguments
    word = np.uint64(hash_key(key))
    real: Any = x.dtype.type

    def work(rank: int, n_workers: int, _counter: Counter) -> None:
        part = _part(len(x), rank, n_workers)
        corrupt_rows(
            x[part],
            samples[part],
            kind,
            word,
            limit,
            real(low),
            real(high),
            float(noise.level),
            x_tilde[part],
            drawn[part],
        )

    team.run(work)


def draw_stays(
    team: Team,
    level: float,
    key: NoiseKey,
    samples: NDArray[np.int64],
    start: int,
    n: int,
    kept: NDArray[np.bool_],
) -> None:
    """Draw which of `n` units stay of those that are dropped with probability `level`.

    The result goes into columns `start` on of `kept`, (m, U).
    """
    word, limit = np.uint64(hash_key(key)), np.uint64(threshold(level))

    def work(rank: int, n_workers: int, _counter: Counter) -> None:
        part = _part(len(samples), rank, n_workers)
        draw_kept(samples[part], word, limit, start, n, kept[part])

    team.run(work)


def _part(n: int, rank: int, n_workers: int) -> slice:
    """Return a worker's share of `n` rows."""
    return slice(n * rank // n_workers, n * (rank + 1) // n_workers)
