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
        return with_points(joined, self.decided)

    def numbers(self, texts: Sequence[str]) -> Reading:
        """Read a column; a dialect that reads it alone is right, otherwise that of the file."""
        found = self.possibilities
        found.add(texts)
        dialect, is_ambiguous = found.settled(self.decided)
        numbers = None if dialect is None else dialect.numbers(texts)
        return Reading(numbers, dialect, is_ambiguous)

    @property
    def possibilities(self) -> "Possibilities":
        """What a column may be read in, before its texts are seen."""
        return Possibilities(self.possible)


class Possibilities:
    """The dialects that read a column of texts, of which some at a time are added.

    Parameters
    ----------
    possible : sequence of Dialect

    Attributes
    ----------
    fitting : list of Dialect
        Those that read all texts.
    """

    def __init__(self, possible: Sequence[Dialect]) -> None:
        self.fitting = list(possible)
        self._differ = self._has_commas = False

    def add(self, texts: Sequence[str]) -> None:
        """Add texts, which are not missing."""
        read = {dialect: dialect.numbers(texts) for dialect in self.fitting}
        self.fitting = [dialect for dialect in self.fitting if read[dialect] is not None]
        if len(self.fitting) > 1:
            first, second = self.fitting
            self._differ = self._differ or read[first] != read[second]
            self._has_commas = self._has_commas or any("," in text for text in texts)

    def add_plain(self, texts: Sequence[str]) -> None:
        """Add texts that are numbers with decimal points, and nothing else."""
        if any(dialect.decimal != "." for dialect in self.fitting):
            self.add([text for text in texts if "." in text])

    def settled(self, decided: Dialect | None) -> tuple[Dialect | None, bool]:
        """Return the dialect of all texts that were added, or None if they are not numbers.

        Two dialects may read them differently, and nothing decides: then the second value is true.
        """
        if not self.fitting:
            return None, False
        if len(self.fitting) > 1 and self._differ:
            if decided is not None:
                return decided, False
            if self._has_commas:  # in 1.234, a point is a decimal point
                return None, True
        return self.fitting[0], False


def with_points(joined: str, dialect: Dialect | None) -> str:
    """Return texts with points for the decimal commas of a dialect, and no points."""
    if dialect is None or dialect.decimal == ".":
        return joined
    # A point may be one of thousands here: a comma in its place does not read.
    return joined.translate({ord("."): ",", ord(","): "."})


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
