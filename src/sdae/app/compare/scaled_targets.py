"""A regressor that learns standardised targets, so that no setting depends on their unit.

Axes: k rows, V columns, T targets.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.multioutput import MultiOutputRegressor

_ONE_TARGET = ("boosting", "svm")


class ScaledTargets:
    """Standardises the targets of the rows that it is fitted to, and undoes it in predictions.

    Parameters
    ----------
    model : estimator
        Fitted in place.
    name : str
        Name of the model; some learn one target at a time.
    """

    def __init__(self, model: Any, name: str) -> None:
        self._model = model
        self._one_by_one = name in _ONE_TARGET

    def fit(self, x: NDArray[Any], y: NDArray[np.float64]) -> "ScaledTargets":
        """Fit the model to rows (k, V) with values (k, T)."""
        self._mean, deviation = y.mean(axis=0), y.std(axis=0)
        self._deviation = np.where(deviation > 0, deviation, 1.0)
        scaled = (y - self._mean) / self._deviation
        if scaled.shape[1] == 1:
            scaled = scaled[:, 0]
        elif self._one_by_one:
            self._model = MultiOutputRegressor(self._model)
        self._model.fit(x, scaled)
        return self

    def predict(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Return the values of rows, (n, V) -> (n, T)."""
        scaled = np.asarray(self._model.predict(x), np.float64).reshape(len(x), -1)
        values: NDArray[np.float64] = scaled * self._deviation + self._mean
        return values
