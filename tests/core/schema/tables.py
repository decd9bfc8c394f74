"""Raw tables for tests."""

from typing import Any

import numpy as np

from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.table_schema import Schema

NAN = np.nan


def numbers(name: str, *values: float, whole: bool = False, declared: bool = False) -> RawColumn:
    return RawColumn(name, ColumnType.NUMBER, np.array(values, float), declared, whole)


def booleans(name: str, *values: float) -> RawColumn:
    return RawColumn(name, ColumnType.BOOLEAN, np.array(values, float))


def texts(name: str, *values: str | None, declared: bool = False) -> RawColumn:
    array = np.empty(len(values), object)
    array[:] = values
    return RawColumn(name, ColumnType.TEXT, array, declared)


def dates(name: str, *days: str | None) -> RawColumn:
    """Return a column of dates from texts such as 2024-02-29T12:00."""
    moments = np.array([day or "NaT" for day in days], "datetime64[s]")
    seconds = moments.astype(np.int64).astype(float)
    seconds[np.isnat(moments)] = np.nan
    return RawColumn(name, ColumnType.DATE, seconds)


def table(*columns: RawColumn, named: bool = True) -> RawTable:
    return RawTable(columns, named=named)


def mixed(n_rows: int = 60, seed: int = 0, gaps: float = 0.15) -> RawTable:
    """Draw a table with a column of each kind and gaps in all but the last."""
    rng = np.random.default_rng(seed)
    missing = rng.random((n_rows, 7)) < gaps
    size = rng.normal(170, 10, n_rows)

    def of_texts(name: str, values: Any, gap: Any) -> RawColumn:
        return texts(name, *(None if g else str(v) for v, g in zip(values, gap, strict=True)))

    start = np.datetime64("2023-01-01T00:00", "s").astype(np.int64)
    days = start + rng.integers(0, 700, n_rows) * 86_400.0
    return table(
        numbers("size", *np.where(missing[:, 0], NAN, size)),
        numbers("count", *np.where(missing[:, 1], NAN, rng.poisson(3, n_rows)), whole=True),
        booleans("smoker", *np.where(missing[:, 2], NAN, rng.integers(2, size=n_rows))),
        of_texts("sex", np.where(size > 170, "m", "f"), missing[:, 3]),
        of_texts("town", rng.choice(["A", "B", "C", "D"], n_rows), missing[:, 4]),
        RawColumn("day", ColumnType.DATE, np.where(missing[:, 5], NAN, days)),
        of_texts("colour", rng.choice(["red", "green", "blue"], n_rows), np.zeros(n_rows, bool)),
    )


def assert_same_schema(found: Schema, expected: Schema) -> None:
    """Compare schemas: scales and means to 1e-12 of the scale, or of 1; all else is equal."""
    ours, values, _ = _with_numbers_apart(found)
    theirs, expected_values, sizes = _with_numbers_apart(expected)
    assert ours == theirs
    differences = np.abs(np.array(values) - np.array(expected_values))
    assert (differences <= 1e-12 * np.array(sizes)).all()


def _with_numbers_apart(schema: Schema) -> tuple[Any, list[float], list[float]]:
    """Return the JSON of a schema without numbers that are rounded, these, and their sizes."""
    entry = schema.to_json()
    values: list[float] = []
    sizes: list[float] = []
    for column in entry["columns"]:
        scale = column.get("scale", {})
        if "offset" in scale:
            sizes += [max(scale["scale"], abs(scale["offset"])), scale["scale"]]
            values += [scale.pop("offset"), scale.pop("scale")]
        gap = column.pop("gap", [])
        gaps = gap if isinstance(gap, list) else [gap]
        values += gaps
        sizes += [max(1.0, abs(each)) for each in gaps]
    return entry, values, sizes
