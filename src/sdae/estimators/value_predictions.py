"""What regressors share, however they were trained: their targets and predictions.

Axes: n rows, V columns, T targets.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import Tags, check_consistent_length

from sdae.core.constraints import boolean
from sdae.core.errors import DataError
from sdae.core.kinds.heads import Head
from sdae.core.model_file import Model
from sdae.core.preprocessing import Scaling
from sdae.core.surroundings import undisturbed
from sdae.core.target_scaling import (
    check_counts,
    fit_count_scaling,
    fit_target_scaling,
    fits_float32,
    standardised,
    target_columns,
)
from sdae.estimators.estimator_file import Kept
from sdae.estimators.fitted import FittedNetwork
from sdae.estimators.inputs import Rows, checked_pair
from sdae.estimators.label_encoding import as_array
from sdae.estimators.missing_targets import check_numbers, rows_with_labels, with_gaps_filled
from sdae.estimators.parameter_readers import POISSON
from sdae.estimators.weights import Weights, check_some_count, row_weights, where_unequal


class ValuePredictions(RegressorMixin, FittedNetwork):
    """A fitted network whose outputs are values, standardised, or logarithms of mean counts."""

    loss: str
    target_scaling_: Scaling
    _one_column: bool

    @undisturbed()
    def predict(self, X: Any) -> NDArray[np.float64] | NDArray[np.float32]:
        """Return the targets of each row, (n,), or (n, T) if ``fit`` had several columns.

        They are float64; for an array of float32 float32, as those of ``MLPRegressor``, unless the
        targets of ``fit`` lie so far from 0 that float32 would lose digits of them.
        """
        values = self._outputs(X).astype(np.float64)  # (n, T)
        if self.network_.head_kind is Head.POISSON:
            with np.errstate(over="ignore"):  # far from the rows of fit the mean may be infinite
                values = np.exp(values)
        values = values * self.target_scaling_.scale + self.target_scaling_.offset
        if getattr(X, "dtype", None) == np.float32 and fits_float32(self.target_scaling_):
            values = values.astype(np.float32)
        return values[:, 0] if self._one_column else values

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², the coefficient of determination, of the rows that have targets."""
        check_consistent_length(X, y, sample_weight)
        check_numbers(y, f"{type(self).__name__}.score")
        there = rows_with_labels(y, None, f"{type(self).__name__}.score")
        known = y if there.all() else as_array(y)[there].astype(np.float64)
        weight = None if sample_weight is None else np.asarray(sample_weight)[there]
        return float(r2_score(known, self.predict(X)[there], sample_weight=weight))

    def _checked(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool
    ) -> tuple[Rows, NDArray[Any], Weights | None, NDArray[np.bool_]]:
        """Check rows and targets, and leave out rows of weight 0.

        Returns
        -------
        x : (n, V)
        y : (m,) or (m, T)
            The targets of the rows that have them.
        weights : (m,) or None
            Their weights, if they differ.
        there : (n,)
            Which rows they are.
        """
        name = type(self).__name__
        check_numbers(y, name)
        y, known = with_gaps_filled(y, name)
        x, y = checked_pair(self, X, y, reset=reset, several=True, numeric=True)
        there = np.ones(len(y), bool) if known is None else known
        weights = row_weights(sample_weight, x)
        check_some_count(weights, name)
        counts = weights > 0
        if not counts.all():
            x, y, weights, there = x[counts], y[counts], weights[counts], there[counts]
        if reset and not there.any():
            raise DataError(
                f"All rows of weight above 0 have missing values in y, but {name} needs rows with "
                "targets. Use SDAETransformer for rows without targets."
            )
        return x, y[there], where_unequal(weights[there]), there

    def _learn_targets(self, y: NDArray[Any], weights: Weights | None) -> None:
        """Fit the scaling of the targets, (n,) or (n, T)."""
        self._one_column = y.ndim == 1
        columns = self._columns(y)
        if self.loss == POISSON:
            self.target_scaling_ = fit_count_scaling(columns, weights)
        else:
            self.target_scaling_ = fit_target_scaling(columns, weights, self._y)

    def _columns(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """Return targets, (n,) or (n, T), as columns, (n, T)."""
        columns = target_columns(y, self._y)
        if self.loss == POISSON:
            check_counts(columns, self._y)
        return columns

    @property
    def _y(self) -> str:
        return f"The y parameter of {type(self).__name__}"

    def _head_of_loss(self) -> Head:
        return Head.POISSON if self.loss == POISSON else Head.REGRESSION

    def _head(self) -> tuple[Head, int]:
        return self._head_of_loss(), len(self.target_scaling_.scale)

    def _standardised(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """Return standardised targets, (n, T)."""
        columns = self._columns(y)
        n_targets = len(self.target_scaling_.scale)
        if columns.shape[1] != n_targets or (y.ndim == 1) != self._one_column:
            shape = "(n,)" if self._one_column else f"(n, {n_targets})"
            raise DataError(
                f"The y parameter of {type(self).__name__} must have shape {shape}, as in the "
                f"first fit. Got {y.shape} instead. Fit a clone for other targets."
            )
        return standardised(columns, self.target_scaling_, self._y)

    def _kept(self) -> Kept:
        return Kept(
            {
                "one_column": self._one_column,
                "target_offset": self.target_scaling_.offset.tolist(),
                "target_scale": self.target_scaling_.scale.tolist(),
            }
        )

    def _take_back(self, state: Mapping[str, Any], model: Model) -> None:
        self._check_head(model, self._head_of_loss())
        offset, scale = (
            np.array(state[f"target_{part}"], np.float64) for part in ("offset", "scale")
        )
        if offset.shape != scale.shape or offset.shape != (model.stack.n_targets,):
            raise ValueError("the scaling of the targets does not fit the network")
        if not (np.isfinite([offset, scale]).all() and (scale > 0).all()):
            raise ValueError("the scaling of the targets is not finite, or not above 0")
        self.target_scaling_ = Scaling("standard", offset, scale)
        self._one_column = boolean().read(state["one_column"])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss == POISSON
        return tags
