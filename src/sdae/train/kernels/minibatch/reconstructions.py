"""Losses of a reconstruction, a row at a time: what was decoded becomes the slopes of the loss.

They are those of ``core/kinds/decoders.py``, and of ``core/blocks.py`` for the columns of a table.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined
from sdae.core.kernels.elementary import exp_of_negative
from sdae.train.kernels.fused.loss_slopes import (
    cross_entropy,
    squared_error,
    weighted_cross_entropy,
    weighted_squared_error,
)

Row = NDArray[np.floating]
Ints = NDArray[np.intp]

SIGMOID, LINEAR, BLOCKS = 0, 1, 2
"""Numbers of the decoders: flags of kernels."""


class Columns(NamedTuple):
    """Which components of a row are numbers, binaries and categories, in this order.

    Attributes
    ----------
    n_numbers, n_bounded : int
        Numbers; numbers and binaries. What comes after the categories is not reconstructed.
    categories : (K + 1,)
        Where the levels of each category begin, and the last end.
    """

    n_numbers: int
    n_bounded: int
    categories: Ints


NO_COLUMNS = Columns(0, 0, np.zeros(1, np.intp))


@inlined
def loss_and_slopes(decoder: int, a: Row, x: Row) -> float:
    """Turn what was decoded, a, into ∂L/∂a, in place, and return the loss.

    Parameters
    ----------
    decoder : int
    a, x : (V,)
        What was decoded, and the clean row.
    """
    return cross_entropy(a, x) if decoder == SIGMOID else squared_error(a, x)


@inlined
def weighted_loss_and_slopes(decoder: int, a: Row, x: Row, weights: Row, columns: Columns) -> float:
    """As :func:`loss_and_slopes`, with weights of the components, (V,).

    Those of a table, whose `columns` these are, always have some.
    """
    if decoder == BLOCKS:
        return _by_columns(a, x, weights, columns)
    if decoder == SIGMOID:
        return weighted_cross_entropy(a, x, weights)
    return weighted_squared_error(a, x, weights)


@inlined
def _by_columns(a: Row, x: Row, weights: Row, columns: Columns) -> float:
    first, second = columns.n_numbers, columns.n_bounded
    cost = weighted_squared_error(a[:first], x[:first], weights[:first])
    cost += weighted_cross_entropy(a[first:second], x[first:second], weights[first:second])
    for category in range(len(columns.categories) - 1):
        start, end = columns.categories[category], columns.categories[category + 1]
        cost += _category(a[start:end], x[start:end], weights[start:end])
    for j in range(columns.categories[-1], len(a)):
        a[j] = a.dtype.type(0)
    return cost


@inlined
def _category(a: Row, x: Row, weights: Row) -> float:
    """Softmax within the levels of a column: −Σ w x log p."""
    zero, total, held = a.dtype.type(0), a.dtype.type(0), a.dtype.type(0)
    top = a[0]
    for level in range(1, len(a)):
        top = max(top, a[level])
    cost, shifted = 0.0, 0.0
    for level in range(len(a)):
        share = weights[level] * x[level]
        if share != zero:
            shifted += np.float64(share) * (np.float64(a[level]) - np.float64(top))
        held += share
        a[level] = exp_of_negative(a[level] - top)
        total += a[level]
    cost = np.float64(held) * math.log(np.float64(total)) - shifted
    for level in range(len(a)):
        a[level] = held * (a[level] / total) - weights[level] * x[level]
    return cost
