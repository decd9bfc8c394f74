"""The cells of a CSV as they stand in the file, with some of them filled.

A filled cell is written as the others of its column are: with their decimal character, their words
for true and false, their form of dates. Axes: n rows, V columns, m gaps of a column.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from sdae.core.schema.raw_table import ColumnType
from sdae.data.csv_lines import CsvLines
from sdae.data.tables.csv_file import separator_of
from sdae.data.tables.filled_column import FilledColumn
from sdae.data.tables.options import NA_WORDS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400
_WORDS = (("false", "true"), ("no", "yes"))


class CsvCells:
    """A CSV whose texts are read once more when it is written.

    Parameters
    ----------
    content : bytes
        Not packed.
    source : str
        What the file is called in messages.
    usual_separator : str or None
        The separator of earlier files.

    Attributes
    ----------
    header : list of str
        The names as they stand in the file.
    names : list of str
        The names of the columns, also of those without one.
    separator : str
    """

    def __init__(self, content: bytes, source: str, usual_separator: str | None = None) -> None:
        self._content, self._source = content, source
        self.separator = separator_of(content, usual_separator)
        self.header = self._lines().header
        self.names = [name or f"Unnamed: {place}" for place, name in enumerate(self.header)]

    def texts(self, names: Sequence[str]) -> list[list[str]]:
        """Return some columns, a list of texts for each row."""
        places = [self.names.index(name) for name in names]
        chunks = self._lines().chunks()
        return [[fields[place] for place in places] for rows in chunks for fields in rows]

    def completed(self, columns: Sequence[FilledColumn], decimal: str) -> Iterator[list[str]]:
        """Yield the rows with gaps filled, V texts each; `decimal` is the decimal character."""
        place = {name: k for k, name in enumerate(self.names)}
        shown = self._examples({place[c.name] for c in columns if c.type in _SHOWN})
        text_of = {}
        for column in columns:
            k = place[column.name]
            texts = _texts(column, list(shown.get(k, ())), decimal)
            text_of[k] = dict(zip(column.rows.tolist(), texts, strict=True))
        row = 0
        for rows in self._lines().chunks():
            for fields in rows:
                for k, texts_of_rows in text_of.items():
                    fields[k] = texts_of_rows.get(row, fields[k])
                yield fields
                row += 1

    def _lines(self) -> CsvLines:
        return CsvLines(self._content, self._source, self.separator)

    def _examples(self, places: set[int]) -> dict[int, dict[str, None]]:
        """Return the different texts of some columns, in the order of the file."""
        found: dict[int, dict[str, None]] = {place: {} for place in sorted(places)}
        if found:
            for rows in self._lines().chunks():
                for place, texts in found.items():
                    texts.update(dict.fromkeys(fields[place].strip() for fields in rows))
        return found


_SHOWN = (ColumnType.BOOLEAN, ColumnType.DATE)
"""Types whose texts take the form of the others in the column."""


def _texts(column: FilledColumn, shown: Sequence[str], decimal: str) -> list[str]:
    """Return the texts of the values of a column, some of whose texts are known, (m,)."""
    values = column.values.tolist()
    if column.type is ColumnType.BOOLEAN:
        words = _words_like(shown)
        return [words[value >= 0.5] for value in values]
    if column.type is ColumnType.DATE:
        return _dates_like(values, shown)
    if column.type is ColumnType.NUMBER and column.whole:
        return [str(round(value)) for value in values]
    if column.type is ColumnType.NUMBER:
        return [repr(value).replace(".", decimal) for value in values]
    return [str(value) for value in values]


def _words_like(shown: Sequence[str]) -> tuple[str, str]:
    """Return the words for false and true, as a column with some texts has them."""
    for words in _WORDS:
        known = {text.lower(): text for text in reversed(shown) if text.lower() in words}
        if known:
            example = next(iter(known.values()))
            false, true = (known.get(word, _in_case_of(example, word)) for word in words)
            return false, true
    return "False", "True"


def _in_case_of(example: str, word: str) -> str:
    if example.isupper():
        return word.upper()
    return word.capitalize() if example[:1].isupper() else word


def _dates_like(values: Sequence[float], shown: Sequence[str]) -> list[str]:
    """Return dates as texts: without a time, or with a zone, if the others are written so.

    Without others, days have no time.
    """
    zone, has_time, n_known = None, False, 0
    for text in shown:
        if text in NA_WORDS:
            continue
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:  # a word of the user's for a missing value
            continue
        zone = zone or moment.tzinfo
        has_time = has_time or any(mark in text for mark in ":T")
        n_known += 1
    if not n_known:
        has_time = any(value % _DAY for value in values)
    if not has_time:
        return [_moment(value).date().isoformat() for value in values]
    moments = [_moment(value).astimezone(zone or UTC) for value in values]
    if zone is None:
        moments = [moment.replace(tzinfo=None) for moment in moments]
    return [moment.isoformat() for moment in moments]


def _moment(seconds: float) -> datetime:
    """Return the moment so many seconds after 1970, to the second."""
    return _EPOCH + timedelta(seconds=int(np.rint(seconds)))
