"""Label spreading over a graph of neighbours.

Zhou et al. 2004, "Learning with local and global consistency".

Axes: n rows, k neighbours, C classes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALPHA = 0.99
_ITERATIONS = 60
_LEAST = 1e-12


@dataclass(frozen=True)
class SpreadLabels:
    """The labels that rows got from their neighbours.

    Attributes
    ----------
    classes : ndarray of int64, shape (n,)
        The likeliest class of each row; of a labelled row its own.
    certainty : ndarray of float32, shape (n,)
        1 − H / log C, with H the entropy of its shares of classes; 0 for a row that no label
        reached; of a labelled row 1, or its weight if that is lower.
    """

    classes: NDArray[np.int64]
    certainty: NDArray[np.float32]


def affinity(distances: NDArray[np.float64], places: NDArray[np.int64]) -> Any:
    """Return the symmetric graph of neighbours, a sparse matrix (n, n).

    A row's neighbour has the weight exp(−d² / dₖ²), with dₖ the distance to its farthest one; the
    graph is the sum of this and its transpose.

    Parameters
    ----------
    distances, places : ndarray, shape (n, k)
        How far the nearest rows of each row are, in ascending order, and their numbers.
    """
    from scipy import sparse

    n_rows, n_neighbours = places.shape
    farthest = np.maximum(distances[:, -1:] ** 2, _LEAST)  # (n, 1)
    weights = np.exp(-(distances**2) / farthest)  # (n, k)
    rows = np.repeat(np.arange(n_rows), n_neighbours)
    one_way = sparse.csr_array((weights.ravel(), (rows, places.ravel())), (n_rows, n_rows))
    return one_way + one_way.T


def spread(
    graph: Any,
    labels: NDArray[np.int64],
    n_classes: int,
    alpha: float = ALPHA,
    weights: NDArray[np.float64] | None = None,
) -> SpreadLabels:
    """Spread the labels of some rows to all, F ← α S F + (1 − α) Y with S = D^−½ W D^−½.

    Parameters
    ----------
    graph : sparse matrix, shape (n, n)
        W, symmetric.
    labels : ndarray of int64, shape (n,)
        Classes; −1 for rows without a label.
    n_classes : int
        C.
    alpha : float
        How much a row takes from its neighbours.
    weights : ndarray of shape (n,), or None
        How much the label of each row counts: what Y has in place of 1. None: all alike.
    """
    shares = shares_of_classes(graph, labels, n_classes, alpha, weights)
    classes = shares.argmax(axis=1)
    entropy = -(shares * np.log(np.maximum(shares, _LEAST))).sum(axis=1)
    certainty = np.clip(1 - entropy / np.log(max(n_classes, 2)), 0, 1)
    certainty[shares.sum(axis=1) == 0] = 0
    known = labels >= 0
    classes[known] = labels[known]
    certainty[known] = 1 if weights is None else np.minimum(1, weights[known])
    return SpreadLabels(classes.astype(np.int64), certainty.astype(np.float32))


def shares_of_classes(
    graph: Any,
    labels: NDArray[np.int64],
    n_classes: int,
    alpha: float,
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return the share of each class in what reached a row, (n, C); zeros where nothing did."""
    from scipy import sparse

    known = np.flatnonzero(labels >= 0)
    y = np.zeros((len(labels), n_classes))
    y[known, labels[known]] = 1 if weights is None else weights[known]
    w = sparse.csr_array(graph)
    scale = 1 / np.sqrt(np.maximum(w.sum(axis=1), _LEAST))  # (n,)
    s = sparse.csr_array(w.multiply(scale[:, None]).multiply(scale[None, :]))
    f = y.copy()
    for _ in range(_ITERATIONS):
        f = alpha * (s @ f) + (1 - alpha) * y  # (n, n) @ (n, C) -> (n, C)
    mass = f.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.divide(f, mass, out=np.zeros_like(f), where=mass > _LEAST)
    return shares
