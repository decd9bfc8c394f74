"""``semi_supervised="search"``: a cross-validation over the labelled rows, from one pre-training.

Each candidate fine-tunes a copy of the pre-trained network on some labelled rows, with the others
among the unlabelled ones, and is scored on those others.
"""

import copy
import logging
from collections import Counter
from dataclasses import replace

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from sdae.core.array_rows import copied
from sdae.core.errors import DataError
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.estimators.inputs import Rows
from sdae.estimators.new_networks import Preparation
from sdae.estimators.parameters import Settings
from sdae.estimators.stacked_rows import below
from sdae.estimators.tasks import Consistency, Labelled, finetuning
from sdae.train.consistency.neighbours import check_available
from sdae.train.finetuning import run_finetuning
from sdae.train.labelled import scored_rows
from sdae.train.scoring import error_of
from sdae.train.settings import LABEL_SPREADING, MEAN_TEACHER, VAT

CANDIDATES: tuple[tuple[str, ...] | None, ...] = (
    (LABEL_SPREADING, VAT),
    (VAT,),
    (LABEL_SPREADING,),
    (MEAN_TEACHER,),
    (LABEL_SPREADING, MEAN_TEACHER),
    None,
)
"""What is compared; of equal ones the first wins."""
_FOLDS = 3

logger = logging.getLogger("sdae")


def check_search(n_labelled: int, n_unlabelled: int) -> None:
    """Raise the errors that would end a search, before pre-training.

    Raises
    ------
    DataError
        If there are too few labelled rows to hold some out.
    MissingExtraError
        If there are more rows than have exact neighbours, and PyNNDescent is not installed.
    """
    if n_labelled < 2 * _FOLDS:
        raise DataError(
            f"semi_supervised='search' needs at least {2 * _FOLDS} labelled rows for its "
            f"cross-validation. Got {n_labelled}. Use 'auto', or name a method."
        )
    check_available(n_labelled + n_unlabelled)


def searched(
    network: StackedDenoisingAutoencoder,
    labelled: Labelled,
    unlabelled: Rows,
    settings: Settings,
    scaling: Preparation,
    seed: int,
) -> tuple[str, ...] | None:
    """Return the methods with the lowest mean error on labelled rows held out.

    Parameters
    ----------
    network : StackedDenoisingAutoencoder
        Pre-trained; it is not changed.
    labelled, unlabelled
        Rows as they were given: (n, V) with classes, and (m, V).
    settings, scaling, seed
        Of the fit.
    """
    smallest = min(Counter(labelled.targets.tolist()).values())
    unlabelled = copied(unlabelled)
    kind = StratifiedKFold if smallest >= _FOLDS else KFold
    cut = kind(_FOLDS, shuffle=True, random_state=seed % 2**32)
    errors = np.zeros((len(CANDIDATES), _FOLDS))
    for fold, (train, held) in enumerate(cut.split(labelled.targets, labelled.targets)):
        rest = labelled.at(held)
        rest = replace(rest, x=copied(rest.x))
        some = labelled.at(train).for_network(scaling, network)
        scored = rest.for_network(scaling, network)
        every = Consistency((), below(unlabelled, rest.x)).for_network(scaling, network)
        for place, methods in enumerate(CANDIDATES):
            trial = copy.deepcopy(network)
            more = None if methods is None else Consistency(methods, every.rows)
            task = finetuning(trial, some, None, settings, None, {}, more)
            run_finetuning(
                trial,
                task.labelled.pair,
                None,
                None,
                task.config,
                seed=seed,
                sample_weight=task.labelled.weight,
                unlabeled=task.unlabelled,
            )
            measured = scored_rows(trial, scored.pair, "held-out", scored.weight)
            errors[place, fold] = error_of(trial, measured)
    means = errors.mean(axis=1)  # (candidates, folds) -> (candidates,)
    best = CANDIDATES[int(means.argmin())]
    found = ", ".join(
        f"{'None' if methods is None else '+'.join(methods)} {100 * (1 - mean):.1f} %"
        for methods, mean in zip(CANDIDATES, means, strict=True)
    )
    logger.info("semi_supervised='search' is %s; right in %d folds: %s.", best, _FOLDS, found)
    return best
