"""Whether rows have the labels of their neighbours: some labels are hidden and spread from others.

Axes: n labelled rows, m others, V columns, C classes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.minibatches import Minibatch
from sdae.core.rows import RowSource, window_of
from sdae.train.consistency.neighbours import comparable, nearest
from sdae.train.consistency.spread_labels import N_NEIGHBOURS
from sdae.train.consistency.spreading import ALPHA, affinity, shares_of_classes

_PARTS = 10
_FEWEST_OF_A_CLASS, _FEWEST_LABELS = 5, 10
_MOST_LABELLED, _MOST_ROWS, _FEWEST_ROWS = 1_000, 10_000, 1_000
_MOST_NUMBERS = 1 << 23
_PIECES = 10


def agreement_with_neighbours(
    x: NDArray[np.float32] | RowSource,
    others: NDArray[np.float32] | RowSource,
    y: NDArray[np.int64],
    n_classes: int,
    seed: int,
    *,
    typed: bool,
) -> float | None:
    """Return Cohen's kappa of labels and of what spreads to their rows from the other labels.

    A tenth of the labels is hidden at a time. 1 means that all come back, 0 as many as by chance.
    Of many rows it asks some: 1,000 with a label, and 10,000 in all. None is returned where too
    little is known: fewer than five labels a class on average, where few have another one near (so
    of more than 200 classes always), fewer than ten in all, or rows too wide for that. A label
    whose class has no other cannot come back, and is not asked for; if all others are of one class,
    nothing speaks for neighbours: that is 0.

    Parameters
    ----------
    x, others : array or source, (n, V) and (m, V)
        Rows with and without labels, as the network takes them.
    y : ndarray, shape (n,)
        Classes.
    n_classes, seed : int
    typed : bool
        Whether the rows are those of a table.

    Raises
    ------
    DataError
        If a row of a source has a value that is not finite.
    """
    some = _spaced(len(x), _MOST_LABELLED)
    if len(some) < max(_FEWEST_LABELS, _FEWEST_OF_A_CLASS * n_classes):
        return None
    labels = y[some]
    asked = np.bincount(labels, minlength=n_classes)[labels] > 1
    if len(np.unique(labels[asked])) < 2:
        return 0.0
    n_columns = _rows_at(x, some[:1]).shape[1]
    n_others = min(len(others), _MOST_ROWS - len(some), _MOST_NUMBERS // n_columns - len(some))
    if n_others < min(len(others), _FEWEST_ROWS):
        return None
    known = _rows_at(x, some)  # (n, V)
    on_disk = not isinstance(others, np.ndarray) and window_of(others) is not None
    chosen = _pieces(len(others), n_others) if on_disk else _spaced(len(others), n_others)
    every = np.concatenate([known, _rows_at(others, chosen)])
    columns = comparable(every, seed, typed=typed)
    graph = affinity(*nearest(columns, N_NEIGHBOURS, seed))
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(labels[asked], _returned(graph, labels, n_classes)[asked]))


def _returned(graph: Any, labels: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Return the class that each label's row gets while a tenth, with it, is hidden; −1: none."""
    n_labels = len(labels)
    part = np.empty(n_labels, np.int64)
    part[np.argsort(labels, kind="stable")] = np.arange(n_labels) % _PARTS  # each class in shares
    returned = np.full(n_labels, -1)
    for hidden in (np.flatnonzero(part == number) for number in range(_PARTS)):
        given = np.full(graph.shape[0], -1)
        given[:n_labels] = labels
        given[hidden] = -1
        shares = shares_of_classes(graph, given, n_classes, ALPHA)[hidden]
        returned[hidden] = np.where(shares.any(axis=1), shares.argmax(axis=1), -1)
    return returned


def _spaced(n_rows: int, most: int) -> NDArray[np.int64]:
    """Return the numbers of at most so many rows, from all over."""
    return np.linspace(0, n_rows - 1, min(n_rows, most)).astype(np.int64)


def _pieces(n_rows: int, n_wanted: int) -> NDArray[np.int64]:
    """Return the numbers of at most so many rows, in ten pieces from all over: a disk reads few."""
    n_pieces = min(_PIECES, n_wanted)
    length = n_wanted // n_pieces
    starts = np.linspace(0, n_rows - length, n_pieces).astype(np.int64)
    return (starts[:, None] + np.arange(length)).ravel()


def _rows_at(rows: NDArray[np.float32] | RowSource, places: NDArray[np.int64]) -> Any:
    if isinstance(rows, np.ndarray):
        return rows[places]
    chosen = rows.batch(Minibatch(places, None)).detach().cpu().numpy()
    if not np.isfinite(chosen).all():
        raise DataError(
            "The rows that fine-tuning learns from have values that are not finite (NaN or "
            "infinity). Impute them or drop the rows."
        )
    return chosen.astype(np.float32, copy=False)
