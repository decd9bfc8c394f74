"""``SDAEOutlierDetector``: rows that a denoising autoencoder cannot reconstruct are outliers."""

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import OutlierMixin

from sdae.core.constraints import number
from sdae.core.model_file import Model
from sdae.core.surroundings import undisturbed
from sdae.estimators.estimator_file import Kept
from sdae.estimators.unsupervised import UnsupervisedSDAE


@dataclass(eq=False, repr=False, match_args=False)
class SDAEOutlierDetector(OutlierMixin, UnsupervisedSDAE):
    """Outliers by the reconstruction error of a stacked denoising autoencoder.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        Units of each layer.
    contamination : float in (0, 0.5], default 0.1
        Share of the rows of ``fit`` that ``predict`` calls outliers.
    activation : {"tanh", "relu", "sigmoid", "logistic", "gelu", "silu", "identity"}, default "tanh"
        Activation of all layers.
    corruption : noise or one per layer, default "masking:0.3"
        Noise of a layer's input: a masking level, a text such as ``gaussian:0.1``, or an
        object of :mod:`sdae.corruption`.
    pretrain_epochs : int or one per layer, default 50
    pretrain_learning_rate : float or one per layer, default 0.001
    decoder : {"auto", "sigmoid", "linear"} or one per layer, default "auto"
    scale : {"auto", "none", "minmax", "standard", "robust", "quantile"}, default "auto"
        ``auto`` does not scale data in [0, 1] with a column whose standard deviation is at least
        0.05; other data are standardised.
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
    solver : {"adam", "sgd", "adamw", "nadam", "rmsprop"}, default "adam"
    batch_size : int or "auto", default 32
        Rows of a minibatch, or all rows if there are fewer; ``auto`` is min(200, n).
    shuffle : bool, default True
    momentum : float, default 0.9
    nesterovs_momentum : bool, default True
        Whether ``sgd`` uses Nesterov momentum.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999 and 1e-8
        Decay rates and stability term of ``adam``.
    engine : {"auto", "fused", "compiled", "graph", "closed_form", "autograd"}, default "auto"
    device : {"cpu", "cuda", "mps", "auto"}, default "cpu"
    n_threads : int or None, default None
        None takes PyTorch's setting, or 1 where steps are small.
    warm_start : bool, default False
        Continue from the last ``fit``.
    checkpoint : Checkpoint, folder or None, default None
        Where ``fit`` saves its state: called again after an interruption, with the same data and
        parameters and an integer `random_state`, it continues from there; see
        :class:`sdae.Checkpoint`.
    random_state : int, RandomState or None, default None
    verbose : bool, default False
        Print a line per epoch.

    Attributes
    ----------
    offset_ : float
        ``decision_function`` is ``score_samples`` minus this; set by the rows of the last call.
    network_ : StackedDenoisingAutoencoder
    n_layers_, n_features_in_ : int
    feature_names_in_ : ndarray of str
        If the columns have names.
    pretraining_loss_curves_ : list of lists of float
    history_ : tuple of EpochRecord

    Examples
    --------
    >>> import numpy as np
    >>> from sdae import SDAEOutlierDetector
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> X[0] = 9
    >>> model = SDAEOutlierDetector(contamination=0.02, random_state=0).fit(X)
    >>> int(model.score_samples(X).argmin())
    0
    """

    _: KW_ONLY
    activation: Any = "tanh"
    contamination: float = 0.1
    offset_: float = field(init=False)

    def _note_rows(self, X: Any) -> None:
        """Set the threshold of ``predict`` so that `contamination` of these rows are outliers."""
        self.offset_ = float(np.quantile(self.score_samples(X), self.contamination))

    @undisturbed()
    def feature_contributions(self, X: Any) -> NDArray[np.float64]:
        """Return the contribution of each column to the error of each row, (n, V).

        The sum of a row is minus its ``score_samples``.
        """
        errors = self._errors(X).astype(np.float64)
        contributions: NDArray[np.float64] = errors / errors.shape[1]
        return contributions

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return ``score_samples`` minus ``offset_``, (n,): negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Return −1 for outliers and 1 for the others, (n,)."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def _kept(self) -> Kept:
        return Kept({"offset": self.offset_})

    def _take_back(self, state: Mapping[str, Any], model: Model) -> None:
        super()._take_back(state, model)
        self.offset_ = number(-math.inf).read(state["offset"])
