"""What both ladder estimators share: their parameters, and results of training.

Axes: n rows, V columns, H units of the deepest layer.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sdae.core.constraints import Reader, integer, number, one_or_each, read_fields
from sdae.core.errors import invalid_parameter
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.network import LadderNetwork
from sdae.core.model_file import Model
from sdae.estimators.estimator_file import Kept
from sdae.estimators.fitted import FittedNetwork
from sdae.estimators.inputs import Rows
from sdae.estimators.ladder_parameters import LadderParameters, LadderSettings, check_costs
from sdae.estimators.stacked_rows import with_unlabeled
from sdae.train.ladder.automatic import Settled


class LadderEstimator(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, LadderParameters, FittedNetwork
):
    """The parameters of a ladder estimator, and the results of its training."""

    _settled: Settled

    @property
    def ladder_(self) -> LadderNetwork:
        """The trained ladder; ``network_`` is the stack that predicts as it does."""
        check_is_fitted(self)
        network = self.network_
        assert isinstance(network, FoldedLadder)
        return network.ladder

    @property
    def hidden_layer_sizes_(self) -> tuple[int, ...]:
        """Units of the hidden layers: `hidden_layer_sizes`, or what ``auto`` meant."""
        check_is_fitted(self)
        return self.network_.hidden_layer_sizes

    @property
    def input_noise_(self) -> float:
        """The noise of the input: `input_noise`, or what ``auto`` meant."""
        return self.ladder_.input_noise

    @property
    def denoising_cost_(self) -> tuple[float, ...]:
        """The weight of the reconstruction: `denoising_cost`, or what ``auto`` meant."""
        return self._value_used("denoising_cost_").denoising_cost

    @property
    def batch_size_(self) -> int:
        """Labelled, and unlabelled, rows of an update: `batch_size`, or what ``auto`` meant."""
        return self._value_used("batch_size_").batch_size

    @property
    def n_updates_(self) -> int:
        """Updates of the last ``fit``: by number, or as many as `max_minutes` allowed."""
        return self._value_used("n_updates_").n_updates

    def _value_used(self, name: str) -> Settled:
        check_is_fitted(self)
        if "_settled" not in self.__dict__:
            raise AttributeError(
                f"This {type(self).__name__} is of a file without its training, so it does not "
                f"have {name}."
            )
        return self._settled

    @property
    def n_iter_(self) -> int:
        """Epochs: passes over the rows, or some passes each; the last may be a part."""
        check_is_fitted(self)
        return len(self.history_)

    @property
    def loss_curve_(self) -> list[float]:
        """Mean cost of each epoch: that of the labels plus that of the reconstruction."""
        check_is_fitted(self)
        return [record.cost for record in self.history_]

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the deepest codes, (n, V) -> (n, H) float32."""
        return self._codes(X, None)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _settings(self) -> LadderSettings:
        return LadderSettings.read(self._own_parameters(), type(self).__name__)

    def _check_network(self, settings: LadderSettings) -> None:
        """Raise an error if the parameters do not fit the trained network."""
        wanted, now = settings.hidden_layer_sizes, self.network_.hidden_layer_sizes
        if wanted not in (None, now):
            now_is, caller = f"{now!r} as in fit, or 'auto'", type(self).__name__
            raise invalid_parameter("hidden_layer_sizes", caller, now_is, wanted, "Fit a clone.")
        if settings.combinator is not self.ladder_.combinator:
            now_is, caller = f"{str(self.ladder_.combinator)!r} as in fit", type(self).__name__
            got = str(settings.combinator)
            raise invalid_parameter("combinator", caller, now_is, got, "Fit a clone.")

    def _all_rows(self, x: Rows, X_unlabeled: Any) -> tuple[Rows, Rows]:
        """Return the rows given with labels, and all."""
        return (x, x) if X_unlabeled is None else with_unlabeled(self, x, X_unlabeled)

    def _kept(self) -> Kept:
        kept = super()._kept()
        if "_settled" not in self.__dict__:
            return kept
        settled = self._settled
        used = {
            "denoising_cost": list(settled.denoising_cost),
            "n_updates": settled.n_updates,
            "batch_size": settled.batch_size,
        }
        return replace(kept, state={**kept.state, **used})

    def _take_back(self, state: Mapping[str, Any], model: Model) -> None:
        super()._take_back(state, model)
        if "n_updates" not in state:
            return
        readers: dict[str, Reader[Any]] = {
            "denoising_cost": one_or_each(number(0)),
            "n_updates": integer(0),  # none, if fit was interrupted
            "batch_size": integer(2),
        }
        caller, values = type(self).__name__, {name: state[name] for name in readers}
        read, sizes = read_fields(readers, values, caller), model.stack.hidden_layer_sizes
        check_costs(read["denoising_cost"], sizes, caller)
        self._settled = Settled(sizes, self.ladder_.input_noise, **read)
