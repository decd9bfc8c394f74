"""``SDAEImputer``: fills what is missing in a table by a denoising autoencoder.

Axes: n rows, V columns, L levels, m completed tables.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import TransformerMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from sdae.core.constraints import integer
from sdae.core.errors import invalid_parameter
from sdae.core.model_file import Model
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.schema_options import SchemaOptions
from sdae.core.schema.table_schema import Schema
from sdae.core.surroundings import undisturbed
from sdae.estimators.base import SDAEBase
from sdae.estimators.estimator_file import Kept
from sdae.estimators.fitting import goes_on, start, whole_or_not_at_all
from sdae.estimators.imputation import (
    check_rows,
    constant_features,
    filled_table,
    filled_values,
    known_table,
    learn_to_impute,
    names_out,
    shares_of,
)
from sdae.estimators.imputation_schema import levels_by_name, with_any_gaps
from sdae.estimators.imputation_settings import ImputationSettings
from sdae.estimators.imputation_state import restore, state_of
from sdae.estimators.new_networks import seed_of
from sdae.estimators.overimputation import ColumnError, errors_of_columns
from sdae.estimators.parameters import Settings
from sdae.estimators.table_sources import AnyTable

_MAX_TABLES = 10_000


@dataclass(eq=False, repr=False, match_args=False)
class SDAEImputer(TransformerMixin, SDAEBase):
    """Missing values filled by a denoising autoencoder, which learns to fill masked ones.

    It takes data frames and arrays with numbers, booleans, texts, categories and dates, and returns
    them in the same form. What was observed is returned unchanged.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (256,)
        Units of each layer. More units than columns are usual here.
    activation : {"relu", "silu", "gelu", "tanh", "sigmoid", "identity"}, default "relu"
    missing_values : number, text or None, default NaN
        One more value that means "missing"; NaN, None, NA, NaT and nulls always do.
    max_iter : int, default 3
        Largest number of rounds in which each gap is predicted once more, from the observed values
        and the predictions for the other gaps. ``fit`` stops where cells that it has hidden get
        worse; 0 does not refill.
    sample_posterior : bool, default False
        Whether ``transform`` draws values about their predictions, instead of the predictions.
    add_indicator : bool, default False
        Whether a column is added for each column with gaps in ``fit``, which says where values were
        missing.
    keep_empty_features : bool, default False
        Whether a column without any value in ``fit`` is kept: 0 is put into its gaps if it can
        hold a number, otherwise they stay. Such a column is left out otherwise.
    corruption : noise or one per layer, default "masking:0.3"
        Noise of a layer's input, which draws whole columns.
    corruption_levels : sequence of float, or None, default (0.1, 0.3, 0.5, 0.7)
        Levels of the noise of layer 0, in turn from epoch to epoch; None keeps that of
        `corruption`.
    pretrain_epochs : "auto", int or one per layer, default "auto"
        ``auto`` makes about 2,500 steps in each layer.
    pretrain_learning_rate : float or one per layer, default 0.01
        In layer 0 it falls along a cosine.
    weight_decay : float, default 0.1
        Decay of the weights, with the solver ``adamw`` relative to the rate.
    decoder : {"auto", "sigmoid", "linear"} or one per layer, default "auto"
        Of upper layers; layer 0 decodes numbers, binaries and categories, each in its way.
    scale : {"auto", "standard", "robust", "quantile", "minmax", "none"}, default "auto"
        Of numbers; ``auto`` is ``standard``.
    categorical_features : "from_dtype", None, or names, indices or a mask, default "from_dtype"
        Columns that are categories; None: texts only.
    max_categories : int or None, default 50
        Rarer levels share one, whose most frequent level fills gaps. None: no limit.
    min_frequency : int, float or None, default None
        Rows, or the share of the rows, that a level needs to be one of its own.
    handle_unknown : {"infrequent_if_exist", "error"}, default "infrequent_if_exist"
        What a level that ``fit`` did not see is: a rare one, or none where none are rare; or an
        error. It stays in the filled table.
    tied : bool, default False
        Decode with the transpose of each encoder's weight.
    solver : {"adamw", "adam", "sgd", "nadam", "rmsprop"}, default "adamw"
    batch_size : int or "auto", default 64
    shuffle, momentum, nesterovs_momentum, beta_1, beta_2, epsilon, engine, device, n_threads
        As in :class:`SDAETransformer`.
    warm_start : bool, default False
        Continue from the last ``fit``.
    checkpoint : None
        An imputer does not save its state during ``fit``.
    random_state : int, RandomState or None, default None
    verbose : bool, default False
        Print a line per epoch.

    Attributes
    ----------
    n_iter_ : int
        Rounds of refilling of ``transform``.
    hidden_errors_ : tuple of float
        Mean error of the cells that ``fit`` has hidden, after the first prediction and after each
        round: squared for scaled numbers, cross-entropy in nats for others.
    spread_ : ndarray
        Root of the mean squared error of hidden cells, for each component of scaled numbers: the
        standard deviation of draws.
    constant_features_ : tuple of str
        Columns that are filled by their mean or most frequent level, since the network was no
        better on hidden cells.
    categories_ : dict of str to ndarray
        Levels of each binary or category, in the order of ``predict_proba``.
    network_ : StackedDenoisingAutoencoder
    schema_ : Schema
    n_layers_, n_features_in_ : int
    feature_names_in_ : ndarray of str
        If the columns have names.
    history_ : tuple of EpochRecord

    Examples
    --------
    >>> import numpy as np
    >>> from sdae import SDAEImputer
    >>> x = np.linspace(-1, 1, 200)
    >>> X = np.stack([x, 2 * x, -x], axis=1)
    >>> X[3, 1] = np.nan
    >>> filled = SDAEImputer(random_state=0).fit_transform(X)
    >>> bool(abs(filled[3, 1] - 2 * x[3]) < 0.2)
    True
    """

    _always_a_table: ClassVar[bool] = True

    hidden_layer_sizes: Any = (256,)
    activation: Any = "relu"
    _: KW_ONLY
    max_iter: int = 3
    sample_posterior: bool = False
    add_indicator: bool = False
    keep_empty_features: bool = False
    corruption_levels: Any = (0.1, 0.3, 0.5, 0.7)
    pretrain_epochs: Any = "auto"
    pretrain_learning_rate: Any = 0.01
    weight_decay: float = 0.1
    tied: bool = False
    solver: str = "adamw"
    batch_size: Any = 64
    n_iter_: int = field(init=False)
    hidden_errors_: tuple[float, ...] = field(init=False)
    spread_: NDArray[np.float64] = field(init=False)
    _marked: NDArray[np.bool_] = field(init=False)
    _constants: NDArray[np.float32] = field(init=False)

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 (scikit-learn passes it)
        """Learn from rows with gaps, (n, V); `y` is ignored."""
        settings, own = self._settings(), self._imputation()
        continues = goes_on(self, self.warm_start, settings)
        with whole_or_not_at_all(self, goes_on=continues):
            _, table = known_table(self, X, reset=not continues)
            check_rows(table, type(self).__name__)
            if not continues:
                start(self, table, settings)
            learn_to_impute(self, table, settings, own)
        return self

    def transform(self, X: Any) -> Any:
        """Return rows with filled gaps, (n, V), in the form of X: data frame or array.

        A row's values do not depend on other rows. With `sample_posterior` they are drawn, and the
        same rows have the same draws.
        """
        check_is_fitted(self)
        own = self._imputation()
        X, table = known_table(self, X, reset=False)
        return filled_table(self, X, table, own, draw=0 if own.sample_posterior else None)

    def impute(self, X: Any, m: int = 20) -> list[Any]:
        """Return `m` completed tables, (n, V) each, with drawn values: multiple imputation.

        Raises
        ------
        InvalidParameterError
            If `m` is not an integer from 1 to 10,000.
        """
        check_is_fitted(self)
        try:
            m = integer(1, _MAX_TABLES).read(m)
        except ValueError:
            wanted = f"an integer from 1 to {_MAX_TABLES:,}"
            raise invalid_parameter("m", f"{type(self).__name__}.impute", wanted, m) from None
        own = self._imputation()
        X, table = known_table(self, X, reset=False)
        return [filled_table(self, X, table, own, draw=k) for k in range(1, m + 1)]

    @undisturbed()
    def predict_proba(self, X: Any, column: str | int | None = None) -> NDArray[np.float64]:
        """Return the probability of each level of a column, (n, L), as if it were missing.

        Parameters
        ----------
        X : data frame or array, shape (n, V)
        column : str, int or None, default None
            Name or place of a binary or a category; its levels are in ``categories_``. None: all
            of these, side by side.

        Raises
        ------
        InvalidParameterError
            If it is not a column of levels.
        """
        check_is_fitted(self)
        _, table = known_table(self, X, reset=False)
        return shares_of(self, table, column)

    def overimpute(self, X: Any, rate: float = 0.15) -> tuple[ColumnError, ...]:
        """Return how well hidden observed cells of X are filled, column by column.

        A share of the observed cells is hidden. A clone of this imputer is fitted on the rest and
        fills them; so do the mean or the mode, KNNImputer and IterativeImputer.

        Parameters
        ----------
        X : data frame or array, shape (n, V)
        rate : float in (0, 1), default 0.15
            Share of the observed cells to hide.
        """
        settings, own = self._settings(), self._imputation()
        _, table = known_table(clone(self), X, reset=True)

        def filled(holes: RawTable) -> tuple[Schema, dict[str, NDArray[Any]]]:
            imputer = clone(self)
            start(imputer, holes, settings)
            learn_to_impute(imputer, holes, settings, own)
            return imputer.schema_, filled_values(imputer, holes)

        return errors_of_columns(filled, table, rate, seed_of(self.random_state, "overimpute"))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns of ``transform``'s result.

        Raises
        ------
        ValueError
            If `input_features` are not the columns of ``fit``.
        """
        check_is_fitted(self)
        return names_out(self, input_features, self._imputation())

    @property
    def categories_(self) -> dict[str, NDArray[Any]]:
        """The levels of each binary or category, in the order of ``predict_proba``."""
        check_is_fitted(self)
        assert self.schema_ is not None
        return levels_by_name(self.schema_)

    @property
    def constant_features_(self) -> tuple[str, ...]:
        """The columns that are filled by their mean or most frequent level."""
        check_is_fitted(self)
        return constant_features(self)

    # -- for the parts that all estimators share -----------------------------------------------

    def _imputation(self) -> ImputationSettings:
        return ImputationSettings.read(self._own_parameters(), type(self).__name__)

    def _settings(self) -> Settings:
        return Settings.read(ImputationSettings.others(self._own_parameters()), type(self).__name__)

    def _schema_of(self, table: AnyTable, options: SchemaOptions, caller: str) -> Schema:
        assert isinstance(table, RawTable)  # as known_table makes sure
        return with_any_gaps(super()._schema_of(table, options, caller), table)

    def _kept(self) -> Kept:
        return Kept(state_of(self))

    def _take_back(self, state: Mapping[str, Any], model: Model) -> None:
        super()._take_back(state, model)
        restore(self, state)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
