"""What users hand over: arrays, sparse matrices, tables; checked as scikit-learn checks.

pandas, polars and pyarrow tables need nothing of ours: scikit-learn's validation reads their names
and their numbers. Axes: n rows, V columns, T targets.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

Rows = Any
"""An array of float32 or float64, or a CSR matrix, (n, V)."""

_TYPES = (np.float64, np.float32)  # what is neither becomes the first


def checked_rows(estimator: BaseEstimator, X: Any, *, reset: bool) -> Rows:
    """Check rows, and their columns against those of ``fit``; nothing of the user's is changed.

    Raises
    ------
    ValueError
        scikit-learn's: NaN, infinity, other columns than in ``fit``, text, a wrong shape.
    """
    with np.errstate(invalid="ignore"):
        return validate_data(estimator, X, reset=reset, accept_sparse="csr", dtype=_TYPES)


def checked_pair(
    estimator: BaseEstimator, X: Any, y: Any, *, reset: bool, numeric: bool = False
) -> tuple[Rows, NDArray[Any]]:
    """Check rows and targets; `numeric` targets may have several columns, (n, T)."""
    # scikit-learn adds up all values to see whether they are finite: 1.7e308 and -1.7e308 alike.
    with np.errstate(invalid="ignore"):
        x, targets = validate_data(
            estimator,
            X,
            y,
            reset=reset,
            accept_sparse="csr",
            dtype=_TYPES,
            multi_output=numeric,
            y_numeric=numeric,
        )
    return x, targets


def stacked(x: Rows, more: Rows) -> Rows:
    """Put rows below rows."""
    if sparse.issparse(x) or sparse.issparse(more):
        return sparse.vstack([sparse.csr_array(x), sparse.csr_array(more)], format="csr")
    return np.concatenate([x, more])
