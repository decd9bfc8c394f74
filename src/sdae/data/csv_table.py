"""Tables as CSV: a header line, numbers, and one column of labels.

Rows are read in chunks, so the memory needed is about that of the file and of the rows.

Axes: n rows, V columns.
"""

import re
from collections.abc import Callable, Collection, Sequence
from itertools import chain
from operator import itemgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.files import read_decompressed
from sdae.core.user_warnings import warn_user
from sdae.core.wording import listed, nearest, quoted
from sdae.data.bounds import unpacked_limit
from sdae.data.csv_lines import CsvLines
from sdae.data.exact import ExactRows, is_usable
from sdae.data.labelled_rows import known_labels, labelled_apart
from sdae.data.table import Dataset, LacksColumns, NotNumbers, checked_table, not_finite
from sdae.data.tables.remarks import NO_NAMES, index_columns, looks_like_a_row
from sdae.data.target_columns import targets_of_texts
from sdae.data.task import Task

_CODE = re.compile(r"\0\s*[+-]?0[0-9]")  # a field that begins so is a code, such as 007
MISSING = ("", "na", "nan", "null", "none")
"""What stands in a cell without a number, in small letters."""


def load_csv(
    path: Path,
    target: Sequence[str] = (),
    features: Collection[str] | None = None,
    task: Task | None = None,
) -> Dataset:
    """Load a CSV (or ``.csv.gz``) with a header; fields are separated by comma, semicolon or tab.

    Raises
    ------
    FileFormatError, DataError
        As :func:`csv_of` does.
    """
    limit = unpacked_limit(path, share=4)
    return csv_of(read_decompressed(path, limit), str(path), target, features, task)


def csv_of(
    content: bytes,
    source: str,
    target: Sequence[str] = (),
    features: Collection[str] | None = None,
    task: Task | None = None,
) -> Dataset:
    """Return the data set of the text of a CSV; `source` is its name in messages.

    Raises
    ------
    FileFormatError
        If it is not UTF-8 text, or a line has another number of fields than the header.
    DataError
        If the target is not a column, a name occurs twice, or a feature is not a number.
    """
    lines = CsvLines(content, source)
    places = find_targets(lines.header, target, source)
    columns = wanted_columns(lines.header, places, features, source)
    if features is None:
        warn_of_no_names(lines.header, source)
    names = tuple(lines.header[column] for column in columns)
    pick = _picker(columns)
    x = ExactRows(lines.most_rows(len(names)), len(names))
    labels: list[list[str]] = [[] for _ in places]
    n_rows = 0
    remaining = lines.chunks()
    for rows in remaining:
        for label, place in zip(labels, places, strict=True):
            label += [row[place] for row in rows]
        if names:
            fields = pick(rows)
            block = _numbers(fields, names, n_rows, source)
            if not is_usable(block).all():  # report it now, not after reading the rest
                more = next(remaining, None) is not None
                raise not_finite(block, source, names, first_row=n_rows, more=more)
            if features is None:  # a model that learned them as numbers reads them on as such
                _check_no_codes(fields, names, n_rows, source)
            x.add(block)
        n_rows += len(rows)
    if not n_rows or not names:
        raise DataError(
            f"{source} is empty: it has {n_rows} rows and {len(names)} features. Both must be at "
            "least 1."
        )
    missing, known = known_labels(labels, target, source)
    y, label_names = targets_of_texts(known, target, source, task, missing=missing)
    table = checked_table(x.rows(), None, source, names)
    return labelled_apart(Path(source).name.split(".")[0], table, y, label_names, missing)


def find_targets(header: list[str], targets: Sequence[str], source: str) -> list[int]:
    """Return the indices of the target columns.

    Raises
    ------
    DataError
        If the column does not exist, or a name occurs twice.
    """
    seen: set[str] = set()
    for name in header:
        if name in seen:
            raise DataError(
                f"{source} has two columns named {quoted(name)}. Rename one, or add a header line "
                "if the file does not have one."
            )
        seen.add(name)
    for target in targets:
        if target in seen:
            continue
        near = nearest(target, header)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise DataError(
            f"{source} has no column {quoted(target)}. {hint}Its columns are: {listed(header)}."
        )
    return [header.index(target) for target in targets]


def wanted_columns(
    header: Sequence[str], targets: Collection[int], features: Collection[str] | None, source: str
) -> list[int]:
    """Return the indices of the feature columns: the requested ones, or all but the targets.

    The index of a data frame is left out, with a warning, if it is not requested.

    Raises
    ------
    DataError
        If a requested column does not exist.
    """
    if features is not None and not set(features) <= set(header):
        raise LacksColumns(source, features, header)
    if features is not None:
        asked = set(features)
        return [
            place for place, name in enumerate(header) if place not in targets and name in asked
        ]
    return without_index(header, [p for p in range(len(header)) if p not in targets], source)


def warn_of_no_names(header: Sequence[str], source: str) -> None:
    """Warn if a line of names looks like a row, which would be lost."""
    if looks_like_a_row(header):
        warn_user(f"{source}: {NO_NAMES}")


def without_index(header: Sequence[str], places: Sequence[int], source: str) -> list[int]:
    """Return the places without those of an index, unless they have nothing else; warn of it."""
    index = index_columns(header)
    others = [place for place in places if place not in index]
    if not others or len(others) == len(places):
        return [*places]
    said = " ".join(text for place, text in index.items() if place in places)
    warn_user(
        f"{source}: {said} Ask for it by name, with --keep (of sdae convert: --columns) or "
        "columns, to have it."
    )
    return others


def _picker(columns: list[int]) -> Callable[[list[list[str]]], list[str]]:
    """Return a function that takes the fields of `columns` from rows, row by row."""
    if len(columns) == 1:
        (column,) = columns
        return lambda rows: [row[column] for row in rows]
    take = itemgetter(*columns) if columns else tuple
    return lambda rows: list(chain.from_iterable(map(take, rows)))


def _numbers(
    fields: list[str], names: tuple[str, ...], first_row: int, source: str
) -> NDArray[np.float64]:
    """Turn fields into numbers, (rows, V); an empty field becomes NaN, a too large one infinite."""
    text = "".join(fields)
    if len(text) == len(fields) and "" not in fields and text.isascii() and text.isdigit():
        # Many tables have digits only: convert from the character codes.
        digits = np.frombuffer(text.encode("ascii"), np.uint8) - ord("0")
        return digits.astype(np.float64).reshape(-1, len(names))
    try:
        if "_" in text:  # Python reads 1_0 as ten; in a table it is text
            raise ValueError
        return np.array(fields, np.float64).reshape(-1, len(names))
    except (ValueError, OverflowError):
        pass
    numbers = np.empty(len(fields), np.float64)
    for place, field in enumerate(fields):
        row, column = divmod(place, len(names))
        numbers[place] = _number(field, first_row + row + 1, names[column], source)
    return numbers.reshape(-1, len(names))


def _check_no_codes(fields: list[str], names: tuple[str, ...], first_row: int, source: str) -> None:
    """Raise an error for digits after a leading zero: a table has them as texts."""
    joined = "\0".join(["", *fields])
    found = _CODE.search(joined)
    if found is None:
        return
    place = joined.count("\0", 0, found.start())
    row, column = divmod(place, len(names))
    raise NotNumbers(
        f"{source} has the code {quoted(fields[place])} in row {first_row + row + 1}, column "
        f"{quoted(names[column])}, but features must be numbers, which lose leading zeros. Encode "
        "the column (pandas.get_dummies makes 0/1 columns), drop it, or write it without them."
    )


def _number(field: str, row: int, name: str, source: str) -> float:
    if field.strip().lower() in MISSING:
        return float("nan")
    try:
        if "_" in field:
            raise ValueError
        return float(field)
    except ValueError:
        shown = field if len(field) <= 40 else field[:40] + "…"
        raise NotNumbers(
            f"{source} has the text {shown!r} in row {row}, column {quoted(name)}, but features "
            "must be numbers. Encode the column (pandas.get_dummies makes 0/1 columns), drop it, "
            "or name it with --target if it holds the labels."
        ) from None
