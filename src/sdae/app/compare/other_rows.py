"""Models that learn from the labelled rows of a study, and from all its other rows.

Axes: k labelled rows, o other rows, V columns, L labels, T targets.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import SelfTrainingClassifier

from sdae.app.compare.study_data import Rows

NO_LABEL = -1


class WithOtherRows:
    """Fits a model to labelled rows, and below them to rows whose label it does not get.

    Parameters
    ----------
    model : estimator
        Fitted in place; it takes −1, or NaN where the targets are values, for a missing label.
    others : ndarray, shape (o, V)
    """

    def __init__(self, model: Any, others: Rows) -> None:
        self._model = model
        self._others = others

    def fit(self, x: Rows, y: NDArray[Any]) -> "WithOtherRows":
        """Fit the model to rows (k, V) with labels (k,), (k, L) or (k, T), and to the others."""
        nothing = np.nan if y.dtype.kind == "f" else NO_LABEL
        blank = np.full((len(self._others), *y.shape[1:]), nothing, y.dtype)
        rows = np.concatenate([x, self._others])  # (k, V), (o, V) -> (k + o, V)
        self._model.fit(rows, np.concatenate([y, blank]))
        return self

    def predict(self, x: Rows) -> NDArray[Any]:
        """Return the classes, labels or values of rows, (n, V) -> (n,), (n, L) or (n, T)."""
        # Label spreading divides by 0 for a row whose neighbours no label reached: the first class.
        with np.errstate(invalid="ignore"):
            answers: NDArray[Any] = self._model.predict(x)
        return answers


def self_training(
    *, C: float, threshold: float, max_iter: int, random_state: int
) -> SelfTrainingClassifier:
    """Return logistic regression that takes its own answers of high probability for labels."""
    base = LogisticRegression(C=C, max_iter=max_iter, random_state=random_state)
    return SelfTrainingClassifier(base, threshold=threshold)
