"""Learn the schema of a table from its rows.

The words are those of scikit-learn's OneHotEncoder and HistGradientBoosting: `categorical`
columns, `max_categories`, `min_frequency`. Axes: n rows, L levels.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.schema.columns import Column, IgnoredColumn
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn, Level
from sdae.core.schema.number_columns import PERIODS, DateColumn, NumberColumn, date_parts
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.scales import SCALES
from sdae.core.schema.table_schema import AS_USUAL, ERROR, INFREQUENT_IF_EXIST, Schema, Written
from sdae.core.wording import listed, quoted

logger = logging.getLogger("sdae")

MAX_CATEGORIES = 50
_MOST_DISTINCT = 0.5  # share of the rows: a text column with more looks like an identifier
_LARGEST = 1e150
_EXACT = 2.0**53
_FEW = 20  # so many different texts are always levels
_CYCLES_SEEN = {"year": 1.5, "week": 2.0, "day": 0.0}  # how many periods the dates must span


@dataclass(frozen=True)
class SchemaOptions:
    """How columns are read.

    Attributes
    ----------
    categorical : frozenset of str, or None
        The columns that are categories; None: as their types say.
    scale : str
        Of numbers: ``standard``, ``robust``, ``quantile``, ``minmax`` or ``none``.
    max_categories : int
        The largest number of levels of a category, the shared one of the rare levels included.
    min_frequency : int or float
        Levels that occur less often, as a number of rows or as a share of them, are rare.
    missing_marks : tuple of str
        Texts of the file that mean a missing value; the schema keeps them.
    handle_unknown : str
        ``error`` if a level that is not among these rows is an error later.
    left_out : tuple of IgnoredColumn
        Columns of the file that are not in the table; the schema keeps them.
    written : Written
        How the file is written; the schema keeps it.
    zero_one : bool
        Whether numbers that are all 0 and 1 are a binary.
    remedy : str
        What to do about columns that look like identifiers or free text.
    """

    categorical: frozenset[str] | None = None
    scale: str = "standard"
    max_categories: int = MAX_CATEGORIES
    min_frequency: int | float = 1
    missing_marks: tuple[str, ...] = ()
    handle_unknown: str = INFREQUENT_IF_EXIST
    left_out: tuple[IgnoredColumn, ...] = ()
    written: Written = AS_USUAL
    zero_one: bool = True
    remedy: str = "Drop them, encode them (skrub has encoders), or declare them as categories."


def learn_schema(table: RawTable, options: SchemaOptions, caller: str = "X") -> Schema:
    """Learn the kind of each column, its scale or its levels, from all rows of a table.

    Raises
    ------
    DataError
        If columns look like identifiers or free text, or no column is left.
    """
    unfit = [column.name for column in table if looks_like_text(column, options)]
    if unfit:
        raise DataError(
            f"{caller} has text that differs from row to row in column"
            f"{'s' * (len(unfit) > 1)} {listed(unfit)}: it looks like an identifier or like free "
            f"text. {options.remedy}"
        )
    check_numbers(table, caller)
    columns = [learn_column(column, options) for column in table]
    if all(isinstance(column, IgnoredColumn) for column in columns):
        raise DataError(
            f"{caller} has no column in which rows differ: each is constant or empty. Add columns."
        )
    for column in columns:
        if isinstance(column, IgnoredColumn):
            logger.info("%s: column %s is %s: left out.", caller, quoted(column.name), column.why)
    return Schema(
        columns,
        named=table.named,
        missing_marks=options.missing_marks,
        left_out=options.left_out,
        written=options.written,
        handle_unknown=options.handle_unknown,
    )


def check_numbers(table: RawTable, caller: str) -> None:
    """Raise an error for numbers that are infinite, or so large that their squares overflow.

    Raises
    ------
    DataError
        If there are some: all columns that hold them are named.
    """
    too_large = [column.name for column in table if _is_too_large(column)]
    if too_large:
        raise DataError(
            f"{caller} has numbers that are infinite or too large to scale in column"
            f"{'s' * (len(too_large) > 1)} {listed(too_large)}. Divide them by a constant, or mark "
            "such values as missing."
        )


def learn_column(column: RawColumn, options: SchemaOptions) -> Column:
    """Learn the kind of one column, its scale or its levels, from all rows of a table."""
    known = column.values[~column.missing]
    has_gaps = len(known) < len(column.values)
    if not len(known):
        return IgnoredColumn(column.name, "empty")
    if not has_gaps and _is_constant(known):
        return IgnoredColumn(column.name, "constant", _plain(known[0]))
    if _is_category(column, options):
        return _learn_category(column, known, options)
    return _LEARNERS[column.type](column, known, options)


def _learn_number(column: RawColumn, known: NDArray[Any], options: SchemaOptions) -> Column:
    has_gaps = len(known) < len(column.values)
    if options.zero_one and set(np.unique(known).tolist()) == {0.0, 1.0}:
        return _binary(column, known, (0.0, 1.0))
    scale = SCALES[options.scale].learn(options.scale, known)
    # The mean of standardised values is 0, up to rounding.
    gap = 0.0 if options.scale == "standard" else float(scale.apply(known).mean())
    return NumberColumn(column.name, scale, gap, has_gaps, column.whole)


def _learn_date(column: RawColumn, known: NDArray[Any], _options: SchemaOptions) -> Column:
    span = float(known.max() - known.min())
    has_time = bool(np.mod(known, PERIODS["day"]).any())
    cycles = tuple(
        cycle
        for cycle, period in PERIODS.items()
        if span >= _CYCLES_SEEN[cycle] * period and (cycle != "day" or has_time)
    )
    scale = SCALES["standard"].learn("standard", known)
    gaps = date_parts(known, scale, cycles).mean(axis=0)
    has_gaps = len(known) < len(column.values)
    return DateColumn(column.name, scale, cycles, (0.0, *gaps[1:].tolist()), has_gaps)


def _learn_boolean(column: RawColumn, known: NDArray[Any], _options: SchemaOptions) -> Column:
    return _binary(column, known, (0.0, 1.0))


def _learn_category(column: RawColumn, known: NDArray[Any], options: SchemaOptions) -> Column:
    has_gaps = len(known) < len(column.values)
    if column.type is ColumnType.NUMBER and np.abs(known).max() >= _EXACT:
        raise DataError(
            f"Column {quoted(column.name)} is a category of integers beyond 2**53, which float64 "
            "rounds. Turn them into texts."
        )
    counts = _counts(known)
    if len(counts) == 2 and _is_frequent(min(counts.values()), len(known), options):
        first, second = sorted(counts)
        return _binary(column, known, (first, second))
    # The most frequent first; of equally frequent ones the first in order.
    ranked = sorted(counts, key=lambda level: (-counts[level], level))
    kept = [level for level in ranked if _is_frequent(counts[level], len(known), options)]
    if len(kept) < len(ranked) or len(ranked) > options.max_categories:
        kept = kept[: options.max_categories - 1]
    rare = ranked[len(kept) :]
    levels: tuple[Level, ...] = tuple(sorted(kept))
    if not levels:  # all are rare: one component would be the same in every row
        levels, rare = (ranked[0],), ranked[1:]
    found = CategoryColumn(column.name, column.type, levels, rare[0] if rare else None, has_gaps)
    strict = options.handle_unknown == ERROR
    return replace(found, rare=tuple(sorted(rare[1:]))) if strict else found


_LEARNERS: Mapping[ColumnType, Callable[[RawColumn, NDArray[Any], SchemaOptions], Column]] = {
    ColumnType.NUMBER: _learn_number,
    ColumnType.BOOLEAN: _learn_boolean,
    ColumnType.TEXT: _learn_category,
    ColumnType.DATE: _learn_date,
}


def _binary(column: RawColumn, known: NDArray[Any], levels: tuple[Level, Level]) -> BinaryColumn:
    share = float(np.mean([value == levels[1] for value in known.tolist()]))
    return BinaryColumn(column.name, column.type, levels, share, len(known) < len(column.values))


def _is_category(column: RawColumn, options: SchemaOptions) -> bool:
    if options.categorical is not None:
        return column.name in options.categorical or column.type is ColumnType.TEXT
    return column.declared or column.type is ColumnType.TEXT


def looks_like_text(column: RawColumn, options: SchemaOptions) -> bool:
    """Return whether a column, not declared as a category, has about as many texts as rows."""
    declared = column.declared or column.name in (options.categorical or ())
    if column.type is not ColumnType.TEXT or declared:
        return False
    known = column.values[~column.missing]
    n_distinct = len(set(known.tolist()))
    return n_distinct > _FEW and n_distinct > _MOST_DISTINCT * len(known)


def _is_too_large(column: RawColumn) -> bool:
    """Return whether numbers are infinite, or their squares overflow."""
    if column.type is ColumnType.TEXT:
        return False
    return bool((np.abs(column.values) > _LARGEST).any())  # NaN is not


def _is_frequent(count: int, n_known: int, options: SchemaOptions) -> bool:
    least = options.min_frequency
    return count >= (least * n_known if isinstance(least, float) else least)


def _counts(known: NDArray[Any]) -> dict[Any, int]:
    counts: dict[Any, int] = {}
    for value in known.tolist():
        counts[value] = counts.get(value, 0) + 1
    return counts


def _is_constant(known: NDArray[Any]) -> bool:
    first = known[0]
    return all(value == first for value in known.tolist())


def _plain(value: Any) -> Level:
    return value if isinstance(value, str) else float(value)
