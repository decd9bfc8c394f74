"""Input of users: arrays, sparse matrices, tables; checked by scikit-learn's rules.

Rows of numbers that are all there are an array, or a sparse matrix. Other rows, with texts, dates
or gaps, are a raw table, of which ``fit`` learns the schema. Axes: n rows, V columns, T targets.
"""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_X_y, validate_data

from sdae.core.errors import DataError, invalid_parameter
from sdae.core.preprocessing import Scaling, with_masked
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.user_warnings import warn_user
from sdae.core.wording import listed
from sdae.estimators.raw_input import check_names, is_frame, needs_schema, raw_table

Rows = Any
"""An array of float32 or float64, a CSR matrix, or a raw table, (n, V)."""

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
    X = as_table(X)
    if _is_raw(estimator, X, reset=reset):
        return _checked_table(estimator, X, reset=reset)
    with np.errstate(over="ignore", invalid="ignore"):
        x = validate_data(
            estimator,
            X,
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
    return (x if reset else _without_gaps(estimator, x)), targets


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


def _without_gaps(estimator: BaseEstimator, x: Rows) -> Rows:
    """Return rows in which a missing value is the masked one: 0 for the network.

    A network of numbers was fitted without gaps; there is one warning.
    """
    if sparse.issparse(x):
        return x
    gaps = np.isnan(x)
    if not gaps.any():
        return x
    columns = np.flatnonzero(gaps.any(axis=0))
    warn_user(
        f"X of {type(estimator).__name__} has missing values in {len(columns)} column"
        f"{'s' * (len(columns) > 1)} (the first has the number {columns[0]}), and the rows of fit "
        "had none. They are treated as masked by the noise."
    )
    scaling: Scaling | None = getattr(estimator, "scaling_", None)
    return with_masked(x, gaps, scaling)


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
        more = checked_rows(estimator, more, reset=False)
        if not sparse.issparse(x) and not sparse.issparse(more):
            _warn_of_other_units(estimator, _of_numbers(estimator, x), _of_numbers(estimator, more))
        return x, stacked(x, more)
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
    joined = x.below(table)
    _warn_of_other_units(estimator, x, table)
    return x, joined


def _warn_of_other_units(estimator: BaseEstimator, x: RawTable, more: RawTable) -> None:
    """Warn of columns whose mean lies far outside X's values.

    In a pipeline that transforms X, `X_unlabeled` is not transformed unless it is asked for.
    """
    odd = []
    for column, other in zip(x, more, strict=True):
        known, others = column.values[~column.missing], other.values[~other.missing]
        numbers = column.type is ColumnType.NUMBER and other.type is ColumnType.NUMBER
        if not numbers or not (len(known) > 1 and len(others)):
            continue
        low, high, mean = known.min(), known.max(), others.mean()
        width = high - low
        if width > 0 and not low - width <= mean <= high + width:
            odd.append(column.name)
    if odd:
        warn_user(
            f"X_unlabeled of {type(estimator).__name__} has other units than X: the mean of column"
            f"{'s' * (len(odd) > 1)} {listed(odd)} lies far outside its values in X. In a pipeline "
            "that transforms X, set transform_input=['X_unlabeled'] and request it by "
            "set_fit_request(X_unlabeled=True)."
        )


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
    if sparse.issparse(X):
        if estimator.scale in OF_TABLES:
            wanted = "'auto', 'none', 'minmax' or 'standard' for sparse rows"
            raise invalid_parameter("scale", name, wanted, estimator.scale)
        return False
    asked = not (declared is None or isinstance(declared, str)) and np.size(declared) > 0
    return asked or estimator.scale in OF_TABLES or needs_schema(X, _missing_marker(estimator))


def _missing_marker(estimator: BaseEstimator) -> Any:
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


def below(x: Rows, more: Rows) -> Rows:
    """Stack rows below rows of the same kind, of tables too; `x` may be None."""
    if x is None:
        return more
    return x.below(more) if isinstance(x, RawTable) else stacked(x, more)


def with_labels(x: Rows, labelled: NDArray[np.bool_]) -> Rows:
    """Return the rows with labels, (m, V): no copy where all have one."""
    return x if labelled.all() else x[labelled]


def without_labels(every: Rows, labelled: NDArray[np.bool_]) -> Rows:
    """Return the rows without labels, (m, V): `labelled` are the first rows, (n,)."""
    known = np.zeros(every.shape[0], bool)
    known[: len(labelled)] = labelled
    return every[~known]
