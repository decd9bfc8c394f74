"""``SDAETransformer``: rows into codes, learned without labels."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted

from sdae.core.inference import decoded, in_blocks, products_of_a_block, rebuilt
from sdae.core.threads import threads
from sdae.estimators.unsupervised import UnsupervisedSDAE


@dataclass(eq=False, repr=False, match_args=False)
class SDAETransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, UnsupervisedSDAE):
    """Codes of a stacked denoising autoencoder (Vincent et al. 2010), for what comes after.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        Units of each layer.
    activation : {"tanh", "relu", "sigmoid", "logistic", "gelu", "silu", "identity"}, default "tanh"
        Of all layers.
    corruption : noise or one per layer, default "masking:0.3"
        What is done to a layer's input: a masking level, a text such as ``gaussian:0.1``, or an
        object of :mod:`sdae.corruption`.
    pretrain_epochs : int or one per layer, default 50
    pretrain_learning_rate : float or one per layer, default 0.001
    layer : None, int or "all", default None
        Whose codes ``transform`` gives: the deepest layer's, another's (from 0), or all of them
        side by side.
    decoder : {"auto", "sigmoid", "linear"} or one per layer, default "auto"
        ``sigmoid`` goes with cross-entropy and data in [0, 1], ``linear`` with squared error. The
        word ``sigmoid`` alone is of layer 0; upper layers then follow the codes below.
    scale : {"auto", "none", "minmax", "standard"}, default "auto"
        ``auto`` leaves data as they are if all lie in [0, 1] and a column has a standard deviation
        of at least 0.05; others are standardised.
    tied : bool, default True
        Decode with the transpose of each encoder's weight.
    solver : {"adam", "sgd", "adamw", "nadam", "rmsprop"}, default "adam"
    batch_size : int or "auto", default 32
        Rows of a minibatch, or all where there are fewer; ``auto`` is min(200, n). Size 1 with
        ``solver="sgd"`` and ``momentum=0`` is the classical method, and runs in the fused engine.
    shuffle : bool, default True
    momentum : float, default 0.9
    nesterovs_momentum : bool, default True
        Of ``sgd``.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999 and 1e-8
        Of ``adam``.
    engine : {"auto", "fused", "closed_form", "autograd"}, default "auto"
    device : {"cpu", "cuda", "mps", "auto"}, default "cpu"
    n_threads : int or None, default None
        None takes PyTorch's setting, or 1 where steps are small.
    warm_start : bool, default False
        Go on from the last ``fit``.
    checkpoint : Checkpoint, folder or None, default None
        Where ``fit`` keeps its state: called again after it was cut short, with the same data and
        parameters and an integer `random_state`, it goes on there; see :class:`sdae.Checkpoint`.
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
        """Carry codes down to rows in the units of the data, (n, H) -> (n, V).

        Where columns are scaled the rows are float64: in float32, numbers near 1.7e9 would lie 128
        apart. Otherwise they are float32.

        Raises
        ------
        ValueError
            If the codes do not have the width that ``transform`` gives.
        """
        check_is_fitted(self)
        layer = self._settings().layer
        h = check_array(H, dtype=np.float32)
        if h.shape[1] != self._n_features_out:
            raise ValueError(
                f"H has {h.shape[1]} columns, but transform of {type(self).__name__} gives "
                f"{self._n_features_out}."
            )
        if layer == "all":
            h = h[:, -self.network_.hidden_layer_sizes[-1] :]  # the deepest code holds the rest
        depth = self._depth_of(layer)
        self.network_.check_facades()
        with threads(self.n_threads, products_of_a_block(self.network_)):
            rows = in_blocks(
                lambda codes: decoded(self.network_, codes, depth),
                h,
                None,
                self.network_,
            )
        return self._in_units(rows)

    def reconstruct(self, X: Any) -> NDArray[np.float32] | NDArray[np.float64]:
        """Return rows as the deepest code remembers them, in the units of the data, (n, V).

        They are float64 where columns are scaled, and otherwise float32.
        """
        return self._in_units(self._apply(lambda rows: rebuilt(self.network_, rows), X))

    def score(self, X: Any, y: Any = None) -> float:  # noqa: ARG002 (scikit-learn hands it over)
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
