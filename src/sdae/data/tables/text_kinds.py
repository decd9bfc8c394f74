"""The type of a column of texts, and its values: booleans, numbers, dates, or texts.

Evidence is gathered from all rows, at once or some at a time; then values are read.

Axes: n rows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdae.core.schema.raw_table import TRUTH_WORDS, ColumnType, RawColumn
from sdae.core.wording import quoted
from sdae.data.tables.dialect import Dialect, Numerals, with_points
from sdae.data.tables.options import ReadOptions
from sdae.data.tables.remarks import Remark
from sdae.data.tables.typed_texts import (
    TextColumn,
    floats,
    not_a_date,
    plain_numbers,
    seconds_of,
    texts_of,
    without,
)


@dataclass(frozen=True)
class Kind:
    """What the texts of a column are.

    Attributes
    ----------
    type : ColumnType
    declared : bool
        Whether the user says that it is a category.
    whole : bool
        Whether all numbers are written as whole ones.
    dialect : Dialect or None
        How its numbers are written.
    words : mapping of str to float, or None
        Its words for true and false.
    """

    type: ColumnType
    declared: bool = False
    whole: bool = False
    dialect: Dialect | None = None
    words: Mapping[str, float] | None = None

    def values(self, column: TextColumn, options: ReadOptions) -> RawColumn:
        """Return the values of a column, or of some of its rows."""
        name = column.name
        if self.type is ColumnType.NUMBER and self.dialect is not None:
            values = _numbers(column, self.dialect, options)
            return RawColumn(name, self.type, values, self.declared, self.whole)
        known = column.known(options)
        if self.type is ColumnType.TEXT:
            return RawColumn(name, self.type, texts_of(column.texts, known), self.declared)
        if self.words is not None:
            each = {text: self.words[text.lower()] for text in known}
            return RawColumn(name, self.type, floats(column.texts, each), self.declared)
        dates = {text: seconds_of(text) for text in known}
        assert None not in dates.values()
        there = {text: seconds for text, seconds in dates.items() if seconds is not None}
        return RawColumn(name, self.type, floats(column.texts, there))


class Evidence:
    """What the texts of a column say about its kind; some rows at a time are added.

    Parameters
    ----------
    name : str
    options : ReadOptions
    numerals : Numerals
        Of which the possible dialects are used.

    Attributes
    ----------
    has_values : bool
        Whether a text is not missing.
    """

    def __init__(self, name: str, options: ReadOptions, numerals: Numerals) -> None:
        self._name, self._options = name, options
        self.has_values = False
        self._words = [*TRUTH_WORDS]
        self._numbers = numerals.possibilities
        self._marks = set[str]()
        self._odd_date: str | None = None
        self._with_comma: str | None = None
        self._is_date = name in options.parse_dates
        self._is_id = name in options.id

    def add(self, column: TextColumn) -> None:
        """Add rows."""
        if self._is_id or (self.has_values and not (self._words or self._numbers.fitting)):
            if self._is_date:
                self._look_for_dates(column.known(self._options))
            return
        if not self._is_date and plain_numbers(column.joined, self._options) is not None:
            missing = {"", *self._options.na_values}
            texts = [text for text in dict.fromkeys(column.texts) if text not in missing]
            self._numbers.add_plain(texts)
            if texts:
                self.has_values, self._words = True, []
            self._marks.update(mark for mark in ".eE" if mark in column.joined)
            return
        known = column.known(self._options)
        if self._is_date:
            self._look_for_dates(known)
        if not known:
            return
        self.has_values = True
        self._words = [
            words for words in self._words if all(text.lower() in words for text in known)
        ]
        self._numbers.add(known)
        if self._numbers.fitting:
            self._marks.update(mark for mark in ".,eEiI" if any(mark in text for text in known))
            with_comma = [text for text in known if "," in text]
            self._with_comma = min([*with_comma, *filter(None, [self._with_comma])], default=None)

    def kind(self, decided: Dialect | None, remarks: list[Remark]) -> Kind:
        """Return the kind of the column; what is odd is added to `remarks`.

        `decided` is the dialect that the columns of the file agree on.
        """
        declared = self._name in self._options.categorical
        if self._is_id:
            return Kind(ColumnType.TEXT)
        if self._is_date:
            if self._odd_date is None:
                return Kind(ColumnType.DATE)
            remarks.append(not_a_date(self._name, self._odd_date))
        if self.has_values and self._words:
            return Kind(ColumnType.BOOLEAN, declared, words=self._words[0])
        dialect, is_ambiguous = self._numbers.settled(decided)
        if dialect is not None:
            whole = self._marks.isdisjoint({"e", "E", "i", "I", dialect.decimal})
            return Kind(ColumnType.NUMBER, declared, whole, dialect)
        if is_ambiguous:
            remarks.append(_ambiguous(self._name, str(self._with_comma)))
        return Kind(ColumnType.TEXT, declared)

    def _look_for_dates(self, known: Iterable[str]) -> None:
        if self._odd_date is None:
            self._odd_date = next((text for text in known if seconds_of(text) is None), None)


def typed(
    column: TextColumn, options: ReadOptions, numerals: Numerals, remarks: list[Remark]
) -> RawColumn:
    """Find the type of a column, and read its values; what is odd is added to `remarks`."""
    if column.name not in options.parse_dates and column.name not in options.id:
        plain = plain_numbers(numerals.with_points(column.joined), options)
        if plain is not None:
            whole = not any(mark in column.joined for mark in ".,eE")
            declared = column.name in options.categorical
            return RawColumn(column.name, ColumnType.NUMBER, plain, declared, whole)
    evidence = Evidence(column.name, options, numerals)
    evidence.add(column)
    return evidence.kind(numerals.decided, remarks).values(column, options)


def _numbers(column: TextColumn, dialect: Dialect, options: ReadOptions) -> NDArray[np.float64]:
    """Return the numbers of a column, all of which a dialect reads, (n,)."""
    plain = plain_numbers(with_points(column.joined, dialect), options)
    if plain is not None:
        return plain
    known = column.known(options)
    numbers = dialect.numbers(known)
    assert numbers is not None
    return without(floats(column.texts, dict(zip(known, numbers, strict=True))), options)


def _ambiguous(name: str, example: str) -> Remark:
    return Remark(
        name,
        "ambiguous_numbers",
        f"Column {quoted(name)} holds {quoted(example)}, which may have thousands or a decimal "
        "comma; it is read as texts.",
        "--decimal . or --decimal ,",
    )
