"""Columns that name rows, and the choice of columns: ``--id``, ``--keep``, and what is left out."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdae.core.model_file import load_model
from sdae.core.schema.columns import IgnoredColumn
from tests.app.cli.commands import done, refused
from tests.app.cli.test_mixed_tables import HOW, SMALL, people

pd = pytest.importorskip("pandas")
N_NEW = 5
READ = tuple(text for text in HOW if text not in ("--drop", "note"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a run whose rows have names, and new rows, one of them called NA."""
    folder = tmp_path_factory.mktemp("people")
    named(200).to_csv(folder / "people.csv")  # with an index
    said = done(
        "train", folder / "people.csv", "--out", folder / "run", *READ, "--id=who", "--id=note",
        "--drop=code", *SMALL, "--quiet",
    )  # fmt: skip
    assert said.startswith("Test error ")
    new = named(N_NEW)
    new.loc[1, "who"] = "NA"
    new.loc[2, "who"] = " 007"
    new.to_csv(folder / "new.csv", index=False)
    return folder


def named(n_rows: int) -> Any:
    return people(n_rows).assign(who=[f"person {k}" for k in range(n_rows)], planet="Earth")


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_the_model_says_why_columns_are_left_out(folder: Path) -> None:
    schema = load_model(folder / "run" / "model.safetensors").schema
    assert schema is not None
    why = {column.name: column.why for column in schema.left_out}
    assert why == {
        "Unnamed: 0": "index",
        "code": "dropped",
        "who": "identifier",
        "note": "identifier",
    }
    assert schema.ids == ("who", "note")
    ignored = [column for column in schema.columns if isinstance(column, IgnoredColumn)]
    assert [(column.name, column.why) for column in ignored] == [("planet", "constant")]
    assert [column.name for column in schema.used] == ["size", "since", "visits", "smoker", "town"]
    assert 'id = [\n    "who",\n    "note",\n]' in (folder / "run/recipe.toml").read_text()
    assert (
        "Left out: planet (constant), code (dropped), Unnamed: 0 (index), who (identifier), "
        "note (identifier)\n"
    ) in done("info", folder / "run")
    assert "Scaling: by the columns: numbers and dates are scaled" in done("info", folder / "run")
    entry = json.loads(json.dumps(schema.to_json()))
    assert type(schema).of_json(entry).to_json() == entry


@pytest.mark.parametrize("command", ["predict", "encode", "denoise"])
def test_the_names_of_rows_come_first_as_they_stand(
    command: str, folder: Path, tmp_path: Path
) -> None:
    done(command, folder / "run", folder / "new.csv", "-o", tmp_path / "out.csv")
    header, *rows = rows_of(tmp_path / "out.csv")
    assert header[:2] == ["who", "note"]
    assert [row[0] for row in rows] == ["person 0", "NA", " 007", "person 3", "person 4"]
    assert [row[1] for row in rows] == [f"note {k}" for k in range(N_NEW)]
    done(command, folder / "run", folder / "new.csv", "-o", tmp_path / "one.csv", "--id=tall")
    header, *others = rows_of(tmp_path / "one.csv")
    if command == "predict":
        assert header == ["tall", "label", "p_no", "p_yes, tall"]
    assert [row[1:] for row in others] == [row[2:] for row in rows]


def test_rows_without_these_columns_have_no_names(folder: Path, tmp_path: Path) -> None:
    new = pd.read_csv(folder / "new.csv", keep_default_na=False, dtype=str)
    new.drop(columns=["who", "note"]).to_csv(tmp_path / "new.csv", index=False)
    done("predict", folder / "run", tmp_path / "new.csv", "-o", tmp_path / "out.csv")
    assert rows_of(tmp_path / "out.csv")[0] == ["label", "p_no", "p_yes, tall"]
    command = ("predict", folder / "run", tmp_path / "new.csv", "-o", tmp_path / "o.csv")
    assert "has no column 'who'" in refused(tmp_path, *command, "--id", "who")


def test_names_of_rows_in_parquet(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    new = people(N_NEW).drop(columns=["tall", "note"]).assign(who=range(N_NEW))
    new["smoker"] = new["smoker"] == "yes"
    new["visits"] = pd.to_numeric(new["visits"], errors="coerce")
    new.to_parquet(tmp_path / "new.parquet")
    done("predict", folder / "run", tmp_path / "new.parquet", "-o", tmp_path / "out.csv")
    assert [row[0] for row in rows_of(tmp_path / "out.csv")] == ["who", "0", "1", "2", "3", "4"]


def test_names_of_rows_of_a_run_on_numbers(flower_run: Path, tmp_path: Path) -> None:
    data = flower_run.parent / "flowers.csv"
    done("predict", flower_run, data, "-o", tmp_path / "out.csv", "--id", "species")
    header, *rows = rows_of(tmp_path / "out.csv")
    assert header[:2] == ["species", "label"]
    species = rows_of(data)
    place = species[0].index("species")
    assert [row[0] for row in rows] == [row[place] for row in species[1:]]


def test_outputs_that_cannot_have_names(folder: Path, tmp_path: Path) -> None:
    run, data = folder / "run", folder / "new.csv"
    done("encode", run, data, "-o", tmp_path / "codes.npy")  # numbers only, as before
    assert np.load(tmp_path / "codes.npy").shape == (N_NEW, 8)
    text = refused(tmp_path, "encode", run, data, "-o", tmp_path / "c.npy", "--id=who")
    assert "holds numbers only. With --id, write a .csv file." in text
    text = refused(tmp_path, "denoise", run, data, "-o", tmp_path / "c.csv", "--id=town")
    assert "The column 'town', which names rows, has the name of a column of the output." in text
    np.save(tmp_path / "rows.npy", np.zeros((3, 5)))
    text = refused(
        tmp_path, "predict", run, tmp_path / "rows.npy", "-o", tmp_path / "c.csv", "--id=who"
    )
    assert "rows.npy" in text


@pytest.mark.parametrize("flag", ["--id", "--drop"])
def test_the_target_is_neither_a_name_nor_dropped(flag: str, folder: Path, tmp_path: Path) -> None:
    text = refused(
        tmp_path, "train", folder / "people.csv", "--target=tall", flag, "tall", "--out",
        tmp_path / "run",
    )  # fmt: skip
    assert f"Column 'tall' is the target, so {flag} must not name it." in text


def test_only_some_columns_are_kept(folder: Path, tmp_path: Path) -> None:
    command = ("train", folder / "people.csv", "--target=tall", "--keep=size", "--keep=town")
    more = people(60, seed=4)[["size", "town"]]
    more.to_csv(tmp_path / "more.csv", index=False)
    out = tmp_path / "run"
    done(*command, "--unlabeled", tmp_path / "more.csv", "--out", out, *SMALL, "--quiet")
    schema = load_model(out / "model.safetensors").schema
    assert schema is not None
    assert schema.names == ("size", "town")
    assert 'keep = [\n    "size",\n    "town",\n]' in (out / "recipe.toml").read_text()
    done("predict", out, folder / "new.csv", "-o", tmp_path / "out.csv")
    assert len(rows_of(tmp_path / "out.csv")) == 1 + N_NEW
