"""One line on a column: what it is, what it holds, and what training does with it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from sdae.app.inspection.facts import LARGEST, Facts
from sdae.core.schema.columns import Column, IgnoredColumn
from sdae.core.schema.learning import learn_column, looks_like_text
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn
from sdae.core.schema.level_columns import shown as level_shown
from sdae.core.schema.number_columns import DateColumn
from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.core.schema.schema_options import MAX_CATEGORIES, SchemaOptions
from sdae.core.wording import listed, plain

_SHOWN = 10
_LISTED, _LONGEST = 4, 20


@dataclass(frozen=True)
class Line:
    """One line on a column.

    Attributes
    ----------
    name : str
    kind : str
        ``number``, ``date``, ``binary``, ``category``, ``ignored``, ``text`` (which stops
        training), ``target`` or ``id``.
    facts : Facts
    treatment : str
        What training does with it.
    suspects : tuple of str
        The kinds of remarks on it.
    """

    name: str
    kind: str
    facts: Facts
    treatment: str
    suspects: tuple[str, ...] = ()

    @property
    def gaps(self) -> str:
        """The number of gaps and their share."""
        n_missing = self.facts.n_missing
        return f"{n_missing:,} ({n_missing / self.facts.n_rows:.1%})" if n_missing else "0"

    @property
    def values(self) -> str:
        """The levels of a category, or the range of numbers or dates."""
        facts = self.facts
        if not facts.counts:
            return ""
        first, last = self._range
        if facts.type is ColumnType.DATE:
            return f"{first[:10]} to {last[:10]}"
        if first is not None and not facts.column.declared:
            return f"{_number(first)} to {_number(last)}"
        names = [plain(_level(facts, value), _LONGEST) for value in facts.counts]
        return f"{len(names):,}: {listed(names, _LISTED)}"

    @property
    def _range(self) -> tuple[Any, Any]:
        """The least and the largest number or date; None for others."""
        if self.facts.type in (ColumnType.TEXT, ColumnType.BOOLEAN) or not len(self.facts.numbers):
            return None, None
        first, last = _ends(self.facts)
        return (_date(first), _date(last)) if self.facts.type is ColumnType.DATE else (first, last)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        facts = self.facts
        first, last = self._range
        levels = sorted(facts.counts.items(), key=lambda item: -item[1])[:_SHOWN]
        is_level = facts.type in (ColumnType.TEXT, ColumnType.BOOLEAN) or facts.column.declared
        return {
            "name": self.name,
            "kind": self.kind,
            "type": str(facts.type),
            "missing": facts.n_missing,
            "missing_share": facts.n_missing / facts.n_rows,
            "n_different": len(facts.counts),
            "minimum": first,
            "maximum": last,
            "levels": [{"level": _level(facts, value), "rows": n} for value, n in levels]
            if is_level
            else None,
            "treatment": self.treatment,
            "suspects": list(self.suspects),
        }


def line_of(facts: Facts, suspects: tuple[str, ...]) -> Line:
    """Describe a column as training would read it."""
    options = SchemaOptions()
    if looks_like_text(facts.column, options):
        return Line(facts.name, "text", facts, "stops training", suspects)
    learned = learn_column(_finite(facts), options)
    return Line(facts.name, learned.kind, facts, _treatment(learned, facts), suspects)


def _finite(facts: Facts) -> RawColumn:
    """Return the column without numbers that cannot be scaled, which stop training anyway."""
    column = facts.column
    if column.type is ColumnType.TEXT or len(facts.numbers) == len(facts.counts):
        return column
    return column.at(~(np.abs(column.values) > LARGEST))


def _treatment(column: Column, facts: Facts) -> str:
    if isinstance(column, IgnoredColumn):
        return f"left out: {column.why}"
    indicator = ", and whether it is missing" if column.has_gaps else ""
    return _what(column, facts) + indicator


def _what(column: Column, facts: Facts) -> str:
    match column:
        case BinaryColumn():
            return "0 and 1"
        case CategoryColumn(infrequent=None):
            return f"{column.size} inputs, one for each level"
        case CategoryColumn():
            n_rare = len(facts.counts) - len(column.levels)
            return (
                f"{column.size} inputs (at most {MAX_CATEGORIES}): {n_rare} rare levels share one"
            )
        case DateColumn(cycles=cycles) if cycles:
            return f"standardised time, and cycles of {', '.join(cycles)}"
        case DateColumn():
            return "standardised time"
    return "standardised"


def _ends(facts: Facts) -> tuple[float, float]:
    return float(facts.numbers[0]), float(facts.numbers[-1])


def _level(facts: Facts, value: Any) -> str:
    if facts.type is ColumnType.BOOLEAN:
        return str(bool(value))
    return level_shown(value)


def _number(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"


def _date(seconds: float) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()[:19]
    except OverflowError:
        return f"{seconds:g} s"
