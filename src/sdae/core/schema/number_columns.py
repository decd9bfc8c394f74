"""Columns whose components are numbers: numbers and dates.

Axes: n rows, S components of one column, without its indicator.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from sdae.core.schema.column_json import Block, flag, number, text
from sdae.core.schema.raw_table import ColumnType, RawColumn, other_type
from sdae.core.schema.scales import Scale, scale_of_json

Numbers = NDArray[np.float64]

_DAY = 86_400.0
_FIRST_MONDAY = 4 * _DAY  # after the beginning of 1970
_WAVES = ("sine", "cosine")
PERIODS = {"year": 365.2425 * _DAY, "week": 7 * _DAY, "day": _DAY}
"""Cycles of dates, in seconds."""


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers, scaled.

    Attributes
    ----------
    name : str
    scale : Scale
    gap : float
        The scaled value where the number is missing: the mean.
    has_gaps : bool
        Whether numbers were missing in ``fit``: then there is an indicator.
    whole : bool
        Whether the source holds whole numbers only.
    """

    kind: ClassVar[str] = "number"
    block: ClassVar[Block] = Block.NUMBER
    size: ClassVar[int] = 1

    name: str
    scale: Scale
    gap: float
    has_gaps: bool
    whole: bool = False

    @property
    def gaps(self) -> list[float]:
        """The components where the value is missing, (S,)."""
        return [self.gap]

    @property
    def parts(self) -> list[str]:
        """Names of the components."""
        return [self.name]

    def encode(self, column: RawColumn) -> Numbers:
        """Return the components of values, (n,) -> (n, S); NaN where missing."""
        if column.type not in (ColumnType.NUMBER, ColumnType.BOOLEAN):
            raise other_type(column, ColumnType.NUMBER)
        return self.scale.apply(column.values)[:, None]

    def decode(self, values: Numbers) -> NDArray[Any]:
        """Return numbers in their own unit, (n, S) -> (n,)."""
        numbers = self.scale.undo(values[:, 0])
        return np.rint(numbers) if self.whole else numbers

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the kind."""
        return {
            "name": self.name,
            "scale": self.scale.to_json(),
            "gap": self.gap,
            "has_gaps": self.has_gaps,
            "whole": self.whole,
        }

    @classmethod
    def of_json(cls, entry: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` returned."""
        scale = scale_of_json(entry["scale"])
        flags = flag(entry, "has_gaps"), flag(entry, "whole")
        return cls(text(entry["name"]), scale, number(entry["gap"]), *flags)


@dataclass(frozen=True)
class DateColumn:
    """A column of dates: the time as a number, and where it stands in each cycle.

    Attributes
    ----------
    name : str
    scale : Scale
        Of the seconds since 1970.
    cycles : tuple of str
        Those of ``year``, ``week`` and ``day`` that the dates of ``fit`` go through; each is a sine
        and a cosine of an angle.
    gap_values : tuple of float
        The components where the date is missing: the means.
    has_gaps : bool
    """

    kind: ClassVar[str] = "date"
    block: ClassVar[Block] = Block.NUMBER

    name: str
    scale: Scale
    cycles: tuple[str, ...]
    gap_values: tuple[float, ...]
    has_gaps: bool

    @property
    def size(self) -> int:
        """S, the number of components."""
        return 1 + 2 * len(self.cycles)

    @property
    def gaps(self) -> list[float]:
        """The components where the date is missing, (S,)."""
        return list(self.gap_values)

    @property
    def parts(self) -> list[str]:
        """Names of the components."""
        waves = [f"{self.name} ({wave} of {cycle})" for cycle in self.cycles for wave in _WAVES]
        return [self.name, *waves]

    def encode(self, column: RawColumn) -> Numbers:
        """Return the components of dates, (n,) -> (n, S); NaN where missing."""
        if column.type is not ColumnType.DATE:
            raise other_type(column, ColumnType.DATE)
        return date_parts(column.values, self.scale, self.cycles)

    def decode(self, values: Numbers) -> NDArray[Any]:
        """Return seconds since 1970, (n, S) -> (n,)."""
        return self.scale.undo(values[:, 0])

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the kind."""
        return {
            "name": self.name,
            "scale": self.scale.to_json(),
            "cycles": list(self.cycles),
            "gap": list(self.gap_values),
            "has_gaps": self.has_gaps,
        }

    @classmethod
    def of_json(cls, entry: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` returned."""
        cycles = tuple(entry["cycles"])
        if list(cycles) != [cycle for cycle in PERIODS if cycle in cycles]:
            raise ValueError(f"{cycles} are not cycles of dates")
        gaps = tuple(number(gap) for gap in entry["gap"])
        if len(gaps) != 1 + 2 * len(cycles):
            raise ValueError("a date must have a value for gaps for each component")
        scale = scale_of_json(entry["scale"])
        return cls(text(entry["name"]), scale, cycles, gaps, flag(entry, "has_gaps"))


def cycle_start(cycle: str) -> float:
    """Return when a cycle begins, in seconds since 1970: weeks begin on Monday."""
    return _FIRST_MONDAY if cycle == "week" else 0.0


def date_parts(seconds: Numbers, scale: Scale, cycles: tuple[str, ...]) -> Numbers:
    """Return the components of dates in seconds since 1970, (n,) -> (n, S)."""
    return np.concatenate([scale.apply(seconds)[:, None], waves(seconds, cycles)], axis=1)


def waves(seconds: Numbers, cycles: tuple[str, ...]) -> Numbers:
    """Return the sine and the cosine of each cycle, (n,) -> (n, 2 cycles)."""
    parts = []
    for cycle in cycles:
        since = seconds - cycle_start(cycle)
        angle = 2 * np.pi * np.mod(since / PERIODS[cycle], 1.0)
        parts += [np.sin(angle), np.cos(angle)]
    return np.stack(parts, axis=1) if parts else np.empty((len(seconds), 0))
