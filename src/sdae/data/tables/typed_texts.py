"""Columns of texts, and what their texts stand for: numbers and dates.

Axes: n rows.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.core.wording import quoted
from sdae.data.tables.options import NA_WORDS, ReadOptions
from sdae.data.tables.remarks import Remark

SEPARATOR = "\0"
"""Between the texts of a column: a CSV with zero bytes is refused before."""

_PLAIN = b"0123456789.eE+-\0"
_CODE = re.compile(r"\0[+-]?0[0-9]")
SAMPLE = 1 << 16  # characters


@dataclass(frozen=True)
class TextColumn:
    """A column as it stands in a file.

    Attributes
    ----------
    name : str
    joined : str
        Its texts, separated by zero bytes: as a list they would take ten times the memory.
    """

    name: str
    joined: str

    @property
    def texts(self) -> list[str]:
        """The texts, n of them."""
        return self.joined.split(SEPARATOR)

    @property
    def beginning(self) -> "TextColumn":
        """The first rows."""
        if len(self.joined) <= SAMPLE:
            return self
        return TextColumn(self.name, self.joined[:SAMPLE].rpartition(SEPARATOR)[0])

    def known(self, options: ReadOptions) -> list[str]:
        """Return the different texts that are not missing, in the order of the file."""
        missing = NA_WORDS | options.na_values
        stripped = dict.fromkeys(map(str.strip, dict.fromkeys(self.texts)))
        return [text for text in stripped if text not in missing]


def as_texts(column: TextColumn, options: ReadOptions) -> RawColumn:
    """Return a column of the texts that stand in the file, without blanks around them."""
    values = texts_of(column.texts, column.known(options))
    return RawColumn(column.name, ColumnType.TEXT, values)


def seconds_of(text: str) -> float | None:
    """Return the seconds since 1970 of a date of ISO 8601, or None; UTC where no zone is named."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()


def dates_of(known: Iterable[str], name: str, remarks: list[Remark]) -> Mapping[str, float] | None:
    """Return the seconds since 1970 of texts; None, with a remark, if one of them is not a date."""
    dates: dict[str, float] = {}
    for text in known:
        seconds = seconds_of(text)
        if seconds is None:
            remarks.append(not_a_date(name, text))
            return None
        dates[text] = seconds
    return dates


def not_a_date(name: str, text: str) -> Remark:
    """Return the remark on a column of dates that holds something else."""
    return Remark(
        name,
        "not_a_date",
        f"Column {quoted(name)} holds {quoted(text)}, which is not a date as ISO 8601 writes it "
        "(2024-02-29 or 2024-02-29T12:30). Convert it with pandas: "
        f"df[{name!r}] = pandas.to_datetime(df[{name!r}], dayfirst=True or False)",
        stops=True,
    )


def without(values: NDArray[np.float64], options: ReadOptions) -> NDArray[np.float64]:
    """Return numbers, (n,), with NaN for those that the user takes for missing values."""
    marks = []
    for word in options.na_values:
        try:
            marks.append(float(word))
        except ValueError:
            continue
    return np.where(np.isin(values, marks), np.nan, values) if marks else values


def plain_numbers(joined: str, options: ReadOptions) -> NDArray[np.float64] | None:
    """Read a column quickly if it holds digits, points, exponents and empty fields only, (n,)."""
    if not joined.isascii() or joined.encode().translate(None, _PLAIN):
        return None
    if _CODE.search(SEPARATOR + joined):
        return None
    texts = joined.split(SEPARATOR)
    if "" in texts:
        texts = [text or "nan" for text in texts]
    try:
        return without(np.array(texts, np.float64), options)
    except ValueError:
        return None


def floats(texts: Sequence[str], values: Mapping[str, float]) -> NDArray[np.float64]:
    """Return the value of each text, (n,); NaN where it has none."""
    nan = float("nan")
    each = {text: values.get(text.strip(), nan) for text in set(texts)}
    return np.array([each[text] for text in texts], np.float64)


def texts_of(texts: Sequence[str], known: Iterable[str]) -> NDArray[Any]:
    """Return the texts without blanks around them, (n,), each different one stored once."""
    kept = {text: text for text in known}
    each = {text: kept.get(text.strip()) for text in set(texts)}
    array = np.empty(len(texts), object)
    array[:] = [each[text] for text in texts]
    return array
