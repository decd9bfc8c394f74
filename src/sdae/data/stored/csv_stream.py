"""The rows of a CSV of any size, from the first to the last, some at a time.

The first lines decide on a type of numbers that holds all of them exactly; a later number that does
not fit is reported, and reading begins again with a wider type. So no pass over the file is needed
before.

Lines of plain numbers are read by NumPy. Where that fails, Python's csv reader says why: it is the
text, or the line, that is wrong, or a quoted field that NumPy does not read.

Axes: n rows, V columns.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError, FileFormatError
from sdae.core.files import checked_size
from sdae.core.wording import quoted, reason
from sdae.data.bounds import check_columns
from sdae.data.csv_lines import find_delimiter
from sdae.data.csv_table import find_targets, wanted_columns, warn_of_no_names
from sdae.data.exact import fits_float32, is_usable
from sdae.data.labelled_rows import without_label
from sdae.data.stored.csv_faults import no_number
from sdae.data.stored.shard import Numbers, check_apart, check_different
from sdae.data.stored.text_lines import lines_of

_CELLS = 1 << 17
_WHOLE = re.compile(r"\s*(0|-?[1-9][0-9]*)\s*")
_CODE = re.compile(r"\s*[+-]?0[0-9]")  # 007 is not 7


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
    as_written : bool, default False
        Whether labels are always texts, as they stand in the file.
    with_codes : bool or None, default None
        Whether codes of digits, such as 007, are read as numbers; None: if columns are named.

    Attributes
    ----------
    columns : tuple of str
    kind, label_kind : numpy.dtype
        Types of the numbers and of the labels, the narrowest that hold those read so far. Whole
        numbers and codes of digits, such as 007, stay as they are.

    Raises
    ------
    FileAccessError, FileFormatError
        If the file is missing, unreadable or not a CSV.
    DataError
        If it does not have these columns.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str] | None,
        target: str | None,
        *,
        as_written: bool = False,
        with_codes: bool | None = None,
    ) -> None:
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
        if columns is None:
            warn_of_no_names(self._header, self._source)
        before = re.escape(self._separator) + r"\s"
        self._code_in_lines = re.compile(f"0[0-9](?:(?<=[{before}]..)|(?<=[{before}][+-]..))")
        self._with_codes = columns is not None if with_codes is None else with_codes
        self.columns = tuple(self._header[place] for place in self._picked)
        check_different(self.columns, str(path))
        self.kind: np.dtype[np.floating] = np.dtype(np.float32)
        self.label_kind: np.dtype[np.generic] = np.dtype(np.str_ if as_written else np.int64)

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
                block = self._plain(some)
                if block is not None:
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

    def _plain(self, lines: list[str]) -> tuple[Numbers, Numbers | None] | None:
        """Return rows and labels as :meth:`blocks` does; the lines have numbers beside the label.

        None if they hold something else, or a number that training cannot use.
        """
        if not lines[0].strip():
            return None
        if not self._with_codes and self._code_in_lines.search("\n" + "".join(lines)):
            return None  # in a column that counts, or in another one
        labels = None
        if self._label is not None:
            labels = self._fields_at(self._label, lines)
            if labels is None:
                return None
        read = None if labels is None else self._picked
        n_read = len(self._header) if read is None else len(read)
        try:
            table = np.loadtxt(
                lines, np.float64, delimiter=self._separator, comments=None, ndmin=2, usecols=read
            )
        except ValueError:
            return None
        if table.shape != (len(lines), n_read) or not is_usable(table).all():
            return None
        found = None if labels is None else self._labels(labels)
        return self._typed(table if read is not None else table[:, self._picked]), found

    def _fields_at(self, place: int, lines: list[str]) -> list[str] | None:
        """Return a field of each line; None if one is quoted, or a line has too few or too many."""
        separator, n_after = self._separator, len(self._header) - place
        n_separators = len(self._header) - 1
        if any(line.count(separator) != n_separators or '"' in line for line in lines):
            return None
        if place < n_after:
            return [line.split(separator, place + 1)[place] for line in lines]
        return [line.rsplit(separator, n_after)[-n_after].rstrip("\r\n") for line in lines]

    def _typed(self, rows: NDArray[np.float64]) -> Numbers:
        if self.kind == np.float32 and not fits_float32(rows):
            self.kind = np.dtype(np.float64)
            raise WiderType
        return rows.astype(self.kind)

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
        place = self._label
        labels = None if place is None else self._labels([row[place] for row in fields.rows])
        picked = [row[place] for row in fields.rows for place in self._picked]
        numbers = _numbers(picked)
        codes = not self._with_codes and any(map(_CODE.match, picked))
        if numbers is None or codes or not is_usable(numbers).all():
            raise self._no_number(fields)
        return self._typed(numbers.reshape(len(fields.rows), -1)), labels

    def _labels(self, texts: list[str]) -> Numbers:
        """Return the labels, (rows,); where some are missing, as objects, with None for these."""
        known = ~without_label([texts])
        there = [text.strip() for text, is_known in zip(texts, known, strict=True) if is_known]
        found = self._typed_labels(there)
        if known.all():
            return found
        labels = np.full(len(texts), None, object)
        labels[known] = found
        return labels

    def _typed_labels(self, texts: list[str]) -> Numbers:
        """Return labels that are not missing, (labels,)."""
        if self.label_kind.kind == "i":
            if all(map(_WHOLE.fullmatch, texts)):
                try:
                    return np.array([int(text) for text in texts], np.int64)
                except (OverflowError, ValueError):  # the digits of a name
                    self.label_kind = np.dtype(np.str_)
                    raise WiderType from None
            self.label_kind = np.dtype(np.float64)
            raise WiderType
        if self.label_kind.kind == "f":
            numbers = None if any(map(_CODE.match, texts)) else _numbers(texts)
            if numbers is not None and np.isfinite(numbers).all():
                return numbers
            self.label_kind = np.dtype(np.str_)
            raise WiderType
        return np.array(texts, np.str_)

    def _no_number(self, fields: _Fields) -> DataError:
        """Return the error for the first field that is not a number."""
        for row, line in zip(fields.rows, fields.lines, strict=True):
            for place in self._picked:
                number = _numbers([row[place]])
                is_code = not self._with_codes and bool(_CODE.match(row[place]))
                if number is not None and not is_code and is_usable(number).all():
                    continue
                where = f"{self._source}, line {line}, column {quoted(self._header[place])},"
                return no_number(where, row[place], is_code=is_code, is_number=number is not None)
        raise AssertionError("a field was not a number")


def _numbers(texts: list[str]) -> NDArray[np.float64] | None:
    """Return fields as numbers, (fields,); None if one is not a number."""
    try:
        # Python reads 1_0 as ten; in a table it is text.
        return None if "_" in "".join(texts) else np.array(texts, np.float64)
    except (ValueError, OverflowError):
        return None
