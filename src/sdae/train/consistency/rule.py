"""What the classifier learns from unlabelled rows if nobody says: a fixed rule.

It looks at the kind of the rows and at their numbers, never at how well a method does. Its
constants were chosen on tables other than those that ``benchmarks/few_labels_tables.py`` reports.
"""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.array_rows import ArrayRows
from sdae.core.rows import RowSource
from sdae.core.wording import listed
from sdae.train.consistency.neighbours import MOST_EXACT
from sdae.train.consistency.spread_labels import spread_over_array
from sdae.train.settings import LABEL_SPREADING, MEAN_TEACHER, VAT

LABELS_ENOUGH = 1000
"""With as many labels per class, nothing is learned from unlabelled rows."""
CERTAIN = 0.2
"""With as high a mean certainty of spread labels, rows form groups."""
_UPDATES, _LEAST_EPOCHS, _MOST_UPDATES = 1000, 10, 10_000

logger = logging.getLogger("sdae")


@dataclass(frozen=True)
class Situation:
    """The facts that the rule looks at first.

    Attributes
    ----------
    n_labelled, n_unlabelled, n_classes : int
    obstacle : str
        Why unlabelled rows cannot be learned from here; empty if they can.
    """

    n_labelled: int
    n_unlabelled: int
    n_classes: int
    obstacle: str = ""


def obstacle_of_engine(engine: str) -> str:
    """Return why unlabelled rows cannot be learned from with an engine; empty if they can."""
    return "" if engine in ("auto", "autograd") else f"{engine=} learns from labelled rows alone"


def learns_from_others(situation: Situation) -> bool:
    """Return whether anything is learned from unlabelled rows; the log says why not."""
    n_labelled, n_unlabelled = situation.n_labelled, situation.n_unlabelled
    if n_unlabelled == 0:
        return False
    why = situation.obstacle
    if not why and n_labelled >= LABELS_ENOUGH * situation.n_classes:
        why = f"{n_labelled:,} labels are {LABELS_ENOUGH:,} or more for each class"
    if not why and n_unlabelled < n_labelled:
        why = f"there are fewer rows without labels, {n_unlabelled:,}, than with, {n_labelled:,}"
    if why:
        logger.info("semi_supervised='auto' is None: %s.", why)
    return not why


def methods_by_rows(
    x: NDArray[np.float32] | RowSource,
    others: NDArray[np.float32] | RowSource,
    y: NDArray[np.int64],
    n_classes: int,
    seed: int,
    *,
    typed: bool,
) -> tuple[str, ...]:
    """Return the methods that fit the rows; the log says which, and why.

    Where labels spread over the graph of neighbours with certainty, rows form groups: their labels
    are used, and the boundaries between classes are pushed between the groups. Elsewhere only the
    mean of the last networks is trusted. More rows than have exact neighbours, and sparse ones,
    have no such graph.

    Parameters
    ----------
    x, others : array, (n, V) and (m, V), or sparse rows
        Rows with and without labels, as the network takes them.
    y : ndarray, shape (n,)
        Classes.
    n_classes, seed : int
    typed : bool
        Whether the rows are those of a table.
    """
    n_rows = len(x) + len(others)
    methods: tuple[str, ...]
    if not all(isinstance(part, np.ndarray | ArrayRows) for part in (x, others)):
        methods, why = (VAT,), "the rows are sparse, or stay on the disk"
    elif n_rows > MOST_EXACT:
        methods, why = (VAT,), f"there are more than {MOST_EXACT:,} rows"
    else:
        every = np.concatenate([_as_array(x), _as_array(others)])
        found = spread_over_array(every, y, n_classes, seed, typed=typed)
        certainty = float(found.certainty[len(x) :].mean())
        groups = certainty >= CERTAIN
        methods = (LABEL_SPREADING, VAT) if groups else (MEAN_TEACHER,)
        why = (
            f"labels spread from {len(x):,} to {len(others):,} rows with a mean certainty of "
            f"{certainty:.2f}, {'at least' if groups else 'below'} {CERTAIN}"
        )
    logger.info("semi_supervised='auto' is %s: %s.", listed(methods), why)
    return methods


def _as_array(x: NDArray[np.float32] | RowSource) -> Any:
    return x.delivered() if isinstance(x, ArrayRows) else x


def epochs_of_consistency(n_rows: int, batch_size: int) -> int:
    """Return how many passes over all rows to train for: 1,000 updates, or 10 passes if more.

    There are at most 10,000 updates.
    """
    n_batches = -(-n_rows // batch_size)
    updates = min(max(_UPDATES, _LEAST_EPOCHS * n_batches), _MOST_UPDATES)
    return -(-updates // n_batches)
