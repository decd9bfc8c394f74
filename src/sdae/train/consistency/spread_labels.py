"""Labels that spread from labelled rows to all rows of a training.

Axes: n rows, C classes.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.rows import RowSource
from sdae.train.consistency.neighbours import comparable, nearest
from sdae.train.consistency.spreading import SpreadLabels, affinity, spread
from sdae.train.joined_rows import in_memory

N_NEIGHBOURS = 10


def spread_over(
    rows: RowSource,
    y: Tensor,
    n_classes: int,
    seed: int,
    *,
    typed: bool,
    weights: Tensor | None = None,
) -> SpreadLabels:
    """Spread the classes `y` of the first rows to all, over 10 neighbours of each.

    Rows are compared as :func:`sdae.train.consistency.neighbours.comparable` says; `typed` are
    those of a table. `weights` say how much each label counts; one of weight 0 is as if it were not
    there.

    Raises
    ------
    MissingExtraError
        If there are more than 70,000 rows, and PyNNDescent is not installed.
    """
    counts = None if weights is None else weights.cpu().double().numpy()
    known = y.cpu().numpy()
    return spread_over_array(in_memory(rows), known, n_classes, seed, typed=typed, weights=counts)


def spread_over_array(
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    n_classes: int,
    seed: int,
    *,
    typed: bool,
    weights: NDArray[np.float64] | None = None,
) -> SpreadLabels:
    """Do the same for rows in an array, (n, V)."""
    labels, counts = np.full(len(x), -1, np.int64), None
    labels[: len(y)] = y if weights is None else np.where(weights > 0, y, -1)
    if weights is not None:
        counts = np.concatenate([weights, np.ones(len(x) - len(y))])
    if len(labels) == 1:
        return SpreadLabels(labels, np.ones(1, np.float32))
    columns = comparable(x, seed, typed=typed)  # (n, V) -> (n, D)
    graph = affinity(*nearest(columns, N_NEIGHBOURS, seed))
    return spread(graph, labels, n_classes, weights=counts)
