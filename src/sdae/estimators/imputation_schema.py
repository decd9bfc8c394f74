"""The schema of an imputer: any column may have gaps, and what cannot be learned is settled.

Axes: n rows.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.schema.columns import Column, IgnoredColumn
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn, Level, level_array
from sdae.core.schema.number_columns import DateColumn
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.table_schema import Schema
from sdae.core.wording import listed
from sdae.estimators.completing import Filling


def with_any_gaps(schema: Schema, table: RawTable) -> Schema:
    """Return a schema whose columns all have indicators; those of one value are constants.

    Raises
    ------
    DataError
        If no column differs from row to row.
    """
    raw = dict(zip(schema.names, table.columns, strict=True))
    columns = [_settled(column, raw[column.name]) for column in schema.columns]
    if all(isinstance(column, IgnoredColumn) for column in columns):
        raise DataError(
            "X of SDAEImputer has no column that differs from row to row: each is constant or "
            "empty. Use scikit-learn's SimpleImputer."
        )
    return schema.with_columns(columns)


def columns_in_order(schema: Schema, table: RawTable, caller: str) -> list[int]:
    """Return the place in a table of each column of a schema.

    Raises
    ------
    DataError
        If columns are missing.
    """
    if not (schema.named and table.named):
        return list(range(len(schema.columns)))
    place = {name: k for k, name in enumerate(table.names)}
    lacking = [name for name in schema.names if name not in place]
    if lacking:
        raise DataError(
            f"{caller} lacks column{'s' * (len(lacking) > 1)} {listed(lacking)}, which fit had. "
            f"Its columns are: {listed(table.names)}."
        )
    return [place[name] for name in schema.names]


def type_of(column: Column, raw: RawColumn) -> ColumnType:
    """Return the type of the values of a column, which its table may not show."""
    if isinstance(column, IgnoredColumn):
        if not raw.missing.all():
            return raw.type
        if column.type is not None:
            return column.type
        return ColumnType.TEXT if isinstance(column.value, str) else ColumnType.NUMBER
    if isinstance(column, BinaryColumn | CategoryColumn):
        return column.type
    return ColumnType.DATE if isinstance(column, DateColumn) else ColumnType.NUMBER


def constant_filling(column: IgnoredColumn, raw: RawColumn, place: int) -> Filling:
    """Return what fills a column without a place in the network: its constant, or 0 if empty.

    Texts and dates of an empty column stay missing.
    """
    type_ = type_of(column, raw)
    value = column.value
    if column.why == "empty":
        value = 0.0 if type_ in (ColumnType.NUMBER, ColumnType.BOOLEAN) else None
    values = None
    if value is not None:
        values = np.full(len(raw.values), value, object if isinstance(value, str) else np.float64)
    empty = column.why == "empty"
    return Filling(column.name, place, type_, raw.missing, values, if_it_fits=empty)


def levels_of(column: Column) -> tuple[Level, ...]:
    """Return the levels of a binary or a category, and none of another column."""
    if isinstance(column, BinaryColumn):
        return column.levels
    return column.decoded_levels if isinstance(column, CategoryColumn) else ()


def levels_by_name(schema: Schema) -> dict[str, NDArray[Any]]:
    """Return the levels of each binary or category."""
    found = {}
    for column in schema.columns:
        if levels_of(column):
            levels = level_array(levels_of(column))
            found[column.name] = levels.astype(bool) if _is_boolean(column) else levels
    return found


def _is_boolean(column: Column) -> bool:
    return isinstance(column, BinaryColumn) and column.type is ColumnType.BOOLEAN


def _settled(column: Column, raw: RawColumn) -> Column:
    if isinstance(column, IgnoredColumn):
        return column
    known = raw.values[~raw.missing].tolist()
    if all(value == known[0] for value in known):
        value = known[0] if isinstance(known[0], str) else float(known[0])
        return IgnoredColumn(column.name, "constant", value, raw.type)
    return replace(column, has_gaps=True)
