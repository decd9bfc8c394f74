"""A look at a table before anything is trained: all its columns, and all that is odd."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdae.app.inspection.as_arrays import as_arrays_are
from sdae.app.inspection.columns import Line, line_of
from sdae.app.inspection.facts import LARGEST, Facts
from sdae.app.inspection.leaks import (
    Measure,
    class_measure,
    leak,
    number_measure,
    rows_to_measure,
)
from sdae.app.inspection.suspects import suspects
from sdae.app.inspection.target import Target, class_numbers, target_of
from sdae.core.schema.raw_table import RawColumn
from sdae.core.wording import quoted
from sdae.data.tables.options import ReadOptions
from sdae.data.tables.reading import TableFile
from sdae.data.tables.remarks import Remark
from sdae.data.task import Task

_FORMAT = 1
AS_IT_IS = ReadOptions()
_NOTES = ("index", "unnamed_and_empty")  # what the reader has done already


@dataclass(frozen=True)
class Inspection:
    """What is known about a table before anything is trained.

    Attributes
    ----------
    file : TableFile
    lines : tuple of Line
        One for each column, in the order of the file; those of row names last.
    target : Target or None
    notes : tuple of Remark
        What the reader left out.
    problems : tuple of Remark
        What is suspect, or stops training: those that stop it first.
    """

    file: TableFile
    lines: tuple[Line, ...]
    target: Target | None
    notes: tuple[Remark, ...]
    problems: tuple[Remark, ...]

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return max(len(self.file.table), len(self.file.ids))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "format": _FORMAT,
            "file": self.file.source,
            "rows": self.n_rows,
            "separator": self.file.separator,
            "decimal": self.file.decimal,
            "columns": [line.to_json() for line in self.lines],
            "target": None if self.target is None else self.target.to_json(),
            "problems": [_json_of(remark) for remark in self.problems],
            "notes": [_json_of(remark) for remark in self.notes],
            "stops": any(remark.stops for remark in self.problems),
        }

    def to_text(self) -> str:
        """Return the JSON as a text."""
        return json.dumps(self.to_json(), indent=2, allow_nan=False)


def inspect_table(
    file: TableFile, targets: Sequence[str] = (), options: ReadOptions = AS_IT_IS
) -> Inspection:
    """Look at a table that was read with ``strict=False``.

    Parameters
    ----------
    file : TableFile
    targets : sequence of str
        Columns of the table that hold the target.
    options : ReadOptions
        How it was read.
    """
    columns = {column.name: column for column in file.table}
    target_columns = [columns[name] for name in targets if name in columns]
    remarks = [remark for remark in file.remarks if remark.kind not in _NOTES]
    target = target_of(target_columns, remarks, file.labels.columns) if target_columns else None
    measure = _measure(target_columns, target)
    # A column that the reader remarked on has its problem already.
    remarked: dict[str | None, list[str]] = {}
    for remark in remarks:
        remarked.setdefault(remark.column, []).append(remark.kind)
    lines = []
    for column in file.table:
        facts = Facts(column)
        if column.name in targets:
            lines.append(Line(column.name, "target", facts, "predicted"))
            continue
        found = [] if column.name in remarked else list(suspects(facts))
        measured = measure(column)
        if measured is not None and measured.is_leak:
            found.append(leak(facts, measured))
        remarks += found
        kinds = [*remarked.get(column.name, []), *(each.kind for each in found)]
        lines.append(line_of(facts, tuple(kinds)))
    lines += [
        Line(column.name, "id", Facts(column), "copied to predictions") for column in file.ids
    ]
    _check_rest(lines, remarks)
    lines = as_arrays_are(file, options, lines)
    return Inspection(
        file,
        tuple(lines),
        target,
        tuple(remark for remark in file.remarks if remark.kind in _NOTES),
        tuple(sorted(remarks, key=lambda remark: not remark.stops)),
    )


def _measure(
    columns: Sequence[RawColumn], target: Target | None
) -> Callable[[RawColumn], Measure | None]:
    """Return a function that measures how well a column predicts the target."""
    if target is None:
        return lambda _column: None
    known = ~np.logical_or.reduce([column.missing for column in columns])
    rows = rows_to_measure(known)
    chosen = [column.at(rows) for column in columns]
    if target.task is Task.REGRESSION:
        y = chosen[0].values
        if not len(y) or not (np.abs(y) <= LARGEST).all():
            return lambda _column: None
        return lambda column: number_measure(column.at(rows), y)
    numbers = class_numbers(chosen)
    return lambda column: class_measure(column.at(rows), numbers)


def _check_rest(lines: Sequence[Line], remarks: list[Remark]) -> None:
    """Add a problem if no column is left to learn from."""
    features = [line for line in lines if line.kind not in ("target", "id")]
    if all(line.kind == "ignored" for line in features):
        shown = f": {', '.join(quoted(line.name) for line in features[:5])}" if features else ""
        text = f"No column is left in which rows differ{shown}."
        remarks.append(Remark(None, "no_columns", text, stops=True))


def _json_of(remark: Remark) -> dict[str, Any]:
    return {
        "column": remark.column,
        "kind": remark.kind,
        "message": remark.text,
        "option": remark.option,
        "stops": remark.stops,
    }
