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
    rows: RowSource, y: Tensor, n_classes: int, seed: int, *, typed: bool
) -> SpreadLabels:
    """Spread the classes `y` of the first rows to all, over 10 neighbours of each.

    Rows are compared as :func:`sdae.train.consistency.neighbours.comparable` says; `typed` are
    those of a table.

    Raises
    ------
    MissingExtraError
        If there are more than 70,000 rows, and PyNNDescent is not installed.
    """
    return spread_over_array(in_memory(rows), y.cpu().numpy(), n_classes, seed, typed=typed)


def spread_over_array(
    x: NDArray[np.float32], y: NDArray[np.int64], n_classes: int, seed: int, *, typed: bool
) -> SpreadLabels:
    """Do the same for rows in an array, (n, V)."""
    labels = np.full(len(x), -1, np.int64)
    labels[: len(y)] = y
    if len(labels) == 1:
        return SpreadLabels(labels, np.ones(1, np.float32))
    columns = comparable(x, seed, typed=typed)  # (n, V) -> (n, D)
    return spread(affinity(*nearest(columns, N_NEIGHBOURS, seed)), labels, n_classes)
