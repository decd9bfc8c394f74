"""Tables and arrays of mixed types, brought into raw columns.

narwhals reads the data frames of pandas, polars and pyarrow alike; each column is converted by
itself, since a shared type would lose digits of numbers and mix up kinds of missing values.

Axes: n rows, V columns.
"""

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.wording import quoted

_FEW_TYPES = 2  # of the values that are there, and of those that are not
_SECONDS = 1e-6  # in a microsecond


def is_frame(X: Any) -> bool:
    """Return whether X is a data frame that narwhals reads."""
    return bool(nw.dependencies.is_into_dataframe(X))


def raw_table(X: Any, caller: str, marker: Any = np.nan) -> RawTable:
    """Bring a data frame, or an array of two dimensions, into raw columns.

    Values equal to `marker` are missing too.

    Raises
    ------
    DataError
        If a column holds values that are neither numbers nor booleans, texts or dates, or an
        infinite number.
    """
    if is_frame(X):
        table = _of_frame(nw.from_native(X, eager_only=True), marker)
    else:
        table = _of_array(X, caller, marker)
    if not _is_gap(marker):
        columns = [_without(column, marker) for column in table]
        table = RawTable(columns, named=table.named)
    for column in table:
        if column.type is not ColumnType.TEXT and np.isinf(column.values).any():
            row = int(np.flatnonzero(np.isinf(column.values))[0])
            raise DataError(
                f"Input {caller} contains infinity or a value too large for dtype('float64'), the "
                f"first in row {row} of column {quoted(column.name)}. Divide the column by a "
                "constant, or mark the value as missing."
            )
    return table


def needs_schema(X: Any, marker: Any = np.nan) -> bool:
    """Return whether X holds anything but numbers that are all there."""
    if not _is_gap(marker):
        return True
    if is_frame(X):
        frame = nw.from_native(X, eager_only=True)
        columns = list(frame.iter_columns())  # by position: names may be numbers
        return any(
            not (each.dtype.is_numeric() or _is_sparse(each)) or _has_gaps(each) for each in columns
        )
    array = as_array(X)
    if array is None or array.ndim != 2:
        return False
    if array.dtype.kind == "f":
        return has_nan(array)
    if array.dtype.kind in "UST":
        return True
    return array.dtype == object and _is_mixed(array)


def has_nan(x: NDArray[np.floating]) -> bool:
    """Return whether a number is NaN, without an array of the answers."""
    with np.errstate(invalid="ignore"):
        return bool(np.isnan(np.minimum.reduce(x, axis=None, initial=np.inf)))


def _has_gaps(series: nw.Series[Any]) -> bool:
    if _is_sparse(series):
        return bool(np.isnan(_dense(series)).any())
    gaps = series.is_null().any()
    return bool(gaps or (series.dtype.is_float() and series.is_nan().any()))


def _is_sparse(series: nw.Series[Any]) -> bool:
    """Return whether a column is one of pandas' sparse ones, of numbers."""
    kind = getattr(series.to_native(), "dtype", None)
    return getattr(getattr(kind, "subtype", None), "kind", "") in ("b", "i", "u", "f") and hasattr(
        kind, "fill_value"
    )


def _dense(series: nw.Series[Any]) -> NDArray[np.float64]:
    """Return a sparse column as numbers, (n,)."""
    return np.asarray(series.to_native(), np.float64)


def check_names(X: Any) -> None:
    """Raise an error if two columns of a data frame have one name.

    Raises
    ------
    DataError
        If they have.
    """
    # pyarrow's `columns` are the values
    names = list(X.column_names if hasattr(X, "column_names") else X.columns)
    if len(set(names)) < len(names):  # in linear time, since every predict comes here
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"X has two columns named {quoted(str(twice))}. Rename one.")


def as_array(X: Any) -> NDArray[Any] | None:
    """Return X as an array, if it is one or is a list of rows."""
    if isinstance(X, np.ndarray):
        return X
    if not isinstance(X, list | tuple) or not X or not isinstance(X[0], list | tuple | np.ndarray):
        return None
    try:
        plain = np.asarray(X)
        # NumPy turns numbers into texts where both occur.
        return np.asarray(X, object) if plain.dtype.kind in "US" else plain
    except ValueError:  # rows of different lengths; the check of arrays words it
        return None


def _is_mixed(array: NDArray[Any]) -> bool:
    """Return whether an array of objects holds texts or gaps, and nothing else but numbers."""
    values = array.ravel().tolist()
    plain = all(_is_known(value) or _is_gap(value) for value in values)
    return plain and not all(isinstance(value, Real) and not _is_gap(value) for value in values)


def _of_array(X: Any, caller: str, marker: Any) -> RawTable:
    array = as_array(X)
    if array is None or array.ndim != 2:
        raise DataError(f"{caller} must be a table or an array of two dimensions, (n, V).")
    named = [f"x{k}" for k in range(array.shape[1])]
    columns = []
    for name, values in zip(named, array.T, strict=True):
        if array.dtype.kind in "biuf":
            kind = ColumnType.BOOLEAN if array.dtype.kind == "b" else ColumnType.NUMBER
            whole = array.dtype.kind in "iu"
            columns.append(RawColumn(name, kind, values.astype(np.float64), whole=whole))
        else:
            columns.append(_of_values(name, values.tolist(), marker, declared=False))
    return RawTable(columns, named=False)


def _of_frame(frame: nw.DataFrame[Any], marker: Any) -> RawTable:
    columns = [_of_series(str(each.name), each, marker) for each in frame.iter_columns()]
    return RawTable(columns, named=all(isinstance(name, str) for name in frame.columns))


def _of_series(name: str, series: nw.Series[Any], marker: Any) -> RawColumn:
    dtype = series.dtype
    if _is_sparse(series):
        return RawColumn(name, ColumnType.NUMBER, _dense(series))
    if dtype.is_numeric():
        values = _numbers(series)
        return RawColumn(name, ColumnType.NUMBER, values, whole=dtype.is_integer())
    if dtype == nw.Boolean:
        return RawColumn(name, ColumnType.BOOLEAN, _numbers(series.cast(nw.Int8)))
    if isinstance(dtype, nw.Datetime) or dtype == nw.Date:
        moments = series.cast(nw.Datetime("us")) if dtype == nw.Date else series
        return RawColumn(name, ColumnType.DATE, _numbers(moments.dt.timestamp("us")) * _SECONDS)
    if isinstance(dtype, nw.Duration):
        lengths = series.dt.total_microseconds()
        return RawColumn(name, ColumnType.NUMBER, _numbers(lengths) * _SECONDS)
    if dtype in (nw.String, nw.Categorical, nw.Object) or isinstance(dtype, nw.Enum):
        declared = dtype == nw.Categorical or isinstance(dtype, nw.Enum)
        return _of_values(
            name, series.to_list(), marker, declared=declared, loose=dtype == nw.Object
        )
    if series.is_null().all():  # a column without values may have a type of its own
        return RawColumn(name, ColumnType.NUMBER, np.full(len(series), np.nan))
    raise DataError(
        f"Column {quoted(name)} is of type {_own_name(series)}, which is neither numbers nor "
        "booleans, texts, categories or dates. Drop it, or turn it into columns of these."
    )


def _without(column: RawColumn, marker: Any) -> RawColumn:
    """Return a column of numbers in which those equal to `marker` are missing.

    In columns of Python's values they are missing already: see :func:`_of_values`.
    """
    if column.type is ColumnType.TEXT or isinstance(marker, str):
        return column
    return replace(column, values=np.where(column.values == marker, np.nan, column.values))


def _own_name(series: nw.Series[Any]) -> str:
    """Return the name that the source has for the type of a column."""
    native = series.to_native()
    return str(getattr(native, "dtype", getattr(native, "type", series.dtype)))


def _numbers(series: nw.Series[Any]) -> NDArray[np.float64]:
    """Return a series of numbers as float64, with NaN for nulls, (n,)."""
    if series.is_null().any():
        values = [np.nan if _is_gap(value) else float(value) for value in series.to_list()]
        return np.array(values, np.float64)
    return series.to_numpy().astype(np.float64)


def _of_values(
    name: str, values: Sequence[Any], marker: Any, *, declared: bool, loose: bool = True
) -> RawColumn:
    """Read a column from Python's values: its type is that of all values that are there.

    Values equal to `marker` are missing.
    """
    if not _is_gap(marker):
        values = [None if _is_same(value, marker) else value for value in values]
    distinct = list(values)
    if len(set(map(type, values))) <= _FEW_TYPES:  # most columns of texts have few different ones
        with suppress(TypeError):  # not hashable
            distinct = list(dict.fromkeys(values))
    known = [value for value in distinct if not _is_gap(value)]
    if all(isinstance(value, bool | np.bool_) for value in known) and known:
        return RawColumn(name, ColumnType.BOOLEAN, _floats(values), loose=loose)
    if all(isinstance(value, Real | Decimal) for value in known):
        try:
            numbers = _floats(values)
        except OverflowError:
            raise DataError(
                f"Column {quoted(name)} has an integer too large for a float64. Divide the column "
                "by a constant."
            ) from None
        whole = all(float(value).is_integer() for value in known)
        return RawColumn(name, ColumnType.NUMBER, numbers, declared, whole, loose)
    if all(isinstance(value, date) for value in known):
        return RawColumn(name, ColumnType.DATE, _floats(values, _seconds))
    if all(isinstance(value, timedelta) for value in known):
        return RawColumn(name, ColumnType.NUMBER, _floats(values, timedelta.total_seconds))
    odd = next((value for value in known if not _is_known(value)), None)
    if odd is not None:
        raise DataError(
            f"Column {quoted(name)} holds values of type {type(odd).__name__}, which are neither "
            "numbers nor booleans, texts or dates. Drop the column, or turn it into columns of "
            "these, or into texts."
        )
    texts = np.empty(len(values), object)
    if len({type(value) for value in known}) > 1:  # 1 and True are equal, but two texts
        texts[:] = [None if _is_gap(value) else str(value) for value in values]
    else:
        text_of = {value: None if _is_gap(value) else str(value) for value in distinct}
        texts[:] = [text_of[value] for value in values]
    return RawColumn(name, ColumnType.TEXT, texts, declared, loose=loose)


def _is_same(value: Any, marker: Any) -> bool:
    return type(value) is not bool and isinstance(value, type(marker) | Real) and value == marker


def _floats(values: Sequence[Any], convert: Any = float) -> NDArray[np.float64]:
    return np.array([np.nan if _is_gap(each) else convert(each) for each in values], np.float64)


def _seconds(value: date) -> float:
    """Return the seconds since 1970; a moment without a time zone counts as UTC."""
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    if moment.tzinfo is not None:
        return moment.timestamp()
    return (moment - datetime(1970, 1, 1)).total_seconds()


def _is_known(value: Any) -> bool:
    return isinstance(value, str | bool | np.bool_ | Real | Decimal | date | timedelta)


def _is_gap(value: Any) -> bool:
    """Return whether a value means "missing": None, NaN, pandas' NA and NaT, or a blank text."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, int):  # it may be too large for a float
        return False
    return isinstance(value, Real) and math.isnan(value)
