"""What the classifier learns from unlabelled rows if nobody says: a fixed rule.

It looks at the rows, at their numbers, and at whether rows have the labels of their neighbours;
never at how well a network does. Its constants were chosen on tables other than those that
``benchmarks/few_labels_tables.py`` and ``benchmarks/few_labels_auc.py`` report; that other columns
than numbers matter showed first on the latter (``benchmarks/few_labels_rule.py`` has others).
"""

import logging
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.array_rows import ArrayRows
from sdae.core.blocks import Blocks
from sdae.core.rows import RowSource
from sdae.core.wording import listed
from sdae.train.consistency.neighbour_agreement import agreement_with_neighbours
from sdae.train.consistency.neighbours import MOST_EXACT
from sdae.train.consistency.spread_labels import spread_over_array
from sdae.train.settings import LABEL_SPREADING, MEAN_TEACHER, VAT

LABELS_ENOUGH = 1000
"""With as many labels a class on average, nothing is learned from unlabelled rows."""
RELATED, ALIKE = 0.2, 0.5
"""Kappas of labels and of what spreads to them: below the first, the other rows mislead; from the
second on, neighbours have the same label."""
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
        why = f"{n_labelled:,} labels are {LABELS_ENOUGH:,} or more a class on average"
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
    blocks: Blocks | None,
) -> tuple[str, ...] | None:
    """Return the methods that fit the rows, or None; the log says which, and why.

    All methods rest on rows near each other being of one class, and mislead where they are not:
    so some labels are hidden, and spread from the others. If hardly more come back than by chance,
    nothing is learned from the other rows. If few do, only the mean of the last networks is
    trusted, and not even that in a table that has more than numbers; the mean is all that is
    trusted, too, where labels spread without certainty. Where neighbours have the same label and
    rows form groups, spread labels are used, and the boundaries between classes are pushed between
    the groups; without the labels where there are more rows than have exact neighbours, or the rows
    are sparse or on the disk.

    Parameters
    ----------
    x, others : array, (n, V) and (m, V), or sparse rows
        Rows with and without labels, as the network takes them.
    y : ndarray, shape (n,)
        Classes.
    n_classes, seed : int
    blocks : Blocks or None
        The columns of a table.
    """
    typed = blocks is not None
    kappa = agreement_with_neighbours(x, others, y, n_classes, seed, typed=typed)
    known = "" if kappa is None else f"hidden labels come back with a kappa of {_cut(kappa)}"
    methods: tuple[str, ...] | None
    if kappa is not None and kappa < RELATED:
        methods, why = None, f"{known}, below {RELATED}"
    elif kappa is not None and kappa < ALIKE:
        methods, why = (MEAN_TEACHER,), f"{known}, below {ALIKE}"
        if blocks is not None and (blocks.levels or blocks.n_binaries):
            methods, why = None, f"{why}, and there are other columns than numbers"
    else:
        methods, why = _of_alike(x, others, y, n_classes, seed, typed=typed)
        why = f"{known}, and {why}" if known else why
    logger.info("semi_supervised='auto' is %s: %s.", listed(methods) if methods else None, why)
    return methods


def _of_alike(
    x: NDArray[np.float32] | RowSource,
    others: NDArray[np.float32] | RowSource,
    y: NDArray[np.int64],
    n_classes: int,
    seed: int,
    *,
    typed: bool,
) -> tuple[tuple[str, ...], str]:
    """Return the methods where neighbours have the same label, and why."""
    n_rows = len(x) + len(others)
    if not all(isinstance(part, np.ndarray | ArrayRows) for part in (x, others)):
        return (VAT,), "the rows are sparse, or stay on the disk"
    if n_rows > MOST_EXACT:
        return (VAT,), f"there are more than {MOST_EXACT:,} rows"
    every = np.concatenate([_as_array(x), _as_array(others)])
    found = spread_over_array(every, y, n_classes, seed, typed=typed)
    certainty = float(found.certainty[len(x) :].mean())
    groups = certainty >= CERTAIN
    why = (
        f"labels spread from {len(x):,} to {len(others):,} rows with a mean certainty of "
        f"{_cut(certainty)}, {'at least' if groups else 'below'} {CERTAIN}"
    )
    return (LABEL_SPREADING, VAT) if groups else (MEAN_TEACHER,), why


def _cut(share: float) -> str:
    """Return a number by two decimals, never rounded up: what is below 0.2 does not read 0.20."""
    return f"{math.floor(round(100 * share, 9)) / 100:.2f}"


def _as_array(x: NDArray[np.float32] | RowSource) -> Any:
    return x.delivered() if isinstance(x, ArrayRows) else x


def epochs_of_consistency(n_rows: int, batch_size: int) -> int:
    """Return how many passes over all rows to train for: 1,000 updates, or 10 passes if more.

    There are at most 10,000 updates.
    """
    n_batches = -(-n_rows // batch_size)
    updates = min(max(_UPDATES, _LEAST_EPOCHS * n_batches), _MOST_UPDATES)
    return -(-updates // n_batches)
