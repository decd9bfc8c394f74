"""A run on a table with texts, dates and gaps, through every command."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdae import SDAEClassifier, load
from sdae.core.model_file import load_model
from tests.app.cli.commands import done, invoke, refused

pd = pytest.importorskip("pandas")
SMALL = (
    "--set=model.hidden_layer_sizes=[12, 8]",
    "--set=pretraining.epochs=3",
    "--set=finetuning.epochs=4",
)
N_ROWS, N_UNLABELLED = 200, 30
HOW = ("--target", "tall", "--parse-dates", "since", "--na-values", "?", "--drop", "note")


def people(n_rows: int = N_ROWS, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    size, town = rng.normal(170, 10, n_rows), rng.choice(["Ghent", "Liège", "Mons"], n_rows)
    tall = np.where(size + 8 * (town == "Mons") > 172, "yes, tall", "no").astype(object)
    tall[:N_UNLABELLED] = None
    days = rng.integers(0, 1500, n_rows)
    table = pd.DataFrame(
        {
            "size": size.round(1),
            "code": [f"00{k}" for k in rng.integers(1, 4, n_rows)],
            "town": town,
            "smoker": rng.choice(["yes", "no"], n_rows),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(days, "D"),
            "visits": rng.integers(0, 9, n_rows).astype(object),
            "note": [f"note {k}" for k in range(n_rows)],
            "tall": tall,
        }
    )
    for name in ("size", "town"):
        table.loc[rng.random(n_rows) < 0.15, name] = None
    table.loc[rng.random(n_rows) < 0.1, "visits"] = "?"
    return table


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a table and the run that was trained on it."""
    folder = tmp_path_factory.mktemp("people")
    people().to_csv(folder / "people.csv", index=False)
    said = done("train", folder / "people.csv", "--out", folder / "run", *HOW, *SMALL)
    assert "Columns: 2 numbers, 1 dates, 1 binaries, 2 categories; 3 with missing values" in said
    assert said.splitlines()[-1].startswith("Test error ")
    return folder


def answers_of(path: Path) -> tuple[list[str], Any]:
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    assert header == ["label", "p_no", "p_yes, tall"]
    return [row[0] for row in rows], np.array([row[1:] for row in rows], float)


def test_predictions_are_those_of_the_estimator(folder: Path, tmp_path: Path) -> None:
    done("predict", folder / "run", folder / "people.csv", "-o", tmp_path / "answers.csv")
    labels, p = answers_of(tmp_path / "answers.csv")
    model = load(folder / "run")
    assert isinstance(model, SDAEClassifier)
    table = people().replace("?", None)
    table["smoker"] = table["smoker"] == "yes"
    table["visits"] = table["visits"].astype(float)
    assert np.array_equal(model.predict_proba(table), p[:, :])
    assert model.predict(table).tolist() == labels
    assert len(labels) == N_ROWS


def test_the_columns_of_new_rows_are_read_as_in_training(folder: Path, tmp_path: Path) -> None:
    run = folder / "run"
    rows = people(3, seed=9).drop(columns=["tall", "note"])[::-1]
    rows["code"] = ["1", "2", "3"]  # alone they would be numbers
    rows["visits"] = "?"  # alone they would be texts
    rows.assign(more="x").to_csv(tmp_path / "new.csv", sep=";", index=False)
    done("predict", folder / "run", tmp_path / "new.csv", "-o", tmp_path / "answers.csv")
    assert len(answers_of(tmp_path / "answers.csv")[0]) == 3
    rows.drop(columns=["town", "since", "size"]).to_csv(tmp_path / "short.csv", index=False)
    text = refused(tmp_path, "predict", run, tmp_path / "short.csv", "-o", tmp_path / "a.csv")
    assert "short.csv has no columns 'size', 'since', 'town'" in text


def test_what_is_measured_leaves_out_rows_without_labels(folder: Path) -> None:
    said = done("evaluate", folder / "run", folder / "people.csv")
    assert f"Rows without a label, left out: {N_UNLABELLED}\n" in said
    assert f"Rows {N_ROWS - N_UNLABELLED}, wrong" in said


def test_codes_and_reconstructions(folder: Path, tmp_path: Path) -> None:
    done("encode", folder / "run", folder / "people.csv", "-o", tmp_path / "codes.npy")
    assert np.load(tmp_path / "codes.npy").shape == (N_ROWS, 8)
    data = folder / "people.csv"
    done("denoise", folder / "run", data, "-o", tmp_path / "clean.csv")
    clean = pd.read_csv(tmp_path / "clean.csv", dtype={"code": str}, parse_dates=["since"])
    assert list(clean) == ["size", "code", "town", "smoker", "since", "visits"]
    assert set(clean["code"]) <= {"001", "002", "003"}
    assert set(clean["town"]) <= {"Ghent", "Liège", "Mons"}
    assert clean["since"].dt.year.between(2015, 2030).all()
    assert clean["size"].between(120, 220).all()
    text = refused(
        tmp_path, "denoise", folder / "run", folder / "people.csv", "-o", tmp_path / "clean.npy"
    )
    assert "must be a .csv file" in text


def test_the_run_is_exported_with_its_columns(folder: Path, tmp_path: Path) -> None:
    said = done("export", folder / "run", "--numpy", tmp_path / "out")
    assert f"agree with sdae on {N_ROWS} rows of the data, 320 random rows" in said
    people().to_csv(tmp_path / "people.csv", index=False)
    command = [sys.executable, "predict.py", str(tmp_path / "people.csv"), "-o", "answers.csv"]
    subprocess.run(command, cwd=tmp_path / "out", check=True, timeout=120)
    done("predict", folder / "run", folder / "people.csv", "-o", tmp_path / "answers.csv")
    labels, p = answers_of(tmp_path / "answers.csv")
    theirs, q = answers_of(tmp_path / "out" / "answers.csv")
    assert theirs == labels
    np.testing.assert_allclose(p, q, atol=1e-5)


@pytest.mark.usefixtures("pictures")
def test_a_report_names_levels_and_gaps(folder: Path, tmp_path: Path) -> None:
    done("report", folder / "run", "-o", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "The parts that need rows are left out" not in page
    for text in ("Ghent, Liège, Mons", ">hidden<", "a decoder for each kind of column"):
        assert text in page
    assert "size is missing" not in page  # an input of the network, not a column of the table


def test_labels_may_come_later(folder: Path, tmp_path: Path) -> None:
    rows = people().drop(columns=["tall", "note"])
    rows.to_csv(tmp_path / "rows.csv", index=False)
    out = tmp_path / "run"
    done("train", tmp_path / "rows.csv", "--out", out, *HOW[2:6], *SMALL, "--quiet")
    assert load_model(out / "model.safetensors").stack.head_kind is None
    said = done("finetune", out, folder / "people.csv", "--target", "tall")
    assert "Test error" in said
    model = load_model(out / "model.safetensors")
    assert model.classes == ("no", "yes, tall")
    assert model.schema is not None
    assert "tall" not in model.schema.names


def test_the_recipe_repeats_the_run_to_the_byte(folder: Path, tmp_path: Path) -> None:
    recipe = (folder / "run" / "recipe.toml").read_text(encoding="utf-8")
    assert 'parse_dates = "since"' in recipe
    assert 'drop = "note"' in recipe
    done("train", "--recipe", folder / "run" / "recipe.toml", "--out", tmp_path / "again")
    first, second = (
        (path / "model.safetensors").read_bytes() for path in (folder / "run", tmp_path / "again")
    )
    assert first == second


def test_text_that_differs_from_row_to_row_stops_before_anything_is_written(
    folder: Path, tmp_path: Path
) -> None:
    text = refused(
        tmp_path, "train", folder / "people.csv", "--target", "tall", "--out", tmp_path / "run"
    )
    assert "in columns since, note: it looks like an identifier or like free text" in text
    assert "--drop" in text
    assert "--parse-dates" in text
    assert not (tmp_path / "run").exists()


def test_parquet_and_feather_give_the_model_of_the_csv(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    table = people().replace("?", None).drop(columns="note")
    table["smoker"] = table["smoker"] == "yes"
    table["visits"] = table["visits"].astype(float)
    table.to_parquet(tmp_path / "people.parquet")
    table.to_feather(tmp_path / "people.feather")
    expected = load_model(folder / "run" / "model.safetensors")
    assert expected.schema is not None
    for kind in ("parquet", "feather"):
        done(
            "train", tmp_path / f"people.{kind}", "--target=tall", "--out", tmp_path / kind, *SMALL
        )
        found = load_model(tmp_path / kind / "model.safetensors")
        assert found.schema is not None
        assert found.schema.parts == expected.schema.parts
        for (name, one), (_, two) in zip(
            expected.stack.state_dict().items(), found.stack.state_dict().items(), strict=True
        ):
            assert np.array_equal(one.numpy(), two.numpy()), name


def test_a_gap_where_training_had_none_is_a_line_of_warning(folder: Path, tmp_path: Path) -> None:
    rows = people(3, seed=9)
    rows["code"] = None
    rows.to_csv(tmp_path / "new.csv", index=False)
    command = ("predict", folder / "run", tmp_path / "new.csv", "-o", tmp_path / "answers.csv")
    result = invoke(*command)
    assert result.exit_code == 0
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Warning: {tmp_path / 'new.csv'} has missing values in column code,")


def test_a_model_file_says_its_format(folder: Path) -> None:
    content = (folder / "run" / "model.safetensors").read_bytes()
    size = int.from_bytes(content[:8], "little")
    entry = json.loads(json.loads(content[8 : 8 + size])["__metadata__"]["sdae"])
    assert entry["format"] == 2
    assert entry["schema"]["missing_marks"] == ["?"]
