"""Losses of the outputs of a network, a row at a time: outputs become the slopes of the loss.

Each returns the loss of the row. They are those of ``core/kinds/heads.py``.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined
from sdae.core.kernels.elementary import exp_of_negative
from sdae.train.kernels.fused.loss_slopes import cross_entropy

Row = NDArray[np.floating]

CLASSES, MULTILABEL, REGRESSION, POISSON = 0, 1, 2, 3
"""Numbers of the heads: flags of kernels."""


@inlined
def loss_of_values(head: int, z: Row, y: Row) -> float:
    """Turn the outputs z of a head that is not of classes into ∂L/∂z; y are its targets."""
    if head == MULTILABEL:
        return cross_entropy(z, y)
    return _squared(z, y) if head == REGRESSION else _poisson(z, y)


@inlined
def softmax(z: Row, label: int) -> float:
    """Turn outputs z into p − onehot(label), in place; return −log p(label)."""
    one, total = z.dtype.type(1), z.dtype.type(0)
    top = z[0]
    for c in range(1, len(z)):
        top = max(top, z[c])
    right = np.float64(z[label]) - np.float64(top)
    for c in range(len(z)):
        z[c] = exp_of_negative(z[c] - top)
        total += z[c]
    share = one / total
    for c in range(len(z)):
        z[c] *= share
    z[label] -= one
    return math.log(np.float64(total)) - right


@inlined
def _squared(z: Row, y: Row) -> float:
    cost = 0.0
    share = z.dtype.type(1 / len(z))
    for c in range(len(z)):
        error = z[c] - y[c]
        cost += np.float64(error) * np.float64(error)
        z[c] = share * error
    return cost / (2 * len(z))


@inlined
def _poisson(z: Row, y: Row) -> float:
    cost = 0.0
    for c in range(len(z)):
        a, count = np.float64(z[c]), np.float64(y[c])
        mean = math.exp(a)
        cost += mean - count * a - count
        if count > 0:
            cost += count * math.log(count)
        z[c] = z.dtype.type((mean - count) / len(z))
    return cost / len(z)
