"""The nearest neighbours of rows: exact, or beyond 70,000 rows approximate.

Exact ones are from scikit-learn, approximate ones from PyNNDescent (the extra ``neighbours``).

Axes: n rows, V columns, D columns that are compared, k neighbours.
"""

from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdae.core.errors import MissingExtraError
from sdae.core.minibatches import Minibatch, minibatches
from sdae.core.randomness import NoiseKey, Stream, visiting_order
from sdae.core.rows import RowSource

MOST_EXACT = 70_000
"""Those of 60,000 rows take half a minute of one core; the time grows with the square."""
MOST_COLUMNS = 50
_ASKED_ROWS = 200
_ROWS_AT_A_TIME, _MOST_NUMBERS = 2048, 1 << 24
_SAME = 1e-7
_LARGE = 2.0**40  # squares of larger numbers, summed over many rows, may exceed float32
_LARGEST_SEED = 2**31 - 1


def comparable(x: NDArray[np.float32], seed: int, *, typed: bool = False) -> NDArray[np.float32]:
    """Return columns in which distances mean something, (n, V) -> (n, D).

    More than 50 columns become their 50 principal components. Fewer are standardised; those of a
    `typed` table are scaled already.
    """
    if x.shape[1] > MOST_COLUMNS and len(x) > MOST_COLUMNS:
        from sklearn.decomposition import PCA

        x = _not_large(x)
        # PCA (scikit-learn 1.9.1) takes the mean off after the products, too late for float32.
        centred = x - x.mean(axis=0, dtype=np.float64).astype(x.dtype)
        pca = PCA(MOST_COLUMNS, svd_solver="auto", random_state=seed % _LARGEST_SEED)
        with np.errstate(invalid="ignore"):  # of equal rows it divides 0 by 0, for the shares
            components: NDArray[np.float32] = pca.fit_transform(centred)
        return components
    if typed:
        return x
    spread = x.std(axis=0, dtype=np.float64)
    shifted = x - x.mean(axis=0, dtype=np.float64)
    scaled: NDArray[np.float32] = (shifted / np.where(spread > 0, spread, 1)).astype(np.float32)
    return scaled


def _not_large(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows with very large numbers divided by a power of two, which leaves their order."""
    largest = max(abs(float(x.min())), abs(float(x.max())))
    divided: NDArray[np.float32] = np.ldexp(x, -np.frexp(largest)[1]) if largest > _LARGE else x
    return divided


def nearest(
    x: NDArray[np.float32], n_neighbours: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return distances and numbers of the nearest rows of each row, without itself: two (n, k).

    There are fewer neighbours where there are fewer rows.

    Raises
    ------
    MissingExtraError
        If there are more than 70,000 rows, and PyNNDescent is not installed.
    """
    n_neighbours = min(n_neighbours, len(x) - 1)
    if len(x) <= MOST_EXACT:
        from sklearn.neighbors import NearestNeighbors

        distances, places = NearestNeighbors(n_neighbors=n_neighbours).fit(x).kneighbors()
    else:
        distances, places = _approximate(x, n_neighbours, seed)
    return distances.astype(np.float64), places.astype(np.int64)


def approximate_available() -> bool:
    """Return whether approximate neighbours can be found."""
    try:
        import_module("pynndescent")
    except ImportError:
        return False
    return True


def check_available(n_rows: int) -> None:
    """Raise an error if the neighbours of so many rows cannot be found.

    Raises
    ------
    MissingExtraError
        If there are more than 70,000 rows, and PyNNDescent is not installed.
    """
    if n_rows > MOST_EXACT and not approximate_available():
        raise MissingExtraError(
            f"Label spreading over {n_rows:,} rows, more than {MOST_EXACT:,}, needs approximate "
            'neighbours by PyNNDescent. Install it with: pip install "sdae[neighbours]". Or use '
            "semi_supervised='vat', which needs no neighbours."
        )


def distance_to_neighbour(rows: RowSource, place: int, seed: int) -> float:
    """Return the median distance of a row to its neighbour number `place`, from 1.

    It is measured for up to 200 rows, drawn by the seed, against all rows, in the units of the
    network. Rows that are equal to so many others do not count, unless all are.
    """
    n_rows = len(rows)
    asked = visiting_order(NoiseKey(seed, Stream.CONSISTENCY, 0, 0), n_rows)[:_ASKED_ROWS]
    x = rows.batch(Minibatch(asked, None)).detach().cpu().double()  # (m, V)
    k = min(place + 1, n_rows)  # a row is its own first neighbour
    best = x.new_full((len(x), k), torch.inf)
    n_at_once = max(1, min(_ROWS_AT_A_TIME, _MOST_NUMBERS // x.shape[1]))
    for part in minibatches(n_rows, n_at_once):
        others = rows.batch(part).detach().cpu().double()
        found = torch.cat([best, torch.cdist(x, others)], dim=1)  # (m, k + B)
        best = found.topk(k, dim=1, largest=False).values
    farthest = best[:, -1].numpy()
    apart = farthest[farthest > _SAME * (1 + float(x.abs().max()))]
    return float(np.median(apart)) if len(apart) else 0.0


def _approximate(x: NDArray[np.float32], n_neighbours: int, seed: int) -> tuple[Any, Any]:
    check_available(len(x))
    from pynndescent import NNDescent

    # Its first neighbour of a row is nearly always the row itself.
    index = NNDescent(x, n_neighbors=n_neighbours + 2, n_iters=4, random_state=seed % _LARGEST_SEED)
    places, distances = index.neighbor_graph
    itself = places == np.arange(len(x))[:, None]
    order = np.argsort(np.where(itself, np.inf, distances), axis=1, kind="stable")
    order = order[:, :n_neighbours]
    return np.take_along_axis(distances, order, 1), np.take_along_axis(places, order, 1)
