"""What the classifier and the regressor share besides their fit: results of training.

Axes: n rows, V columns, H units of a layer, K outputs.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sdae.core.errors import DataError, InvalidParameterError
from sdae.estimators.base import SDAEBase
from sdae.estimators.constructors import FinetuningParameters
from sdae.estimators.inputs import Rows
from sdae.estimators.parameter_readers import AUTO, LBFGS
from sdae.estimators.parameters import Settings
from sdae.estimators.stacked_rows import with_unlabeled
from sdae.estimators.tasks import Labelled
from sdae.estimators.watched_rows import Places, set_aside
from sdae.train.history import FINETUNING, EpochRecord

Real = NDArray[np.float32] | NDArray[np.float64]
Method = TypeVar("Method", bound=Callable[..., Any])


def where_minibatches(method: Method) -> Method:
    """Make a method available unless the solver is L-BFGS, as in scikit-learn's MLPs."""
    restricted: Method = available_if(_takes_minibatches)(method)
    return restricted


def _takes_minibatches(estimator: FinetuningParameters) -> bool:
    if estimator.solver == LBFGS:
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic: it "
            "uses all rows at once. Use solver='adam', for example."
        )
    return True


class SupervisedSDAE(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, FinetuningParameters, SDAEBase
):
    """Pre-train on all rows, fine-tune on the labelled ones."""

    # -- results of training -------------------------------------------------------------------

    @property
    def coefs_(self) -> list[Real]:
        """Weights of each layer and of the head, (V, H), …, (H, K): copies of the rows' type."""
        check_is_fitted(self)
        return [self._copy_of(layer.weight.T) for layer in self._layers()]

    @property
    def intercepts_(self) -> list[Real]:
        """Biases of each layer and of the head, (H,), …, (K,): copies of the rows' type."""
        check_is_fitted(self)
        return [self._copy_of(layer.bias) for layer in self._layers()]

    @property
    def alpha_(self) -> float:
        """The L2 penalty of fine-tuning: `alpha`, or what ``auto`` meant."""
        return float(self._value_used("alpha"))

    @property
    def dropout_(self) -> float:
        """The dropout of fine-tuning: `dropout`, or what ``auto`` meant."""
        return float(self._value_used("dropout"))

    @property
    def max_iter_(self) -> int:
        """The largest number of epochs or iterations: `max_iter`, or what ``auto`` meant."""
        return int(self._value_used("max_iter"))

    @property
    def learning_rate_init_(self) -> float:
        """The initial rate of fine-tuning: `learning_rate_init`, or what ``auto`` meant."""
        return float(self._value_used("learning_rate_init"))

    def _value_used(self, name: str) -> Any:
        check_is_fitted(self)
        used = self.__dict__.get("_used")
        value = getattr(self, name) if used is None else getattr(used, name)  # of an older version
        if value == AUTO:
            raise AttributeError(
                f"{type(self).__name__} was not fine-tuned by fit, so it does not have {name}_."
            )
        return value

    @property
    def n_outputs_(self) -> int:
        """Outputs of the head, K."""
        check_is_fitted(self)
        return int(self.network_.head.out_features)

    @property
    def n_iter_(self) -> int:
        """Epochs of fine-tuning; with ``lbfgs`` iterations."""
        return len(self._records)

    @property
    def loss_curve_(self) -> list[float]:
        """Mean cost of each epoch of fine-tuning, without the penalty."""
        return [record.cost for record in self._records]

    @property
    def loss_(self) -> float:
        """Mean cost of the last epoch of fine-tuning, without the penalty."""
        if not self._records:
            raise AttributeError(
                f"{type(self).__name__} was not fine-tuned, so it does not have loss_."
            )
        return self._records[-1].cost

    @property
    def best_loss_(self) -> float | None:
        """Lowest value of ``loss_curve_``; None with ``early_stopping``."""
        return None if self.validation_scores_ else min(self.loss_curve_, default=None)

    @property
    def validation_scores_(self) -> list[float] | None:
        """Score on the rows set aside, by their weights, of each epoch; None if there are none."""
        errors = [record.validation_error for record in self._records]
        return [self._score_of(error) for error in errors if error is not None] or None

    @property
    def best_validation_score_(self) -> float | None:
        """Highest value of ``validation_scores_``; None without ``early_stopping``."""
        scores = self.validation_scores_
        return None if scores is None else max(scores)

    @property
    def _records(self) -> list[EpochRecord]:
        check_is_fitted(self)
        return [record for record in self.history_ if record.stage == FINETUNING]

    def _score_of(self, validation_error: float) -> float:
        return 1 - validation_error

    def _layers(self) -> list[Any]:
        network = self.network_
        layers = [network.mlp[2 * layer] for layer in range(self.n_layers_)]
        return [*layers, network.head]

    def _copy_of(self, parameter: Tensor) -> Real:
        """Return a parameter as an array of the type of the rows of ``fit``."""
        return parameter.detach().cpu().double().numpy().astype(self._row_type, order="C")

    # -- results of the network ---------------------------------------------------------------

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the deepest codes, (n, V) -> (n, H) float32."""
        return self._codes(X, None)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    # -- for fit -----------------------------------------------------------------------------

    def _check_streams(self, settings: Settings) -> None:
        """Raise an error if rows of a stream would be set aside."""
        if settings.early_stopping:
            raise InvalidParameterError(
                "partial_fit does not support early_stopping=True: it would set other rows aside "
                "at each call. Set early_stopping=False."
            )

    def _all_rows(self, x: Rows, X_unlabeled: Any) -> tuple[Rows, Rows]:
        """Return the rows given with labels, and those of pre-training: also those without."""
        return (x, x) if X_unlabeled is None else with_unlabeled(self, x, X_unlabeled)

    def _watched(self, labelled: Labelled, settings: Settings) -> tuple[Labelled, Labelled | None]:
        """Return the training rows and, with early stopping, the validation rows.

        Raises
        ------
        InvalidParameterError, DataError
            If there are too few of either.
        """
        if not settings.early_stopping or settings.uses_lbfgs:
            return labelled, None
        train, watch = self._set_aside(labelled.targets, settings.validation_fraction)
        if len(watch) < 2:
            raise DataError(
                "The validation set is too small: early_stopping needs at least 2 rows, and "
                f"validation_fraction={settings.validation_fraction:g} of "
                f"n_samples={len(labelled.targets)} labelled rows is {len(watch)}. Increase "
                "validation_fraction, or give more rows."
            )
        return labelled.at(train), labelled.at(watch)

    def _set_aside(self, targets: NDArray[Any], share: float) -> tuple[Places, Places]:
        """Return the indices of the training rows, and of the validation rows."""
        return set_aside(len(targets), share, self._seed)
