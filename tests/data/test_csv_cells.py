"""Cells of a CSV filled: each is written as the others of its column are."""

import numpy as np
import pytest

from sdae.core.schema.raw_table import ColumnType
from sdae.data.tables.csv_cells import CsvCells
from sdae.data.tables.filled_column import FilledColumn

DAY = 86_400.0


def filled(cells: str, type_: ColumnType, value: object, decimal: str = ".", **more: bool) -> str:
    """Return what is written into the empty second cell of a column, beside another column."""
    first, *others = cells.split("|")
    rows = [first, "", *others]
    content = "\n".join(["x;y", *(f"{each};1" for each in rows)]).encode()
    column = FilledColumn("x", type_, np.array([1]), np.array([value]), **more)
    written = list(CsvCells(content, "a.csv").completed([column], decimal))
    assert [row[0] for row in written if row is not written[1]] == [first, *others]
    return written[1][0]


@pytest.mark.parametrize(
    ("cells", "no", "yes"),
    [
        ("true|false", "false", "true"),
        ("TRUE", "FALSE", "TRUE"),
        ("Yes", "No", "Yes"),
        ("no|NA", "no", "yes"),
        ("?|-", "False", "True"),
    ],
)
def test_booleans_have_the_words_of_the_column(cells: str, no: str, yes: str) -> None:
    assert filled(cells, ColumnType.BOOLEAN, 0.0) == no
    assert filled(cells, ColumnType.BOOLEAN, 1.0) == yes


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("2024-01-01|2024-02-29", "1970-01-03"),
        ("2024-01-01T10:00", "1970-01-03T00:00:00"),
        ("2024-01-01 10:00+02:00", "1970-01-03T02:00:00+02:00"),
        ("2024-01-01T10:00Z|NA", "1970-01-03T00:00:00+00:00"),
        ("NA|later", "1970-01-03"),
    ],
)
def test_dates_have_the_form_of_the_column(cells: str, expected: str) -> None:
    assert filled(cells, ColumnType.DATE, 2 * DAY) == expected


def test_numbers_have_the_decimal_character_of_the_file() -> None:
    assert filled("1,5|2,5", ColumnType.NUMBER, 0.25, ",") == "0,25"
    assert filled("1.5|2.5", ColumnType.NUMBER, 0.25) == "0.25"
    assert filled("1|2", ColumnType.NUMBER, 3.0, whole=True) == "3"
    assert filled("a|b", ColumnType.TEXT, "c;d") == "c;d"


def test_columns_without_a_name_have_those_of_pandas() -> None:
    cells = CsvCells(b",a,\n1,2,3\n", "a.csv")
    assert cells.header == ["", "a", ""]
    assert cells.names == ["Unnamed: 0", "a", "Unnamed: 2"]
    assert cells.texts(["Unnamed: 2", "a"]) == [["3", "2"]]
