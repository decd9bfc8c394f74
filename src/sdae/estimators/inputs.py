"""Input of users: arrays, sparse matrices, tables; checked by scikit-learn's rules.

Rows of numbers that are all there are an array, or a sparse matrix. Other rows, with texts, dates
or gaps, are a raw table, of which ``fit`` learns the schema. Axes: n rows, V columns, T targets.
"""

import sys
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_X_y, validate_data

from sdae.core.errors import DataError
from sdae.core.preprocessing import Scaling
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.estimators.raw_input import needs_schema, raw_table

Rows = Any
"""An array of float32 or float64, a CSR matrix, or a raw table, (n, V)."""

OF_TABLES = ("robust", "quantile")
"""Scales that only a schema has."""

_TYPES = (np.float64, np.float32)  # other types become float64


def checked_rows(estimator: BaseEstimator, X: Any, *, reset: bool) -> Rows:
    """Check rows, and their columns against those of ``fit``; the input is not changed.

    Raises
    ------
    ValueError
        From scikit-learn: infinity, other columns than in ``fit``, text, a wrong shape.
    """
    X = as_table(X)
    if _is_raw(estimator, X, reset=reset):
        return _checked_table(estimator, X, reset=reset)
    with np.errstate(over="ignore", invalid="ignore"):
        return validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=_TYPES,
            # A network of numbers without gaps may meet some later: see `without_gaps`.
            ensure_all_finite=True if reset or sparse.issparse(X) else "allow-nan",
        )


def checked_pair(
    estimator: BaseEstimator,
    X: Any,
    y: Any,
    *,
    reset: bool,
    several: bool = False,
    numeric: bool = False,
) -> tuple[Rows, NDArray[Any]]:
    """Check rows and targets, which may have `several` columns, (n, T); perhaps `numeric` ones.

    Raises
    ------
    ValueError
        From scikit-learn, as for rows; also for targets that are missing or not finite.
    """
    X = as_table(X)
    if _is_raw(estimator, X, reset=reset):
        table = _checked_table(estimator, X, reset=reset)
        with np.errstate(over="ignore", invalid="ignore"):
            _, targets = check_X_y(
                np.zeros((len(table), 1)),  # in place of the table, which is checked already
                y,
                multi_output=several,
                y_numeric=numeric,
                estimator=estimator,
            )
        return table, targets
    # scikit-learn sums all values to check that they are finite.
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            x, targets = validate_data(
                estimator,
                X,
                y,
                reset=reset,
                accept_sparse="csr",
                dtype=_TYPES,
                ensure_all_finite=True if reset or sparse.issparse(X) else "allow-nan",
                multi_output=several,
                y_numeric=numeric,
            )
        except OverflowError:
            raise DataError(
                "X or y has an integer too large for a float64. Divide the values by a constant."
            ) from None
    return x, targets


def as_table(X: Any) -> Any:
    """Return Arrow record batches as a table, whose names scikit-learn reads; others unchanged.

    Raises
    ------
    DataError
        If the rows are not computed yet, as in a LazyFrame of polars.
    """
    if hasattr(X, "collect_schema") and not hasattr(X, "__array__"):
        raise DataError(
            f"X is a {type(X).__name__}, whose rows are not computed yet. Give X.collect()."
        )
    pyarrow = sys.modules.get("pyarrow")  # imported already if X is a record batch
    if isinstance(X, getattr(pyarrow, "RecordBatch", ())) or _is_arrow_alone(X):
        return X if pyarrow is None else pyarrow.table(X)
    return X


def _is_arrow_alone(X: Any) -> bool:
    """Return whether rows have only Arrow's interface, not one that NumPy supports."""
    offers = any(hasattr(X, f"__arrow_c_{kind}__") for kind in ("array", "stream"))
    return offers and not any(hasattr(X, f"__{name}__") for name in ("array", "dataframe"))


def without_gaps(x: Rows, scaling: Scaling | None, caller: str) -> Rows:
    """Return rows in which a missing value is the masked one: 0 for the network.

    A network of numbers was fitted without gaps; there is one warning.
    """
    if isinstance(x, RawTable) or sparse.issparse(x):
        return x
    gaps = np.isnan(x)
    if not gaps.any():
        return x
    columns = np.flatnonzero(gaps.any(axis=0))
    warnings.warn(
        f"X of {caller} has missing values in {len(columns)} column"
        f"{'s' * (len(columns) > 1)} (the first has the number {columns[0]}), and the rows of fit "
        "had none. They are treated as masked by the noise.",
        UserWarning,
        stacklevel=4,
    )
    masked = np.zeros(x.shape[1]) if scaling is None else scaling.offset
    return np.where(gaps, masked, x)


def with_unlabeled(estimator: BaseEstimator, x: Rows, X_unlabeled: Any) -> tuple[Rows, Rows]:
    """Return the rows of ``fit``, and these with more rows below them.

    Both are raw tables if either has to be.

    Raises
    ------
    DataError
        If the rows without labels lack columns.
    """
    more = as_table(X_unlabeled)
    if not isinstance(x, RawTable) and not needs_schema(more, _missing_marker(estimator)):
        return x, stacked(x, checked_rows(estimator, more, reset=False))
    caller = f"X_unlabeled of {type(estimator).__name__}"
    if sparse.issparse(x) or sparse.issparse(more):
        raise DataError(f"{caller} and X must both be sparse, or both be tables.")
    table = raw_table(more, caller, _missing_marker(estimator))
    if not isinstance(x, RawTable):
        x = _of_numbers(estimator, x)
    if x.named and table.named:
        table = table.like(x, caller)
    elif table.shape[1] != x.shape[1]:
        raise DataError(f"{caller} must have {x.shape[1]} columns, as X. Got {table.shape[1]}.")
    return x, x.below(table)


def _is_raw(estimator: BaseEstimator, X: Any, *, reset: bool) -> bool:
    """Return whether rows are handled as a raw table."""
    if not reset:
        return getattr(estimator, "schema_", None) is not None
    if getattr(estimator, "_always_a_table", False):
        return True
    parameters = estimator.get_params(deep=False)
    if sparse.issparse(X):
        return False
    declared = parameters["categorical_features"]
    asked = not (declared is None or isinstance(declared, str)) and np.size(declared) > 0
    return asked or parameters["scale"] in OF_TABLES or needs_schema(X, _missing_marker(estimator))


def _missing_marker(estimator: BaseEstimator) -> Any:
    return getattr(estimator, "missing_values", np.nan)


def _checked_table(estimator: Any, X: Any, *, reset: bool) -> RawTable:
    """Read a raw table, and note its columns if it is that of ``fit``."""
    caller = f"X of {type(estimator).__name__}"
    if sparse.issparse(X):
        raise DataError(f"{caller} is sparse, and the rows of fit were a table. Give it a table.")
    table = raw_table(X, caller, _missing_marker(estimator))
    if not len(table) or not table.columns:
        n_rows, n_columns = table.shape
        raise ValueError(
            f"Found array with {n_rows} sample(s) and {n_columns} feature(s) (shape={table.shape}) "
            "while a minimum of 1 is required."
        )
    if reset:
        estimator.n_features_in_ = len(table.columns)
        if table.named:
            estimator.feature_names_in_ = np.array(table.names, object)
        else:
            estimator.__dict__.pop("feature_names_in_", None)
    return table


def _of_numbers(estimator: Any, x: NDArray[Any]) -> RawTable:
    """Return an array of numbers as a table with the names of ``fit``."""
    names = getattr(estimator, "feature_names_in_", None)
    known = [f"x{k}" for k in range(x.shape[1])] if names is None else names
    columns = [
        RawColumn(str(name), ColumnType.NUMBER, values.astype(np.float64))
        for name, values in zip(known, x.T, strict=True)
    ]
    return RawTable(columns, named=names is not None)


def stacked(x: Rows, more: Rows) -> Rows:
    """Stack rows below rows."""
    if sparse.issparse(x) or sparse.issparse(more):
        return sparse.vstack([sparse.csr_array(x), sparse.csr_array(more)], format="csr")
    return np.concatenate([x, more])
