"""Tables as CSV: a header line, numbers, and one column of labels.

Read a chunk of rows at a time, so that memory stays near that of the float32 array.
"""

import csv
import io
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdae.data.labels import read_labels
from sdae.data.table import Dataset, checked_table
from sdae.errors import DataError, FileFormatError
from sdae.files import read_decompressed

_CHUNK_ROWS = 2048
_MISSING = ("", "na", "nan", "null", "none")


def load_csv(path: Path, target: str | None) -> Dataset:
    """Load a CSV (or ``.csv.gz``) with a header; fields are separated by comma, semicolon or tab.

    Raises
    ------
    FileFormatError
        If it is no UTF-8 text, or a line has another number of fields than the header.
    DataError
        If the target is no column, a name stands twice, or a feature is not a number.
    """
    source = str(path)
    header, lines = _open(path)
    place = find_target(header, target, source)
    kept = [column for column in range(len(header)) if column != place]
    names = tuple(header[column] for column in kept)
    chunks: list[NDArray[np.float32]] = []
    labels: list[str] = []
    n_rows = 0
    for rows in _chunks(lines, len(header), source):
        chunks.append(_numbers([[row[c] for c in kept] for row in rows], names, n_rows, source))
        if place is not None:
            labels.extend(row[place] for row in rows)
        n_rows += len(rows)
    if not n_rows or not names:
        raise DataError(f"{source} is empty: it has {n_rows} rows and {len(names)} features.")
    x = np.concatenate(chunks)
    del chunks
    y = None if place is None else read_labels(labels, source)
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
            raise DataError(f"{source} has two columns named {name!r}. Rename one.")
        seen.add(name)
    if target is None:
        return None
    if target not in seen:
        near = get_close_matches(target, header, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        shown = ", ".join(header[:12]) + (", …" if len(header) > 12 else "")
        raise DataError(f"{source} has no column {target!r}. {hint}Its columns are: {shown}.")
    return header.index(target)


def _open(path: Path) -> tuple[list[str], Iterator[list[str]]]:
    """Return the header and an iterator over the fields of the other lines."""
    try:
        text = read_decompressed(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{path} is not a UTF-8 text (byte {error.start}). Save it as CSV in UTF-8."
        ) from None
    if "\0" in text:
        place = text.index("\0")
        raise FileFormatError(f"{path} is not a text: it has a zero byte at place {place}.")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = next(lines, [])
    except csv.Error as error:
        raise FileFormatError(f"{path}, line 1, is no CSV: {error}.") from None
    if not header:
        raise DataError(f"{path} is empty: it has no header line.")
    return [name.strip() for name in header], lines


def _chunks(lines: Iterator[list[str]], n_fields: int, source: str) -> Iterator[list[list[str]]]:
    """Yield the rows in chunks, after counting the fields of each; empty lines are passed over."""
    chunk: list[list[str]] = []
    number = 1
    while True:
        number += 1
        try:
            fields = next(lines)
        except StopIteration:
            break
        except csv.Error as error:
            raise FileFormatError(f"{source}, line {number}, is no CSV: {error}.") from None
        if not fields:
            continue
        if len(fields) != n_fields:
            raise FileFormatError(
                f"{source}, line {number}, has {len(fields)} fields where the header has "
                f"{n_fields}. Quote fields that contain the separator."
            )
        chunk.append(fields)
        if len(chunk) == _CHUNK_ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _numbers(
    rows: list[list[str]], names: tuple[str, ...], first_row: int, source: str
) -> NDArray[np.float32]:
    """Turn fields into numbers, (rows, V); an empty field becomes NaN."""
    try:
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
        return float(field)
    except ValueError:
        shown = field if len(field) <= 40 else field[:40] + "…"
        raise DataError(
            f"{source} has the text {shown!r} in row {row}, column {name!r}, where features must "
            "be numbers. Encode the column (pandas.get_dummies makes 0/1 columns), drop it, or "
            "name it with --target if it holds the labels."
        ) from None
