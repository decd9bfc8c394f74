"""``SDAETransformer``: turns rows into codes, without labels."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted

from sdae.core.inference import decoded, rebuilt
from sdae.core.rows import is_source
from sdae.core.source_rows import SourceRows
from sdae.estimators.unsupervised import UnsupervisedSDAE


@dataclass(eq=False, repr=False, match_args=False)
class SDAETransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, UnsupervisedSDAE):
    """Codes of a stacked denoising autoencoder (Vincent et al. 2010), as input of other models.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        Units of each layer.
    activation : {"tanh", "relu", "sigmoid", "logistic", "gelu", "silu", "identity"}, default "tanh"
        Activation of all layers.
    corruption : noise or one per layer, default "masking:0.3"
        Noise of a layer's input: a masking level, a text such as ``gaussian:0.1``, or an
        object of :mod:`sdae.corruption`.
    pretrain_epochs : int or one per layer, default 50
    pretrain_learning_rate : float or one per layer, default 0.001
    layer : None, int or "all", default None
        Layer whose codes ``transform`` returns: the deepest (None), another one (from 0), or all
        layers side by side.
    decoder : {"auto", "sigmoid", "linear"} or one per layer, default "auto"
        ``sigmoid`` goes with cross-entropy and data in [0, 1], ``linear`` with squared error. A
        single ``sigmoid`` applies to layer 0; upper layers then follow the codes below.
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
        Decode with the transpose of each encoder's weight.
    solver : {"adam", "sgd", "adamw", "nadam", "rmsprop"}, default "adam"
    batch_size : int or "auto", default 32
        Rows of a minibatch, or all rows if there are fewer; ``auto`` is min(200, n). Size 1 with
        ``solver="sgd"`` and ``momentum=0`` is the classical method, and runs in the fused engine.
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
    network_ : StackedDenoisingAutoencoder
        The PyTorch model.
    n_layers_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If the columns have names.
    pretraining_loss_curves_ : list of lists of float
        Mean cost of each epoch, one list per layer.
    history_ : tuple of EpochRecord

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sdae import SDAETransformer
    >>> X, _ = load_iris(return_X_y=True)
    >>> SDAETransformer((8, 3), random_state=0).fit_transform(X).shape
    (150, 3)
    """

    _: KW_ONLY
    layer: Any = None

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return codes, (n, V) -> (n, H) float32; a row's code does not depend on other rows."""
        return self._codes(X, self._settings().layer)

    def inverse_transform(self, H: Any) -> NDArray[np.float32] | NDArray[np.float64]:
        """Decode codes to rows in the units of the data, (n, H) -> (n, V).

        If columns are scaled, the rows are float64, since in float32 numbers near 1.7e9 would be
        128 apart. Otherwise they are float32.

        Raises
        ------
        ValueError
            If the codes do not have the width of ``transform``'s result.
        """
        check_is_fitted(self)
        if is_source(H):
            return np.concatenate([self.inverse_transform(h) for h in SourceRows(H).blocks()])
        layer = self._settings().layer
        h = check_array(H, dtype=np.float32)
        if h.shape[1] != self._n_features_out:
            raise ValueError(
                f"H has {h.shape[1]} columns, but transform of {type(self).__name__} gives "
                f"{self._n_features_out}."
            )
        if layer == "all":
            # the deepest code determines the rest
            h = h[:, -self.network_.hidden_layer_sizes[-1] :]
        depth = self._depth_of(layer)
        self.network_.check_facades()
        return self._in_units(decoded(self.network_, h, depth, self.n_threads))

    def reconstruct(self, X: Any) -> NDArray[np.float32] | NDArray[np.float64]:
        """Return rows reconstructed from the deepest code, in the units of the data, (n, V).

        They are float64 if columns are scaled, otherwise float32.
        """
        return self._in_units(self._apply(rebuilt, X))

    def score(self, X: Any, y: Any = None) -> float:  # noqa: ARG002 (scikit-learn passes it)
        """Return the mean of :meth:`score_samples`."""
        return float(self.score_samples(X).mean())

    @property
    def _n_features_out(self) -> int:
        sizes = self.network_.hidden_layer_sizes
        layer = self._settings().layer
        if layer == "all":
            return sum(sizes)
        return sizes[self._depth_of(layer) - 1]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
