"""``LadderClassifier`` and ``LadderRegressor``: learn from few labels and many rows at once.

Axes: n rows, V columns, C classes, L labels, T targets.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
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
from sdae.core.preprocessing import Scaling
from sdae.estimators.class_predictions import ClassPredictions
from sdae.estimators.class_targets import has_targets
from sdae.estimators.estimator_file import Kept
from sdae.estimators.fitted import FittedNetwork
from sdae.estimators.fitting import whole_or_not_at_all
from sdae.estimators.inputs import Rows, with_unlabeled, without_labels
from sdae.estimators.ladder_fitting import fit_ladder
from sdae.estimators.ladder_parameters import (
    LadderParameters,
    LadderSettings,
    check_costs,
)
from sdae.estimators.tasks import Labelled
from sdae.estimators.value_predictions import ValuePredictions
from sdae.estimators.weights import labelled_rows_that_count
from sdae.train.ladder.automatic import Settled


class LadderEstimator(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, LadderParameters, FittedNetwork
):
    """What both ladder estimators share: their parameters, and results of training."""

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
        """Passes over the rows, of which the last may be a part."""
        check_is_fitted(self)
        return len(self.history_)

    @property
    def loss_curve_(self) -> list[float]:
        """Mean cost of each pass: that of the labels plus that of the reconstruction."""
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

    def _settled_state(self) -> dict[str, Any]:
        if "_settled" not in self.__dict__:
            return {}
        settled = self._settled
        return {
            "denoising_cost": list(settled.denoising_cost),
            "n_updates": settled.n_updates,
            "batch_size": settled.batch_size,
        }

    def _take_settled(self, state: Mapping[str, Any], model: Model) -> None:
        if "n_updates" not in state:
            return
        readers: dict[str, Reader[Any]] = {
            "denoising_cost": one_or_each(number(0)),
            "n_updates": integer(1),
            "batch_size": integer(2),
        }
        caller, values = type(self).__name__, {name: state[name] for name in readers}
        read, sizes = read_fields(readers, values, caller), model.stack.hidden_layer_sizes
        check_costs(read["denoising_cost"], sizes, caller)
        self._settled = Settled(sizes, self.ladder_.input_noise, **read)


@dataclass(eq=False, repr=False, match_args=False)
class LadderClassifier(ClassPredictions, LadderEstimator):
    """A ladder network: trained on labelled and unlabelled rows at once (Rasmus et al. 2015).

    It is for few labels and many rows: with a hundred labels of MNIST it is right in 98 % of the
    test rows after some minutes of a CPU (docs/few-labels.md).

    Parameters
    ----------
    hidden_layer_sizes : int, sequence of int or "auto", default "auto"
        Units of each hidden layer. ``auto``: (1000, 500, 250, 250, 250) for 256 inputs or more,
        (100, 50) for fewer.
    input_noise : float or "auto", default "auto"
        Standard deviation of the noise that training adds to the prepared input. ``auto``: 0.3 for
        256 inputs or more in [0, 1], otherwise the root of the mean variance of an input.
    hidden_noise : float, default 0.3
        Standard deviation of the noise in all layers, whose units have variance 1.
    denoising_cost : float, one per depth, or "auto", default "auto"
        Weight of the reconstruction of the input; or of each depth, the input first, the output
        last. ``auto``: 0.43 for each input, but at least 30, divided by the mean variance of an
        input; with 256 inputs or more, and 1,000 labels or more, two fifths of that.
    combinator : {"gaussian", "augmented_mlp"}, default "gaussian"
        How a layer is estimated from itself and the layer above.
    n_updates : int or "auto", default "auto"
        Number of updates; the rate falls in the last third of them. ``auto``: 12,400 for 256 inputs
        or more, 3,000 for fewer.
    max_minutes : float or None, default None
        Take as many updates as fit into this time, by a measurement at the start, in place of
        `n_updates`. Only a fit by number can be repeated to the byte.
    learning_rate_init : float, default 0.002
        Learning rate of Adam.
    batch_size : int or "auto", default "auto"
        Labelled rows of an update, and as many unlabelled ones. ``auto``: 100 for 256 inputs or
        more, 50 for fewer.
    scale : {"auto", "none", "minmax", "standard", "robust", "quantile"}, default "auto"
        ``auto`` does not scale data in [0, 1] with a column whose standard deviation is at least
        0.05; other data are standardised.
    categorical_features, max_categories, min_frequency, handle_unknown, missing_values
        How the columns of a table are read, as in :class:`sdae.SDAEClassifier`.
    class_weight : dict, "balanced" or None, default None
        Weights of the classes in the cost of the labels. Rows of a class of weight 0 are ignored.
    unlabeled_label : label or None, default None
        Rows with this label (a number or a text, such as −1) have no label.
    engine : {"auto", "compiled", "autograd"}, default "auto"
    device : {"cpu", "cuda", "mps", "auto"}, default "cpu"
    n_threads : int or None, default None
        None takes PyTorch's setting, or 1 where steps are small.
    checkpoint : Checkpoint, folder or None, default None
        Where ``fit`` saves its state: called again after an interruption, with the same data and
        parameters and an integer `random_state`, it continues from there.
    random_state : int, RandomState or None, default None
    verbose : bool, default False
        Print a line per pass over the rows.

    Attributes
    ----------
    classes_ : ndarray
        Of labels in several columns their numbers, 0 to L − 1.
    ladder_ : LadderNetwork
    network_ : StackedDenoisingAutoencoder
        The plain stack that predicts as the ladder does.
    hidden_layer_sizes_, input_noise_, denoising_cost_, batch_size_, n_updates_
        The values of the last ``fit``, by which ``auto`` is known.
    n_layers_, n_features_in_, n_iter_ : int
    feature_names_in_ : ndarray of str
        If the columns have names.
    loss_curve_ : list of float
        Mean cost of each pass over the rows.
    history_ : tuple of EpochRecord

    References
    ----------
    Rasmus, Valpola, Honkala, Berglund and Raiko 2015, "Semi-supervised learning with ladder
    networks".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sdae import LadderClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> some = np.where(np.arange(len(y)) % 15 == 0, y, -1)  # a label for every fifteenth row
    >>> model = LadderClassifier(unlabeled_label=-1, n_updates=500, random_state=0)
    >>> bool(model.fit(X, some).score(X, y) > 0.8)
    True
    """

    _: KW_ONLY
    class_weight: Any = None
    unlabeled_label: Any = None
    classes_: NDArray[Any] = field(init=False)

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_unlabeled: Any = None
    ) -> "LadderClassifier":
        """Train on all rows, and on the labels of those that have one.

        Parameters
        ----------
        X : array, CSR matrix or table, (n, V)
        y : array, (n,) or (n, L)
            Classes of any kind, or in several columns 1 where a row has the label of the column and
            0 elsewhere. Rows with a missing value (NaN, None, NA, null) or with `unlabeled_label`,
            in all columns, have no label.
        sample_weight : array, (n,), or None
            Weights of the labels. A row of weight 0, labelled or not, is ignored.
        X_unlabeled : array, CSR matrix or table, (m, V), or None
            More rows without labels.
        """
        settings = self._settings()
        with whole_or_not_at_all(self, goes_on=False):
            x, targets, found = self._checked(X, y, continues=False)
            if not has_targets(targets).any():
                raise self._unlabelled(f"the unlabeled_label {self.unlabeled_label!r}")
            x, targets, weights = labelled_rows_that_count(
                x, targets, sample_weight, self.class_weight, found, self._name
            )
            self._check_labels_count(targets)
            self.classes_ = found
            x, every = self._all_rows(x, X_unlabeled)
            known = has_targets(targets)
            rows = Labelled(x[known], targets[known], weights)
            others = without_labels(every, known)
            fit_ladder(self, every, settings, rows, others, self._head(targets))
        return self

    def _kept(self) -> Kept:
        kept = super()._kept()
        return Kept({**kept.state, **self._settled_state()}, kept.classes)

    def _take_back(self, state: Mapping[str, Any], model: Model) -> None:
        super()._take_back(state, model)
        self._take_settled(state, model)


@dataclass(eq=False, repr=False, match_args=False)
class LadderRegressor(ValuePredictions, LadderEstimator):
    """A ladder network for values: trained on rows with and without targets at once.

    The targets are standardised internally. The parameters are those of
    :class:`sdae.LadderClassifier`, without `class_weight` and `unlabeled_label`.

    Parameters
    ----------
    hidden_layer_sizes, input_noise, hidden_noise, denoising_cost, combinator
        The network, its noise and the weight of the reconstruction.
    n_updates, max_minutes, learning_rate_init, batch_size
        Training.
    scale, categorical_features, max_categories, min_frequency, handle_unknown, missing_values
        How columns are prepared.
    loss : {"squared_error", "poisson"}, default "squared_error"
        ``poisson`` is for counts.
    engine, device, n_threads, checkpoint, random_state, verbose

    Attributes
    ----------
    target_scaling_ : Scaling
        Scaling of the targets.
    ladder_, network_, history_, loss_curve_, n_layers_, n_features_in_, n_iter_
        As in :class:`sdae.LadderClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sdae import LadderRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> y[100:400] = np.nan  # rows without a target
    >>> model = LadderRegressor(n_updates=200, random_state=0).fit(X[:400], y[:400])
    >>> model.predict(X[400:]).shape
    (42,)
    """

    _: KW_ONLY
    loss: str = "squared_error"
    target_scaling_: Scaling = field(init=False)
    _one_column: bool = field(init=False)

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_unlabeled: Any = None
    ) -> "LadderRegressor":
        """Train on all rows, and on the targets of those that have them.

        Parameters
        ----------
        X : array, CSR matrix or table, (n, V)
        y : array, (n,) or (n, T)
            Rows with a missing value (NaN, None, NA, null), in all columns, have no target.
        sample_weight : array, (n,), or None
            Weights of the targets. A row of weight 0 is ignored.
        X_unlabeled : array, CSR matrix or table, (m, V), or None
            More rows without targets.
        """
        settings = self._settings()
        with whole_or_not_at_all(self, goes_on=False):
            x, y, weights, there = self._checked(X, y, sample_weight, reset=True)
            self._learn_targets(y, weights)
            x, every = self._all_rows(x, X_unlabeled)
            rows = Labelled(x[there], self._standardised(y), weights)
            fit_ladder(self, every, settings, rows, without_labels(every, there), self._head())
        return self

    def _kept(self) -> Kept:
        kept = super()._kept()
        return Kept({**kept.state, **self._settled_state()}, kept.classes)

    def _take_back(self, state: Mapping[str, Any], model: Model) -> None:
        super()._take_back(state, model)
        self._take_settled(state, model)
