"""The schema of a table for the page, as plain JSON; ``static/table.js`` uses it.

Axes: n rows, C columns, S components of one column.
"""

from typing import Any

import numpy as np

from sdae.app.report.packing import packed
from sdae.app.report.page_words import short
from sdae.app.report.table_words import level_text
from sdae.core.schema.columns import UsedColumn
from sdae.core.schema.level_columns import CategoryColumn
from sdae.core.schema.number_columns import PERIODS, DateColumn, NumberColumn, cycle_start
from sdae.core.schema.raw_table import ColumnType, RawTable
from sdae.core.schema.scales import QuantileScale, Scale
from sdae.core.schema.table_schema import Schema

Numbers = dict[str, Any]


def page_table(schema: Schema) -> Numbers:
    """Return the columns in the order of the network, and their order in the table."""
    n_values = schema.blocks.n_components - len(schema.blocks.indicators)
    indicator = {k: n_values + place for place, k in enumerate(schema.blocks.indicators)}
    return {
        "n_inputs": schema.blocks.n_components,
        "order": np.argsort(schema.used_places).tolist(),
        "columns": [
            {
                "name": short(column.name),
                "kind": column.kind,
                "at": at.start,
                "size": column.size,
                "gaps": list(column.gaps) or [0.0] * column.size,
                "indicator": indicator.get(k),
                **_of_kind(column),
            }
            for k, (column, at) in enumerate(schema.places())
        ],
    }


def page_values(raw: RawTable, row: int) -> list[Any]:
    """Return the values of a row: numbers, texts, and None where missing; dates are seconds."""
    return [
        None
        if column.missing[row]
        else column.values[row]
        if column.type is ColumnType.TEXT
        else float(column.values[row])
        for column in raw
    ]


def _of_kind(column: UsedColumn) -> Numbers:
    if isinstance(column, NumberColumn):
        return {"scale": _scale(column.scale), "whole": column.whole}
    if isinstance(column, DateColumn):
        cycles = [[cycle_start(cycle), PERIODS[cycle]] for cycle in column.cycles]
        times = "day" in column.cycles
        return {"scale": _scale(column.scale), "cycles": cycles, "has_time": times}
    levels: Numbers = {
        "levels": list(column.levels),
        "names": [level_text(column, level) for level in column.levels],
    }
    if isinstance(column, CategoryColumn):
        return {**levels, "infrequent": column.infrequent is not None}
    return {**levels, "zero_one": column.is_zero_one}


def _scale(scale: Scale) -> Numbers:
    if isinstance(scale, QuantileScale):
        return {"quantiles": packed(np.array(scale.quantiles)), "knots": packed(scale.knots)}
    return {"offset": scale.offset, "scale": scale.scale}
