"""Values put into the gaps of a table, in the form that the table has: data frame or array.

What was observed is not touched: a column without gaps is passed on as it is, and in another one
only the gaps are written. Axes: n rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.schema.raw_table import ColumnType
from sdae.core.wording import quoted
from sdae.estimators.cell_values import decimals, length_of, moment_of, values_like, whole_numbers
from sdae.estimators.raw_input import is_frame

_MARK = "missingindicator"
_TYPES = {ColumnType.DATE: nw.Datetime("us"), ColumnType.BOOLEAN: nw.Boolean()}


@dataclass(frozen=True)
class Filling:
    """What goes into the gaps of one column.

    Attributes
    ----------
    name : str
    place : int
        Number of the column in the table.
    type : ColumnType
    missing : ndarray of bool, shape (n,)
    values : ndarray, shape (n,), or None
        Numbers, levels, or seconds since 1970; read where values are missing. None leaves the gaps
        as they are.
    marker : Real
        A number that means "missing", which is not written into whole numbers; NaN: none.
    if_it_fits : bool
        Whether gaps stay where the type of the column is not that of the values.
    marked : bool
        Whether the completed table says in one more column where values were missing.
    kept : bool
        Whether the completed table has the column.
    """

    name: str
    place: int
    type: ColumnType
    missing: NDArray[np.bool_]
    values: NDArray[Any] | None
    marker: Any = np.nan
    if_it_fits: bool = False
    marked: bool = False
    kept: bool = True

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows to be written, ascending."""
        return np.flatnonzero(self.missing) if self.values is not None else np.array([], np.int64)

    def chosen(self) -> list[Any]:
        """Return the values of the rows to be written."""
        return [] if self.values is None else self.values[self.rows].tolist()


def completed(X: Any, fillings: Sequence[Filling]) -> Any:
    """Return a copy of X with its gaps filled, in the order of `fillings`.

    Raises
    ------
    DataError
        If a column cannot hold a value that goes into it.
    """
    if is_frame(X):
        return _completed_frame(nw.from_native(X, eager_only=True), fillings)
    array = np.asarray(X)
    columns = [_completed_array(array[:, each.place], each) for each in fillings if each.kept]
    # Texts of a fixed width would cut the words.
    of_marks = np.dtype(str) if array.dtype.kind == "U" else array.dtype
    marks = [each.missing.astype(of_marks) for each in fillings if each.marked]
    together = [*columns, *marks]
    if not together:
        return np.empty((len(array), 0), array.dtype)
    return np.stack(together, axis=1)


def mark_of(name: str) -> str:
    """Return the name of the column that says where values of another were missing."""
    return f"{_MARK}_{name}"


# -- arrays ------------------------------------------------------------------------------------


def _completed_array(values: NDArray[Any], filling: Filling) -> NDArray[Any]:
    chosen, kind = filling.chosen(), values.dtype.kind
    if not chosen or (kind == "O" and filling.if_it_fits):
        return values
    if kind == "U":  # as wide as the widest text
        texts = np.array(chosen, str)
        written = values.astype(np.promote_types(values.dtype, texts.dtype))
        written[filling.rows] = texts
        return written
    written = values.copy()
    if kind in "iu":
        bounds = np.iinfo(values.dtype)
        whole = whole_numbers(chosen, int(bounds.min), int(bounds.max), filling.marker)
        written[filling.rows] = np.array(whole, values.dtype)
    elif kind == "O":
        known = values[~filling.missing].tolist()
        like_known = values_like(known, chosen, filling.type, filling.marker)
        written[filling.rows] = _objects(like_known)
    else:
        written[filling.rows] = chosen
    return written


def _objects(values: list[Any]) -> NDArray[np.object_]:
    """Return values as an array, which pandas does not turn into another type as it does lists."""
    array = np.empty(len(values), object)
    array[:] = values
    return array


# -- data frames -------------------------------------------------------------------------------


def _completed_frame(frame: nw.DataFrame[Any], fillings: Sequence[Filling]) -> Any:
    columns = list(frame.iter_columns())
    kept = [_completed_series(columns[each.place], each) for each in fillings if each.kept]
    marks = [
        nw.new_series(
            mark_of(each.name), each.missing.tolist(), nw.Boolean, backend=frame.implementation
        )
        for each in fillings
        if each.marked
    ]
    return _beside(frame, [*kept, *marks])


def _beside(frame: nw.DataFrame[Any], columns: list[nw.Series[Any]]) -> Any:
    """Return a data frame of columns, with the index of another if it has one."""
    names = [column.name for column in columns]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"The completed table would have two columns named {quoted(twice)}.")
    changed = frame.with_columns(*columns)
    place = {name: k for k, name in enumerate(changed.columns)}
    return nw.to_native(changed[:, [place[name] for name in names]])  # names may be numbers


def _completed_series(series: nw.Series[Any], filling: Filling) -> nw.Series[Any]:
    chosen = filling.chosen()
    if not chosen:
        return series
    try:
        if filling.missing.all() and not _can_hold(series.dtype, filling.type):
            return series if filling.if_it_fits else _new_series(series, chosen, filling.type)
        if series.dtype == nw.Object:
            return _completed_objects(series, filling)
        values = _values_as(chosen, series.dtype, filling.type, filling.marker)
        return _scattered(_with_levels(series, values), filling.rows.tolist(), values)
    except Exception as error:
        # Each library has errors of its own for a level that a column of fixed levels lacks.
        raise DataError(
            f"Column {quoted(filling.name)} is of type {series.dtype}, which cannot hold "
            f"{chosen[0]!r}, a value that fit learned for it: {error}. Convert the column to the "
            "type that it had in fit, or to one that is neither sparse nor a dictionary."
        ) from None


def _completed_objects(series: nw.Series[Any], filling: Filling) -> nw.Series[Any]:
    """Return a column of Python's values with others of their type in its gaps."""
    every = series.to_list()
    known = [every[row] for row in np.flatnonzero(~filling.missing)]
    values = values_like(known, filling.chosen(), filling.type, filling.marker)
    if not series.implementation.is_pandas_like():
        return _scattered(series, filling.rows.tolist(), values)
    native = nw.to_native(series).copy()
    native.iloc[filling.rows] = _objects(values)
    return nw.from_native(native, series_only=True)


def _scattered(series: nw.Series[Any], rows: list[int], values: list[Any]) -> nw.Series[Any]:
    """Return a column with values at some rows.

    Only pandas writes into columns of most types: pyarrow 17 has no doubles for floats and makes
    invalid booleans, and polars 1.0 writes nulls for levels. There the column is made anew.
    """
    native, of_pandas = nw.to_native(series), series.implementation.is_pandas_like()
    if of_pandas and not _is_packed(native.dtype):
        return series.scatter(rows, values)
    every = series.to_list()
    for row, value in zip(rows, values, strict=True):
        every[row] = value
    if of_pandas:
        made = type(native)(every, index=native.index, name=native.name, dtype=native.dtype)
        return nw.from_native(made, series_only=True)
    has_levels = series.dtype == nw.Categorical or isinstance(series.dtype, nw.Enum)
    if has_levels and series.implementation.is_pyarrow():  # levels may be numbers there
        plain = nw.to_native(nw.new_series(series.name, every, backend=series.implementation))
        levels = plain.cast(native.type.value_type).dictionary_encode()
        anew: nw.Series[Any] = nw.from_native(levels, series_only=True)
        return anew.alias(series.name)
    first = nw.String if has_levels else series.dtype
    made = nw.new_series(series.name, every, first, backend=series.implementation)
    return made.cast(series.dtype) if has_levels else made


def _is_packed(dtype: Any) -> bool:
    """Return whether a type of pandas is sparse, or a dictionary of Arrow: neither is written."""
    of_arrow = getattr(dtype, "pyarrow_dtype", None)
    return hasattr(dtype, "fill_value") or hasattr(of_arrow, "value_type")


def _new_series(series: nw.Series[Any], chosen: list[Any], type_: ColumnType) -> nw.Series[Any]:
    """Return a column in place of one without a value, whose type says nothing."""
    dtype = _TYPES.get(type_)
    values = chosen if dtype is None else _values_as(chosen, dtype, type_)
    return nw.new_series(series.name, values, dtype, backend=series.implementation)


def _can_hold(dtype: Any, type_: ColumnType) -> bool:
    if type_ is ColumnType.TEXT:
        return dtype in (nw.String, nw.Categorical) or isinstance(dtype, nw.Enum)
    if type_ is ColumnType.DATE:
        return isinstance(dtype, nw.Datetime) or dtype == nw.Date
    if type_ is ColumnType.BOOLEAN:  # floats without a value are of no type in pandas
        return bool(dtype == nw.Boolean or dtype.is_integer())
    return bool(dtype.is_numeric() or dtype == nw.Boolean or isinstance(dtype, nw.Duration))


def _values_as(chosen: list[Any], dtype: Any, type_: ColumnType, marker: Any = np.nan) -> list[Any]:
    """Return values of a type as a column of a data frame takes them, none equal to a marker."""
    if type_ is ColumnType.TEXT:
        return chosen
    if type_ is ColumnType.DATE:
        return _moments_as(chosen, dtype)
    if dtype == nw.Boolean or (type_ is ColumnType.BOOLEAN and not dtype.is_numeric()):
        return [value >= 0.5 for value in chosen]
    if isinstance(dtype, nw.Duration):
        return [length_of(value, dtype.time_unit) for value in chosen]
    if dtype == nw.Decimal:
        return decimals(chosen, getattr(dtype, "scale", None))
    if dtype.is_integer():
        return whole_numbers(chosen, *_range_of(dtype), marker)
    if dtype == nw.Float32:  # pandas does not round by itself
        return [float(value) for value in np.array(chosen, np.float32)]
    if dtype.is_float():
        return chosen
    # Whole levels of a category of integers are integers there.
    return [round(value) if value == round(value) else value for value in chosen]


def _range_of(dtype: Any) -> tuple[int, int]:
    """Return the smallest and the largest number of a type of integers, such as UInt8."""
    n_bits = int("".join(filter(str.isdigit, str(dtype))))
    if dtype.is_unsigned_integer():
        return 0, 2**n_bits - 1
    return -(2 ** (n_bits - 1)), 2 ** (n_bits - 1) - 1


def _moments_as(chosen: list[Any], dtype: Any) -> list[Any]:
    moments = [moment_of(value, None, getattr(dtype, "time_unit", "")) for value in chosen]
    if dtype == nw.Date:
        return [moment.date() for moment in moments]
    zoned = getattr(dtype, "time_zone", None) is not None
    return [moment.replace(tzinfo=UTC) for moment in moments] if zoned else moments


def _with_levels(series: nw.Series[Any], values: list[Any]) -> nw.Series[Any]:
    """Return a category of pandas with the levels that it lacks; other columns unchanged."""
    native = nw.to_native(series)
    categories = getattr(getattr(native, "dtype", None), "categories", None)
    if not series.implementation.is_pandas_like() or categories is None:
        return series
    lacking = [value for value in dict.fromkeys(values) if value not in categories]
    if not lacking:
        return series
    return nw.from_native(native.cat.add_categories(lacking), series_only=True)
