"""``SDAEClassifier``: pre-trained on all rows, fine-tuned on those with labels."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from sdae.core.constraints import optional
from sdae.core.errors import DataError
from sdae.core.model_file import Model
from sdae.estimators.class_predictions import ClassPredictions
from sdae.estimators.class_targets import (
    announced_classes,
    has_targets,
)
from sdae.estimators.consistency_choice import chosen_consistency
from sdae.estimators.estimator_file import Kept
from sdae.estimators.fitting import goes_on, start, train, train_on_chunk, whole_or_not_at_all
from sdae.estimators.stacked_rows import with_labels, without_labels
from sdae.estimators.supervised import SupervisedSDAE, where_minibatches
from sdae.estimators.tasks import Labelled
from sdae.estimators.watched_rows import Places, set_aside_by_class
from sdae.estimators.weights import labelled_rows_that_count
from sdae.train.settings import METHODS


@dataclass(eq=False, repr=False, match_args=False)
class SDAEClassifier(ClassPredictions, SupervisedSDAE):
    """A network pre-trained as a stacked denoising autoencoder (Vincent et al. 2010).

    It takes the arguments of scikit-learn's ``MLPClassifier``, and rows without labels.

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
        L2 penalty of fine-tuning, as in ``MLPClassifier``. ``auto``: 1 up to 100 labels, then
        (100 / n)^1.5, but at least 0.0001; n labels of V < 20 inputs count as n · 20 / V,
        here and below. The fused engine needs 0.
    batch_size : int or "auto", default 32
        Rows of a minibatch, or all rows if there are fewer; ``auto`` is min(200, n). Size 1 with
        ``solver="sgd"``, ``momentum=0``, ``alpha=0`` and sigmoid units is the classical method, and
        runs in the fused engine.
    learning_rate : str, default "constant"
        ``constant``, or with ``sgd`` ``invscaling`` or ``adaptive``, as in ``MLPClassifier``; or a
        schedule over ``max_iter`` epochs such as ``linear`` or ``cosine``.
    learning_rate_init : float or "auto", default "auto"
        Initial learning rate of fine-tuning. ``auto``: 0.005, or where columns or units are more
        than 100 in a layer, 0.5 divided by the largest number of them, but at least 0.0005; with
        ``sgd``, and where rows without labels are learned from, 0.005.
    power_t : float, default 0.5
        Exponent of ``invscaling``.
    max_iter : int or "auto", default "auto"
        Maximum number of epochs of fine-tuning, or of iterations of ``lbfgs``. ``auto``: 10 for
        each class, at most 100, times n / 100, but at least 100; more at a lower
        `learning_rate_init`; at most 200, and 200 with ``sgd``, ``lbfgs`` or `early_stopping`.
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
        Set `validation_fraction` of the labelled rows aside, at least 2, and keep the parameters
        that are best on them. ``lbfgs`` ignores it. Where fine-tuning also learns from rows
        without labels, all epochs are done.
    validation_fraction : float, default 0.1
    n_iter_no_change : int or infinity, default 10
    dropout : float in [0, 0.99] or "auto", default "auto"
        Dropout of hidden units in fine-tuning. ``auto``: 0.5 up to 100 labels, then
        log10(10,000 / n) / 4, and 0 from 10,000 on and with ``lbfgs``.
    class_weight : dict, "balanced" or None, default None
        Weights of the classes in fine-tuning; ``balanced`` gives them the same weight in sum. The
        rows of a class of weight 0 are ignored, in pre-training too. None where
        `y` has several columns.
    corruption : noise or one per layer, default "masking:0.3"
        Noise of pre-training: a masking level, a text such as ``gaussian:0.1``,
        or an object of :mod:`sdae.corruption`.
    pretrain_epochs : int or one per layer, default 50
        Epochs of pre-training per layer; 0 skips pre-training.
    pretrain_learning_rate : float or one per layer, default 0.001
    decoder : {"auto", "sigmoid", "linear"} or one per layer, default "auto"
        ``sigmoid`` goes with cross-entropy and data in [0, 1], ``linear`` with squared error. A
        single ``sigmoid`` applies to layer 0; upper layers then follow the codes below.
    scale : {"auto", "none", "minmax", "standard", "robust", "quantile"}, default "auto"
        ``auto`` does not scale data in [0, 1], such as pixels, if a quarter of the values are 0 and
        a column has a standard deviation of at least 0.05; other data are standardised.
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
        Decode with the transpose of each encoder's weight.
    unlabeled_label : label or None, default None
        Rows with this label (a number, text or boolean, such as −1) have no label.
    semi_supervised : "auto", "search", one or several methods, or None, default "auto"
        The methods are ``label_spreading``, ``mean_teacher`` and ``vat``.
        What fine-tuning learns from unlabelled rows; see :func:`sdae.finetune`. ``auto`` is a fixed
        rule by the rows, their number, and whether neighbours have the same labels; it is None
        where they do not, where all rows have labels, or 1,000 or more a class on average have.
        ``search`` compares methods, and None, by cross-validation on the labelled rows, from one
        pre-training. None: unlabelled rows are for pre-training alone.
        An epoch of fine-tuning is then a pass over all rows, with as many labelled ones in each
        minibatch, and all epochs are done: `max_iter` of them, or with ``auto`` about 1,000 updates
        or 10 epochs; ``auto`` means 0.0001 for `alpha` and 0.2 for `dropout`. ``fit`` with
        `warm_start`, when it continues, and ``partial_fit`` learn from labelled rows alone.
    engine : {"auto", "fused", "compiled", "graph", "closed_form", "autograd"}, default "auto"
    device : {"cpu", "cuda", "mps", "auto"}, default "cpu"
    n_threads : int or None, default None
        None takes PyTorch's setting, or 1 where steps are small.

    Attributes
    ----------
    classes_ : ndarray
        Of labels in several columns their numbers, 0 to L − 1.
    semi_supervised_ : tuple of str or None
        The methods that the last ``fit`` used.
    network_ : StackedDenoisingAutoencoder
        The PyTorch model.
    coefs_, intercepts_ : list of ndarray
        Copies of the weights, (V, H), …, (H, K), and biases, (H,), …, (K,), of layers and head,
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
        Accuracy on the rows set aside, per epoch, weighted by `sample_weight` and
        `class_weight`; of labels in several columns the share that is right.
    best_validation_score_ : float or None
        The highest of them.
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
    semi_supervised: Any = "auto"
    classes_: NDArray[Any] = field(init=False)
    semi_supervised_: tuple[str, ...] | None = field(init=False)

    # A study sets it: its fits continue from a network that has seen no label yet.
    _agrees_when_continuing = False

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_unlabeled: Any = None
    ) -> "SDAEClassifier":
        """Pre-train on all rows, then fine-tune on the labelled ones, and by agreement on others.

        Parameters
        ----------
        X : array, CSR matrix, table, or rows of :func:`sdae.data.open_rows`, (n, V)
        y : array, (n,) or (n, L)
            Classes of any kind, or in several columns 1 where a row has the label of the column and
            0 elsewhere. Rows with a missing value (NaN, None, NA, null) or with `unlabeled_label`,
            in all columns, have no label.
        sample_weight : array, (n,), or None
            Weights in fine-tuning. A row of weight 0, labelled or not, is ignored, in pre-training
            too; but its class stays in ``classes_``.
        X_unlabeled : array, CSR matrix, table, rows of ``open_rows``, (m, V), or None
            More rows without labels.
        """
        settings = self._settings()
        continues = goes_on(self, settings.warm_start, settings)
        with whole_or_not_at_all(self, goes_on=continues):
            x, targets, found = self._checked(X, y, continues=continues)
            if not has_targets(targets).any():
                raise self._unlabelled(f"the unlabeled_label {self.unlabeled_label!r}")
            if continues and set(found.tolist()) != set(self.classes_.tolist()):
                raise DataError(
                    "warm_start can only be used where `y` has the same classes as in the previous "
                    f"call to fit. Previously got {self.classes_}, `y` has {found}. Fit a clone, "
                    "or set warm_start=False."
                )
            x, targets, weights = labelled_rows_that_count(
                x, targets, sample_weight, self.class_weight, found, self._name
            )
            self._check_labels_count(targets)
            every = x
            if not continues:
                self.classes_ = found
                x, every = self._all_rows(x, X_unlabeled)
                start(self, every, settings, self._head(targets))
            labelled = has_targets(targets)
            rows = Labelled(with_labels(x, labelled), targets[labelled], weights)
            rows, watched = self._watched(rows, settings)
            consistency = None
            if not continues or self._agrees_when_continuing:
                others, n_classes = without_labels(every, labelled), len(self.classes_)
                consistency = chosen_consistency(settings, targets, others, n_classes, self._name)
            self.semi_supervised_ = None
            train(
                self,
                every,
                settings,
                rows,
                watched,
                pretrains=not continues,
                consistency=consistency,
            )
        return self

    @where_minibatches
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> "SDAEClassifier":
        """Train on some rows of a stream: one epoch of pre-training, then one of fine-tuning.

        In pre-training the first ``pretrain_epochs`` calls train layer 0, the next ones layer 1,
        and so on, until it ends. Fine-tuning uses the labelled rows of every call. The scaling is
        fitted to the first rows. It is not available with ``solver="lbfgs"`` or `early_stopping`.

        Parameters
        ----------
        X : array, CSR matrix, table, or rows of :func:`sdae.data.open_rows`, (n, V)
        y : array, (n,) or (n, L)
        classes : array
            All classes of the stream; required at the first call. Not needed if `y` has several
            columns.
        sample_weight : array, (n,), or None
            As in ``fit``.
        """
        settings = self._settings()
        self._check_streams(settings)
        continues = goes_on(self, True, settings)
        with whole_or_not_at_all(self, goes_on=continues):
            before = self.classes_ if continues else None
            announced = announced_classes(classes, y, before, self.unlabeled_label, self._name)
            x, targets, _ = self._checked(X, y, continues=continues, classes=announced)
            x, targets, weights = labelled_rows_that_count(
                x, targets, sample_weight, self.class_weight, announced, self._name
            )
            if not len(targets):
                self._check_labels_count(targets)
            if not continues:
                self.classes_ = announced
                start(self, x, settings, self._head(targets), stream=True)
            self.semi_supervised_ = None
            labelled = has_targets(targets)
            rows = (
                Labelled(with_labels(x, labelled), targets[labelled], weights)
                if labelled.any()
                else None
            )
            train_on_chunk(self, x, settings, rows)
        return self

    def _set_aside(self, targets: NDArray[Any], share: float) -> tuple[Places, Places]:
        """Keep the shares of the classes, and every class in both parts where possible."""
        if targets.ndim == 2:
            return super()._set_aside(targets, share)
        return set_aside_by_class(self.classes_[targets], share, self._seed)

    def _kept(self) -> Kept:
        kept, methods = super()._kept(), getattr(self, "semi_supervised_", None)
        used = {} if methods is None else {"semi_supervised": list(methods)}
        return replace(kept, state={**kept.state, **used})

    def _take_back(self, state: Mapping[str, Any], model: Model) -> None:
        super()._take_back(state, model)
        self.semi_supervised_ = optional(METHODS).read(state.get("semi_supervised"))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state of a pickle; older ones learned nothing from unlabelled rows."""
        state = {"semi_supervised": None, **state}
        if "network_" in state:
            state.setdefault("semi_supervised_", None)
        super().__setstate__(state)
