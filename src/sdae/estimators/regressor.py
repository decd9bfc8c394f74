"""``SDAERegressor``: pre-trained on all rows, fine-tuned on those with targets."""

from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from sdae.core.errors import invalid_parameter
from sdae.core.kinds.heads import Head
from sdae.core.preprocessing import Scaling
from sdae.estimators.fitting import goes_on, start, train, train_on_chunk, whole_or_not_at_all
from sdae.estimators.parameter_readers import POISSON, SQUARED_ERROR
from sdae.estimators.parameters import Settings
from sdae.estimators.stacked_rows import with_labels
from sdae.estimators.supervised import SupervisedSDAE, where_minibatches
from sdae.estimators.tasks import Labelled
from sdae.estimators.value_predictions import ValuePredictions


@dataclass(eq=False, repr=False, match_args=False)
class SDAERegressor(ValuePredictions, SupervisedSDAE):
    """A network pre-trained as a stacked denoising autoencoder, for one or several targets.

    It takes the arguments of scikit-learn's ``MLPRegressor``, and rows without targets. The targets
    are standardised internally.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        Units of each layer.
    activation : {"tanh", "relu", "sigmoid", "logistic", "gelu", "silu", "identity"}, default "tanh"
        Activation of all layers. Before the first fine-tuning of ``fit``, layer 0 of tanh units is
        bent where they are straight lines over the rows: with few inputs the classical weights are
        so small that a network would stay near a plane.
    solver : {"adam", "sgd", "adamw", "nadam", "rmsprop", "lbfgs"}, default "adam"
        Optimiser of both stages. With ``lbfgs``, which fine-tunes on all rows at once, Adam
        pre-trains.
    alpha : float or "auto", default "auto"
        L2 penalty of fine-tuning, as in ``MLPRegressor``. ``auto``: 2 up to 100 targets,
        then 2 · (100 / n)^1.5, but at least 0.0001; n targets of V < 20 inputs count as n · 20 / V,
        here and below.
    batch_size : int or "auto", default 32
        Rows of a minibatch, or all rows if there are fewer; ``auto`` is min(200, n).
    learning_rate : str, default "constant"
        ``constant``, or with ``sgd`` ``invscaling`` or ``adaptive``, as in ``MLPRegressor``; or a
        schedule over ``max_iter`` epochs such as ``linear`` or ``cosine``.
    learning_rate_init : float or "auto", default "auto"
        Initial learning rate of fine-tuning. ``auto``: 0.005, or where columns or units are more
        than 100 in a layer, 0.5 divided by the largest number of them, but at least 0.0005; with
        ``sgd`` 0.005.
    power_t : float, default 0.5
        Exponent of ``invscaling``.
    max_iter : int or "auto", default "auto"
        Maximum number of epochs of fine-tuning, or of iterations of ``lbfgs``. ``auto``: 20,
        times n / 100 from 100 targets on, but at most 100; more at a lower `learning_rate_init`;
        200 with ``sgd``, ``lbfgs`` or `early_stopping`.
    max_fun : int, default 15000
        Maximum number of evaluations of the cost by ``lbfgs``.
    shuffle : bool, default True
    random_state : int, RandomState or None, default None
    tol : float, default 0.0001
        Fine-tuning ends when the cost (with `early_stopping` the validation error) has not fallen
        by this much for `n_iter_no_change` epochs. For ``lbfgs`` the largest component of the
        gradient at which it ends.
    verbose : bool, default False
        Print a line per epoch.
    warm_start : bool, default False
        Continue fine-tuning from the last ``fit``; pre-training is not repeated.
    checkpoint : Checkpoint, folder or None, default None
        Where ``fit`` saves its state: called again after an interruption, with the same data and
        parameters and an integer `random_state`, it continues from there; see
        :class:`sdae.Checkpoint`.
    momentum : float, default 0.9
    nesterovs_momentum : bool, default True
        Whether ``sgd`` uses Nesterov momentum.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999 and 1e-8
        Decay rates and stability term of ``adam``.
    early_stopping : bool, default False
        Set `validation_fraction` of the rows aside, at least 2, and keep the parameters that are
        best on them. ``lbfgs`` ignores it.
    validation_fraction : float, default 0.1
    n_iter_no_change : int or infinity, default 10
    dropout : float in [0, 0.99] or "auto", default "auto"
        Dropout of hidden units in fine-tuning. ``auto`` is 0: it costs much where targets follow
        closely from the columns.
    corruption : noise or one per layer, default "masking:0.3"
        Noise of pre-training: a masking level, a text such as ``gaussian:0.1``,
        or an object of :mod:`sdae.corruption`.
    pretrain_epochs : int or one per layer, default 50
        Epochs of pre-training per layer; 0 skips pre-training.
    pretrain_learning_rate : float or one per layer, default 0.001
    decoder : {"auto", "sigmoid", "linear"} or one per layer, default "auto"
    scale : {"auto", "none", "minmax", "standard", "robust", "quantile"}, default "auto"
        Scaling of the columns of X: ``auto`` does not scale data in [0, 1], such as pixels, if a
        quarter of the values are 0 and a column has a standard deviation of at least 0.05; other
        data are standardised.
    categorical_features : "from_dtype", None, or names, indices or a mask, default "from_dtype"
        Columns of a table that are categories: as their types say; texts alone; or the given ones.
    max_categories : int or None, default 50
        The largest number of levels of a category; the rarest share one. None: no limit.
    min_frequency : int, float or None, default None
        Levels in fewer rows, as a number or as a share of the rows, are rare.
    handle_unknown : {"infrequent_if_exist", "error"}, default "infrequent_if_exist"
        What a level that ``fit`` did not see is: a rare one, or none where none are rare; or an
        error.
    missing_values : value, default NaN
        A value that means "missing", besides NaN, None and blank texts.
    tied : bool, default True
    loss : {"squared_error", "poisson"}, default "squared_error"
        ``poisson`` is half the Poisson deviance, for counts and other targets ≥ 0: the network
        gives the logarithm of their mean.
    engine : {"auto", "fused", "compiled", "graph", "closed_form", "autograd"}, default "auto"
        Engine of both stages; ``auto`` takes the first of them that does what is asked.
    device : {"cpu", "cuda", "mps", "auto"}, default "cpu"
    n_threads : int or None, default None
        None takes PyTorch's setting, or 1 where steps are small.

    Attributes
    ----------
    network_ : StackedDenoisingAutoencoder
        The PyTorch model; it predicts standardised targets, or targets divided by their mean.
    coefs_, intercepts_ : list of ndarray
        Copies of the weights, (V, H), …, (H, T), and biases, (H,), …, (T,), of layers and head,
        of the type of the rows; float32 in an estimator of :func:`sdae.load`.
    n_layers_, n_features_in_, n_outputs_, n_iter_ : int
    alpha_, dropout_, max_iter_, learning_rate_init_ : float, float, int and float
        The values of the last ``fit``, by which ``auto`` is known; ``partial_fit`` takes the first
        three of many labels.
    feature_names_in_ : ndarray of str
        If the columns have names.
    pretraining_loss_curves_ : list of lists of float
    loss_curve_ : list of float
        Mean cost of each epoch of fine-tuning, without the penalty.
    loss_, best_loss_ : float
        The last and the lowest of them; the lowest is None with `early_stopping`.
    validation_scores_ : list of float or None
        R² on the rows set aside, by the spread of all targets, per epoch; with ``poisson``
        minus half the mean deviance of the targets divided by their mean.
    best_validation_score_ : float or None
        The highest of them.
    history_ : tuple of EpochRecord

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sdae import SDAERegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = SDAERegressor(max_iter=20, tol=0.05, random_state=0)
    >>> model.fit(X[:400], y[:400]).predict(X[400:]).shape
    (42,)
    """

    _: KW_ONLY
    loss: str = "squared_error"
    target_scaling_: Scaling = field(init=False)
    _one_column: bool = field(init=False)

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_unlabeled: Any = None
    ) -> "SDAERegressor":
        """Pre-train on all rows, then fine-tune on those with targets.

        Parameters
        ----------
        X : array, CSR matrix, table, or rows of :func:`sdae.data.open_rows`, (n, V)
        y : array, (n,) or (n, T)
            Rows with a missing value (NaN, None, NA, null), in all columns, have no target.
        sample_weight : array, (n,), or None
            Weights in fine-tuning and in the scaling of the targets. A row of weight 0 is ignored,
            in pre-training too.
        X_unlabeled : array, CSR matrix, table, rows of ``open_rows``, (m, V), or None
            More rows, for pre-training.
        """
        settings = self._settings()
        continues = goes_on(self, settings.warm_start, settings)
        with whole_or_not_at_all(self, goes_on=continues):
            x, y, weights, there = self._checked(X, y, sample_weight, reset=not continues)
            every = x
            if not continues:
                self._learn_targets(y, weights)
                x, every = self._all_rows(x, X_unlabeled)
                start(self, every, settings, self._head())
            rows = Labelled(with_labels(x, there), self._standardised(y), weights)
            rows, watched = self._watched(rows, settings)
            train(self, every, settings, rows, watched, pretrains=not continues)
        return self

    @where_minibatches
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SDAERegressor":
        """Train on some rows of a stream: one epoch of pre-training, then one of fine-tuning.

        In pre-training the first ``pretrain_epochs`` calls train layer 0, the next ones layer 1,
        and so on, until it ends. The scalings are fitted to the first rows. It is not available
        with ``solver="lbfgs"`` or `early_stopping`.

        Parameters
        ----------
        X : array, CSR matrix, table, or rows of :func:`sdae.data.open_rows`, (n, V)
        y : array, (n,) or (n, T)
        sample_weight : array, (n,), or None
            As in ``fit``.
        """
        settings = self._settings()
        self._check_streams(settings)
        continues = goes_on(self, True, settings)
        with whole_or_not_at_all(self, goes_on=continues):
            x, y, weights, there = self._checked(X, y, sample_weight, reset=not continues)
            if not continues:
                self._learn_targets(y, weights)
                start(self, x, settings, self._head(), stream=True)
            rows = (
                Labelled(with_labels(x, there), self._standardised(y), weights)
                if there.any()
                else None
            )
            train_on_chunk(self, x, settings, rows)
        return self

    def _check_network(self, settings: Settings) -> None:
        super()._check_network(settings)
        now = self.network_.head_kind
        if now is not self._head_of_loss():
            wanted = f"{POISSON if now is Head.POISSON else SQUARED_ERROR!r} as in fit"
            raise invalid_parameter("loss", type(self).__name__, wanted, self.loss, "Fit a clone.")

    def _score_of(self, validation_error: float) -> float:
        is_deviance = self.network_.head_kind is Head.POISSON
        return -validation_error if is_deviance else super()._score_of(validation_error)
