"""The rows of a CSV of any size, from the first to the last, some at a time.

The first lines decide on a type of numbers that holds all of them exactly; a later number that does
not fit is reported, and reading begins again with a wider type. So no pass over the file is needed
before.

Lines of plain numbers are read by NumPy. Where that fails, Python's csv reader says why: it is the
text, or the line, that is wrong, or a quoted field that NumPy does not read.

Axes: n rows, V columns.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError, FileFormatError
from sdae.core.files import checked_size
from sdae.core.wording import plain, quoted, reason
from sdae.data.bounds import check_columns
from sdae.data.csv_lines import find_delimiter
from sdae.data.csv_table import MISSING, find_targets, wanted_columns
from sdae.data.exact import fits_float32, is_usable
from sdae.data.stored.shard import Numbers, check_apart, check_different
from sdae.data.stored.text_lines import lines_of
from sdae.data.table import NotNumbers

_CELLS = 1 << 17
_EXACT = 2.0**53


class WiderType(Exception):
    """A number, or a label, that does not fit the types; the stream has wider ones now."""


class _Fields(NamedTuple):
    """Rows of texts, and the line in which each ends."""

    rows: list[list[str]]
    lines: list[int]


class CsvStream:
    """A CSV with a header, all of whose columns but the target are numbers.

    Parameters
    ----------
    path : Path
        A ``.csv`` or ``.csv.gz``; fields are separated by comma, semicolon or tab.
    columns : sequence of str or None
        Names of the columns, in the order of delivery; None: all but the target.
    target : str or None
        Name of the column of labels: whole numbers, numbers or texts, or nothing in rows without.

    Attributes
    ----------
    columns : tuple of str
    kind, label_kind : numpy.dtype
        Types of the numbers and of the labels, the narrowest that hold those read so far.

    Raises
    ------
    FileAccessError, FileFormatError
        If the file is missing, unreadable or not a CSV.
    DataError
        If it does not have these columns.
    """

    def __init__(self, path: Path, columns: Sequence[str] | None, target: str | None) -> None:
        self._n_bytes = checked_size(path)
        self.path, self._source, self.named = path, str(path), True
        with lines_of(self.path) as (_, lines):
            first = next(lines, "")
            self._separator = find_delimiter(first)
            found = next(csv.reader(chain([first], lines), delimiter=self._separator), [])
        self._header = [name.strip() for name in found]
        if not self._header:
            raise DataError(
                f"{path} is empty: it has no header line. Put a line with the names of the columns "
                "first."
            )
        check_columns(len(self._header), self._source)
        asked = [] if columns is None else [*columns]
        targets = [] if target is None else [target]
        places = find_targets(self._header, [*targets, *asked], self._source)
        check_apart(asked, target, self._source)
        self._label = places[0] if targets else None
        self._picked = (
            places[len(targets) :]
            if columns is not None
            else wanted_columns(self._header, places, None, self._source)
        )
        self.columns = tuple(self._header[place] for place in self._picked)
        check_different(self.columns, str(path))
        self.kind: np.dtype[np.floating] = np.dtype(np.float32)
        self.label_kind: np.dtype[np.generic] = np.dtype(np.int64)

    def blocks(
        self, done: Callable[[float], None] = lambda _: None
    ) -> Iterator[tuple[Numbers, Numbers | None]]:
        """Yield rows, (rows, V), and their labels, (rows,), some at a time.

        `done` gets, after each, the share of the file that has been read.

        Raises
        ------
        WiderType
            If one does not fit the types, which are wider now: what was read before is void.
        FileAccessError, FileFormatError
            If the file cannot be read, or a line has another number of fields than the header.
        DataError
            If a value is missing or is not a number.
        """
        n_lines = max(1, _CELLS // len(self._header))
        n_rows = 0
        with lines_of(self.path) as (position, lines):
            reader = csv.reader(lines, delimiter=self._separator)
            next(reader, None)
            line = reader.line_num
            while some := list(islice(lines, n_lines)):
                table = self._plain(some)
                if table is not None:
                    block = self._of_numbers(table)
                    line += len(some)
                else:
                    fields, line = self._fields(some, lines, line)
                    if not fields.rows:
                        continue
                    block = self._of_texts(fields)
                n_rows += len(block[0])
                yield block
                done(position() / max(1, self._n_bytes))
        if not n_rows:
            raise DataError(f"{self.path} is empty: it has no rows. Put some below the header.")

    def _plain(self, lines: list[str]) -> NDArray[np.float64] | None:
        """Return the numbers of all columns, (rows, columns of the file).

        None if the lines hold something else, or a number that training cannot use.
        """
        if not lines[0].strip() or self.label_kind.kind == "U":
            return None
        try:
            table = np.loadtxt(lines, np.float64, delimiter=self._separator, comments=None, ndmin=2)
        except ValueError:
            return None
        as_wanted = table.shape == (len(lines), len(self._header)) and is_usable(table).all()
        return table if as_wanted else None

    def _of_numbers(self, table: NDArray[np.float64]) -> tuple[Numbers, Numbers | None]:
        labels = None if self._label is None else self._typed_labels(table[:, self._label])
        return self._typed(table[:, self._picked]), labels

    def _typed(self, rows: NDArray[np.float64]) -> Numbers:
        if self.kind == np.float32 and not fits_float32(rows):
            self.kind = np.dtype(np.float64)
            raise WiderType
        return rows.astype(self.kind)

    def _typed_labels(self, labels: NDArray[np.float64]) -> Numbers:
        is_whole = (np.rint(labels) == labels) & (np.abs(labels) <= _EXACT)
        if self.label_kind.kind == "i" and not is_whole.all():
            self.label_kind = np.dtype(np.float64)
            raise WiderType
        return labels.astype(self.label_kind)

    # -- lines that are not plain numbers ------------------------------------------------------

    def _fields(self, some: list[str], others: Iterator[str], before: int) -> tuple[_Fields, int]:
        """Split lines into fields; return them, and the number of the last line that was read.

        A quoted field at the end may continue in `others`. `before` is the number of lines before.
        """
        reader = csv.reader(chain(some, others), delimiter=self._separator, strict=True)
        rows: list[list[str]] = []
        numbers: list[int] = []
        while reader.line_num < len(some):
            try:
                fields = next(reader, [])
            except csv.Error as error:
                raise FileFormatError(
                    f"{self._source}, line {before + reader.line_num}, is not valid CSV: "
                    f"{reason(error)}. Check its quotes."
                ) from None
            if not fields:
                continue
            if len(fields) != len(self._header):
                raise FileFormatError(
                    f"{self._source}, line {before + reader.line_num}, has {len(fields)} fields, "
                    f"but the header has {len(self._header)}. Quote fields that contain the "
                    "separator."
                )
            rows.append(fields)
            numbers.append(before + reader.line_num)
        return _Fields(rows, numbers), before + reader.line_num

    def _of_texts(self, fields: _Fields) -> tuple[Numbers, Numbers | None]:
        labels = None if self._label is None else self._labels(fields, self._label)
        picked = [row[place] for row in fields.rows for place in self._picked]
        numbers = _numbers(picked)
        if numbers is None or not is_usable(numbers).all():
            raise self._no_number(fields)
        return self._typed(numbers.reshape(len(fields.rows), -1)), labels

    def _labels(self, fields: _Fields, place: int) -> Numbers:
        """Return the labels, (rows,); where some are missing, as objects, with None for these."""
        texts = [row[place] for row in fields.rows]
        known = np.array([bool(text.strip()) for text in texts])
        there = [text for text, is_known in zip(texts, known, strict=True) if is_known]
        if self.label_kind.kind == "U":
            found: Numbers = np.array(there, np.str_)
        else:
            numbers = _numbers(there)
            if numbers is None or not np.isfinite(numbers).all():
                self.label_kind = np.dtype(np.str_)
                raise WiderType
            found = self._typed_labels(numbers)
        if known.all():
            return found
        labels = np.full(len(texts), None, object)
        labels[known] = found
        return labels

    def _no_number(self, fields: _Fields) -> DataError:
        """Return the error for the first field that is not a number."""
        for row, line in zip(fields.rows, fields.lines, strict=True):
            for place in self._picked:
                number = _numbers([row[place]])
                if number is not None and is_usable(number).all():
                    continue
                where = f"{self._source}, line {line}, column {quoted(self._header[place])},"
                if row[place].strip().lower() in MISSING or number is not None:
                    return NotNumbers(
                        f"{where} has a value that is missing, infinite or too large for float32. "
                        "Fill it in, or drop the row."
                    )
                return NotNumbers(
                    f"{where} has the text {plain(row[place], 40)!r}, but rows must be numbers. "
                    "Encode the column (pandas.get_dummies makes 0/1 columns), leave it out with "
                    "columns, or make it the target if it holds the labels."
                )
        raise AssertionError("a field was not a number")


def _numbers(texts: list[str]) -> NDArray[np.float64] | None:
    """Return fields as numbers, (fields,); None if one is not a number."""
    try:
        # Python reads 1_0 as ten; in a table it is text.
        return None if "_" in "".join(texts) else np.array(texts, np.float64)
    except (ValueError, OverflowError):
        return None
