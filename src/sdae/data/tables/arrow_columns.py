"""Columns of Arrow as raw columns: their types, numbers, dates and texts, with gaps.

Axes: n rows.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.core.wording import plain, quoted
from sdae.data.tables.options import ReadOptions
from sdae.data.tables.remarks import Remark, option
from sdae.data.tables.typed_texts import dates_of, without

_SECONDS = 1e-6  # in a microsecond
_NAN = float("nan")


def type_of(kind: Any) -> ColumnType | None:
    """Return the type of a column's values, or None if a table has no such values."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_boolean(kind):
        return ColumnType.BOOLEAN
    if types.is_timestamp(kind) or types.is_date(kind):
        return ColumnType.DATE
    if is_text(kind):
        return ColumnType.TEXT
    is_number = (
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_duration(kind)
        or types.is_null(kind)
    )
    return ColumnType.NUMBER if is_number else None


def is_text(kind: Any) -> bool:
    """Return whether the values of a type are texts."""
    import pyarrow as pa

    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def column_of(
    name: str,
    arrow_type: Any,
    kind: ColumnType,
    values: NDArray[Any],
    options: ReadOptions,
    remarks: list[Remark],
    *,
    declared: bool,
) -> RawColumn:
    """Return a column of Arrow, whose values are known, (n,), as the user wants it read.

    A column that is to hold dates, and does not, is added to `remarks`.
    """
    import pyarrow as pa

    is_dictionary = pa.types.is_dictionary(arrow_type)
    declared = declared or (is_dictionary and kind is not ColumnType.DATE)
    if kind is ColumnType.TEXT:
        for word in options.na_values:
            values[values == word] = None
    if name in options.id:
        return _as_texts(name, kind, values)
    if kind is not ColumnType.TEXT:
        values = without(values, options) if kind is ColumnType.NUMBER else values
    if name in options.parse_dates and kind is not ColumnType.DATE:
        texts = _as_texts(name, kind, values).values.tolist()
        dates = dates_of(dict.fromkeys(text for text in texts if text is not None), name, remarks)
        if dates is not None:
            seconds = [_NAN if text is None else dates[text] for text in texts]
            return RawColumn(name, ColumnType.DATE, np.array(seconds, np.float64))
    value_type = arrow_type.value_type if is_dictionary else arrow_type
    return RawColumn(name, kind, values, declared, whole=pa.types.is_integer(value_type))


def _as_texts(name: str, kind: ColumnType, values: NDArray[Any]) -> RawColumn:
    """Return a column that names rows: texts as they are, whole numbers without a point."""
    texts = np.empty(len(values), object)
    for row, value in enumerate(values.tolist()):
        if _is_gap(value):
            continue
        if kind is ColumnType.DATE:
            value = np.datetime64(round(value * 1e6), "us")
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        texts[row] = str(value)
    return RawColumn(name, ColumnType.TEXT, texts)


def joined(parts: Iterator[NDArray[Any]], kind: ColumnType) -> NDArray[Any]:
    """Return the parts of a column, one after the other, (n,)."""
    empty = np.empty(0, object if kind is ColumnType.TEXT else np.float64)
    return np.concatenate([empty, *parts])


def numbers_of(part: Any) -> NDArray[np.float64]:
    """Return numbers, booleans as 0 and 1, or dates as seconds since 1970, (rows,).

    Missing ones are NaN. A decimal becomes the nearest double, as by `float`: Arrow's own cast is
    often one bit off.
    """
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(part.type):
        part = part.dictionary_decode()
    unit = 1.0
    if types.is_timestamp(part.type) or types.is_date(part.type):
        part = part.cast(pa.timestamp("us", getattr(part.type, "tz", None)), safe=False)
        part, unit = part.cast(pa.int64()), _SECONDS
    elif types.is_duration(part.type):
        part, unit = part.cast(pa.duration("us"), safe=False).cast(pa.int64()), _SECONDS
    elif types.is_decimal(part.type):
        part = part.cast(pa.string())
    numbers = part.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(numbers * unit if unit != 1.0 else numbers, np.float64)


def texts_of(part: Any) -> NDArray[Any]:
    """Return texts, (rows,), each different one stored once; None where missing or blank."""
    import pyarrow as pa

    if not pa.types.is_dictionary(part.type):
        part = part.dictionary_encode()
    levels = np.empty(len(part.dictionary) + 1, object)
    levels[:-1] = [None if _is_blank(text) else text for text in part.dictionary.to_pylist()]
    places = part.indices.cast(pa.int64()).fill_null(len(levels) - 1).to_numpy()
    found: NDArray[Any] = levels[places]
    return found


def _is_blank(text: str | None) -> bool:
    return text is None or not text.strip()


def _is_gap(value: Any) -> bool:
    return value is None or value != value


def unsupported(name: str, kind: str) -> Remark:
    """Return the remark on a column whose values a table does not have."""
    return Remark(
        name,
        "unsupported_type",
        f"Column {quoted(name)} is of type {plain(kind)}, which is neither numbers nor booleans, "
        "texts, categories or dates.",
        option("--drop", name),
        stops=True,
    )
