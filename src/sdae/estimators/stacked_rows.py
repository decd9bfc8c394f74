"""Rows with labels and rows without, together: arrays, tables, sparse rows, or rows of a source.

Axes: n rows, V columns.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator

from sdae.core.array_rows import picked
from sdae.core.errors import DataError, SdaeError
from sdae.core.rows import is_source
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.table_rows import TableRows
from sdae.core.source_rows import SourceRows
from sdae.core.user_warnings import warn_user
from sdae.core.wording import listed
from sdae.estimators.inputs import Rows, as_table, checked_rows, missing_marker
from sdae.estimators.raw_input import needs_schema, raw_table
from sdae.estimators.table_sources import table_below
from sdae.train.joined_rows import joined


def with_unlabeled(estimator: Any, x: Rows, X_unlabeled: Any) -> tuple[Rows, Rows]:
    """Return the rows of ``fit``, and these with more rows below them.

    Both are raw tables if either has to be.

    Raises
    ------
    DataError
        If the rows without labels lack columns, or are none that X could have.
    """
    estimator.schema_ = None  # one of an earlier fit says nothing of these rows
    caller = f"X_unlabeled of {type(estimator).__name__}"
    more = as_table(X_unlabeled)
    if is_source(more) or isinstance(x, SourceRows):
        return x, stacked(x, _in_a_source(estimator, x, more))
    if isinstance(x, TableRows) or isinstance(more, TableRows):
        return x, table_below(x, _disk_table_like(estimator, x, more))
    if not isinstance(x, RawTable) and not needs_schema(more, missing_marker(estimator)):
        if getattr(more, "shape", None) == (0, x.shape[1]):
            return x, x
        try:
            more = checked_rows(estimator, more, reset=False)
        except ValueError as error:
            raise DataError(f"{caller}: {error}") from None
        if not sparse.issparse(x) and not sparse.issparse(more):
            _warn_of_other_units(estimator, _columns(estimator, x), _columns(estimator, more))
        return x, stacked(x, more)
    if sparse.issparse(x) or sparse.issparse(more):
        raise DataError(f"{caller} and X must both be sparse, or both be tables.")
    table = raw_table(more, caller, missing_marker(estimator))
    if not isinstance(x, RawTable):
        x = _of_numbers(estimator, x)
    if x.named and table.named:
        table = table.like(x, caller)
    elif table.shape[1] != x.shape[1]:
        raise DataError(f"{caller} must have {x.shape[1]} columns, as X. Got {table.shape[1]}.")
    joined = x.below(table, caller)
    _warn_of_other_units(estimator, x, table)
    return x, joined


def _disk_table_like(estimator: Any, x: Rows, more: Any) -> RawTable | TableRows:
    """Check rows without labels, where these or those with labels are a table on the disk.

    Raises
    ------
    DataError
        If the others are not a table, or columns are missing.
    """
    caller = f"X_unlabeled of {type(estimator).__name__}"
    if not isinstance(x, RawTable | TableRows) or is_source(more) or sparse.issparse(more):
        raise DataError(
            f"{caller} and X must both be tables, where one of them is a table on the disk. Open "
            "the other with sdae.data.open_table, or give a data frame with texts or gaps."
        )
    marker = missing_marker(estimator)
    table = more if isinstance(more, TableRows) else raw_table(more, caller, marker)
    return table.like(x, caller)


def _in_a_source(estimator: BaseEstimator, x: Rows, more: Any) -> Rows:
    """Check rows without labels, where these or those with labels stay in a source.

    Raises
    ------
    DataError
        If the others are a table or sparse, or have other columns.
    """
    odd = isinstance(x, RawTable) or sparse.issparse(x)
    if not odd and not is_source(more):
        odd = sparse.issparse(more) or needs_schema(more, missing_marker(estimator))
    if odd:
        raise DataError(
            f"X and X_unlabeled of {type(estimator).__name__} must both be numbers without gaps, "
            "not sparse, where one of them stays on the disk. Encode and fill the other first."
        )
    try:
        return checked_rows(estimator, more, reset=False)
    except SdaeError:  # it names the file
        raise
    except ValueError as error:
        raise DataError(f"X_unlabeled of {type(estimator).__name__}: {error}") from None


def _warn_of_other_units(
    estimator: BaseEstimator, x: Iterable[RawColumn], more: Iterable[RawColumn]
) -> None:
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


def _of_numbers(estimator: Any, x: NDArray[Any]) -> RawTable:
    """Return an array of numbers as a table with the names of ``fit``."""
    named = getattr(estimator, "feature_names_in_", None) is not None
    return RawTable([*_columns(estimator, x)], named=named)


def _columns(estimator: Any, x: NDArray[Any]) -> Iterator[RawColumn]:
    """Yield the columns of an array of numbers, each a copy, with the names of ``fit``."""
    names = getattr(estimator, "feature_names_in_", None)
    known = [f"x{k}" for k in range(x.shape[1])] if names is None else names
    for name, values in zip(known, x.T, strict=True):
        yield RawColumn(str(name), ColumnType.NUMBER, values.astype(np.float64))


def stacked(x: Rows, more: Rows) -> Rows:
    """Stack rows below rows."""
    if sparse.issparse(x) or sparse.issparse(more):
        return sparse.vstack([sparse.csr_array(x), sparse.csr_array(more)], format="csr")
    return joined(x, more)


def below(x: Rows, more: Rows) -> Rows:
    """Stack rows below rows of the same kind, of tables too; `x` may be None."""
    if x is None:
        return more
    return table_below(x, more) if isinstance(x, RawTable | TableRows) else stacked(x, more)


def with_labels(x: Rows, labelled: NDArray[np.bool_]) -> Rows:
    """Return the rows with labels, (m, V): no copy where all have one, or where they are many."""
    return x if labelled.all() else picked(x, labelled)


def without_labels(every: Rows, labelled: NDArray[np.bool_]) -> Rows:
    """Return the rows without labels, (m, V): `labelled` are the first rows, (n,)."""
    if isinstance(every, SourceRows) and labelled.all():
        return every[len(labelled) :]
    known = np.zeros(every.shape[0], bool)
    known[: len(labelled)] = labelled
    return picked(every, ~known)
