"""Rows of a table with columns of any type, as all models of a study take them: cells of objects.

A missing cell is NaN. Numbers are floats, booleans are bools, dates are datetimes, levels are
texts, or numbers where these were declared as categories.

Axes: n rows, V columns.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.schema.learning import learn_schema
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.schema_options import SchemaOptions

_REMEDY = (
    "Leave them out with --drop, or name them with --categorical or --parse-dates; sdae "
    "inspect shows all columns."
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


class Kind(StrEnum):
    """How models that need numbers get a column."""

    NUMBER = "number"
    DATE = "date"
    LEVELS = "levels"


def kinds_of(table: RawTable, caller: str) -> tuple[Kind, ...]:
    """Return the kind of each column; booleans are numbers. `caller` is the table in messages.

    Raises
    ------
    DataError
        If columns look like identifiers or free text, or no column is left: before any training.
    """
    learn_schema(table, SchemaOptions(remedy=_REMEDY), caller)
    return tuple(_kind(column) for column in table)


def cells_of(table: RawTable) -> NDArray[np.object_]:
    """Return the cells of a table, (n, V)."""
    cells = np.empty(table.shape, object)
    for place, column in enumerate(table):
        cells[:, place] = _values(column)
        cells[column.missing, place] = np.nan
    return cells


def seconds_of(dates: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return dates as seconds since 1970, with NaN where missing, (n,)."""
    return np.array(
        [
            (date - _EPOCH).total_seconds() if isinstance(date, datetime) else np.nan
            for date in dates
        ]
    )


def _kind(column: RawColumn) -> Kind:
    if column.type is ColumnType.DATE:
        return Kind.DATE
    is_level = column.declared or column.type is ColumnType.TEXT
    return Kind.LEVELS if is_level else Kind.NUMBER


def _values(column: RawColumn) -> list[Any]:
    values: list[Any] = column.values.tolist()
    if column.type is ColumnType.DATE:
        there = ~column.missing
        return [
            _EPOCH + timedelta(seconds=value) if known else np.nan
            for value, known in zip(values, there, strict=True)
        ]
    if column.type is ColumnType.BOOLEAN:
        return [value == 1 for value in values]
    return values
