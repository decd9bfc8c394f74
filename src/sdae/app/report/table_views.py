"""The columns and rows of a table, prepared for the templates.

Axes: n rows, V components, C columns, S components of one column, H units.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sdae.app.report.gallery import Gallery, Step
from sdae.app.report.hidden_columns import ColumnFacts, HiddenColumns
from sdae.app.report.layers import LayerFacts
from sdae.app.report.page_words import number, percent, short
from sdae.app.report.shown_rows import Part
from sdae.app.report.table_words import (
    HIDDEN,
    MISSING,
    component_text,
    likely_text,
    raw_text,
    values_of,
)
from sdae.app.report.view_parts import BAR_UNITS, BARS, MOST_COLUMNS, Bar, Cell, RowTable, UnitBars
from sdae.core.schema.column_json import Block
from sdae.core.schema.columns import IgnoredColumn, UsedColumn
from sdae.core.schema.raw_table import RawColumn
from sdae.core.schema.table_schema import Schema

_UNIT = {Block.NUMBER: "σ", Block.BINARY: "nats", Block.CATEGORY: "nats"}
_NONE = "–"
_KINDS = ("number", "date", "binary", "category")


@dataclass(frozen=True)
class ColumnView:
    """A column of the table: what it holds, and what was measured, as texts."""

    name: str
    kind: str
    values: str
    n_inputs: int
    missing: str
    seen: str
    hidden: str
    guess: str
    effect: str
    share: float


def column_views(
    schema: Schema, hidden: HiddenColumns | None, rows: Part | None
) -> list[ColumnView]:
    """Prepare the columns by kind, within a kind in the order of the table."""
    raws = (None,) * len(schema.used) if rows is None or rows.raw is None else rows.raw.columns
    facts = (None,) * len(schema.used) if hidden is None else hidden.columns
    longest = max((fact.effect or 0.0 for fact in facts if fact is not None), default=0.0) or 1.0
    views = [
        _column_view(column, raw, fact or ColumnFacts(0), longest)
        for column, raw, fact in zip(schema.used, raws, facts, strict=True)
    ]
    return sorted(views, key=lambda view: _KINDS.index(view.kind))


def _column_view(
    column: UsedColumn, raw: RawColumn | None, fact: ColumnFacts, longest: float
) -> ColumnView:
    seen, hidden, guess = (
        _NONE if error is None else f"{number(error)} {_UNIT[column.block]}"
        for error in (fact.seen, fact.hidden, fact.guess)
    )
    return ColumnView(
        name=short(column.name),
        kind=column.kind,
        values=values_of(column, raw),
        n_inputs=column.size + column.has_gaps,
        missing=_NONE if raw is None else percent(float(raw.missing.mean()), 1),
        seen=seen,
        hidden=hidden,
        guess=guess,
        effect=_NONE if fact.effect is None else number(fact.effect),
        share=round(100 * (fact.effect or 0.0) / longest, 1),
    )


def left_out(schema: Schema) -> list[tuple[str, str]]:
    """Return name and reason of the columns that were left out."""
    return [
        (
            short(column.name),
            column.why if column.value is None else f"{column.why}: {column.value}",
        )
        for column in schema.columns
        if isinstance(column, IgnoredColumn)
    ]


def column_bars(layer: LayerFacts, schema: Schema, hidden: HiddenColumns) -> list[UnitBars]:
    """Return the columns without which some units change most."""
    found = []
    names = [short(column.name) for column in schema.used]
    for unit in layer.units[:BAR_UNITS]:
        changes = hidden.units[layer.number][unit]  # (C,)
        chosen = np.argsort(-changes, kind="stable")[:BARS]
        longest = float(changes.max()) or 1.0
        bars = [
            Bar(names[k], float(changes[k]), 0.0, 100 * float(changes[k]) / longest) for k in chosen
        ]
        found.append(UnitBars(int(unit), bars))
    return found


def table_rows(gallery: Gallery, step: Step, schema: Schema, labels: list[str]) -> list[RowTable]:
    """Prepare each row of a gallery: a line for each column, as values of the table."""
    part = gallery.part
    assert part.raw is not None
    tables = []
    for row in range(len(part)):
        label = "" if part.y is None or not labels else f", {labels[part.y[row]]}"
        clean, x_tilde = (version.rows[row] for version in step.versions[:2])
        lines = []
        for line in list(_lines(schema, part))[:MOST_COLUMNS]:
            corrupted = _corrupted(line, clean, x_tilde, row, masked=step.noise.name == "masking")
            rebuilt = (line.cell(version.rows[row]) for version in step.versions[2:])
            lines.append((short(line.column.name), [line.given(row), corrupted, *rebuilt]))
        title = f"Row {part.numbers[row]}{label}"
        tables.append(RowTable(title, [version.name for version in step.versions], lines))
    return tables


def row_values(part: Part, place: int, schema: Schema) -> list[tuple[str, str]]:
    """Return the first columns of a row, with its values as they are in the source."""
    return [
        (short(line.column.name), line.given(place).text)
        for line in list(_lines(schema, part))[:MOST_COLUMNS]
    ]


@dataclass(frozen=True, eq=False)
class _Line:
    """A column, its values, and the places of its components and of its indicator."""

    column: UsedColumn
    raw: RawColumn
    at: slice
    indicator: int | None

    def given(self, row: int) -> Cell:
        """Return the value of a row."""
        text = raw_text(self.column, self.raw, row, self._range[1])
        is_number = self.column.block is Block.NUMBER and text != MISSING
        return Cell(text, self._share(float(self.raw.values[row])) if is_number else 0.0, False)

    def cell(self, x: NDArray[np.floating]) -> Cell:
        """Return the value of components, (V,)."""
        text, p = component_text(self.column, x[self.at], self._range[1])
        if p is not None:
            return Cell(likely_text(text, p), round(100 * p, 1), False)
        value = self.column.decode(x[None, self.at].astype(np.float64))
        return Cell(text, self._share(float(value[0])), False)

    def parts(self, x: NDArray[np.floating]) -> list[float]:
        """Return the components of the column, and its indicator."""
        return [*x[self.at].tolist(), *([] if self.indicator is None else [x[self.indicator]])]

    def is_missing(self, x: NDArray[np.floating]) -> bool:
        """Return whether components, (V,), say that the value is missing."""
        if self.indicator is not None:
            return bool(x[self.indicator] >= 0.5)  # normal noise moves an indicator too
        return self.column.block is Block.CATEGORY and not x[self.at].any()

    @cached_property
    def _range(self) -> tuple[float, float]:
        """The lowest value of numbers and dates, and their span."""
        if self.column.block is not Block.NUMBER or self.raw.missing.all():
            return 0.0, 0.0
        known = self.raw.values[~self.raw.missing]
        return float(known.min()), float(np.ptp(known))

    def _share(self, value: float) -> float:
        low, span = self._range
        return round(100 * min(max((value - low) / span, 0.0), 1.0), 1) if span > 0 else 50.0


def _lines(schema: Schema, part: Part) -> Iterator[_Line]:
    """Yield the used columns in the order of the table, with their values."""
    assert part.raw is not None
    n_values = schema.blocks.n_components - len(schema.blocks.indicators)
    indicator = {k: n_values + place for place, k in enumerate(schema.blocks.indicators)}
    places = list(zip(part.raw, schema.places(), strict=True))
    for k in np.argsort(schema.used_places):
        raw, (column, at) = places[k]
        yield _Line(column, raw, at, indicator.get(int(k)))


def _corrupted(
    line: _Line, clean: NDArray[np.floating], x: NDArray[np.floating], row: int, *, masked: bool
) -> Cell:
    """Return the cell of a corrupted row, (V,): in bold if its column is not as it was."""
    if line.parts(x) == line.parts(clean):
        return line.given(row)
    if masked or line.is_missing(x):
        return Cell(HIDDEN if masked else MISSING, 0.0, changed=True)
    text, p = component_text(line.column, x[line.at])
    return Cell(text, 0.0, changed=True) if p else replace(line.cell(x), changed=True)
