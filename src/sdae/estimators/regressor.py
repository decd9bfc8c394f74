"""``SDAERegressor``: pre-trained on all rows, fine-tuned on those with targets."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, RegressorMixin, TransformerMixin
from sklearn.utils import Tags

from sdae.core.errors import DataError
from sdae.core.inference import outputs
from sdae.core.preprocessing import Scaling
from sdae.core.surroundings import undisturbed
from sdae.estimators.inputs import Rows, checked_pair
from sdae.estimators.supervised import NO_EPOCHS, SupervisedSDAE
from sdae.estimators.target_scaling import fit_target_scaling, standardised, target_columns
from sdae.estimators.weights import Weights, check_some_count, row_weights, where_unequal
from sdae.train.checkpoints.checkpoint_folder import Checkpoint


class SDAERegressor(
    ClassNamePrefixFeaturesOutMixin, RegressorMixin, TransformerMixin, SupervisedSDAE
):
    """A network pre-trained as a stacked denoising autoencoder, for one or several targets.

    It takes the arguments of scikit-learn's ``MLPRegressor``, and rows without targets. The
    targets are standardised inside.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        Units of each layer.
    activation : {"tanh", "relu", "sigmoid", "logistic", "gelu", "silu", "identity"}, default "tanh"
        Of all layers.
    solver : {"adam", "sgd", "adamw", "nadam", "rmsprop"}, default "adam"
        Of both stages.
    alpha : float, default 0.0001
        L2 penalty of fine-tuning, as in ``MLPRegressor``.
    batch_size : int or "auto", default 32
        Rows of a minibatch, or all where there are fewer; ``auto`` is min(200, n).
    learning_rate : str, default "constant"
        ``constant``, or with ``sgd`` ``invscaling`` or ``adaptive``, as in ``MLPRegressor``; or a
        schedule over ``max_iter`` epochs such as ``linear`` or ``cosine``.
    learning_rate_init : float, default 0.005
        Of fine-tuning.
    power_t : float, default 0.5
        Exponent of ``invscaling``.
    max_iter : int, default 200
        Most epochs of fine-tuning.
    shuffle : bool, default True
    random_state : int, RandomState or None, default None
    tol : float, default 0.0001
        Fine-tuning ends when the cost (with `early_stopping` the validation error) has not fallen
        by this much for `n_iter_no_change` epochs.
    verbose : bool, default False
        Print a line per epoch.
    warm_start : bool, default False
        Go on with fine-tuning from the last ``fit``; pre-training is not repeated.
    checkpoint : Checkpoint, folder or None, default None
        Where ``fit`` keeps its state: called again after it was cut short, with the same data and
        parameters and an integer `random_state`, it goes on there; see :class:`sdae.Checkpoint`.
    momentum : float, default 0.9
    nesterovs_momentum : bool, default True
        Of ``sgd``.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999 and 1e-8
        Of ``adam``.
    early_stopping : bool, default False
        Set `validation_fraction` of the rows aside, and keep the parameters that did best on them.
    validation_fraction : float, default 0.1
    n_iter_no_change : int, default 10
    dropout : float in [0, 0.99], default 0
        Of hidden units, in fine-tuning.
    corruption : noise or one per layer, default "masking:0.3"
        What pre-training does to a layer's input: a masking level, a text such as ``gaussian:0.1``,
        or an object of :mod:`sdae.corruption`.
    pretrain_epochs : int or one per layer, default 50
        0 leaves pre-training out.
    pretrain_learning_rate : float or one per layer, default 0.001
    decoder : {"auto", "sigmoid", "linear"} or one per layer, default "auto"
    scale : {"auto", "none", "minmax", "standard"}, default "auto"
        Of the columns of X: ``auto`` leaves them as they are if all values lie in [0, 1] and a
        column has a standard deviation of at least 0.05; others are standardised.
    tied : bool, default True
    engine : {"auto", "fused", "closed_form", "autograd"}, default "auto"
        Of pre-training; regression is fine-tuned by autograd.
    device : {"cpu", "cuda", "mps", "auto"}, default "cpu"
    n_threads : int or None, default None
        None takes PyTorch's setting, or 1 where steps are small.

    Attributes
    ----------
    n_outputs_ : int
    network_ : StackedDenoisingAutoencoder
        The PyTorch model; it gives standardised targets.
    n_layers_, n_features_in_, n_iter_ : int
    feature_names_in_ : ndarray of str
        If the columns have names.
    pretraining_loss_curves_ : list of lists of float
    loss_curve_ : list of float
    validation_scores_ : list of float or None
        R² on the rows set aside, by the spread of all targets, epoch by epoch.
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

    n_outputs_: int
    target_scaling_: Scaling

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "tanh",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = 32,
        learning_rate: str = "constant",
        learning_rate_init: float = 0.005,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        checkpoint: Checkpoint | str | Path | None = None,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        dropout: float = 0.0,
        corruption: Any = "masking:0.3",
        pretrain_epochs: Any = 50,
        pretrain_learning_rate: Any = 0.001,
        decoder: Any = "auto",
        scale: str = "auto",
        tied: bool = True,
        engine: str = "auto",
        device: str = "cpu",
        n_threads: int | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.dropout = dropout
        self.corruption = corruption
        self.pretrain_epochs = pretrain_epochs
        self.pretrain_learning_rate = pretrain_learning_rate
        self.decoder = decoder
        self.scale = scale
        self.tied = tied
        self.engine = engine
        self.device = device
        self.n_threads = n_threads

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_unlabeled: Any = None
    ) -> "SDAERegressor":
        """Pre-train on all rows, then fine-tune on those with targets.

        Parameters
        ----------
        X : array, CSR matrix or table, (n, V)
        y : array, (n,) or (n, T)
        sample_weight : array, (n,), or None
            Weights in fine-tuning and in the scaling of the targets. A row of weight 0 is as if it
            were not there, in pre-training too.
        X_unlabeled : array, CSR matrix or table, (m, V), or None
            More rows, for pre-training.
        """
        settings = self._settings()
        goes_on = self._goes_on(settings.warm_start, settings)
        with self._whole_or_not_at_all(goes_on=goes_on):
            x, y = checked_pair(self, X, y, reset=not goes_on, numeric=True)
            x, y, weights = self._rows_that_count(x, y, sample_weight)
            every, epochs = x, NO_EPOCHS
            if not goes_on:
                self._learn_targets(y, weights)
                every, epochs = self._all_rows(x, X_unlabeled), settings.pretrain_epochs
                self._start(every, settings, n_targets=self.n_outputs_)
            self._fit(every, settings, epochs, x, self._standardised(y), weights)
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SDAERegressor":
        """Take some rows of a stream: an epoch of pre-training, then one of fine-tuning.

        Of pre-training, the first ``pretrain_epochs`` calls train layer 0, the next ones layer 1,
        and so on, until it is over. The scalings are those of the first rows.

        Parameters
        ----------
        X : array, CSR matrix or table, (n, V)
        y : array, (n,) or (n, T)
        sample_weight : array, (n,), or None
            As in ``fit``.
        """
        settings = self._settings()
        goes_on = self._goes_on(True, settings)
        with self._whole_or_not_at_all(goes_on=goes_on):
            x, y = checked_pair(self, X, y, reset=not goes_on, numeric=True)
            x, y, weights = self._rows_that_count(x, y, sample_weight)
            if not goes_on:
                self._learn_targets(y, weights)
                self._start(x, settings, n_targets=self.n_outputs_)
            self._train(
                x,
                settings,
                epochs=self._stream_epochs(settings),
                labelled=self._labelled(x, self._standardised(y), weights),
                max_iter=1,
                keep_history=True,
            )
        return self

    @undisturbed()
    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the targets of each row, (n,), or (n, T) where ``fit`` had several columns."""
        values = self._apply(lambda rows: outputs(self.network_, rows), X).astype(
            np.float64
        )  # (n, T)
        values = values * self.target_scaling_.scale + self.target_scaling_.offset
        return values[:, 0] if self._one_column else values

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the deepest codes, (n, V) -> (n, H) float32."""
        return self._codes(X, None)

    def _rows_that_count(
        self, x: Rows, y: NDArray[Any], sample_weight: Any
    ) -> tuple[Rows, NDArray[Any], Weights | None]:
        """Return the rows of weights above 0, their targets, and their weights if they differ."""
        weights = row_weights(sample_weight, x)
        check_some_count(weights, type(self).__name__)
        counts = weights > 0
        if not counts.all():
            x, y, weights = x[counts], y[counts], weights[counts]
        return x, y, where_unequal(weights)

    def _learn_targets(self, y: NDArray[Any], weights: Weights | None) -> None:
        """Fit the scaling of the targets, (n,) or (n, T)."""
        self._one_column = y.ndim == 1
        columns = target_columns(y, type(self).__name__)
        self.n_outputs_ = columns.shape[1]
        self.target_scaling_ = fit_target_scaling(columns, weights, type(self).__name__)

    def _standardised(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """Return targets as the network gives them, (n, T)."""
        columns = target_columns(y, type(self).__name__)
        if columns.shape[1] != self.n_outputs_ or (y.ndim == 1) != self._one_column:
            shape = "(n,)" if self._one_column else f"(n, {self.n_outputs_})"
            raise DataError(
                f"The y parameter of {type(self).__name__} must have shape {shape}, as in the "
                f"first fit. Got {y.shape} instead. Fit a clone for other targets."
            )
        return standardised(columns, self.target_scaling_, type(self).__name__)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.target_tags.multi_output = True
        return tags
