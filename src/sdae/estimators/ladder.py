"""``LadderClassifier`` and ``LadderRegressor``: learn from few labels and many rows at once.

Axes: n rows, V columns, C classes, L labels, T targets.
"""

from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from numpy.typing import NDArray

from sdae.core.preprocessing import Scaling
from sdae.estimators.class_predictions import ClassPredictions
from sdae.estimators.class_targets import has_targets
from sdae.estimators.fitting import whole_or_not_at_all
from sdae.estimators.ladder_base import LadderEstimator
from sdae.estimators.ladder_fitting import fit_ladder
from sdae.estimators.stacked_rows import with_labels, without_labels
from sdae.estimators.tasks import Labelled
from sdae.estimators.value_predictions import ValuePredictions
from sdae.estimators.weights import labelled_rows_that_count


@dataclass(eq=False, repr=False, match_args=False)
class LadderClassifier(LadderEstimator, ClassPredictions):
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
        Rows with this label (a number, text or boolean, such as −1) have no label.
    engine : {"auto", "compiled", "autograd"}, default "auto"
    device : {"cpu", "cuda", "mps", "auto"}, default "cpu"
    n_threads : int or None, default None
        None takes PyTorch's setting, or 1 where steps are small.
    checkpoint : Checkpoint, folder or None, default None
        Where ``fit`` saves its state: called again after an interruption, with the same data and
        parameters and an integer `random_state`, it continues from there.
    random_state : int, RandomState or None, default None
    verbose : bool, default False
        Print a line per epoch: a pass over the rows, or as many as a hundredth of the training has.

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
        Mean cost of each epoch.
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
        X : array, CSR matrix, table, or rows of :func:`sdae.data.open_rows`, (n, V)
        y : array, (n,) or (n, L)
            Classes of any kind, or in several columns 1 where a row has the label of the column and
            0 elsewhere. Rows with a missing value (NaN, None, NA, null) or with `unlabeled_label`,
            in all columns, have no label.
        sample_weight : array, (n,), or None
            Weights of the labels. A row of weight 0, labelled or not, is ignored.
        X_unlabeled : array, CSR matrix, table, rows of ``open_rows``, (m, V), or None
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
            rows = Labelled(with_labels(x, known), targets[known], weights)
            others = without_labels(every, known)
            fit_ladder(self, every, settings, rows, others, self._head(targets))
        return self


@dataclass(eq=False, repr=False, match_args=False)
class LadderRegressor(LadderEstimator, ValuePredictions):
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
        X : array, CSR matrix, table, or rows of :func:`sdae.data.open_rows`, (n, V)
        y : array, (n,) or (n, T)
            Rows with a missing value (NaN, None, NA, null), in all columns, have no target.
        sample_weight : array, (n,), or None
            Weights of the targets. A row of weight 0 is ignored.
        X_unlabeled : array, CSR matrix, table, rows of ``open_rows``, (m, V), or None
            More rows without targets.
        """
        settings = self._settings()
        with whole_or_not_at_all(self, goes_on=False):
            x, y, weights, there = self._checked(X, y, sample_weight, reset=True)
            self._learn_targets(y, weights)
            x, every = self._all_rows(x, X_unlabeled)
            rows = Labelled(with_labels(x, there), self._standardised(y), weights)
            fit_ladder(self, every, settings, rows, without_labels(every, there), self._head())
        return self
