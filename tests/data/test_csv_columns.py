"""The columns of a CSV: their types, their gaps, and how its numbers are written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pandas._libs.parsers import STR_NA_VALUES  # type: ignore[import-untyped]

from sdae.core.errors import DataError, FileFormatError, InvalidParameterError
from sdae.core.schema.raw_table import ColumnType
from sdae.data.tables import ReadOptions, read_table
from sdae.data.tables.options import NA_WORDS
from tests.data.memory import memory_below
from tests.data.raw_columns import columns, plain, read
from tests.data.refusals import soon


def only(content: str, folder: Path, **options: Any) -> tuple[str, list[Any]]:
    """Return the type and the values of the first column."""
    return next(iter(columns(read(content, folder, **options).table).values()))


def one(values: list[str], folder: Path, **options: Any) -> tuple[str, list[Any]]:
    """Return the type and the values of a column, beside one of numbers."""
    lines = "".join(f"{value};{k}\n" for k, value in enumerate(values))
    return only(f"a;b\n{lines}", folder, separator=";", **options)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["1", "-2", "+3"], ("number", [1, -2, 3])),
        (["1.5", ".5", "2.", "1e3", "2E-1"], ("number", [1.5, 0.5, 2, 1000, 0.2])),
        (["1", " 2 ", ""], ("number", [1, 2, None])),
        (["inf", "-Infinity", "1"], ("number", [np.inf, -np.inf, 1])),
        (["True", "FALSE", "true", ""], ("boolean", [1, 0, 1, None])),
        (["yes", "No", "NA"], ("boolean", [1, 0, None])),
        (["yes", "False"], ("text", ["yes", "False"])),
        (["007", "7"], ("text", ["007", "7"])),
        (["0", "0.5", "-0"], ("number", [0, 0.5, 0])),
        (["1_0", "2"], ("text", ["1_0", "2"])),
        (["\u0661", "2"], ("text", ["\u0661", "2"])),
        (["", "NA"], ("number", [None, None])),
        (["red", " blue ", "n/a"], ("text", ["red", "blue", None])),
        (["2024-02-29"], ("text", ["2024-02-29"])),
    ],
)
def test_the_type_of_a_column_is_that_of_all_its_values(
    values: list[str], found: tuple[str, list[Any]], tmp_path: Path
) -> None:
    assert one(values, tmp_path) == found


@pytest.mark.parametrize("word", sorted(NA_WORDS))
def test_each_word_of_pandas_is_a_gap_in_numbers_and_in_texts(word: str, tmp_path: Path) -> None:
    assert one(["1", word], tmp_path) == ("number", [1, None])
    assert one(["red", f" {word} "], tmp_path) == ("text", ["red", None])
    assert one(["yes", word], tmp_path) == ("boolean", [1, None])


def test_the_words_are_those_of_pandas() -> None:
    assert NA_WORDS == STR_NA_VALUES


def test_other_words_are_gaps_if_they_are_named(tmp_path: Path) -> None:
    assert one(["1", "?"], tmp_path, na_values=frozenset("?")) == ("number", [1, None])
    marks = frozenset({"-999"})
    assert one(["1", "-999", "-999.0"], tmp_path, na_values=marks) == ("number", [1, None, None])
    assert one(["red", "-999"], tmp_path, na_values=marks) == ("text", ["red", None])


@pytest.mark.parametrize("whole", [True, False])
def test_a_column_is_of_whole_numbers_if_all_are_written_so(whole: bool, tmp_path: Path) -> None:
    text = "a,b\n1,1\n,2\n3,3\n" if whole else "a,b\n1.0,1\n,2\n3,3\n"
    assert read(text, tmp_path).table.columns[0].whole is whole


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(separator: str, tmp_path: Path) -> None:
    text = '"a,x;y|z",b\n1,"u;v"\n2,w\n'.replace('",', f'"{separator}').replace(
        "1,", f"1{separator}"
    )
    text = text.replace("2,", f"2{separator}")
    found = read(text, tmp_path)
    assert found.separator == separator
    assert found.table.names == ("a,x;y|z", "b")
    assert columns(found.table)["b"] == ("text", ["u;v", "w"])


def test_an_even_separator_is_preferred_to_a_frequent_one(tmp_path: Path) -> None:
    found = read("name, first, last; age\nx; 1\ny; 2\n", tmp_path)
    assert found.separator == ";"
    assert found.table.names == ("name, first, last", "age")


def test_a_separator_may_be_named(tmp_path: Path) -> None:
    assert read("a:b\n1:2\n", tmp_path, separator=":").table.names == ("a", "b")
    assert read("a\tb;c\n1\t2;3\n", tmp_path, separator="tab").table.names == ("a", "b;c")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["1,5", "12,25"], [1.5, 12.25]),
        (["1,234,567", "12"], [1_234_567, 12]),
        (["1.234,5", "7"], [1234.5, 7]),
        (["1.234.567", "7"], [1_234_567, 7]),
        (["1,234.5", "1,000"], [1234.5, 1000]),
        (["0,123", "1,234"], [0.123, 1.234]),
        (["1 234,5", "7"], [1234.5, 7]),
        (["1\u202f234\u202f567", "7"], [1_234_567, 7]),
        (["1'234.5", "2"], [1234.5, 2]),
        (["1.234", "2"], [1.234, 2]),
    ],
)
def test_decimal_commas_and_thousands_are_found_where_only_one_reading_is_possible(
    values: list[str], found: list[float], tmp_path: Path
) -> None:
    assert one(values, tmp_path) == ("number", found)


def test_a_number_of_two_readings_stays_a_text_and_is_remarked_on(tmp_path: Path) -> None:
    found = read("a;b\n1,234;1\n12,345;2\n", tmp_path)
    assert columns(found.table)["a"] == ("text", ["1,234", "12,345"])
    assert [(each.kind, each.column) for each in found.remarks] == [("ambiguous_numbers", "a")]


@pytest.mark.parametrize(("other", "value"), [("1,5", 1.234), ("1,234.5", 1234.0), ("0.5", 1234.0)])
def test_another_column_decides_between_two_readings(
    other: str, value: float, tmp_path: Path
) -> None:
    assert only(f"a;b\n1,234;{other}\n", tmp_path) == ("number", [value])


def test_points_are_thousands_in_a_file_of_decimal_commas(tmp_path: Path) -> None:
    assert only("a;b\n1.234;1,5\n2.000;2,5\n", tmp_path) == ("number", [1234, 2000])
    assert only("a;b\n1.234;1,5\n2.5;2,5\n", tmp_path) == ("number", [1.234, 2.5])


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"decimal": ","}, ("number", [1.234])),
        ({"decimal": "."}, ("number", [1234])),
        ({"thousands": ","}, ("number", [1234])),
        ({"thousands": "."}, ("number", [1.234])),
        ({"decimal": ".", "thousands": ""}, ("text", ["1,234"])),
    ],
)
def test_the_user_decides_between_two_readings(
    options: dict[str, str], found: tuple[str, list[Any]], tmp_path: Path
) -> None:
    assert one(["1,234"], tmp_path, **options) == found


@pytest.mark.parametrize(
    "options",
    [
        {"separator": "ab"},
        {"separator": '"'},
        {"separator": "x"},
        {"decimal": ";"},
        {"thousands": "x"},
        {"decimal": ",", "thousands": ","},
    ],
)
def test_a_character_that_cannot_be_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(InvalidParameterError, match=f"The {list(options)[-1]} parameter"):
        ReadOptions(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86_400),
        ("19700102", 86_400),
        ("1970-01-02T00:00:01", 86_401),
        ("1970-01-01 01:00", 3600),
        ("1970-01-01T01:00:00.25Z", 3600.25),
        ("1970-01-01T01:00+01:00", 0),
        ("1969-12-31", -86_400),
        ("0001-01-01", -62_135_596_800),
    ],
)
def test_dates_are_read_where_they_are_named(text: str, seconds: float, tmp_path: Path) -> None:
    found = one([text, "NA"], tmp_path, parse_dates=frozenset("a"))
    assert found == ("date", [seconds, None])


def test_all_columns_that_hold_no_dates_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'a' holds '29/02/2024'.*to_datetime.*'b' holds 'x'"):
        read("a,b\n29/02/2024,x\n", tmp_path, parse_dates=frozenset("ab"))


def test_index_columns_are_left_out_with_a_word(tmp_path: Path) -> None:
    found = read(",__index_level_0__,a\n0,0,5\n1,1,6\n", tmp_path)
    assert found.table.names == ("a",)
    assert [remark.kind for remark in found.remarks] == ["index", "index"]
    assert "has no name" in found.remarks[0].text
    assert read("Unnamed: 0,a\n0,5\n", tmp_path).table.names == ("a",)
    kept = read("Unnamed: 0,a\n0,5\n", tmp_path, keep=frozenset({"Unnamed: 0", "a"}))
    assert kept.table.names == ("Unnamed: 0", "a")


def test_columns_are_dropped_kept_and_set_apart(tmp_path: Path) -> None:
    text = "a,b,c,d\n1,007,3,4\n"
    assert read(text, tmp_path, drop=frozenset("ac")).table.names == ("b", "d")
    found = read(text, tmp_path, keep=frozenset("a"), id=("d", "b"))
    assert found.table.names == ("a",)
    assert columns(found.ids) == {"d": ("text", ["4"]), "b": ("text", ["007"])}
    path = tmp_path / "t.csv"
    kept = read_table(path, ReadOptions(keep=frozenset("a")), targets=["c"])
    assert kept.table.names == ("a", "c")


def test_columns_that_are_not_there_are_named_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no columns 'agee', 'x'. Did you mean 'age'.* age, b"):
        read("age,b\n1,2\n", tmp_path, drop=frozenset({"agee", "x"}))


def test_a_declared_category_may_hold_numbers(tmp_path: Path) -> None:
    (column, other) = read("a,b\n1,2\n", tmp_path, categorical=frozenset("a")).table
    assert (column.declared, other.declared) == (True, False)
    assert plain(column) == [1]


def test_a_mark_of_the_byte_order_and_other_line_ends_are_accepted(tmp_path: Path) -> None:
    found = read(b"\xef\xbb\xbfa;b\r\n1;x\r\n\r\n2;y\r\n", tmp_path)
    assert columns(found.table) == {"a": ("number", [1, 2]), "b": ("text", ["x", "y"])}


def test_rows_of_many_chunks_keep_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.data.csv_lines._CHUNK_CELLS", 6)
    text = "a,b\n" + "".join(f"{k},t{k}\n" for k in range(50))
    found = columns(read(text, tmp_path).table)
    assert found == {
        "a": ("number", list(range(50))),
        "b": ("text", [f"t{k}" for k in range(50)]),
    }


def test_texts_that_would_take_too_much_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.data.bounds._ALWAYS", 1000)
    monkeypatch.setattr("sdae.data.bounds._RATIO", 10)
    text = "a,b\n" + "".join(f"{chr(65 + k % 26)}{k},\n" for k in range(2000))
    with pytest.raises(FileFormatError, match="far too many for a file of"):
        read(text, tmp_path)


def test_memory_stays_near_that_of_the_text_and_the_columns(tmp_path: Path) -> None:
    line = ",".join(["0.25", "red", "true"] * 20) + "\n"
    text = ",".join(f"c{k}" for k in range(60)) + "\n" + line * 10_000
    # As Python objects the 600,000 fields would take 35 MB more.
    with memory_below(3 * len(text) + 8 * 600_000 + 4e6):
        assert read(text, tmp_path).table.shape == (10_000, 60)


@pytest.mark.parametrize("decimal", [".", ","])
def test_a_table_of_a_million_fields_is_read_soon(decimal: str, tmp_path: Path) -> None:
    rows = np.char.mod("%.6f", np.random.default_rng(0).normal(size=(50_000, 20))).tolist()
    text = "\n".join([";".join(f"c{k}" for k in range(20)), *map(";".join, rows)])
    with soon(8):  # seconds of the processor; one or two where nothing else runs
        found = read(text.replace(".", decimal), tmp_path).table
    assert all(column.type is ColumnType.NUMBER for column in found)
