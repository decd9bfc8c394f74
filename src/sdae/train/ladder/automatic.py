"""What ``auto`` means in the settings of a ladder: a fixed rule by the rows and their labels.

Axes: n rows, V inputs.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdae.core.column_statistics import statistics_of
from sdae.core.minibatches import minibatches
from sdae.core.rows import RowSource

WIDE = 256
"""Rows of so many inputs are taken for images: their networks are large."""
MANY_LABELS = 1000
_SMALL_NETWORK, _LARGE_NETWORK = (100, 50), (1000, 500, 250, 250, 250)
_SMALL_BATCH, _LARGE_BATCH = 50, 100
_FEW_UPDATES, _MANY_UPDATES = 3000, 12_400
_NOISE_OF_IMAGES = 0.3
_LEAST_COST, _COST_OF_AN_INPUT, _COST_OF_IMAGES = 30.0, 0.43, 2000.0
_MEASURED_ROWS = 10_000
_ROWS_AT_A_TIME, _MOST_NUMBERS = 1000, 1 << 22


@dataclass(frozen=True)
class Settled:
    """What ``auto`` means for some rows.

    Attributes
    ----------
    hidden_layer_sizes : tuple of int
    input_noise : float
    denoising_cost : tuple of float
    n_updates, batch_size : int
    """

    hidden_layer_sizes: tuple[int, ...]
    input_noise: float
    denoising_cost: tuple[float, ...]
    n_updates: int
    batch_size: int


def settled(n_inputs: int, n_labels: int, variance: float, *, scaled: bool) -> Settled:
    """Return the settings of a ladder, by a fixed rule.

    Parameters
    ----------
    n_inputs : int
        V, inputs of the network.
    n_labels : int
        Rows with labels.
    variance : float
        Mean variance of an input.
    scaled : bool
        Whether the inputs were scaled; if not, they lie in [0, 1].
    """
    images = n_inputs >= WIDE
    cost = max(_LEAST_COST, _COST_OF_AN_INPUT * n_inputs) / max(variance, 1e-6)
    if n_labels >= MANY_LABELS and images:  # then labels need less help
        cost = cost * _COST_OF_IMAGES / 5000
    return Settled(
        _LARGE_NETWORK if images else _SMALL_NETWORK,
        _NOISE_OF_IMAGES if images and not scaled else math.sqrt(variance),
        (cost,),
        _MANY_UPDATES if images else _FEW_UPDATES,
        _LARGE_BATCH if images else _SMALL_BATCH,
    )


def mean_variance(sources: Sequence[RowSource], n_inputs: int) -> float:
    """Return the mean variance of an input, over at most some thousand rows of each source.

    A few rows at a time are in memory: the others stay sparse, or on the disk.
    """
    n_at_once = max(1, min(_ROWS_AT_A_TIME, _MOST_NUMBERS // n_inputs))
    blocks = (block for source in sources for block in _blocks_of(source, n_at_once))
    return float(statistics_of(blocks).variance.mean())


def _blocks_of(source: RowSource, n_at_once: int) -> Iterator[NDArray[np.float64]]:
    """Yield rows of a source, evenly spaced, some at a time: (m, V)."""
    order = np.arange(0, len(source), max(1, len(source) // _MEASURED_ROWS))
    for some in minibatches(len(order), n_at_once, order=order):
        yield source.batch(some).cpu().double().numpy()
