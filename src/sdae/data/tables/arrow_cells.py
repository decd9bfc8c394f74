"""The cells of an Arrow table as they stand in the file, with some of them filled.

Each column keeps its type. Axes: n rows, m gaps of a column.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdae.core.errors import DataError, MissingExtraError
from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.core.wording import quoted, reason
from sdae.data.tables.arrow_columns import type_of
from sdae.data.tables.filled_column import FilledColumn

_MICROSECONDS = 1e6
_EXACT = 2.0**53
_BATCH_ROWS = 1 << 14


def completed_arrow(table: Any, columns: Sequence[FilledColumn]) -> Any:
    """Return a pyarrow table with gaps filled.

    Raises
    ------
    DataError
        If the type of a column cannot hold a value.
    """
    import pyarrow as pa

    for column in columns:
        place = table.schema.get_field_index(column.name)
        field = table.schema.field(place)
        try:
            values = _completed(table.column(place), column)
        except pa.ArrowException as error:
            raise DataError(
                f"Column {quoted(column.name)} is of type {field.type}, which cannot hold "
                f"{column.values[0]!r}, a value for one of its gaps: {reason(error)}. Convert the "
                "column to the type that it had in training."
            ) from None
        table = table.set_column(place, field.with_type(values.type), values)
    return table


def check_can_write(name: str) -> None:
    """Raise an error if a Parquet or Feather file, called `name`, cannot be written.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401 - is it installed?
    except ImportError:
        raise MissingExtraError(
            f"{name} is a Parquet or Feather file, and writing it needs pyarrow: pip install "
            '"sdae[tables]"'
        ) from None


def arrow_of(columns: Sequence[RawColumn]) -> Any:
    """Return a pyarrow table of raw columns."""
    import pyarrow as pa

    arrays = {
        column.name: pa.nulls(len(column.values)) if column.missing.all() else _array_of(column)
        for column in columns  # a column without a value has no type
    }
    return pa.table(arrays)


def write_arrow(table: Any, kind: str, path: Path) -> None:
    """Write a pyarrow table as ``.parquet``, or else as Feather."""
    import pyarrow.feather
    import pyarrow.parquet

    if kind == ".parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        pyarrow.feather.write_feather(table, str(path))


def rows_of(table: Any) -> Iterator[list[object]]:
    """Yield the rows of a pyarrow table as Python's values; what is missing is None."""
    for batch in table.to_batches(_BATCH_ROWS):
        yield from rows_of_batch(batch)


def rows_of_batch(batch: Any) -> Iterator[list[object]]:
    """Yield the rows of a record batch as Python's values; what is missing is None."""
    columns = [
        [None if value != value else value for value in column.to_pylist()]
        for column in batch.columns
    ]
    return (list(row) for row in zip(*columns, strict=True))


def _completed(found: Any, column: FilledColumn) -> Any:
    """Return a column of a table, n values, with m of them replaced."""
    import pyarrow as pa

    array = found.combine_chunks()
    if isinstance(array, pa.ChunkedArray):  # of no chunk, or of several that are too large
        array = pa.concat_arrays(array.chunks)
    if len(column.rows) == len(array) and not _can_hold(array.type, column.type):
        return _array_of(
            RawColumn(column.name, column.type, _spread(column, len(array)), whole=column.whole)
        )
    if pa.types.is_dictionary(array.type):
        return _completed_levels(array, column)
    new = _values_as(column, array.type)
    places = np.arange(len(array))
    places[column.rows] = len(array) + np.arange(len(column.rows))
    return pa.concat_arrays([array, new]).take(pa.array(places))


def _completed_levels(array: Any, column: FilledColumn) -> Any:
    """Return a dictionary array with the levels that it lacks added; their order is kept."""
    import pyarrow as pa

    kind = array.type
    new = _values_as(column, kind.value_type)
    levels = array.dictionary.to_pylist()
    place = {level: k for k, level in reversed(list(enumerate(levels)))}
    lacking = [level for level in dict.fromkeys(new.to_pylist()) if level not in place]
    place.update({level: len(levels) + k for k, level in enumerate(lacking)})
    dictionary = pa.concat_arrays([array.dictionary, pa.array(lacking, kind.value_type)])
    codes = array.indices.to_pylist()
    for row, level in zip(column.rows.tolist(), new.to_pylist(), strict=True):
        codes[row] = place[level]
    indices = pa.array(codes, kind.index_type)
    return pa.DictionaryArray.from_arrays(indices, dictionary, ordered=kind.ordered)


def _can_hold(kind: Any, type_: ColumnType) -> bool:
    import pyarrow as pa

    held = type_of(kind)
    if pa.types.is_null(kind) or held is None:
        return False
    numbers = {ColumnType.NUMBER, ColumnType.BOOLEAN}
    return held is type_ or {held, type_} <= numbers


def _values_as(column: FilledColumn, kind: Any) -> Any:
    """Return values as an array of one of pyarrow's types, (m,)."""
    import pyarrow as pa

    types, values = pa.types, column.values
    if column.type is ColumnType.TEXT:
        return pa.array(values.tolist(), pa.string()).cast(kind)
    numbers = values.astype(np.float64)
    if types.is_boolean(kind):
        return pa.array(numbers >= 0.5)
    if types.is_integer(kind):
        range_ = np.iinfo(kind.to_pandas_dtype())
        return pa.array(
            [min(max(round(number), range_.min), range_.max) for number in numbers.tolist()], kind
        )
    if types.is_date(kind):
        days = np.rint(numbers / 86_400).astype(np.int32)
        return pa.array(days, pa.date32()).cast(kind)
    if types.is_timestamp(kind) or types.is_duration(kind):
        is_moment = types.is_timestamp(kind)
        unit = pa.timestamp("us", kind.tz) if is_moment else pa.duration("us")
        moments = np.rint(numbers * _MICROSECONDS).astype(np.int64)
        return pa.array(moments, unit).cast(kind, safe=False)
    return pa.array(numbers).cast(kind, safe=False)


def _spread(column: FilledColumn, n_rows: int) -> Any:
    values = np.empty(n_rows, object if column.type is ColumnType.TEXT else np.float64)
    values[column.rows] = column.values
    return values


def _array_of(column: RawColumn) -> Any:
    """Return a raw column as an array of pyarrow, (n,)."""
    import pyarrow as pa

    if column.type is ColumnType.TEXT:
        return pa.array(column.values.tolist(), pa.string())
    missing = column.missing
    known = np.where(missing, 0.0, column.values)
    if column.type is ColumnType.BOOLEAN:
        return pa.array(known != 0, mask=missing)
    if column.type is ColumnType.DATE:
        moments = np.rint(known * _MICROSECONDS).astype(np.int64)
        return pa.array(moments, pa.timestamp("us"), mask=missing)
    if column.whole and np.abs(known).max(initial=0) < _EXACT:
        return pa.array(np.rint(known).astype(np.int64), mask=missing)
    return pa.array(known, mask=missing)
