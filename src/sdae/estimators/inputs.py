"""Input of users: arrays, sparse matrices, tables; checked by scikit-learn's rules.

scikit-learn reads names and numbers of tables of pandas, polars and pyarrow; other Arrow data are
converted to a table first. Axes: n rows, V columns, T targets.
"""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sdae.core.errors import DataError

Rows = Any
"""An array of float32 or float64, or a CSR matrix, (n, V)."""

_TYPES = (np.float64, np.float32)  # other types become float64


def checked_rows(estimator: BaseEstimator, X: Any, *, reset: bool) -> Rows:
    """Check rows, and their columns against those of ``fit``; the input is not changed.

    Raises
    ------
    ValueError
        From scikit-learn: NaN, infinity, other columns than in ``fit``, text, a wrong shape.
    """
    X = as_table(X)
    with np.errstate(over="ignore", invalid="ignore"):
        return validate_data(estimator, X, reset=reset, accept_sparse="csr", dtype=_TYPES)


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


def stacked(x: Rows, more: Rows) -> Rows:
    """Stack rows below rows."""
    if sparse.issparse(x) or sparse.issparse(more):
        return sparse.vstack([sparse.csr_array(x), sparse.csr_array(more)], format="csr")
    return np.concatenate([x, more])
