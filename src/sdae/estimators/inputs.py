"""Input of users: arrays, sparse matrices, tables; checked by scikit-learn's rules.

Rows of numbers that are all there are an array, a sparse matrix, or stay in a source. Other rows,
with texts, dates or gaps, are a raw table, of which ``fit`` learns the schema. Axes:
n rows, V columns, T targets.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_X_y, validate_data

from sdae.core.errors import DataError, invalid_parameter
from sdae.core.preprocessing import Scaling, with_masked
from sdae.core.rows import is_source
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.table_rows import TableRows
from sdae.core.user_warnings import warn_user
from sdae.estimators.input_sources import checked_source
from sdae.estimators.raw_input import check_names, has_nan, is_frame, needs_schema, raw_table
from sdae.estimators.table_sources import checked_table_rows

Rows = Any
"""An array of float32 or float64, a CSR matrix, a raw table, or rows of a source or of a table on
the disk, (n, V)."""

OF_TABLES = ("robust", "quantile")
"""Scales that only a schema has."""

_TYPES = (np.float64, np.float32)  # other types become float64
_PLAIN = tuple(map(np.dtype, _TYPES))


def checked_rows(estimator: BaseEstimator, X: Any, *, reset: bool) -> Rows:
    """Check rows, and their columns against those of ``fit``; the input is not changed.

    Raises
    ------
    ValueError
        From scikit-learn: infinity, other columns than in ``fit``, text, a wrong shape.
    """
    if not reset and _is_as_in_fit(estimator, X):
        return X
    if is_source(X):
        return checked_source(estimator, X, reset=reset)
    if isinstance(X, TableRows):
        return _of_disk_table(estimator, X, reset=reset)
    X = as_table(X)
    if _is_raw(estimator, X, reset=reset):
        return _checked_table(estimator, X, reset=reset)
    _check_no_gaps(X, type(estimator).__name__)
    with np.errstate(over="ignore", invalid="ignore"):
        x = validate_data(
            estimator,
            X if reset else _with_nan(X),
            reset=reset,
            accept_sparse="csr",
            dtype=_TYPES,
            # A network of numbers without gaps may meet some later: see `_without_gaps`.
            ensure_all_finite=True if reset or sparse.issparse(X) else "allow-nan",
        )
    return x if reset else _without_gaps(estimator, x)


def _is_as_in_fit(estimator: Any, X: Any) -> bool:
    """Return whether X is an array of finite numbers whose columns are those of ``fit``.

    scikit-learn's checks would return it unchanged, which takes longer than to predict a row.
    """
    if type(X) is not np.ndarray or X.dtype not in _PLAIN or X.ndim != 2 or not len(X):
        return False
    known = estimator.__dict__
    if X.shape[1] != known.get("n_features_in_") or "feature_names_in_" in known:
        return False
    if known.get("schema_") is not None:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(np.add.reduce(X, axis=None)))


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
    checked = _other_than_arrays(estimator, X, reset=reset)
    if checked is not None:
        rows = checked(estimator, X, reset=reset)
        with np.errstate(over="ignore", invalid="ignore"):
            _, targets = check_X_y(
                np.zeros((len(rows), 1)),  # in place of the rows, which are checked already
                y,
                multi_output=several,
                y_numeric=numeric,
                estimator=estimator,
            )
        return rows, targets
    _check_no_gaps(X, type(estimator).__name__)
    # scikit-learn sums all values to check that they are finite.
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            x, targets = validate_data(
                estimator,
                X if reset else _with_nan(X),
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
    return (x if reset else _without_gaps(estimator, x)), targets


def _other_than_arrays(estimator: Any, X: Any, *, reset: bool) -> Callable[..., Rows] | None:
    """Return what checks rows that are not handled as an array; None: they are."""
    if is_source(X):
        return checked_source
    if isinstance(X, TableRows):
        return _of_disk_table
    return _checked_table if _is_raw(estimator, X, reset=reset) else None


def _of_disk_table(estimator: Any, X: TableRows, *, reset: bool) -> RawTable | TableRows:
    return checked_table_rows(estimator, X, reset=reset, marker=missing_marker(estimator))


def as_table(X: Any) -> Any:
    """Return Arrow record batches as a table, whose names scikit-learn reads; others unchanged.

    A source of rows is not a table, whatever it has.

    Raises
    ------
    DataError
        If the rows are not computed yet, as in a LazyFrame of polars.
    """
    if is_source(X) or isinstance(X, TableRows):
        return X
    if hasattr(X, "collect_schema") and not hasattr(X, "__array__"):
        raise DataError(
            f"X is a {type(X).__name__}, whose rows are not computed yet. Give X.collect()."
        )
    if is_frame(X):
        check_names(X)
    if isinstance(X, np.ma.MaskedArray):
        plain = X.dtype.kind in "biuf"
        values = np.array(X.data, np.float64 if plain else object)
        values[np.ma.getmaskarray(X)] = np.nan if plain else None
        return values
    pyarrow = sys.modules.get("pyarrow")  # imported already if X is a record batch
    if isinstance(X, getattr(pyarrow, "RecordBatch", ())) or _is_arrow_alone(X):
        return X if pyarrow is None else pyarrow.table(X)
    return X


def _is_arrow_alone(X: Any) -> bool:
    """Return whether rows have only Arrow's interface, not one that NumPy supports."""
    offers = any(hasattr(X, f"__arrow_c_{kind}__") for kind in ("array", "stream"))
    return offers and not any(hasattr(X, f"__{name}__") for name in ("array", "dataframe"))


def _with_nan(X: Any) -> Any:
    """Return rows with NaN for pandas' NA and NaT among objects, which NumPy makes no floats."""
    pandas: Any = sys.modules.get("pandas")  # imported already if X holds them
    if pandas is not None and isinstance(X, pandas.DataFrame):
        return X.apply(_objects_with_nan) if any(kind.kind == "O" for kind in X.dtypes) else X
    if pandas is None or not isinstance(X, np.ndarray) or X.dtype.kind != "O":
        return X
    return np.where(pandas.isna(X), np.nan, X)


def _objects_with_nan(column: Any) -> Any:
    if column.dtype.kind != "O":
        return column
    return type(column)(np.where(column.isna(), np.nan, column), column.index, dtype=object)


def _without_gaps(estimator: BaseEstimator, x: Rows) -> Rows:
    """Return rows in which a missing value is the masked one: 0 for the network.

    A network of numbers was fitted without gaps; there is one warning.
    """
    if sparse.issparse(x):
        return x
    if not has_nan(x):
        return x
    gaps = np.isnan(x)
    columns = np.flatnonzero(gaps.any(axis=0))
    warn_user(
        f"X of {type(estimator).__name__} has missing values in {len(columns)} column"
        f"{'s' * (len(columns) > 1)} (the first has the number {columns[0]}), and the rows of fit "
        "had none. They count as masked: 0 in the network."
    )
    scaling: Scaling | None = getattr(estimator, "scaling_", None)
    return with_masked(x, gaps, scaling)


def _is_raw(estimator: Any, X: Any, *, reset: bool) -> bool:
    """Return whether rows are handled as a raw table."""
    if not reset:
        return getattr(estimator, "schema_", None) is not None
    if getattr(estimator, "_always_a_table", False):
        return True
    # Attributes, not `get_params`: a subclass may fix some of them.
    declared, name = estimator.categorical_features, type(estimator).__name__
    if isinstance(declared, str) and declared != "from_dtype":
        wanted = "'from_dtype', None, or names, indices or a mask of columns"
        raise invalid_parameter("categorical_features", name, wanted, declared)
    asked = not (declared is None or isinstance(declared, str)) and np.size(declared) > 0
    if sparse.issparse(X):
        _check_numbers_alone(estimator, asks_for_categories=asked)
        return False
    return asked or estimator.scale in OF_TABLES or needs_schema(X, missing_marker(estimator))


def _check_numbers_alone(estimator: Any, *, asks_for_categories: bool) -> None:
    """Raise an error for parameters that are for tables, beside sparse rows."""
    name, remedy = type(estimator).__name__, "Give X.toarray() to have it."
    if estimator.scale in OF_TABLES:
        wanted = "'auto', 'none', 'minmax' or 'standard' for sparse rows"
        raise invalid_parameter("scale", name, wanted, estimator.scale)
    if asks_for_categories:
        wanted, given = "None or 'from_dtype' for sparse rows", estimator.categorical_features
        raise invalid_parameter("categorical_features", name, wanted, given, remedy)
    marker = missing_marker(estimator)
    is_nan = isinstance(marker, float | np.floating) and np.isnan(marker)
    if marker is not None and not is_nan:
        raise invalid_parameter("missing_values", name, "NaN for sparse rows", marker, remedy)


def _check_no_gaps(X: Any, name: str) -> None:
    """Raise an error for sparse rows with NaN; scikit-learn reports infinite values."""
    if not sparse.issparse(X) or X.dtype.kind != "f":
        return
    if np.isnan(X.data if X.format == "csr" else X.tocsr().data).any():
        raise DataError(
            f"Input X contains NaN: sparse rows of {name} must be without gaps. Give X.toarray(), "
            "whose gaps are taken as missing, or impute them."
        )


def missing_marker(estimator: BaseEstimator) -> Any:
    """Return the value that means "missing" besides NaN and None.

    Raises
    ------
    InvalidParameterError
        If it is several values.
    """
    marker = getattr(estimator, "missing_values", np.nan)
    if np.ndim(marker) > 0:
        wanted = "one value: a number, a text, None or NaN"
        raise invalid_parameter("missing_values", type(estimator).__name__, wanted, marker)
    return marker


def _checked_table(estimator: Any, X: Any, *, reset: bool) -> RawTable:
    """Read a raw table, and note its columns if it is that of ``fit``."""
    caller = f"X of {type(estimator).__name__}"
    if sparse.issparse(X):
        raise DataError(f"{caller} is sparse, and the rows of fit were a table. Give it a table.")
    table = raw_table(X, caller, missing_marker(estimator))
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
