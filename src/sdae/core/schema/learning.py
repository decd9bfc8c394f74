"""Learn the schema of a table from its rows, all at once or a block after the other.

The words are those of scikit-learn's OneHotEncoder and HistGradientBoosting: `categorical`
columns, `max_categories`, `min_frequency`. Axes: n rows, L levels.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sdae.core.errors import DataError
from sdae.core.schema.columns import Column, IgnoredColumn
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn, Level
from sdae.core.schema.number_columns import PERIODS, DateColumn, NumberColumn
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.scales import SCALES
from sdae.core.schema.schema_options import SchemaOptions
from sdae.core.schema.summaries import ColumnSummary, NumberSummary
from sdae.core.schema.table_schema import ERROR, Schema
from sdae.core.schema.unfit import check_columns, check_several_blocks, is_free_text, is_named
from sdae.core.wording import quoted

logger = logging.getLogger("sdae")

_EXACT = 2.0**53
_CYCLES_SEEN = {"year": 1.5, "week": 2.0, "day": 0.0}  # how many periods the dates must span


def learn_schema(table: RawTable, options: SchemaOptions, caller: str = "X") -> Schema:
    """Learn the kind of each column, its scale or its levels, from all rows of a table.

    Raises
    ------
    DataError
        If columns look like identifiers or free text, or no column is left.
    """
    return learn_in_blocks([table], options, caller)


def learn_in_blocks(
    blocks: Iterable[RawTable], options: SchemaOptions, caller: str = "X"
) -> Schema:
    """Learn the schema of a table that comes in blocks of rows, each of which is asked for once.

    It is that of the whole table, with scales that agree to rounding.

    Parameters
    ----------
    blocks : iterable of RawTable
        At least one, with the same columns in the same order.
    options : SchemaOptions
    caller : str
        What the table is called in messages.

    Raises
    ------
    DataError
        As :func:`learn_schema` does; also if the levels take too much memory, or the scale can be
        learned from a table in memory only, and there are several blocks.
    """
    columns: list[ColumnSummary] = []
    named = True
    for n_blocks, block in enumerate(blocks):
        if not columns:
            columns, named = [_empty(column, options) for column in block], block.named
        for column, more in zip(columns, block, strict=True):
            column.add(more)
        if n_blocks:
            check_several_blocks(columns, options, caller)
    check_columns(columns, options, caller)
    found = [_learn(column, options) for column in columns]
    if all(isinstance(column, IgnoredColumn) for column in found):
        raise DataError(
            f"{caller} has no column in which rows differ: each is constant or empty. Add columns."
        )
    for each in found:
        if isinstance(each, IgnoredColumn):
            logger.info("%s: column %s is %s: left out.", caller, quoted(each.name), each.why)
    return Schema(
        found,
        named=named,
        missing_marks=options.missing_marks,
        left_out=options.left_out,
        written=options.written,
        handle_unknown=options.handle_unknown,
    )


def learn_column(column: RawColumn, options: SchemaOptions) -> Column:
    """Learn the kind of one column, its scale or its levels, from all rows of a table."""
    return _learn(_summary(column, options), options)


def looks_like_text(column: RawColumn, options: SchemaOptions) -> bool:
    """Return whether a column, not declared as a category, has about as many texts as rows."""
    return column.type is ColumnType.TEXT and is_free_text(_summary(column, options), options)


def _summary(column: RawColumn, options: SchemaOptions) -> ColumnSummary:
    found = _empty(column, options)
    found.add(column)
    return found


def _empty(column: RawColumn, options: SchemaOptions) -> ColumnSummary:
    return ColumnSummary(column.name, are_counted=is_named(column, options) or column.declared)


def _learn(column: ColumnSummary, options: SchemaOptions) -> Column:
    if not column.n_known or column.type is None:
        return IgnoredColumn(column.name, "empty")
    if not column.has_gaps and column.is_constant:
        return IgnoredColumn(column.name, "constant", _plain(column.first), column.type)
    if _is_category(column, options):
        return _learn_category(column, options)
    return _LEARNERS[column.type](column, options)


def _learn_number(column: ColumnSummary, options: SchemaOptions) -> Column:
    known = _numbers_of(column)
    if options.zero_one and known.are_zero_one:
        return _learn_zero_one(column, options)
    scale = SCALES[options.scale].learn(options.scale, known.rows)
    gap = 0.0  # the mean of standardised values, up to rounding
    if options.scale != "standard":
        values = np.array([known.mean]) if known.known is None else known.known
        gap = float(scale.apply(values).mean())
    return NumberColumn(column.name, scale, gap, column.has_gaps, column.whole)


def _learn_date(column: ColumnSummary, _options: SchemaOptions) -> Column:
    known = _numbers_of(column)
    cycles = tuple(
        cycle
        for cycle, period in PERIODS.items()
        if known.high - known.low >= _CYCLES_SEEN[cycle] * period
        and (cycle != "day" or known.has_time)
    )
    scale = SCALES["standard"].learn("standard", known.rows)
    means = zip(PERIODS, known.waves.reshape(-1, 2).tolist(), strict=True)
    gaps = [mean for cycle, both in means if cycle in cycles for mean in both]
    return DateColumn(column.name, scale, cycles, (0.0, *gaps), column.has_gaps)


def _learn_zero_one(column: ColumnSummary, _options: SchemaOptions) -> Column:
    known = _numbers_of(column)
    return _binary(column, (0.0, 1.0), known.n_ones)


def _learn_category(column: ColumnSummary, options: SchemaOptions) -> Column:
    if column.type is ColumnType.NUMBER and _numbers_of(column).largest >= _EXACT:
        raise DataError(
            f"Column {quoted(column.name)} is a category of integers beyond 2**53, which float64 "
            "rounds. Turn them into texts."
        )
    counts, n_known = column.counts, column.n_known
    if len(counts) == 2 and _is_frequent(min(counts.values()), n_known, options):
        first, second = sorted(counts)
        return _binary(column, (first, second), counts[second])
    # The most frequent first; of equally frequent ones the first in order.
    ranked = sorted(counts, key=lambda level: (-counts[level], level))
    kept = [level for level in ranked if _is_frequent(counts[level], n_known, options)]
    if len(kept) < len(ranked) or len(ranked) > options.max_categories:
        kept = kept[: options.max_categories - 1]
    rare = ranked[len(kept) :]
    levels: tuple[Level, ...] = tuple(sorted(kept))
    if not levels:  # all are rare: one component would be the same in every row
        levels, rare = (ranked[0],), ranked[1:]
    assert column.type is not None
    infrequent = rare[0] if rare else None
    found = CategoryColumn(column.name, column.type, levels, infrequent, column.has_gaps)
    strict = options.handle_unknown == ERROR
    return replace(found, rare=tuple(sorted(rare[1:]))) if strict else found


_LEARNERS: Mapping[ColumnType, Callable[[ColumnSummary, SchemaOptions], Column]] = {
    ColumnType.NUMBER: _learn_number,
    ColumnType.BOOLEAN: _learn_zero_one,
    ColumnType.TEXT: _learn_category,
    ColumnType.DATE: _learn_date,
}


def _binary(column: ColumnSummary, levels: tuple[Level, Level], n_second: int) -> BinaryColumn:
    assert column.type is not None
    share = n_second / column.n_known
    return BinaryColumn(column.name, column.type, levels, share, column.has_gaps)


def _numbers_of(column: ColumnSummary) -> NumberSummary:
    assert column.numbers is not None
    return column.numbers


def _is_category(column: ColumnSummary, options: SchemaOptions) -> bool:
    if options.categorical is not None:
        return is_named(column, options) or column.type is ColumnType.TEXT
    return column.declared or column.type is ColumnType.TEXT


def _is_frequent(count: int, n_known: int, options: SchemaOptions) -> bool:
    least = options.min_frequency
    return count >= (least * n_known if isinstance(least, float) else least)


def _plain(value: Any) -> Level:
    return value if isinstance(value, str) else float(value)
