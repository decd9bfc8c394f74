"""Tables as CSV: a header line, numbers, and one column of labels.

Read a chunk of rows at a time, so that memory stays near that of the file and the float32 array.

Axes: n rows, V columns.
"""

import csv
import io
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdae.data.labels import read_labels
from sdae.data.table import Dataset, checked_table, lacks
from sdae.errors import DataError, FileFormatError
from sdae.files import read_decompressed

_CHUNK_CELLS = 1 << 18
_DELIMITERS = ",;\t"
_MISSING = ("", "na", "nan", "null", "none")


def load_csv(path: Path, target: str | None, features: Collection[str] | None = None) -> Dataset:
    """Load a CSV (or ``.csv.gz``) with a header; fields are separated by comma, semicolon or tab.

    Raises
    ------
    FileFormatError
        If it is no UTF-8 text, or a line has another number of fields than the header.
    DataError
        If the target is no column, a name stands twice, or a feature is not a number.
    """
    source = str(path)
    content = read_decompressed(path)
    _check_text(content, source)
    lines = _Lines(content, source)
    place = find_target(lines.header, target, source)
    columns = wanted_columns(lines.header, place, features, source)
    names = tuple(lines.header[column] for column in columns)
    chunks: deque[NDArray[np.float32]] = deque()
    labels: list[str] = []
    n_rows = 0
    for rows in lines.chunks():
        if place is not None:
            labels.extend(row[place] for row in rows)
        chosen = [[row[column] for column in columns] for row in rows]
        chunks.append(_numbers(chosen, names, n_rows, source))
        n_rows += len(rows)
    if not n_rows or not names:
        raise DataError(
            f"{source} is empty: it has {n_rows} rows and {len(names)} features. Both must be at "
            "least 1."
        )
    y = None if place is None else read_labels(labels, source)
    x = _joined(chunks, n_rows, len(names))
    return Dataset(path.name.split(".")[0], checked_table(x, y, source, names))


def find_target(header: list[str], target: str | None, source: str) -> int | None:
    """Return the place of the target among the columns.

    Raises
    ------
    DataError
        If there is no such column, or a name stands twice.
    """
    seen: set[str] = set()
    for name in header:
        if name in seen:
            raise DataError(
                f"{source} has two columns named {name!r}. Rename one, or put a line of names "
                "above the first row if there is none."
            )
        seen.add(name)
    if target is None:
        return None
    if target not in seen:
        near = get_close_matches(target, header, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        shown = ", ".join(header[:12]) + (", …" if len(header) > 12 else "")
        raise DataError(f"{source} has no column {target!r}. {hint}Its columns are: {shown}.")
    return header.index(target)


def wanted_columns(
    header: Sequence[str], target: int | None, features: Collection[str] | None, source: str
) -> list[int]:
    """Return the places of the columns of features: those asked for, or all but the target.

    Raises
    ------
    DataError
        If one asked for is not there.
    """
    if features is not None and not set(features) <= set(header):
        raise lacks(source, features, header)
    wanted = set(header if features is None else features)
    return [place for place, name in enumerate(header) if place != target and name in wanted]


def _check_text(content: bytes, source: str) -> None:
    place = content.find(b"\0")
    if place >= 0:
        raise FileFormatError(
            f"{source} is not a text: byte {place} is zero. Save it as CSV in UTF-8."
        )
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{source} is not a UTF-8 text: byte {error.start} is wrong. Save it as CSV in UTF-8."
        ) from None


class _Lines:
    """The lines of a CSV: its header, then its rows."""

    def __init__(self, content: bytes, source: str) -> None:
        self._source = source
        text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")
        first = text.readline()
        text.seek(0)
        self._reader = csv.reader(text, delimiter=_find_delimiter(first), strict=True)
        self.header = [name.strip() for name in self._next() or []]
        if not self.header:
            raise DataError(f"{source} is empty: it has no header line. Name the columns in one.")

    def chunks(self) -> Iterator[list[list[str]]]:
        """Yield rows in chunks, after counting the fields of each; empty lines are passed over."""
        n_fields = len(self.header)
        chunk: list[list[str]] = []
        while (fields := self._next()) is not None:
            if not fields:
                continue
            if len(fields) != n_fields:
                raise FileFormatError(
                    f"{self._source}, line {self._reader.line_num}, has {len(fields)} fields where "
                    f"the header has {n_fields}. Quote fields that contain the separator."
                )
            chunk.append(fields)
            if len(chunk) * n_fields >= _CHUNK_CELLS:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except csv.Error as error:
            raise FileFormatError(
                f"{self._source}, line {self._reader.line_num}, is no CSV: {error}. Check its "
                "quotes."
            ) from None


def _find_delimiter(first_line: str) -> str:
    """Return the separator that cuts the first line into most fields; quoted ones do not count."""
    outside_quotes = "".join(first_line.split('"')[::2])
    return max(_DELIMITERS, key=outside_quotes.count)


def _joined(
    chunks: deque[NDArray[np.float32]], n_rows: int, n_features: int
) -> NDArray[np.float32]:
    """Join the chunks, letting go of each, so that there are never two whole copies."""
    x = np.empty((n_rows, n_features), np.float32)
    start = 0
    while chunks:
        chunk = chunks.popleft()
        x[start : start + len(chunk)] = chunk
        start += len(chunk)
    return x


def _numbers(
    rows: list[list[str]], names: tuple[str, ...], first_row: int, source: str
) -> NDArray[np.float32]:
    """Turn fields into numbers, (rows, V); an empty field becomes NaN, a too large one infinite."""
    with np.errstate(over="ignore"):
        try:
            # Python reads 1_0 as ten; in a table it is a text.
            if any("_" in field for fields in rows for field in fields):
                raise ValueError
            return np.array(rows, dtype=np.float64).astype(np.float32)
        except (ValueError, OverflowError):
            pass
        numbers = np.empty((len(rows), len(names)), np.float32)
        for row, fields in enumerate(rows):
            for column, field in enumerate(fields):
                numbers[row, column] = _number(field, first_row + row + 1, names[column], source)
        return numbers


def _number(field: str, row: int, name: str, source: str) -> float:
    if field.strip().lower() in _MISSING:
        return float("nan")
    try:
        if "_" in field:
            raise ValueError
        return float(field)
    except ValueError:
        shown = field if len(field) <= 40 else field[:40] + "…"
        raise DataError(
            f"{source} has the text {shown!r} in row {row}, column {name!r}, where features must "
            "be numbers. Encode the column (pandas.get_dummies makes 0/1 columns), drop it, or "
            "name it with --target if it holds the labels."
        ) from None
