"""``SDAEClassifier``: pre-trained on all rows, fine-tuned on those with labels."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin

from sdae.core.errors import DataError, invalid_parameter
from sdae.core.inference import log_probabilities
from sdae.core.model_file import Model
from sdae.core.surroundings import undisturbed
from sdae.estimators.base import wrong_head
from sdae.estimators.estimator_file import Kept
from sdae.estimators.fitting import goes_on, start, train, train_on_chunk, whole_or_not_at_all
from sdae.estimators.inputs import checked_pair
from sdae.estimators.label_encoding import (
    Labels,
    class_numbers,
    column_of_labels,
    found_classes,
    has_label,
    labels_for_a_file,
    labels_of_a_file,
    numpy_labels,
    plain_labels,
)
from sdae.estimators.stages import Labelled
from sdae.estimators.supervised import SupervisedSDAE, where_minibatches
from sdae.estimators.watched_rows import Places, set_aside_by_class
from sdae.estimators.weights import Numbers, labelled_rows_that_count


@dataclass(eq=False, repr=False, match_args=False)
class SDAEClassifier(ClassifierMixin, SupervisedSDAE):
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

    _: KW_ONLY
    class_weight: Any = None
    unlabeled_label: Any = None
    classes_: NDArray[Any] = field(init=False)

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
        continues = goes_on(self, settings.warm_start, settings)
        with whole_or_not_at_all(self, goes_on=continues):
            x, y = checked_pair(self, X, numpy_labels(y), reset=not continues)
            self._learn_classes(y, continues=continues)
            x, numbers, weights = labelled_rows_that_count(
                x, self._numbers(y), sample_weight, self.class_weight, self.classes_, self._name
            )
            self._check_labels_count(numbers)
            every = x
            if not continues:
                every = self._all_rows(x, X_unlabeled)
                start(self, every, settings, n_classes=len(self.classes_))
            rows = Labelled(x[numbers >= 0], numbers[numbers >= 0], weights)
            rows, watched = self._watched(rows, settings)
            train(self, every, settings, rows, watched, pretrains=not continues)
        return self

    @where_minibatches
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> "SDAEClassifier":
        """Take some rows of a stream: an epoch of pre-training, then one of fine-tuning.

        Of pre-training, the first ``pretrain_epochs`` calls train layer 0, the next ones layer 1,
        and so on, until it is over. Fine-tuning takes the labelled rows of every call. The scaling
        is that of the first rows. There is none with ``solver="lbfgs"``, nor with `early_stopping`.

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
        self._check_streams(settings)
        continues = goes_on(self, True, settings)
        with whole_or_not_at_all(self, goes_on=continues):
            x, y = checked_pair(self, X, numpy_labels(y), reset=not continues)
            self._take_announced(classes, continues=continues)
            x, numbers, weights = labelled_rows_that_count(
                x, self._numbers(y), sample_weight, self.class_weight, self.classes_, self._name
            )
            if not len(numbers):
                self._check_labels_count(numbers)
            if not continues:
                start(self, x, settings, n_classes=len(self.classes_))
            labelled = numbers >= 0
            rows = Labelled(x[labelled], numbers[labelled], weights) if labelled.any() else None
            train_on_chunk(self, x, settings, rows)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the most probable label of each row, (n,)."""
        numbers = self._outputs(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[numbers]
        return labels

    @undisturbed()
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class, (n, C), in the order of ``classes_``."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the logarithm of the probability of each class, (n, C)."""
        return log_probabilities(self._outputs(X))

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return the logits, (n, C); of two classes, the second's less the first's, (n,)."""
        logits = self._outputs(X).astype(np.float64)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of the labels, (n,), that ``predict`` gives, by weight if there is one.

        scikit-learn's own metrics do not know all types of labels that ``fit`` takes.
        """
        return float(super().score(X, column_of_labels(y), sample_weight))

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _learn_classes(self, y: Labels, *, continues: bool) -> None:
        """Find the classes, or with a warm start see that they are those of before."""
        labelled = has_label(y, self.unlabeled_label, self._name)
        if not labelled.any():
            raise DataError(
                f"All rows have the unlabeled_label {self.unlabeled_label!r}: there is nothing to "
                "learn classes from. Use SDAETransformer for rows without labels."
            )
        found = found_classes(plain_labels(y[labelled]))
        if not continues:
            self.classes_ = found
        elif set(found.tolist()) != set(self.classes_.tolist()):
            raise DataError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {found}. Fit a clone, or "
                "set warm_start=False."
            )

    def _take_announced(self, classes: Any, *, continues: bool) -> None:
        """Read the classes of a stream at its first call; later they may only be repeated."""
        if continues:
            if classes is not None and not np.array_equal(
                self.classes_, np.unique(column_of_labels(classes))
            ):
                wanted = f"those of the first call, {self.classes_.tolist()}"
                raise invalid_parameter("classes", "partial_fit", wanted, classes)
            return
        if classes is None:
            raise invalid_parameter("classes", "partial_fit", "given at the first call", classes)
        announced = found_classes(column_of_labels(classes))
        if not has_label(announced, self.unlabeled_label, self._name).all():
            wanted = f"without the unlabeled_label {self.unlabeled_label!r}"
            raise invalid_parameter("classes", "partial_fit", wanted, classes)
        self.classes_ = announced

    def _numbers(self, y: Labels) -> Numbers:
        """Return the class number of each row, (n,); −1 where it has no label."""
        labelled = has_label(y, self.unlabeled_label, self._name)
        numbers = np.full(len(y), -1)
        numbers[labelled] = class_numbers(plain_labels(y[labelled]), self.classes_)
        return numbers

    def _check_labels_count(self, numbers: Numbers) -> None:
        if not (numbers >= 0).any():
            raise DataError(
                f"All rows with labels have weight 0, by sample_weight or by the class_weight "
                f"parameter of {self._name}: there is nothing to learn classes from."
            )

    def _set_aside(self, targets: NDArray[Any], share: float) -> tuple[Places, Places]:
        """Keep the shares of the classes, and every class on both sides where there is room."""
        return set_aside_by_class(self.classes_[targets], share, self._seed)

    def _kept(self) -> Kept:
        kind, labels = labels_for_a_file(self.classes_)
        return Kept({"class_type": kind}, labels)

    def _take_back(self, state: Mapping[str, Any], model: Model) -> None:
        n_classes = model.stack.n_classes
        if n_classes is None:
            raise wrong_head(self)
        self.classes_ = labels_of_a_file(model.classes, n_classes, str(state["class_type"]))
