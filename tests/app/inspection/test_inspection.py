"""What an inspection says of columns, of the target, and of all problems at once."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given

from sdae.app.inspection import Inspection, inspect_table
from sdae.app.inspection.facts import LARGEST
from sdae.core.errors import DataError
from sdae.core.schema.learning import learn_schema
from sdae.core.schema.raw_table import RawColumn, RawTable
from sdae.core.schema.schema_options import SchemaOptions
from sdae.data.tables import ReadOptions, TableFile, read_table
from sdae.data.task import Task, task_of_column
from tests.core.schema.tables import booleans, dates, mixed, numbers, table, texts
from tests.data.test_csv_round_trip import ROUNDS, tables

NAN = float("nan")


def look(*columns: RawColumn, target: str | None = None) -> Inspection:
    file = TableFile("t.csv", table(*columns), RawTable([]), ())
    return inspect_table(file, [target] if target else [])


def look_at(text: str, folder: Path, *targets: str, **options: Any) -> Inspection:
    (folder / "t.csv").write_text(text)
    file = read_table(folder / "t.csv", ReadOptions(**options), targets=targets, strict=False)
    return inspect_table(file, targets)


def kinds(found: Inspection) -> dict[str, tuple[str, ...]]:
    """Return the suspects of each column that has some."""
    return {line.name: line.suspects for line in found.lines if line.suspects}


def test_each_column_has_the_kind_that_a_schema_learns() -> None:
    raw = mixed(200)
    learned = {column.name: column.kind for column in learn_schema(raw, SchemaOptions()).columns}
    found = look(*raw)
    assert {line.name: line.kind for line in found.lines} == learned
    assert not any(remark.stops for remark in found.problems)


@pytest.mark.untraced
@ROUNDS
@given(raw=tables())
def test_an_inspection_stops_where_a_schema_does(raw: RawTable) -> None:
    assume(not (np.abs(raw.columns[0].values) > LARGEST).any())
    found = look(*raw)
    stops = any(remark.stops for remark in found.problems)
    try:
        schema = learn_schema(raw, SchemaOptions())
    except DataError:
        assert stops
    else:
        assert not stops
        assert {line.name: line.kind for line in found.lines} == {
            column.name: column.kind for column in schema.columns
        }
    json.loads(found.to_text())


def test_a_line_has_gaps_values_and_what_is_done() -> None:
    colours = ["red", "green", "blue", "red", None]
    found = look(
        numbers("size", 1.5, NAN, 3, 4, 5),
        texts("colour", *colours),
        dates("day", "2024-01-01", "2024-03-01", None, "2024-06-01", "2024-09-01"),
        booleans("flag", 1, 0, 1, 0, 1),
        numbers("one", 7, 7, 7, 7, 7),
    )
    shown = [(line.kind, line.gaps, line.values, line.treatment) for line in found.lines]
    assert shown == [
        ("number", "1 (20.0%)", "1.5 to 5", "standardised, and whether it is missing"),
        (
            "category",
            "1 (20.0%)",
            "3: red, blue, green",
            "3 inputs, one for each level, and whether it is missing",
        ),
        (
            "date",
            "1 (20.0%)",
            "2024-01-01 to 2024-09-01",
            "standardised time, and cycles of week, and whether it is missing",
        ),
        ("binary", "0", "2: False, True", "0 and 1"),
        ("ignored", "0", "7 to 7", "left out: constant"),
    ]


def test_rare_levels_are_counted() -> None:
    levels = [f"level {k % 60}" for k in range(600)]
    (line,) = look(texts("a", *levels)).lines
    assert line.treatment == "50 inputs (at most 50): 11 rare levels share one"


@pytest.mark.parametrize(
    ("column", "task"),
    [
        (texts("y", "a", "b"), Task.CLASSIFICATION),
        (booleans("y", 1, 0), Task.CLASSIFICATION),
        (numbers("y", 0, 1, NAN), Task.CLASSIFICATION),
        (numbers("y", *range(20)), Task.CLASSIFICATION),
        (numbers("y", *range(21)), Task.REGRESSION),
        (numbers("y", 0.5, 1), Task.REGRESSION),
        (numbers("y", *range(21), declared=True), Task.CLASSIFICATION),
    ],
)
def test_the_task_is_guessed_from_the_target(column: RawColumn, task: Task) -> None:
    assert task_of_column(column)[0] is task


def test_the_classes_their_majority_and_the_gaps_are_counted() -> None:
    y = texts("y", *["no"] * 6, *["yes"] * 2, None, None)
    found = look(numbers("a", *range(10)), y, target="y")
    assert found.target is not None
    assert found.target.majority == ("no", 0.75)
    assert (found.target.n_missing, len(found.target.classes)) == (2, 2)
    assert [line.kind for line in found.lines] == ["number", "target"]
    y = numbers("y", 0.5, 1.5, NAN, 4)
    found = look(numbers("a", *range(4)), y, target="y")
    assert found.target is not None
    assert (found.target.minimum, found.target.maximum, found.target.mean) == (0.5, 4, 2)


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        (texts("y", *["a"] * 30), "has a single value"),
        (texts("y", *map(str, range(30))), "has 30 classes in 30 rows"),
        (texts("y", *[None] * 30), "has no values"),
        (dates("y", *["2024-01-01", "2024-01-02"] * 15), "holds dates"),
    ],
)
def test_a_target_that_nothing_can_learn_stops_training(y: RawColumn, sentence: str) -> None:
    found = look(numbers("a", *range(30)), y, target="y")
    (remark,) = [remark for remark in found.problems if remark.column == "y"]
    assert remark.stops
    assert sentence in remark.text


def test_a_class_that_seems_to_mean_no_label_is_suspected() -> None:
    known = [0.0, 1.0, 2.0] * 10
    a = numbers("a", *np.random.default_rng(0).random(40).tolist())
    (remark,) = look(a, numbers("y", *known, *[-1.0] * 10), target="y").problems
    assert (remark.column, remark.stops) == ("y", False)
    assert remark.text.startswith("Target 'y': 10 rows have the label '-1', which scikit-learn ")
    assert remark.option == "--na-values=-1"
    found = look(a, texts("y", *"ab" * 15, *["None"] * 10), target="y")
    assert [remark.option for remark in found.problems] == ["--na-values None"]
    assert look(a, numbers("y", *[1.0] * 15, *[-1.0] * 25), target="y").problems == ()


def test_several_targets_are_labels(tmp_path: Path) -> None:
    text = "a,u,v\n" + "1.5,0,1\n2.5,1,1\n" * 15
    found = look_at(text, tmp_path, "u", "v")
    assert found.target is not None
    assert found.target.task is Task.MULTILABEL
    assert found.target.classes == {"u": 15, "v": 30}
    found = look_at(text.replace("2.5,1,1", "2.5,2,1"), tmp_path, "u", "v")
    assert [remark.column for remark in found.problems if remark.stops] == ["u"]


def test_all_problems_come_at_once_and_those_that_stop_first(tmp_path: Path) -> None:
    rows = "".join(f"A{k},{k},2024-01-{1 + k % 28:02d},1,{k % 2}\n" for k in range(60))
    found = look_at("name,row,day,one,y\n" + rows, tmp_path, "y")
    assert kinds(found) == {
        "name": ("identifier",),
        "row": ("index",),
        "day": ("date",),
        "one": ("constant",),
    }
    assert [remark.stops for remark in found.problems] == [True, False, False, False]
    options: dict[str, Any] = {
        "id": ("name",),
        "drop": frozenset({"row", "one"}),
        "parse_dates": frozenset({"day"}),
    }
    found = look_at("name,row,day,one,y\n" + rows, tmp_path, "y", **options)
    assert found.problems == ()
    assert [(line.name, line.kind) for line in found.lines] == [
        ("day", "date"),
        ("y", "target"),
        ("name", "id"),
    ]


def test_a_reader_s_problems_are_among_them(tmp_path: Path) -> None:
    found = look_at("a,b,y\nx,5,0\ny,6,1\n", tmp_path, "y", parse_dates=frozenset({"a"}))
    (remark,) = [remark for remark in found.problems if remark.stops]
    assert (remark.column, remark.kind) == ("a", "not_a_date")


@pytest.mark.parametrize("odd", [np.inf, -np.inf, 1e300])
def test_numbers_that_cannot_be_scaled_stop_training(odd: float) -> None:
    found = look(numbers("a", 1.5, odd, 2.5), numbers("b", 1, 2, 1))
    (remark,) = found.problems
    assert remark.stops
    assert remark.option in (f"--na-values {odd}", f"--na-values={odd}")
    found = look(numbers("b", 1, 2, 1), numbers("y", 1.5, odd, 2.5), target="y")
    assert [remark.column for remark in found.problems if remark.stops] == ["y"]
    json.loads(found.to_text())


def test_a_table_without_a_column_to_learn_from_stops_training() -> None:
    found = look(numbers("a", 7, 7, 7), numbers("y", 1, 0, 1), target="y")
    assert [remark.kind for remark in found.problems if remark.stops] == ["no_columns"]


@pytest.mark.parametrize(
    ("values", "suspect"),
    [
        ([*range(40)], "index"),
        ([*range(40, 0, -1)], "index"),
        ([k * k for k in range(40)], "identifier"),
        ([float(k * k) + 0.5 for k in range(40)], None),
        ([k // 2 for k in range(80)], None),
        ([20_240_101 + k % 28 for k in range(60)], "date"),
        ([20_240_101 + k % 40 for k in range(60)], "code"),
        ([10_000 + 7 * (k % 30) for k in range(60)], "code"),
        ([k % 4 for k in range(60)], "few_numbers"),
        ([k % 2 for k in range(60)], None),
        ([*([-999.0] * 3), *np.linspace(0.5, 9, 60)], "sentinel"),
        ([-999.0, *np.linspace(0.5, 9, 60)], None),
        ([*([99.0] * 3), *np.linspace(0.5, 98, 60)], None),
        ([*([9999.0] * 3), *np.linspace(0.5, 98, 60)], "sentinel"),
        ([NAN] * 95 + [1.5, 2.5, 3.5, 4.5, 5.5], "nearly_empty"),
    ],
)
def test_numbers_are_suspected(values: list[float], suspect: str | None) -> None:
    found = look(numbers("a", *values), numbers("b", *(k / 7 for k in range(len(values)))))
    assert kinds(found).get("a", ()) == ((suspect,) if suspect else ())


@pytest.mark.parametrize(
    ("values", "suspect"),
    [
        (["1.5", "2.5", "3.5", "?"], "numbers_and_words"),
        (["1.5", "x", "y", "z"], None),
        (["2024-01-01", "2024-01-02", None], "date"),
        (["2024-01-01 12:00", "2024-01-02 12:00"], "date"),
        (["Jan 5, 2024", "Feb 17, 2024"], "date"),
        (["5 January 2024", "17 Feb 2024"], "date"),
        (["12 %", "13.5 %", "1 %"], "unit"),
        (["5kg", "7kg", "9.5kg"], "unit"),
        (["1,234 €", "2 €", "3 €"], "unit"),
        (["B12", "C7", "D9"], None),
        (["red", "Red", "blue"], "spelling"),
        (["red", "-", "blue"], "sentinel"),
        (["red", "green", "blue"], None),
    ],
)
def test_texts_are_suspected(values: list[str | None], suspect: str | None) -> None:
    found = look(texts("a", *values * 10), numbers("b", *(k / 7 for k in range(10 * len(values)))))
    assert kinds(found).get("a", ()) == ((suspect,) if suspect else ())


def test_a_declared_category_is_not_suspected() -> None:
    values = [f"A{k}" for k in range(60)]
    found = look(
        texts("a", *values, declared=True), numbers("b", *(k % 3 for k in range(60)), declared=True)
    )
    assert found.problems == ()


def test_the_json_has_these_keys(tmp_path: Path) -> None:
    found = look_at("a,b,y\n" + "1.5,red,0\n2.5,blue,1\n" * 5, tmp_path, "y").to_json()
    assert list(found) == [
        "format",
        "file",
        "rows",
        "separator",
        "decimal",
        "columns",
        "target",
        "problems",
        "notes",
        "stops",
    ]
    assert {tuple(column) for column in found["columns"]} == {
        (
            "name",
            "kind",
            "type",
            "missing",
            "missing_share",
            "n_different",
            "minimum",
            "maximum",
            "levels",
            "treatment",
            "suspects",
        )
    }
    assert list(found["target"]) == [
        "columns",
        "task",
        "reason",
        "missing",
        "missing_share",
        "n_classes",
        "classes",
        "majority",
        "majority_share",
        "minimum",
        "maximum",
        "mean",
    ]
    assert found["columns"][1]["levels"] == [
        {"level": "blue", "rows": 5},
        {"level": "red", "rows": 5},
    ]


def test_classes_are_those_of_training(tmp_path: Path) -> None:
    rows = [f"{k},{word}" for k, word in enumerate(["yes", "no", "yes", "007", "7", ""] * 3)]
    (tmp_path / "t.csv").write_text("\n".join(["a,y", *rows]) + "\n")
    file = read_table(tmp_path / "t.csv", targets=["y"], strict=False)
    target = inspect_table(file, ["y"]).target
    assert target is not None
    assert target.classes == {"yes": 6, "007": 3, "7": 3, "no": 3}
    (tmp_path / "b.csv").write_text("a,y\n1,yes\n2,no\n3,no\n")
    file = read_table(tmp_path / "b.csv", targets=["y"], strict=False)
    target = inspect_table(file, ["y"]).target
    assert target is not None
    assert target.classes == {"no": 2, "yes": 1}


@pytest.mark.parametrize(
    ("content", "done"),
    [
        ("a,b\n0,1\n1,1\n0.5,1\n", "left as it is"),
        ("a,b\n0,1\n1,1\n7,1\n", "standardised"),
        ("a;b\n0,5;1\n1,5;3\n0,25;2\n", "standardised"),  # a decimal comma needs a schema
    ],
)
def test_plain_numbers_are_scaled_as_training_scales_them(
    tmp_path: Path, content: str, done: str
) -> None:
    found = look_at(content, tmp_path)
    assert {line.treatment for line in found.lines} == {done}
