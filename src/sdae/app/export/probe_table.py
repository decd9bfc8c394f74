"""A table to compare exports on: every level, gaps, unseen levels, and numbers far away.

Schemas that refuse unseen levels get none.

Axes: n rows.
"""

import numpy as np
from numpy.typing import NDArray

from sdae.core.schema.columns import UsedColumn
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.table_schema import ERROR, Schema

_ROWS = 320
_GAPS = 0.1
_UNSEEN = "a level that no row of fit had"
_FAR = (-1e18, -1e6, -30.0, 30.0, 1e6, 1e18)  # in standard deviations


def probe_table(schema: Schema, rng: np.random.Generator) -> RawTable:
    """Draw a table with the columns of a schema, the ignored ones included as empty texts."""
    unseen = schema.handle_unknown != ERROR
    used = {column.name: _probe(column, rng, unseen=unseen) for column in schema.used}
    empty = np.full(_ROWS, None, object)
    columns = [used.get(name, RawColumn(name, ColumnType.TEXT, empty)) for name in schema.names]
    return RawTable(columns, named=schema.named)


def _probe(column: UsedColumn, rng: np.random.Generator, *, unseen: bool) -> RawColumn:
    gaps = rng.random(_ROWS) < _GAPS if column.has_gaps else np.zeros(_ROWS, bool)
    if isinstance(column, BinaryColumn | CategoryColumn):
        return _of_levels(column, gaps, rng, unseen=unseen)
    scaled = rng.normal(size=_ROWS) * rng.choice([0.5, 2.0], _ROWS)
    scaled[: len(_FAR)] = _FAR
    scaled[len(_FAR) : 2 * len(_FAR)] = 0.0
    values = np.where(gaps, np.nan, column.scale.undo(scaled))
    kind = ColumnType.NUMBER if column.kind == "number" else ColumnType.DATE
    return RawColumn(column.name, kind, values)


def _of_levels(
    column: BinaryColumn | CategoryColumn,
    gaps: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    unseen: bool,
) -> RawColumn:
    is_text = column.type is ColumnType.TEXT
    more = [_UNSEEN if is_text else 1234.5] if unseen else []
    levels = np.array([*column.levels, *more], object)
    values = levels[rng.permutation(np.arange(_ROWS) % len(levels))]
    values[gaps] = None if is_text else np.nan
    return RawColumn(column.name, column.type, values if is_text else values.astype(np.float64))
