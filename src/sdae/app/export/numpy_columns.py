"""The columns of a table for predict.py: values of many kinds become rows of the network.

Axes: n rows, S components of one column.
"""

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

Array = Any  # a numpy array
Column = dict[str, Any]

DAY = 86_400.0
PERIODS = {"year": 365.2425 * DAY, "week": 7 * DAY, "day": DAY}
FIRST_MONDAY = 4 * DAY  # after the beginning of 1970
# The texts that pandas takes for missing values, as its documentation of read_csv lists them.
MISSING = (
    "",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "-1.#IND",
    "-1.#QNAN",
    "-NaN",
    "-nan",
    "1.#IND",
    "1.#QNAN",
    "<NA>",
    "N/A",
    "NA",
    "NULL",
    "NaN",
    "None",
    "n/a",
    "nan",
    "null",
)
FARTHEST_RANK = 1e-7
BOOLEANS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


def encode(schema: Mapping[str, Any], table: Any) -> Array:
    """Return the rows of a table for the network, (n, V).

    Parameters
    ----------
    schema : mapping
        The entry ``schema`` of the model.
    table : mapping of names to values, or sequence of columns in the order of ``fit``
        Missing are None, NaN and blank texts; dates are seconds since 1970, or texts in ISO 8601.
    """
    every = schema["columns"]
    given = table if isinstance(table, Mapping) else _by_name(every, table)
    blocks: dict[str, list[Array]] = {"number": [], "binary": [], "category": []}
    indicators: dict[str, list[Array]] = {"number": [], "binary": [], "category": []}
    for column in every:
        if column["kind"] == "ignored":
            continue
        if column["name"] not in given:
            raise ValueError(f"The table has no column {column['name']!r}.")
        block = {"date": "number"}.get(column["kind"], column["kind"])
        values = [None if is_missing(value) else value for value in given[column["name"]]]
        missing = np.array([value is None for value in values], bool)
        parts = KINDS[column["kind"]](column, values)
        parts[missing] = column.get("gap", 0.0)
        blocks[block].append(parts)
        if column["has_gaps"]:
            indicators[block].append(missing[:, None].astype(float))
    parts = [part for block in (*blocks.values(), *indicators.values()) for part in block]
    return np.concatenate(parts, axis=1)


def is_missing(value: Any) -> bool:
    """Return whether a value is missing: None, NaN, or a text that says so."""
    if value is None or isinstance(value, str):
        return value is None or not value.strip()
    return isinstance(value, float | np.floating) and math.isnan(value)


def numbers(values: Sequence[Any]) -> Array:
    """Return values as numbers, (n,), with NaN where missing."""
    return np.array([math.nan if value is None else float(value) for value in values], float)


def number_column(column: Column, values: Sequence[Any]) -> Array:
    """Return scaled numbers, (n, 1)."""
    return scaled(column["scale"], numbers(values))[:, None]


def date_column(column: Column, values: Sequence[Any]) -> Array:
    """Return the time, scaled, and sine and cosine of its place in each cycle, (n, S)."""
    seconds = numbers([_seconds(value) for value in values])
    parts = [scaled(column["scale"], seconds)]
    for cycle in column["cycles"]:
        since = seconds - (FIRST_MONDAY if cycle == "week" else 0.0)
        angle = 2 * np.pi * np.mod(since / PERIODS[cycle], 1.0)
        parts += [np.sin(angle), np.cos(angle)]
    return np.stack(parts, axis=1)


def binary_column(column: Column, values: Sequence[Any]) -> Array:
    """Return 0 and 1, and the gap for other values, (n, 1)."""
    if column["type"] != "text" and column["levels"] == [0.0, 1.0]:
        return np.clip(numbers(list(_typed(column, values))), 0.0, 1.0)[:, None]
    place = {level: float(k) for k, level in enumerate(column["levels"])}
    return np.array([[place.get(value, column["gap"])] for value in _typed(column, values)], float)


def category_column(column: Column, values: Sequence[Any]) -> Array:
    """Return a component per level, (n, S)."""
    place = {level: k for k, level in enumerate(column["levels"])}
    has_rare = column["infrequent"] is not None
    parts = np.zeros((len(values), len(place) + has_rare))
    for row, value in enumerate(_typed(column, values)):
        if value in place:
            parts[row, place[value]] = 1
        elif value is not None and has_rare:
            parts[row, -1] = 1
    return parts


KINDS: dict[str, Callable[[Column, Sequence[Any]], Array]] = {
    "number": number_column,
    "date": date_column,
    "binary": binary_column,
    "category": category_column,
}


def scaled(scale: Mapping[str, Any], values: Array) -> Array:
    """Scale numbers, (n,)."""
    if scale["name"] != "quantile":
        return (values - scale["offset"]) / scale["scale"]
    known = np.array(scale["quantiles"])
    shares = np.clip(np.linspace(0, 1, len(known)), FARTHEST_RANK, 1 - FARTHEST_RANK)
    knots = np.array([NormalDist().inv_cdf(share) for share in shares.tolist()])
    left, right = (np.searchsorted(known, values, side) for side in ("left", "right"))
    below, above = np.clip(left - 1, 0, None), np.clip(left, None, len(known) - 1)
    width = known[above] - known[below]
    share = (np.clip(values, known[0], known[-1]) - known[below]) / np.where(width > 0, width, 1)
    between = knots[below] + share * (knots[above] - knots[below])
    middle = (knots[above] + knots[np.clip(right - 1, 0, None)]) / 2
    return np.where(right > left, middle, between)


def read_table(path: Path, marks: Sequence[str]) -> dict[str, list[str | None]]:
    """Read a .csv with a header line: each column by its name, with None where missing.

    `marks` are the texts that mean so, besides the usual ones.
    """
    missing = {*MISSING, *marks}
    with path.open(encoding="utf-8-sig", newline="") as file:
        separator = max(",;\t", key=file.readline().count)
        file.seek(0)
        header, *lines = [line for line in csv.reader(file, delimiter=separator) if line]
    for line in lines:
        if len(line) != len(header):
            raise ValueError(f"{path} has a line of {len(line)} fields, not {len(header)}.")
    fields = [[field.strip() for field in column] for column in zip(*lines, strict=True)]
    return {
        name.strip(): [None if field in missing else field for field in column]
        for name, column in zip(header, fields, strict=True)
    }


def _typed(column: Column, values: Sequence[Any]) -> Iterator[Any]:
    """Yield values of the type of a column's levels."""
    for value in values:
        if value is None or column["type"] == "text":
            yield value if value is None else str(value)
        elif isinstance(value, str):
            word = value.strip().lower()
            yield BOOLEANS[word] if word in BOOLEANS else float(word)
        else:
            yield float(value)


def _seconds(value: Any) -> Any:
    """Return the seconds since 1970 of a text in ISO 8601; other values unchanged."""
    if not isinstance(value, str):
        return value
    return np.datetime64(value, "us").astype(np.int64) / 1e6


def _by_name(columns: Sequence[Column], table: Any) -> dict[str, Any]:
    if len(table) != len(columns):
        raise ValueError(f"The table must have {len(columns)} columns. It has {len(table)}.")
    return {column["name"]: values for column, values in zip(columns, table, strict=True)}
