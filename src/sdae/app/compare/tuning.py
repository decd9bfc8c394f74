"""One model at one number of labels: choose its setting on the labelled rows, then fit it.

Test rows are not used here. Axes: k labelled rows, o other rows, V columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from sdae.app.compare.candidates import Models
from sdae.app.compare.families import Setting
from sdae.app.compare.label_splits import Numbers
from sdae.app.compare.meter import Cost, measured
from sdae.app.compare.quiet import quiet
from sdae.app.compare.study_data import Rows
from sdae.core.errors import TrainingDivergedError


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model fitted with the setting that did best in cross-validation.

    Attributes
    ----------
    model : estimator
    setting : Setting
    tuning, fit : Cost
    """

    model: Any
    setting: Setting
    tuning: Cost
    fit: Cost


def tune_and_fit(
    models: Models,
    name: str,
    settings: Sequence[Setting],
    x: Rows,
    y: Numbers,
    others: Rows | None = None,
    *,
    n_folds: int,
    seed: int,
) -> Fitted:
    """Choose among `settings` by stratified cross-validation, then fit on all labelled rows.

    Parameters
    ----------
    models : Models
    name : str
        Name of the model.
    settings : sequence of Setting
        Settings to choose from; among equally good ones the first wins.
    x : ndarray, shape (k, V)
    y : ndarray, shape (k,), (k, L) or (k, T)
    others : ndarray, shape (o, V), or None
        The rows without labels, for a model that learns from them; None for another one. In
        cross-validation the labelled rows left out join them, without their labels, so that a
        fold has the rows of the last fit.
    n_folds : int
        Maximum number of folds; a class with fewer rows reduces it.
    seed : int
        Seed of the folds, which are the same for every model.
    """
    models.cost_of_start(name)  # run pre-training now if needed, so its cost is counted separately
    with measured() as tuning, quiet():
        chosen = settings[0]
        if len(settings) > 1:
            cuts = _folds(x, y, n_folds, seed)
            errors = [
                _error_in_folds(models, name, setting, x, y, others, cuts) for setting in settings
            ]
            chosen = settings[int(np.argmin(errors))]
    with measured() as fit, quiet():
        model = models.new(name, chosen, others).fit(x, y)
    return Fitted(model, chosen, tuning, fit)


def error_of(model: Any, x: Rows, y: Numbers, variance: Numbers | None = None) -> float:
    """Return the share of rows, or of several labels, that a model predicts wrongly.

    Of values, (n, T), it is the mean squared error as a share of their `variance`, (T,).
    """
    if y.dtype.kind != "f":
        return float(np.mean(model.predict(x) != y))
    squares = np.square(model.predict(x) - y)
    return float(np.mean(squares if variance is None else squares / variance))


def _folds(x: Rows, y: Numbers, n_folds: int, seed: int) -> list[Any]:
    """Return the folds, stratified by class; several labels have too many combinations for that."""
    if y.ndim == 2:
        return list(KFold(min(n_folds, len(y)), shuffle=True, random_state=seed).split(x))
    n_folds = min(n_folds, int(np.bincount(y)[np.unique(y)].min()))
    return list(StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(x, y))


def _error_in_folds(
    models: Models,
    name: str,
    setting: Setting,
    x: Rows,
    y: Numbers,
    others: Rows | None,
    cuts: list[Any],
) -> float:
    """Return the mean error over the folds; the highest where training diverges."""
    errors = []
    try:
        for kept, left in cuts:
            unlabelled = None if others is None else np.concatenate([x[left], others])
            model = models.new(name, setting, unlabelled).fit(x[kept], y[kept])
            errors.append(error_of(model, x[left], y[left]))
    except TrainingDivergedError:
        return 1.0 if y.dtype.kind != "f" else np.inf
    return float(np.mean(errors))
