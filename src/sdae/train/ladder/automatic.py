"""What ``auto`` means in the settings of a ladder: a fixed rule by the rows and their labels.

Axes: n rows, V inputs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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


def mean_variance(sources: Sequence[RowSource]) -> float:
    """Return the mean variance of an input, over at most some thousand rows of each source."""
    found = []
    for source in sources:
        order = np.arange(0, len(source), max(1, len(source) // _MEASURED_ROWS))
        some = minibatches(len(order), len(order), order=order)[0]
        found.append(source.batch(some).cpu().double().numpy())
    return float(np.concatenate(found).var(axis=0).mean())
