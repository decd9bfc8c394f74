"""A map of the deepest codes: rows with similar codes lie close together.

Axes: n rows, H units of the deepest layer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.app.report.shown_rows import Part
from sdae.app.report.stages import Networks, codes_of, probabilities_of

MOST_ROWS = 2_000
_LEAST_ROWS = 12  # with fewer rows only the two main directions are meaningful
_COMPONENTS = 50

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Projection:
    """The rows on a plane.

    Attributes
    ----------
    name : str
        ``PCA``, ``t-SNE`` or ``UMAP``.
    points : ndarray of float64, shape (n, 2)
        Coordinates in [0, 1], with the same scale for both axes.
    purity : float or None
        Share of rows whose nearest neighbour on the plane has the same label.
    """

    name: str
    points: Points
    purity: float | None


@dataclass(frozen=True, eq=False)
class CodesMap:
    """The map.

    Attributes
    ----------
    part : Part
        The rows on it.
    predicted : ndarray of int64, shape (n,), or None
    probability : ndarray of float64, shape (n,), or None
        Probability of the predicted class.
    projections : tuple of Projection
    """

    part: Part
    predicted: NDArray[np.int64] | None
    probability: NDArray[np.float64] | None
    projections: tuple[Projection, ...]


def map_of(networks: Networks, rows: Part, seed: int) -> CodesMap | None:
    """Project at most 2,000 rows by their deepest code; None for a single row."""
    part = rows.sample(MOST_ROWS, seed)
    if len(part) < 2:
        return None
    codes = codes_of(networks.final, part.x)[-1].astype(np.float64)  # (n, H)
    predicted = probability = None
    if networks.classifies:
        p = probabilities_of(networks.final, part.x)  # (n, C)
        predicted, probability = p.argmax(axis=1), p.max(axis=1)
    components = principal_components(codes, _COMPONENTS)  # (n, H) -> (n, D)
    layouts: dict[str, Callable[[], Points]] = {"PCA": lambda: _plane(components)}
    if len(part) >= _LEAST_ROWS:
        layouts["t-SNE"] = lambda: _tsne(components, seed)
        if find_spec("umap") is not None:
            layouts["UMAP"] = lambda: _umap(components, seed)
    projections = []
    for name, lay_out in layouts.items():
        points = _in_unit_square(lay_out())
        projections.append(Projection(name, points, purity(points, part.y)))
    return CodesMap(part, predicted, probability, tuple(projections))


def principal_components(x: Points, most: int) -> Points:
    """Return the coordinates of rows along their main directions, (n, H) -> (n, D).

    The sign of a direction is chosen so that its largest weight is positive.
    """
    centred = x - x.mean(axis=0)
    u, s, v = np.linalg.svd(centred, full_matrices=False)
    largest = np.abs(v).argmax(axis=1)
    signs = np.where(v[np.arange(len(v)), largest] < 0, -1.0, 1.0)
    scores: Points = (u * (s * signs))[:, :most]
    return scores


def purity(points: Points, y: NDArray[np.int64] | None) -> float | None:
    """Return the share of points (n, 2) whose nearest neighbour has the same label."""
    if y is None:
        return None
    from sklearn.neighbors import NearestNeighbors

    neighbours: Any = NearestNeighbors(n_neighbors=1).fit(points)
    nearest = neighbours.kneighbors(return_distance=False)[:, 0]  # without the point itself
    return float(np.mean(y[nearest] == y))


def _plane(components: Points) -> Points:
    plane = np.zeros((len(components), 2))
    plane[:, : components.shape[1]] = components[:, :2]
    return plane


def _tsne(components: Points, seed: int) -> Points:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(components) - 1) / 4)
    reducer: Any = TSNE(
        perplexity=perplexity, init=_start(components), random_state=seed % 2**32, n_jobs=1
    )
    points: Points = reducer.fit_transform(components).astype(np.float64)
    return points


def _umap(components: Points, seed: int) -> Points:
    from umap import UMAP

    n_neighbors = min(15, len(components) - 1)
    reducer: Any = UMAP(n_neighbors=n_neighbors, random_state=seed % 2**32, n_jobs=1)
    points: Points = reducer.fit_transform(components).astype(np.float64)
    return points


def _start(components: Points) -> NDArray[np.float32]:
    """Return where t-SNE starts: the plane, scaled down."""
    plane = _plane(components)
    return (1e-4 * plane / (plane[:, 0].std() or 1.0)).astype(np.float32)


def _in_unit_square(points: Points) -> Points:
    low, high = points.min(axis=0), points.max(axis=0)
    span = float((high - low).max()) or 1.0
    scaled: Points = (points - (low + high) / 2) / span + 0.5
    return scaled
