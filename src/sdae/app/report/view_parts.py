"""What the templates show of rows and units: bars, cells, and tables of them."""

from dataclasses import dataclass

MOST_COLUMNS = 16
BAR_UNITS, BARS = 8, 6


@dataclass(frozen=True)
class Bar:
    """A signed value as a bar: its start and its length, in percent of the cell."""

    name: str
    value: float
    left: float
    width: float


@dataclass(frozen=True)
class UnitBars:
    """The columns that matter most to a unit."""

    unit: int
    bars: list[Bar]


@dataclass(frozen=True)
class Cell:
    """A value of a row: its position in the column's range in percent, and whether it changed."""

    text: str
    share: float
    changed: bool


@dataclass(frozen=True)
class RowTable:
    """A row in all its forms, a line for each column."""

    title: str
    versions: list[str]
    lines: list[tuple[str, list[Cell]]]
