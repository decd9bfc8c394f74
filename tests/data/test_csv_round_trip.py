"""A table that is written as a CSV, in any dialect, is read back."""

import csv
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.data.tables import ReadOptions, read_table
from sdae.data.tables.dialect import Dialect
from sdae.data.tables.options import NA_WORDS
from tests.core.schema.tables import booleans, dates, numbers, table, texts
from tests.data.raw_columns import columns

ROUNDS = settings(max_examples=150, derandomize=True, deadline=None, database=None)
POINT, COMMA = Dialect(".", ", '\u00a0\u202f\u2019"), Dialect(",", ". '\u00a0\u202f\u2019")


def is_a_text(text: str) -> bool:
    """Return whether a text is read as nothing else, and as it is."""
    return (
        text.strip() == text
        and text not in NA_WORDS
        and not POINT.fits(text)
        and not COMMA.fits(text)
        and "\0" not in text
        and text.lower() not in ("true", "false", "yes", "no")
    )


TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8
).filter(is_a_text)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
DAYS = st.integers(0, 40_000).map(lambda day: str(np.datetime64(day, "D")))


@st.composite
def tables(draw: st.DrawFn) -> RawTable:
    """Draw a table of each type of column, with gaps."""
    n_rows = draw(st.integers(1, 8))

    def values(strategy: st.SearchStrategy[Any], gap: Any) -> list[Any]:
        gaps = st.one_of(strategy, strategy, st.just(gap))
        return draw(st.lists(gaps, min_size=n_rows, max_size=n_rows))

    words = values(TEXTS, None)
    words[0] = "word"  # a column of gaps has no type
    days = values(DAYS, None)
    days[0] = "2024-02-29"
    flags = values(st.sampled_from((0.0, 1.0)), np.nan)
    flags[0] = 1.0
    return table(
        numbers("number", *values(NUMBERS, np.nan)),
        numbers("whole", *values(st.integers(-(10**9), 10**9).map(float), np.nan), whole=True),
        booleans("flag", *flags),
        texts('text, with; all|of\t"it"', *words),
        dates("day", *days),
    )


def written(table: RawTable, separator: str, decimal: str, quoting: int, gap: str) -> bytes:
    """Return a table as a CSV."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(table.names)
    fields = [[field(column, row, decimal, gap) for row in range(len(table))] for column in table]
    writer.writerows(zip(*fields, strict=True))
    return stream.getvalue().encode()


def field(column: RawColumn, row: int, decimal: str, gap: str) -> str:
    value = column.values[row]
    if column.missing[row]:
        return gap
    match column.type:
        case ColumnType.TEXT:
            return str(value)
        case ColumnType.BOOLEAN:
            return str(bool(value))
        case ColumnType.DATE:
            return str(np.datetime64(int(value), "s"))
    if column.whole:
        return str(int(value))
    return repr(float(value)).replace(".", decimal)


@ROUNDS
@given(
    table=tables(),
    separator=st.sampled_from((",", ";", "\t", "|")),
    decimal=st.sampled_from((".", ",")),
    quoting=st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
    gap=st.sampled_from(sorted(NA_WORDS)),
)
def test_a_table_is_read_back_in_the_dialect_that_is_named(
    tmp_path_factory: pytest.TempPathFactory,
    table: RawTable,
    separator: str,
    decimal: str,
    quoting: int,
    gap: str,
) -> None:
    path = tmp_path_factory.mktemp("round") / "table.csv"
    path.write_bytes(written(table, separator, decimal, quoting, gap))
    options = ReadOptions(separator, decimal, parse_dates=frozenset({"day"}))
    found = read_table(path, options).table
    assert columns(found) == columns(table)


@ROUNDS
@given(table=tables(), separator=st.sampled_from((",", ";", "\t", "|")))
def test_a_table_of_decimal_points_is_read_back_unasked(
    tmp_path_factory: pytest.TempPathFactory, table: RawTable, separator: str
) -> None:
    path = tmp_path_factory.mktemp("round") / "table.csv"
    path.write_bytes(written(table, separator, ".", csv.QUOTE_ALL, ""))
    found = read_table(path, ReadOptions(parse_dates=frozenset({"day"})))
    assert found.separator == separator
    assert columns(found.table) == columns(table)
    whole = {column.name: column.whole for column in found.table}
    assert whole["whole"] or table.columns[1].missing.all()
