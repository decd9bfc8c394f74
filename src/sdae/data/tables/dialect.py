"""How numbers are written: with a decimal point or a decimal comma, with or without thousands.

A number that both dialects read, such as "1,234", is decided by the other columns of its file, or
by the user; it is never guessed.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from sdae.data.tables.options import ReadOptions

_SPACES, _QUOTES = " \u00a0\u202f", "'\u2019"


@dataclass(frozen=True)
class Dialect:
    """One way to write numbers.

    Attributes
    ----------
    decimal : str
        The character before the fraction.
    thousands : str
        The characters that may stand between groups of three digits; one number uses one of them.
    """

    decimal: str
    thousands: str

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        whole = "[0-9]+"
        if self.thousands:
            group = f"[{re.escape(self.thousands)}]"
            whole = rf"(?:[1-9][0-9]{{0,2}}({group})[0-9]{{3}}(?:\1[0-9]{{3}})*|{whole})"
        decimal = re.escape(self.decimal)
        # Digits after a leading zero are a code, such as 007, and no number.
        return re.compile(
            rf"[+-]?(?!0[0-9])(?:{whole}(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?"
            r"|[+-]?(?i:inf|infinity)"
        )

    def numbers(self, texts: Iterable[str]) -> list[float] | None:
        """Return the numbers that texts stand for; None if one of them is not a number."""
        drop = str.maketrans(self.decimal, ".", self.thousands)
        found = []
        for text in texts:
            if not self._pattern.fullmatch(text):
                return None
            found.append(float(text.translate(drop)))
        return found

    def fits(self, text: str) -> bool:
        """Return whether a text is a number."""
        return self._pattern.fullmatch(text) is not None


def dialects(options: ReadOptions) -> tuple[Dialect, ...]:
    """Return the dialects that the user leaves possible, that of the decimal point first."""
    found = []
    for decimal, other in ((".", ","), (",", ".")):
        if options.decimal not in (None, decimal) or options.thousands == decimal:
            continue
        thousands = options.thousands
        if thousands is None:
            thousands = other + _SPACES + _QUOTES
        elif thousands == " ":
            thousands = _SPACES
        elif thousands == "'":
            thousands = _QUOTES
        found.append(Dialect(decimal, thousands))
    return tuple(found)


class Reading(NamedTuple):
    """A column of texts as numbers.

    Attributes
    ----------
    numbers : list of float, or None
        None: they are not numbers, or two dialects read them differently.
    dialect : Dialect or None
        The dialect that they were read in.
    is_ambiguous : bool
        Whether two dialects read them differently, and nothing decides.
    """

    numbers: list[float] | None
    dialect: Dialect | None = None
    is_ambiguous: bool = False


@dataclass(frozen=True)
class Numerals:
    """The dialects of a file.

    Attributes
    ----------
    possible : tuple of Dialect
    decided : Dialect or None
        The dialect that the columns of the file agree on, if they need one.
    """

    possible: tuple[Dialect, ...]
    decided: Dialect | None = None

    def with_points(self, joined: str) -> str:
        """Return texts with points for decimal commas, where the file has these, and no points."""
        if self.decided is None or self.decided.decimal == ".":
            return joined
        # A point may be one of thousands here: a comma in its place does not read.
        return joined.translate({ord("."): ",", ord(","): "."})

    def numbers(self, texts: Sequence[str]) -> Reading:
        """Read a column; a dialect that reads it alone is right, otherwise that of the file."""
        read = {dialect: dialect.numbers(texts) for dialect in self.possible}
        fitting = [dialect for dialect, numbers in read.items() if numbers is not None]
        if not fitting:
            return Reading(None)
        first = fitting[0]
        if len(fitting) > 1 and read[first] != read[fitting[1]]:
            if self.decided is not None:
                first = self.decided
            elif any("," in text for text in texts):  # in 1.234, a point is a decimal point
                return Reading(None, is_ambiguous=True)
        return Reading(read[first], first)


def decide(columns: Iterable[Sequence[str]], options: ReadOptions) -> Numerals:
    """Find the dialect of a file from its columns of texts, without missing values.

    Only columns that one dialect reads, and the other does not, count; they must agree. The first
    rows of a column are enough.
    """
    possible = dialects(options)
    if len(possible) == 1:
        return Numerals(possible, possible[0])
    found = set()
    for texts in columns:
        fitting = [each for each in possible if all(map(each.fits, texts))]
        if len(fitting) == 1:
            found.add(fitting[0])
    usual = next((each for each in possible if each.decimal == options.usual_decimal), None)
    return Numerals(possible, found.pop() if len(found) == 1 else usual)
