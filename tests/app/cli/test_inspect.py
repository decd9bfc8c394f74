"""``sdae inspect``: a table for people, JSON for programs, and refusals in a sentence."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import pytest
from typer.testing import CliRunner

from sdae.app.cli.typer_app import app
from tests.app.cli.commands import SDAE, checked_message, done, environment, refused
from tests.app.inspection.messes import MESSES

ROWS = "".join(f"{k},A{k},{k % 7}.5,{'blue' if k % 2 else 'red'},{k // 2 % 2}\n" for k in range(40))
TEXT = ",name,size,colour,y\n" + ROWS


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    path = tmp_path / "messy.csv"
    path.write_text(TEXT)
    return path


def test_people_get_a_table_the_target_and_every_problem(messy: Path) -> None:
    lines = [
        " ".join(line.split()) for line in done("inspect", messy, "--target", "y").splitlines()
    ]
    assert lines == [
        f"{messy}: 40 rows, 4 columns; separator comma, decimal point",
        "The first column, which has no name, looks like the index of a data frame: left out.",
        "column kind gaps values what is done with it suspect",
        "name text 0 40: A0, A1, A10, A11, … stops training identifier",
        "size number 0 0.5 to 6.5 standardised",
        "colour binary 0 2: blue, red 0 and 1",
        "y target 0 0 to 1 predicted",
        "Target 'y': classification (the target holds 2 different whole numbers), 2 classes, 50.0% "
        "are '0', 0 rows without it (0.0%)",
        "Stops training: Column 'name' has 40 different texts in 40 rows: it looks like an "
        "identifier. Settle it with: --drop name, --id name or --categorical name",
        "1 of 1 problems would stop training.",
    ]


def test_the_options_that_it_names_settle_the_problems(messy: Path) -> None:
    said = done("inspect", messy, "--target", "y", "--id", "name")
    assert said.endswith("Nothing stops training; 0 suspects.\n")
    assert "copied to predictions" in said


def test_programs_get_json_and_nothing_else(messy: Path) -> None:
    found = json.loads(done("inspect", messy, "--target", "y", "--json"))
    assert (found["rows"], found["separator"], found["stops"]) == (40, ",", True)
    assert [column["kind"] for column in found["columns"]] == ["text", "number", "binary", "target"]
    assert found["target"]["task"] == "classification"
    assert [(each["column"], each["kind"]) for each in found["problems"]] == [
        ("name", "identifier")
    ]
    assert [each["kind"] for each in found["notes"]] == ["index"]


@pytest.mark.parametrize("form", ["csv", "parquet", "feather", "csv.xz"])
def test_a_dash_reads_standard_input(form: str, messy: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(messy).drop(columns="Unnamed: 0")
    path = tmp_path / f"t.{form}"
    match form:
        case "parquet":
            frame.to_parquet(path)
        case "feather":
            frame.to_feather(path)
        case _:
            frame.to_csv(path, index=False)
    result = CliRunner().invoke(app, ["inspect", "-", "--json"], input=path.read_bytes())
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["file"] == "standard input"
    assert [column["name"] for column in found["columns"]] == ["name", "size", "colour", "y"]


def test_a_pipe_of_the_system_is_read_to_its_end(messy: Path) -> None:
    with messy.open("rb") as file:
        done = subprocess.run(
            [SDAE, "inspect", "-", "--json"],
            stdin=file,
            env=environment(),
            capture_output=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == 40


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere.csv"], "nowhere.csv does not exist"),
        (["t.xlsx"], "Convert it with: pandas.read_excel('t.xlsx').to_parquet('t.parquet')"),
        (["messy.csv", "--target", "z"], "has no column 'z'"),
        (["messy.csv", "--drop", "nmae"], "Did you mean 'name'?"),
        (["messy.csv", "--sep", "abc"], "The separator parameter of ReadOptions must be one"),
        (["messy.csv", "--decimal", ";"], "must be '.' or ','"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_in_a_sentence(
    arguments: list[str], sentence: str, messy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(messy.parent)
    assert sentence in refused(messy.parent, "inspect", *arguments)


def test_an_empty_standard_input_is_an_error_in_a_sentence() -> None:
    result = CliRunner().invoke(app, ["inspect", "-"], input=b"")
    assert result.exit_code == 2
    assert checked_message(result.stderr).startswith("standard input is empty")


def test_words_of_a_file_cannot_control_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    names = ["\x1b[31mred", "[bold]b", "c\u202ed"]
    rows = "".join(f"\x1b[2J{k % 2},:smile:{k % 2},{k}.5\n" for k in range(40))
    path.write_text(",".join(names) + "\n" + rows)
    said = done("inspect", path, "--target", names[0])
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "[bold]b" in said
    assert ":smile:0" in said


def test_no_mess_is_a_traceback_in_json_either(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for mess in MESSES:
        path.write_bytes(mess.content)
        result: Any = CliRunner().invoke(app, ["inspect", str(path), "--json"])
        if result.exit_code == 0:
            json.loads(result.stdout)
        else:
            checked_message(result.stderr)
