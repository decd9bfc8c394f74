"""A model for each label, of those that learn one thing only.

Axes: k rows, V columns, L labels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone


class PerLabel:
    """Fits a copy of a model to each column of labels.

    A column with one value is that value. scikit-learn's ``OneVsRestClassifier`` is not used: it
    chooses the threshold of all labels by the model of the first, which is wrong for the others
    where the first column has one value.

    Parameters
    ----------
    model : estimator
        It is not fitted itself.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._models: list[Any] = []

    def fit(self, x: NDArray[Any], y: NDArray[np.int64]) -> "PerLabel":
        """Fit the models to rows (k, V) with labels (k, L)."""
        self._models = [
            int(column[0]) if (column == column[0]).all() else clone(self._model).fit(x, column)
            for column in y.T
        ]
        return self

    def predict(self, x: NDArray[Any]) -> NDArray[np.int64]:
        """Return the labels of rows as 0 and 1, (n, V) -> (n, L)."""
        columns = [
            np.full(len(x), model) if isinstance(model, int) else model.predict(x)
            for model in self._models
        ]
        return np.stack(columns, axis=1).astype(np.int64)
