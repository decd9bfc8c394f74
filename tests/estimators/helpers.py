"""Small data, and quick estimators over it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae import SDAEClassifier, SDAEOutlierDetector, SDAERegressor, SDAETransformer

Rows = NDArray[np.float64]
ALL = (SDAETransformer, SDAEClassifier, SDAERegressor, SDAEOutlierDetector)
SUPERVISED = (SDAEClassifier, SDAERegressor)


def quick(kind: type, **parameters: Any) -> Any:
    """Return an estimator that trains in some hundredths of a second."""
    few: dict[str, Any] = {"hidden_layer_sizes": (6, 4), "pretrain_epochs": 2, "random_state": 3}
    if kind in SUPERVISED:
        few |= {"max_iter": 4, "tol": 0.0}
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


def answers(estimator: Any, x: Rows) -> list[NDArray[Any]]:
    """Return all that an estimator says of rows."""
    names = (
        "predict",
        "predict_proba",
        "decision_function",
        "transform",
        "reconstruct",
        "score_samples",
        "feature_contributions",
    )
    return [getattr(estimator, name)(x) for name in names if hasattr(estimator, name)]
