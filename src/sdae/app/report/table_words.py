"""Values of a table as the page shows them: as they are in the source.

Axes: n rows, S components of one column.
"""

import numpy as np
from numpy.typing import NDArray

from sdae.app.report.page_words import number, percent, short
from sdae.core.schema.column_json import Block
from sdae.core.schema.columns import UsedColumn
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn, Level, shown
from sdae.core.schema.number_columns import DateColumn
from sdae.core.schema.raw_table import ColumnType, RawColumn

MISSING, HIDDEN, OTHER = "missing", "hidden", "other"
_MOST_LEVELS = 6
_FARTHEST = 2.0**53  # seconds: no date is beyond


def raw_text(column: UsedColumn, raw: RawColumn, row: int, span: float = 0.0) -> str:
    """Return the value of a row in words, as it is in the source."""
    if raw.missing[row]:
        return MISSING
    return value_text(column, raw.values[row], span)


def value_text(column: UsedColumn, value: Level, span: float = 0.0) -> str:
    """Return a value of a column in words; `span` is the range of the column's numbers."""
    if isinstance(value, str):
        return short(value)
    if isinstance(column, DateColumn):
        return date_text(float(value), has_time="day" in column.cycles)
    if column.block is Block.NUMBER:
        return number(float(value), span).replace(",", "")
    return level_text(column, float(value))


def level_text(column: UsedColumn, level: Level) -> str:
    """Return a level in words: those of booleans are true and false."""
    if isinstance(column, BinaryColumn) and column.type is ColumnType.BOOLEAN:
        return "true" if level else "false"
    return short(shown(level))


def date_text(seconds: float, *, has_time: bool) -> str:
    """Return seconds since 1970 as a date, by ISO 8601, with the time if dates have times."""
    if not abs(seconds) < _FARTHEST:
        return "–"
    moment = np.datetime64(round(seconds), "s")
    return str(moment if has_time else moment.astype("datetime64[D]")).replace("T", " ")


def component_text(
    column: UsedColumn, x: NDArray[np.floating], span: float = 0.0
) -> tuple[str, float | None]:
    """Return components, (S,), in words, and the probability of the level; None for numbers."""
    components = x.astype(np.float64)[None]  # (S,) -> (1, S)
    if column.block is Block.NUMBER:
        return value_text(column, float(column.decode(components)[0]), span), None
    if isinstance(column, BinaryColumn):
        second = bool(x[0] >= 0.5)
        share = min(float(x[0] if second else 1 - x[0]), 1.0)  # a ladder may estimate more than 1
        return level_text(column, column.levels[second]), share
    assert isinstance(column, CategoryColumn)
    place = int(x.argmax())
    is_other = column.infrequent is not None and place == len(column.levels)
    text = OTHER if is_other else level_text(column, column.levels[place])
    return text, min(max(float(x[place]), 0.0), 1.0)


def likely_text(text: str, share: float | None) -> str:
    """Return a reconstructed value with the probability of its level."""
    return text if share is None else f"{text} ({percent(share, 0)})"


def values_of(column: UsedColumn, raw: RawColumn | None) -> str:
    """Return the levels of a column, or the range of its numbers or dates, in words."""
    if isinstance(column, BinaryColumn | CategoryColumn):
        texts = [level_text(column, level) for level in column.levels]
        others = [OTHER] if isinstance(column, CategoryColumn) and column.infrequent else []
        more = ["…"] if len(texts) > _MOST_LEVELS else []
        return ", ".join([*texts[:_MOST_LEVELS], *more, *others])
    known = np.empty(0) if raw is None else raw.values[~raw.missing]
    if not len(known):
        return "–"
    low, high = float(known.min()), float(known.max())
    span = high - low
    return f"{value_text(column, low, span)} to {value_text(column, high, span)}"
