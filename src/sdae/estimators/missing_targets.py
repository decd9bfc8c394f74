"""Targets that are missing mean rows without labels, whatever the source calls them.

NaN, None, pandas' NA and NaT, polars' and pyarrow's nulls, and masked values of arrays are missing.

Axes: n rows, T targets, L labels.
"""

from datetime import date, timedelta
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sdae.core.errors import DataError
from sdae.estimators.label_encoding import as_array, marked_labels, missing_labels, own_type

_TIMES = (date, timedelta, np.datetime64, np.timedelta64)


class Targets(NamedTuple):
    """Targets, and which are there.

    Attributes
    ----------
    y : object
        The targets, in which missing ones are filled with one that is there; as given if none is
        missing.
    there : ndarray of bool, shape (n,), or None
        None if none is missing.
    """

    y: Any
    there: NDArray[np.bool_] | None


def with_gaps_filled(y: Any, caller: str) -> Targets:
    """Find missing targets, (n,) or (n, T); of several columns all of a row must be missing.

    Raises
    ------
    DataError
        If a row has some of its targets.
    """
    if sparse.issparse(y) or y is None:
        return Targets(y, None)
    given, y = y, _one_column(y)
    values = as_array(y)
    if values.ndim not in (1, 2) or not values.size:
        return Targets(y, None)
    columns = values.reshape(len(values), -1)
    missing = missing_labels(columns.ravel()).reshape(columns.shape)  # (n, T)
    if not missing.any():
        return Targets(given, None)
    there: NDArray[np.bool_] = np.logical_not(missing.all(axis=1))
    partly = there & missing.any(axis=1)
    if partly.any():
        raise DataError(
            f"Input y contains NaN: row {int(partly.argmax())} has some of its targets. The y "
            f"parameter of {caller} must have all targets of a row, or none of them. Drop such "
            "rows, or fill them."
        )
    known = _of_own_type(y, values[there])
    shape = columns.shape if nw.dependencies.is_into_dataframe(given) else values.shape
    if not len(known):
        return Targets(np.zeros(shape), there)
    filled = np.empty(values.shape, known.dtype)
    filled[there], filled[~there] = known, known[0]
    return Targets(filled.reshape(shape), there)


def check_numbers(y: Any, caller: str) -> None:
    """Raise an error for targets of a regression that are dates, or texts but those of numbers.

    Raises
    ------
    DataError
    """
    values = np.empty(0) if sparse.issparse(y) or y is None else as_array(_one_column(y))
    if values.dtype.kind not in "OSUmM":
        return
    for value in values.ravel().tolist() if values.dtype.kind in "OSU" else values.ravel():
        if isinstance(value, _TIMES):
            raise DataError(
                f"The y parameter of {caller} must hold numbers. Got {value} instead, whose number "
                "depends on its unit. Give days, for example: "
                "(y - y.min()) / numpy.timedelta64(1, 'D')."
            )
        if isinstance(value, str | bytes) and not _is_number(value):
            raise DataError(
                f"The y parameter of {caller} must hold numbers. Got {value!r} instead. Use a "
                "classifier for classes; a missing target is NaN or None."
            )


def rows_with_labels(y: Any, marker: object, caller: str) -> NDArray[np.bool_]:
    """Return which rows have a label, (n,): it is not missing, and not the `marker`, if given.

    Raises
    ------
    DataError
        If none has.
    """
    if sparse.issparse(y):
        return np.ones(y.shape[0], bool)
    values, there = as_array(y), with_gaps_filled(y, caller).there
    there = np.ones(len(values), bool) if there is None else there
    marked = marked_labels(values.astype(object), marker, caller).reshape(len(values), -1)
    there = there & ~marked.all(axis=1)
    if not there.any():
        raise DataError(f"The y parameter of {caller} has no labels. Give rows with labels.")
    return there


def _is_number(text: str | bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _one_column(y: Any) -> Any:
    """Return the column of a data frame of one column, and arrays of pyarrow as objects."""
    if nw.dependencies.is_into_dataframe(y):
        frame = nw.from_native(y, eager_only=True)
        return frame.get_column(frame.columns[0]).to_native() if len(frame.columns) == 1 else y
    is_arrow = hasattr(y, "to_pylist") and not nw.dependencies.is_into_series(y)
    return np.array(y.to_pylist(), object) if is_arrow else y


def _of_own_type(y: Any, known: NDArray[Any]) -> NDArray[Any]:
    """Return the targets that are there with the type of the source.

    Beside nulls, integers and booleans become floats or objects in an array.
    """
    if known.ndim == 1 and nw.dependencies.is_into_series(y):
        exact = nw.from_native(y, series_only=True).drop_nulls()
        if exact.dtype.is_integer() or exact.dtype == nw.Boolean:
            return np.asarray(exact.to_numpy())
        if exact.dtype == nw.Categorical:
            known = np.array(exact.to_list(), object)
    own = own_type(getattr(y, "dtype", None))  # of an array of pandas
    if own is not None:
        return np.asarray(y[~y.isna()].to_numpy(own))
    if known.dtype.kind == "O":
        kinds = {type(value) for value in known.ravel().tolist()}
        if len(kinds) == 1 and kinds <= {bool, float, str}:
            return np.asarray(known.tolist())
    return known
