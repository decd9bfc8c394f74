"""What the classifier learns from unlabelled rows if nobody says: a fixed rule.

It looks at the kind of the rows and at their numbers, never at how well a method does. Its
constants were chosen on tables other than those that ``benchmarks/few_labels_tables.py`` reports.
"""

import logging
from dataclasses import dataclass

from sdae.core.wording import listed
from sdae.train.consistency.neighbours import MOST_EXACT
from sdae.train.settings import LABEL_SPREADING, VAT

LABELS_ENOUGH = 1000
"""With as many labels per class, nothing is learned from unlabelled rows."""
_UPDATES, _LEAST_EPOCHS, _MOST_UPDATES = 1000, 10, 10_000

logger = logging.getLogger("sdae")


@dataclass(frozen=True)
class Situation:
    """The facts that the rule looks at.

    Attributes
    ----------
    n_labelled, n_unlabelled, n_classes : int
    is_sparse : bool
        Whether the rows are a sparse matrix.
    obstacle : str
        Why unlabelled rows cannot be learned from here; empty if they can.
    """

    n_labelled: int
    n_unlabelled: int
    n_classes: int
    is_sparse: bool = False
    obstacle: str = ""


def methods_for(situation: Situation) -> tuple[str, ...] | None:
    """Return the methods of the rule; the log says which, and why."""
    methods, why = _methods_and_reason(situation)
    if methods is not None or situation.n_unlabelled:
        words = "None" if methods is None else listed(methods)
        logger.info("semi_supervised='auto' is %s: %s.", words, why)
    return methods


def _methods_and_reason(situation: Situation) -> tuple[tuple[str, ...] | None, str]:
    n_labelled, n_unlabelled = situation.n_labelled, situation.n_unlabelled
    labels = f"{n_labelled:,} labels for {situation.n_classes:,} classes"
    if n_unlabelled == 0:
        return None, "all rows have labels"
    if situation.obstacle:
        return None, situation.obstacle
    if n_labelled >= LABELS_ENOUGH * situation.n_classes:
        return None, f"{labels} are {LABELS_ENOUGH:,} or more for each"
    if n_unlabelled < n_labelled:
        return None, f"there are fewer unlabelled rows, {n_unlabelled:,}, than labelled ones"
    if situation.is_sparse:
        return (VAT,), f"{labels}, and the rows are sparse"
    if n_labelled + n_unlabelled > MOST_EXACT:
        return (VAT,), f"{labels}, and more than {MOST_EXACT:,} rows"
    return (LABEL_SPREADING, VAT), labels


def epochs_of_consistency(n_rows: int, batch_size: int) -> int:
    """Return how many passes over all rows to train for: 1,000 updates, or 10 passes if more.

    There are at most 10,000 updates.
    """
    n_batches = -(-n_rows // batch_size)
    updates = min(max(_UPDATES, _LEAST_EPOCHS * n_batches), _MOST_UPDATES)
    return -(-updates // n_batches)
