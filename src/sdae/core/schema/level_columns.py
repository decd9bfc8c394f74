"""Columns of levels: binaries and categories.

Axes: n rows, S components of one column, without its indicator.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from sdae.core.schema.column_json import Block, flag, number, text
from sdae.core.schema.raw_table import ColumnType, RawColumn, other_type

Numbers = NDArray[np.float64]
Level = str | float
"""A level of a category: a text, or a number where the source holds numbers."""


@dataclass(frozen=True)
class BinaryColumn:
    """A column of two values: booleans, the numbers 0 and 1, or two texts.

    Attributes
    ----------
    name : str
    type : ColumnType
        Booleans and numbers are 0 and 1.
    levels : tuple of two levels
        The values that become 0 and 1.
    gap : float
        The share of the second value: the component where the value is missing.
    has_gaps : bool
    """

    kind: ClassVar[str] = "binary"
    block: ClassVar[Block] = Block.BINARY
    size: ClassVar[int] = 1

    name: str
    type: ColumnType
    levels: tuple[Level, Level]
    gap: float
    has_gaps: bool

    @property
    def gaps(self) -> list[float]:
        """The component where the value is missing, (1,)."""
        return [self.gap]

    @property
    def is_zero_one(self) -> bool:
        """Whether the values are the numbers 0 and 1, or booleans."""
        return self.type is not ColumnType.TEXT and self.levels == (0.0, 1.0)

    @property
    def parts(self) -> list[str]:
        """Names of the components."""
        return [self.name if self.is_zero_one else f"{self.name} = {shown(self.levels[1])}"]

    def encode(self, column: RawColumn) -> Numbers:
        """Return 0 and 1, (n,) -> (n, 1); NaN where missing, the gap for an unseen value."""
        check_type(column, self.type)
        if self.is_zero_one:  # numbers between, or beyond, are what they are
            clipped: Numbers = np.clip(column.values, 0.0, 1.0)
            return clipped[:, None]
        places, unseen = places_of(column, self.levels)
        values = places.astype(np.float64)
        values[unseen] = self.gap
        values[column.missing] = np.nan
        return values[:, None]

    def decode(self, values: Numbers) -> NDArray[Any]:
        """Return the more probable value, (n, 1) -> (n,)."""
        found: NDArray[Any] = level_array(self.levels)[(values[:, 0] >= 0.5).astype(int)]
        return found

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the kind."""
        return {
            "name": self.name,
            "type": str(self.type),
            "levels": list(self.levels),
            "gap": self.gap,
            "has_gaps": self.has_gaps,
        }

    @classmethod
    def of_json(cls, entry: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` returned."""
        type_ = ColumnType(entry["type"])
        first, second = read_levels(entry["levels"], type_)
        gap = number(entry["gap"])
        if not 0 <= gap <= 1:
            raise ValueError("the gap of a binary must lie in [0, 1]")
        return cls(text(entry["name"]), type_, (first, second), gap, flag(entry, "has_gaps"))


@dataclass(frozen=True)
class CategoryColumn:
    """A column of levels, one component each; all are 0 where the value is missing.

    Attributes
    ----------
    name : str
    type : ColumnType
        Texts, or numbers that were declared as categories.
    levels : tuple of Level
        In ascending order. An unseen level is infrequent if some are, otherwise all
        components are 0.
    infrequent : Level or None
        The most frequent of the levels that share the last component, because they are rare.
    has_gaps : bool
    rare : tuple of Level
        The other levels that share it, where a level that ``fit`` did not see is an error.
    """

    kind: ClassVar[str] = "category"
    block: ClassVar[Block] = Block.CATEGORY
    gaps: ClassVar[list[float]] = []

    name: str
    type: ColumnType
    levels: tuple[Level, ...]
    infrequent: Level | None
    has_gaps: bool
    rare: tuple[Level, ...] = ()

    @property
    def size(self) -> int:
        """S, the number of components."""
        return len(self.levels) + (self.infrequent is not None)

    @property
    def parts(self) -> list[str]:
        """Names of the components."""
        names = [f"{self.name} = {shown(level)}" for level in self.levels]
        return names + [f"{self.name}: infrequent"] * (self.infrequent is not None)

    def encode(self, column: RawColumn) -> Numbers:
        """Return the components of levels, (n,) -> (n, S); NaN where missing."""
        check_type(column, self.type)
        places, unseen = places_of(column, self.levels)
        values = np.zeros((len(places), self.size))
        known = ~unseen
        values[known, places[known]] = 1
        missing = column.missing
        if self.infrequent is not None:
            values[unseen & ~missing, -1] = 1
        values[missing] = np.nan
        return values

    def decode(self, values: Numbers) -> NDArray[Any]:
        """Return the most probable level, (n, S) -> (n,)."""
        found: NDArray[Any] = level_array(self.decoded_levels)[values.argmax(axis=1)]
        return found

    @property
    def decoded_levels(self) -> tuple[Level, ...]:
        """The level of each component; of the infrequent ones the most frequent."""
        return self.levels if self.infrequent is None else (*self.levels, self.infrequent)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the kind."""
        return {
            "name": self.name,
            "type": str(self.type),
            "levels": list(self.levels),
            "infrequent": self.infrequent,
            "has_gaps": self.has_gaps,
            **({"rare": list(self.rare)} if self.rare else {}),
        }

    @classmethod
    def of_json(cls, entry: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` returned."""
        type_ = ColumnType(entry["type"])
        levels, infrequent = read_levels(entry["levels"], type_), entry["infrequent"]
        if infrequent is not None:
            (infrequent,) = read_levels([infrequent], type_)
        if not levels:
            raise ValueError("a category needs levels")
        rare = read_levels(entry.get("rare", []), type_)
        return cls(text(entry["name"]), type_, levels, infrequent, flag(entry, "has_gaps"), rare)


def check_type(column: RawColumn, wanted: ColumnType) -> None:
    """Raise an error if a column has values of another type than in ``fit``.

    Booleans may be the numbers 0 and 1.

    Raises
    ------
    DataError
        If it has.
    """
    alike = {ColumnType.NUMBER, ColumnType.BOOLEAN}
    if column.type is not wanted and not {column.type, wanted} <= alike:
        raise other_type(column, wanted)


def places_of(
    column: RawColumn, levels: tuple[Level, ...]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the place of each value among the levels, and which are not there: two (n,)."""
    place = {level: k for k, level in enumerate(levels)}
    places = np.array([place.get(value, -1) for value in column.values.tolist()], np.int64)
    return np.maximum(places, 0), places < 0


def level_array(levels: tuple[Level, ...]) -> NDArray[Any]:
    """Return levels as an array: of float64 for numbers, otherwise of objects."""
    if all(isinstance(level, float) for level in levels):
        return np.array(levels, np.float64)
    array = np.empty(len(levels), object)
    array[:] = levels
    return array


def read_levels(entry: Any, type_: ColumnType) -> tuple[Level, ...]:
    """Read the levels of a column: different texts, or different finite numbers.

    Raises
    ------
    ValueError, TypeError
        If they are something else.
    """
    if not isinstance(entry, list):
        raise TypeError("levels must be a list")
    wanted = str if type_ is ColumnType.TEXT else float
    levels = tuple(float(level) if type(level) is int else level for level in entry)
    if not all(type(level) is wanted for level in levels) or len(set(levels)) != len(levels):
        raise ValueError("levels must be different texts or numbers")
    return tuple(text(level) if isinstance(level, str) else number(level) for level in levels)


def shown(level: Level) -> str:
    """Return a level as a text; a whole number without its point."""
    if isinstance(level, float) and level.is_integer():
        return str(int(level))
    return str(level)
