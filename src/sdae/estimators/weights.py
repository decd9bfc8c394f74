"""Weights of rows in fine-tuning; rows of weight 0 are ignored.

Axes: n rows, m rows of some kind, C classes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import _check_sample_weight

from sdae.core.errors import DataError, invalid_parameter
from sdae.estimators.class_targets import has_targets

Numbers = NDArray[np.int64]
Weights = NDArray[np.float64]


def row_weights(sample_weight: Any, x: Any) -> Weights:
    """Check the weights of rows, (n,); None weights all equally.

    Raises
    ------
    ValueError
        From scikit-learn: not one finite number ≥ 0 per row.
    """
    weights: Weights = _check_sample_weight(
        sample_weight, x, dtype=np.float64, ensure_non_negative=True
    )
    return weights


def check_some_count(weights: Weights, caller: str, remedy: str = "") -> None:
    """Raise an error if all weights are 0.

    Raises
    ------
    DataError
        If no weight is above 0.
    """
    if not (weights > 0).any():
        raise DataError(
            f"The sample_weight parameter of {caller} must be above 0 for at least one row. "
            f"Got zeros instead. {remedy}".strip()
        )


def where_unequal(weights: Weights) -> Weights | None:
    """Return weights, or None if all are equal: any engine can then be used."""
    return weights if len(weights) and (weights != weights[0]).any() else None


def class_weights(
    class_weight: Any, classes: NDArray[Any], numbers: Numbers, own: Weights, caller: str
) -> Weights:
    """Return the weight of each class, (C,).

    Parameters
    ----------
    class_weight : dict or "balanced"
        The parameter of the constructor.
    classes : ndarray, shape (C,)
        Labels.
    numbers, own : ndarray, shape (m,)
        Classes and weights > 0 of the labelled rows, used to balance.
    caller : str
        Name in error messages.

    Raises
    ------
    InvalidParameterError
        If they are not allowed.
    """
    try:
        if isinstance(class_weight, str) and class_weight == "balanced":
            return _balanced(numbers, own, len(classes))
        weights = np.asarray(compute_class_weight(class_weight, classes=classes, y=classes))
        weights = weights.astype(np.float64)
    except (ValueError, TypeError):
        weights = np.zeros(0)
    if not (np.isfinite(weights).all() and weights.max(initial=0) > 0 and weights.min() >= 0):
        wanted = "None, 'balanced', or a dict from classes of y to finite numbers ≥ 0, not all 0"
        raise invalid_parameter("class_weight", caller, wanted, class_weight)
    return weights


def labelled_rows_that_count(
    x: Any,
    targets: Numbers,
    sample_weight: Any,
    class_weight: Any,
    classes: NDArray[Any],
    caller: str,
) -> tuple[Any, Numbers, Weights | None]:
    """Drop rows whose own weight, or the weight of their class, is 0.

    Parameters
    ----------
    x : (n, V)
    targets : ndarray, shape (n,) or (n, L)
        Class numbers, or labels as 0 and 1; −1 for rows without a label.
    sample_weight, class_weight
        Weights as given by the user.
    classes : ndarray, shape (C,)
    caller : str
        Name in error messages.

    Returns
    -------
    x : (n, V)
        The remaining rows.
    targets : (n,) or (n, L)
        Their targets.
    weights : (m,) or None
        Weights of those with labels; None weights all equally.
    """
    own = row_weights(sample_weight, x)
    check_some_count(own, caller)
    if class_weight is not None and targets.ndim == 2:
        wanted = "None where y has several columns"
        raise invalid_parameter("class_weight", caller, wanted, class_weight, "Use sample_weight.")
    labelled = has_targets(targets)
    counts = own > 0
    weighed = labelled & counts
    weights = where_unequal(own[weighed])
    if class_weight is not None and labelled.any():
        numbers = targets[weighed]
        of_classes = class_weights(class_weight, classes, numbers, own[weighed], caller)[numbers]
        both = of_classes if weights is None else product(weights, of_classes)
        counts[weighed] = both > 0
        weights = both[both > 0]
    if not counts.all():
        x, targets = x[counts], targets[counts]
    return x, targets, weights


def product(own: Weights, others: Weights) -> Weights:
    """Multiply weights; only their ratios matter, so very large ones are scaled down."""
    with np.errstate(over="ignore"):
        weights = own * others
    return weights if np.isfinite(weights).all() else own / own.max() * (others / others.max())


def _balanced(numbers: Numbers, own: Weights, n_classes: int) -> Weights:
    """Give all classes the same total weight, as scikit-learn does, (C,)."""
    unequal = where_unequal(own)
    # Scaled by the largest first, since their sum may overflow.
    relative = None if unequal is None else unequal / unequal.max()
    counts = np.bincount(numbers, relative, n_classes)  # (C,)
    weights = np.ones(n_classes)
    there = counts > 0
    weights[there] = counts.sum() / (there.sum() * counts[there])
    return weights
