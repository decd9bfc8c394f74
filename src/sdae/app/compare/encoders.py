"""What the other models put before them on a table with columns of any type.

The usual pipelines of scikit-learn, fitted on the labelled rows: numbers are imputed by the mean,
with an indicator of gaps, and standardised; levels are one-hot, at most 50 of a column. Boosting
takes gaps as they are, and ordinal codes that it knows to be categories. Dates give the same parts
as in the networks.

Axes: n rows, V columns.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from sdae.app.compare.typed_rows import Kind, seconds_of
from sdae.core.schema.learning import learn_column
from sdae.core.schema.number_columns import DateColumn
from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.core.schema.schema_options import MAX_CATEGORIES, SchemaOptions


class DateParts(TransformerMixin, BaseEstimator):  # type: ignore[misc] # untyped bases
    """Dates as numbers: the time, and sine and cosine of its place in the year, week and day."""

    def fit(self, x: NDArray[np.object_], _y: object = None) -> "DateParts":
        """Learn which cycles the dates of rows, (n, V), go through."""
        learned = [learn_column(_dates(values), SchemaOptions()) for values in x.T]
        self.columns_ = [each if isinstance(each, DateColumn) else None for each in learned]
        return self

    def transform(self, x: NDArray[np.object_]) -> NDArray[np.float64]:
        """Return the parts of the dates of rows, (n, V), with NaN where they are missing.

        A column in which fitted dates do not differ is 0.
        """
        parts = [
            np.zeros((len(x), 1)) if column is None else column.encode(_dates(values))
            for column, values in zip(self.columns_, x.T, strict=True)
        ]
        return np.concatenate(parts, axis=1)


class GapsLeft(TransformerMixin, BaseEstimator):  # type: ignore[misc] # untyped bases
    """Numbers with their gaps; a column without a value in ``fit`` is 0.

    scikit-learn 1.9.1's boosting raises an error for such a column.
    """

    def fit(self, x: NDArray[np.object_], _y: object = None) -> "GapsLeft":
        """Note which columns of rows, (n, V), have no values."""
        self.empty_ = np.isnan(x.astype(np.float64)).all(axis=0)
        return self

    def transform(self, x: NDArray[np.object_]) -> NDArray[np.float64]:
        """Return rows, (n, V), as numbers."""
        return np.where(self.empty_, 0.0, x.astype(np.float64))


def with_numbers(model: Any, kinds: Sequence[Kind]) -> Pipeline:
    """Return a model that gets standardised numbers and one-hot levels."""
    impute = SimpleImputer(add_indicator=True, keep_empty_features=True)
    levels = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=MAX_CATEGORIES, sparse_output=False
    )
    return make_pipeline(
        ColumnTransformer(
            [
                ("levels", levels, _places(kinds, Kind.LEVELS)),
                ("numbers", make_pipeline(impute, StandardScaler()), _places(kinds, Kind.NUMBER)),
                (
                    "dates",
                    make_pipeline(DateParts(), impute, StandardScaler()),
                    _places(kinds, Kind.DATE),
                ),
            ]
        ),
        model,
    )


def with_codes(model: Any, kinds: Sequence[Kind]) -> Pipeline:
    """Return a model of scikit-learn's boosting that gets codes of levels, and gaps as they are."""
    levels = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=MAX_CATEGORIES,
    )
    places = _places(kinds, Kind.LEVELS)
    model.set_params(categorical_features=list(range(len(places))))
    return make_pipeline(
        ColumnTransformer(
            [
                ("levels", levels, places),
                ("numbers", GapsLeft(), _places(kinds, Kind.NUMBER)),
                ("dates", DateParts(), _places(kinds, Kind.DATE)),
            ]
        ),
        model,
    )


def _places(kinds: Sequence[Kind], wanted: Kind) -> list[int]:
    return [place for place, kind in enumerate(kinds) if kind is wanted]


def _dates(values: NDArray[np.object_]) -> RawColumn:
    return RawColumn("date", ColumnType.DATE, seconds_of(values))
