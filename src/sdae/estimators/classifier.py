"""``SDAEClassifier``: pre-trained on all rows, fine-tuned on those with labels."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags

from sdae.core.errors import DataError, invalid_parameter
from sdae.core.inference import log_probabilities, outputs
from sdae.core.surroundings import undisturbed
from sdae.estimators.inputs import Rows, checked_pair
from sdae.estimators.label_encoding import (
    Labels,
    class_numbers,
    column_of_labels,
    found_classes,
    has_label,
    numpy_labels,
    plain_labels,
)
from sdae.estimators.supervised import NO_EPOCHS, SupervisedSDAE
from sdae.estimators.watched_rows import set_aside_by_class
from sdae.estimators.weights import (
    Numbers,
    Weights,
    check_some_count,
    class_weights,
    product,
    row_weights,
    where_unequal,
)
from sdae.train.checkpoints.checkpoint_folder import Checkpoint


class SDAEClassifier(
    ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, SupervisedSDAE
):
    """A network pre-trained as a stacked denoising autoencoder (Vincent et al. 2010).

    It takes the arguments of scikit-learn's ``MLPClassifier``, and rows without labels.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        Units of each layer.
    activation : {"tanh", "relu", "sigmoid", "logistic", "gelu", "silu", "identity"}, default "tanh"
        Of all layers.
    solver : {"adam", "sgd", "adamw", "nadam", "rmsprop"}, default "adam"
        Of both stages.
    alpha : float, default 0.0001
        L2 penalty of fine-tuning, as in ``MLPClassifier``. The fused engine needs 0.
    batch_size : int or "auto", default 32
        Rows of a minibatch, or all where there are fewer; ``auto`` is min(200, n). Size 1 with
        ``solver="sgd"``, ``momentum=0`` and ``alpha=0`` is the classical method, and runs in the
        fused engine.
    learning_rate : str, default "constant"
        ``constant``, or with ``sgd`` ``invscaling`` or ``adaptive``, as in ``MLPClassifier``; or a
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
        Set `validation_fraction` of the labelled rows aside, and keep the parameters that did best
        on them.
    validation_fraction : float, default 0.1
    n_iter_no_change : int, default 10
    dropout : float in [0, 0.99], default 0
        Of hidden units, in fine-tuning.
    class_weight : dict, "balanced" or None, default None
        Weights of the classes in fine-tuning; ``balanced`` gives them the same weight in sum. The
        rows of a class of weight 0 are as if they were not there, in pre-training too.
    corruption : noise or one per layer, default "masking:0.3"
        What pre-training does to a layer's input: a masking level, a text such as ``gaussian:0.1``,
        or an object of :mod:`sdae.corruption`.
    pretrain_epochs : int or one per layer, default 50
        0 leaves pre-training out.
    pretrain_learning_rate : float or one per layer, default 0.001
    decoder : {"auto", "sigmoid", "linear"} or one per layer, default "auto"
        ``sigmoid`` goes with cross-entropy and data in [0, 1], ``linear`` with squared error. The
        word ``sigmoid`` alone is of layer 0; upper layers then follow the codes below.
    scale : {"auto", "none", "minmax", "standard"}, default "auto"
        ``auto`` leaves data as they are if all lie in [0, 1] and a column has a standard deviation
        of at least 0.05; others are standardised.
    tied : bool, default True
        Decode with the transpose of each encoder's weight.
    unlabeled_label : label or None, default None
        Rows with this label, −1 for example, are used for pre-training only. A number or a text.
    engine : {"auto", "fused", "closed_form", "autograd"}, default "auto"
    device : {"cpu", "cuda", "mps", "auto"}, default "cpu"
    n_threads : int or None, default None
        None takes PyTorch's setting, or 1 where steps are small.

    Attributes
    ----------
    classes_ : ndarray
    network_ : StackedDenoisingAutoencoder
        The PyTorch model.
    n_layers_, n_features_in_, n_iter_ : int
    feature_names_in_ : ndarray of str
        If the columns have names.
    pretraining_loss_curves_ : list of lists of float
    loss_curve_ : list of float
        Mean cost of each epoch of fine-tuning, without the penalty.
    validation_scores_ : list of float or None
        Accuracy on the rows set aside, epoch by epoch, weighted by `sample_weight` and
        `class_weight`.
    history_ : tuple of EpochRecord

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sdae import SDAEClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> y = np.where(np.arange(len(y)) % 10 == 0, y, -1)  # a label for every tenth row
    >>> model = SDAEClassifier(unlabeled_label=-1, max_iter=50, tol=0.01, random_state=0)
    >>> model.fit(X / 16, y).predict_proba(X[:2] / 16).shape
    (2, 10)
    """

    classes_: NDArray[Any]

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
        class_weight: Any = None,
        corruption: Any = "masking:0.3",
        pretrain_epochs: Any = 50,
        pretrain_learning_rate: Any = 0.001,
        decoder: Any = "auto",
        scale: str = "auto",
        tied: bool = True,
        unlabeled_label: Any = None,
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
        self.class_weight = class_weight
        self.corruption = corruption
        self.pretrain_epochs = pretrain_epochs
        self.pretrain_learning_rate = pretrain_learning_rate
        self.decoder = decoder
        self.scale = scale
        self.tied = tied
        self.unlabeled_label = unlabeled_label
        self.engine = engine
        self.device = device
        self.n_threads = n_threads

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_unlabeled: Any = None
    ) -> "SDAEClassifier":
        """Pre-train on all rows, then fine-tune on the labelled ones.

        Parameters
        ----------
        X : array, CSR matrix or table, (n, V)
        y : array, (n,)
            Labels of any kind; rows with `unlabeled_label` have none.
        sample_weight : array, (n,), or None
            Weights in fine-tuning. A row of weight 0 is as if it were not there, in pre-training
            too, with a label or without; but its class stays one of ``classes_``.
        X_unlabeled : array, CSR matrix or table, (m, V), or None
            More rows, for pre-training.
        """
        settings = self._settings()
        goes_on = self._goes_on(settings.warm_start, settings)
        with self._whole_or_not_at_all(goes_on=goes_on):
            x, y = checked_pair(self, X, numpy_labels(y), reset=not goes_on)
            labelled = self._labelled_rows(y)
            labels = plain_labels(y[labelled])
            if not goes_on:
                self.classes_ = found_classes(labels, type(self).__name__)
            x, numbers, weights = self._rows_that_count(x, labelled, labels, sample_weight)
            self._check_labels_count(numbers)
            every, epochs = x, NO_EPOCHS
            if not goes_on:
                every, epochs = self._all_rows(x, X_unlabeled), settings.pretrain_epochs
                self._start(every, settings, n_classes=len(self.classes_))
            labelled = numbers >= 0
            self._fit(every, settings, epochs, x[labelled], numbers[labelled], weights)
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> "SDAEClassifier":
        """Take some rows of a stream: an epoch of pre-training, then one of fine-tuning.

        Of pre-training, the first ``pretrain_epochs`` calls train layer 0, the next ones layer 1,
        and so on, until it is over. Fine-tuning takes the labelled rows of every call. The scaling
        is that of the first rows.

        Parameters
        ----------
        X : array, CSR matrix or table, (n, V)
        y : array, (n,)
        classes : array
            All labels there will be; at the first call.
        sample_weight : array, (n,), or None
            As in ``fit``.
        """
        settings = self._settings()
        goes_on = self._goes_on(True, settings)
        with self._whole_or_not_at_all(goes_on=goes_on):
            x, y = checked_pair(self, X, numpy_labels(y), reset=not goes_on)
            labelled = has_label(y, self.unlabeled_label, type(self).__name__)
            if not goes_on:
                self.classes_ = self._announced(classes)
            elif classes is not None and not np.array_equal(
                self.classes_, np.unique(column_of_labels(classes))
            ):
                wanted = f"those of the first call, {self.classes_.tolist()}"
                raise invalid_parameter("classes", "partial_fit", wanted, classes)
            labels = plain_labels(y[labelled])
            x, numbers, weights = self._rows_that_count(x, labelled, labels, sample_weight)
            if not len(numbers):
                self._check_labels_count(numbers)
            if not goes_on:
                self._start(x, settings, n_classes=len(self.classes_))
            labelled = numbers >= 0
            self._train(
                x,
                settings,
                epochs=self._stream_epochs(settings),
                labelled=self._labelled(x[labelled], numbers[labelled], weights)
                if labelled.any()
                else None,
                max_iter=1,
                keep_history=True,
            )
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable label of each row, (n,)."""
        numbers = self._logits(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[numbers]
        return labels

    @undisturbed()
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class, (n, C), in the order of ``classes_``."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the logarithm of the probability of each class, (n, C)."""
        return log_probabilities(self._logits(X))

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the logits, (n, C); of two classes, the second's less the first's, (n,)."""
        logits = self._logits(X).astype(np.float64)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of the labels, (n,), that ``predict`` gives, by weight if there is one.

        scikit-learn's own metrics do not know all types of labels that ``fit`` takes.
        """
        return float(super().score(X, column_of_labels(y), sample_weight))

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return the deepest codes, (n, V) -> (n, H) float32."""
        return self._codes(X, None)

    def _logits(self, X: Any) -> NDArray[np.float32]:
        return self._apply(lambda rows: outputs(self.network_, rows), X)

    def _labelled_rows(self, y: Labels) -> NDArray[np.bool_]:
        """Tell which rows have labels, (n,).

        Raises
        ------
        DataError
            If none has.
        """
        labelled = has_label(y, self.unlabeled_label, type(self).__name__)
        if not labelled.any():
            raise DataError(
                f"All rows have the unlabeled_label {self.unlabeled_label!r}: there is nothing to "
                "learn classes from. Use SDAETransformer for rows without labels."
            )
        return labelled

    def _announced(self, classes: Any) -> Labels:
        """Read the classes of a stream."""
        if classes is None:
            raise invalid_parameter("classes", "partial_fit", "given at the first call", classes)
        announced = found_classes(column_of_labels(classes), type(self).__name__)
        if not has_label(announced, self.unlabeled_label, type(self).__name__).all():
            wanted = f"without the unlabeled_label {self.unlabeled_label!r}"
            raise invalid_parameter("classes", "partial_fit", wanted, classes)
        return announced

    def _rows_that_count(
        self, x: Rows, labelled: NDArray[np.bool_], labels: Labels, sample_weight: Any
    ) -> tuple[Rows, Numbers, Weights | None]:
        """Leave out rows of weight 0, their own or that of their class.

        Returns
        -------
        x : (n, V)
            The others.
        numbers : (n,)
            Their class numbers; −1 where they have no label.
        weights : (m,) or None
            Of those with labels; None weighs all alike.
        """
        caller = type(self).__name__
        numbers = np.full(len(labelled), -1)
        numbers[labelled] = class_numbers(labels, self.classes_)
        own = row_weights(sample_weight, x)
        check_some_count(own, caller)
        counts = own > 0
        weighed = labelled & counts
        weights = where_unequal(own[weighed])
        if self.class_weight is not None and len(labels):
            of_classes = class_weights(
                self.class_weight, self.classes_, numbers[weighed], own[weighed], caller
            )[numbers[weighed]]
            both = of_classes if weights is None else product(weights, of_classes)
            counts[weighed] = both > 0
            weights = both[both > 0]
        if not counts.all():
            x, numbers = x[counts], numbers[counts]
        return x, numbers, weights

    def _check_labels_count(self, numbers: Numbers) -> None:
        if not (numbers >= 0).any():
            raise DataError(
                f"All rows with labels have weight 0, by sample_weight or by the class_weight "
                f"parameter of {type(self).__name__}: there is nothing to learn classes from."
            )

    def _set_aside(
        self, targets: NDArray[Any], share: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Keep the shares of the classes, and every class on both sides where there is room."""
        return set_aside_by_class(self.classes_[targets], share, self._seed)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
