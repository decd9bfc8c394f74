"""Small data, and quick estimators over it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae import (
    SDAEClassifier,
    SDAEImputer,
    SDAEOutlierDetector,
    SDAERegressor,
    SDAETransformer,
)

Rows = NDArray[np.float64]
STREAMING = (SDAETransformer, SDAEClassifier, SDAERegressor, SDAEOutlierDetector)
"""Those with ``partial_fit``, which take sparse rows too."""
ALL = (*STREAMING, SDAEImputer)
SUPERVISED = (SDAEClassifier, SDAERegressor)


def quick(kind: type, **parameters: Any) -> Any:
    """Return an estimator that trains in some hundredths of a second."""
    few: dict[str, Any] = {"hidden_layer_sizes": (6, 4), "pretrain_epochs": 2, "random_state": 3}
    if kind in SUPERVISED:
        few |= {"max_iter": 4, "tol": 0.0}
    if kind is SDAEImputer:  # trained less, it would fill all columns by their means
        few |= {"hidden_layer_sizes": (12, 8), "pretrain_epochs": (60, 20)}
    return kind(**(few | parameters))


def rows(n: int = 60, n_columns: int = 5, seed: int = 0) -> Rows:
    """Return rows that depend on two hidden directions, (n, n_columns)."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)) @ rng.normal(size=(2, n_columns)) + 0.1 * rng.normal(
        size=(n, n_columns)
    )


def labels(x: Rows) -> NDArray[np.int64]:
    """Return three classes by the first column, (n,)."""
    return np.digitize(x[:, 0], [-0.5, 0.5])


def fitted(kind: type, **parameters: Any) -> Any:
    """Return a quick estimator after ``fit``."""
    x = rows()
    return quick(kind, **parameters).fit(x, labels(x))


def with_gaps(x: Rows) -> Rows:
    """Return rows in which the positive numbers of the last column are missing, (n, V)."""
    last = np.arange(x.shape[1]) == x.shape[1] - 1
    return np.where(last & (x > 0), np.nan, x)


def answers(estimator: Any, x: Any, *, gaps: bool = True) -> list[NDArray[Any]]:
    """Return all that an estimator says of rows; an imputer gets arrays with `gaps`."""
    plain = isinstance(x, np.ndarray) and x.dtype.kind == "f"
    if isinstance(estimator, SDAEImputer) and plain and gaps:
        x = with_gaps(x)
    names = (
        "predict",
        "predict_proba",
        "decision_function",
        "transform",
        "reconstruct",
        "score_samples",
        "feature_contributions",
    )
    return [np.asarray(getattr(estimator, name)(x)) for name in names if hasattr(estimator, name)]
