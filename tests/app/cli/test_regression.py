"""A run that learns values, through every command."""

import csv
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest

from sdae import SDAERegressor, load
from sdae.core.kinds.heads import Head
from sdae.core.model_file import load_model
from tests.app.cli.commands import done, invoke, refused

pd = pytest.importorskip("pandas")
SMALL = (
    "--set=model.hidden_layer_sizes=[16]",
    "--set=pretraining.epochs=3",
    "--set=finetuning.epochs=60",
    "--set=finetuning.dropout=0.0",
)
N_ROWS, N_UNLABELLED = 220, 20


def houses(n_rows: int = N_ROWS, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    area, town = rng.normal(100, 25, n_rows), rng.choice(["Ghent", "Mons"], n_rows)
    price = 200_000 + 1000 * (area - 100) + 20_000 * (town == "Ghent") + rng.normal(0, 3e3, n_rows)
    return pd.DataFrame({"area": area.round(1), "town": town, "price": price.round(2)})


@pytest.fixture(scope="module", params=["mixed", "numbers"])
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Return a folder with a table, of any types or of numbers only, and the run trained on it."""
    folder = tmp_path_factory.mktemp("houses")
    table = houses()
    if request.param == "numbers":
        table["town"] = (table["town"] == "Ghent").astype(int)
    else:
        table.loc[: N_UNLABELLED - 1, "price"] = None
    table.to_csv(folder / "houses.csv", index=False)
    said = done("train", folder / "houses.csv", "--target=price", "--out", folder / "run", *SMALL)
    assert "Regression of 'price': values are standardised. For classes give --task" in said
    last = said.splitlines()[-1]
    assert last.startswith("Test error ")
    assert last.endswith(" % of the target's variance")
    assert float(last.split()[2]) < 20  # it learned
    return folder


def known(folder: Path) -> Any:
    return pd.read_csv(folder / "houses.csv")["price"].to_numpy()


def predicted(folder: Path, tmp_path: Path) -> Any:
    done("predict", folder / "run", folder / "houses.csv", "-o", tmp_path / "p.csv")
    with (tmp_path / "p.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header == ["prediction"]
    return np.array([float(row[0]) for row in rows])


def test_the_model_knows_its_target_and_its_units(folder: Path) -> None:
    model = load_model(folder / "run" / "model.safetensors")
    assert model.stack.head_kind is Head.REGRESSION
    assert model.target_names == ("price",)
    assert model.target_scaling is not None
    assert abs(model.target_scaling.offset[0] - np.nanmean(known(folder))) < 5e3
    assert "Target 'price': mean " in done("info", folder / "run")


def test_the_run_is_a_regressor_with_the_predictions_of_the_command(
    folder: Path, tmp_path: Path
) -> None:
    model = load(folder / "run")
    assert isinstance(model, SDAERegressor)
    rows = pd.read_csv(folder / "houses.csv").drop(columns="price")
    assert np.array_equal(model.predict(rows), predicted(folder, tmp_path))
    model.save(tmp_path / "again.safetensors")
    assert np.array_equal(load(tmp_path / "again.safetensors").predict(rows), model.predict(rows))


def test_what_is_measured_is_in_the_units_of_the_target(folder: Path, tmp_path: Path) -> None:
    p, y = predicted(folder, tmp_path), known(folder)
    p, y = p[~np.isnan(y)], y[~np.isnan(y)]
    lines = done("evaluate", folder / "run", folder / "houses.csv").splitlines()
    n_left_out = int(np.isnan(known(folder)).sum())
    if n_left_out:
        assert lines.pop(0) == f"Rows without a label, left out: {n_left_out}"
    assert lines[0] == f"Rows {len(y)}"
    assert lines[1] == f"Root mean squared error {np.sqrt(((p - y) ** 2).mean()):.6g}"
    median = np.abs(y - np.median(y)).mean()
    mean_error = f"Mean absolute error {np.abs(p - y).mean():.6g}"
    assert lines[2] == f"{mean_error} (always the median: {median:.6g})"
    assert lines[-1] == f"R² {1 - ((p - y) ** 2).sum() / ((y - y.mean()) ** 2).sum():.4f}"


def test_every_export_agrees(folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "numpy"
    said = done("export", folder / "run", "--onnx", tmp_path / "m.onnx", "--numpy", program)
    assert said.count("Its prediction") == 2


def test_fine_tuning_again_keeps_the_units(folder: Path, tmp_path: Path) -> None:
    copytree(folder / "run", tmp_path / "run")
    before = load_model(tmp_path / "run" / "model.safetensors").target_scaling
    rows = pd.read_csv(folder / "houses.csv").dropna()[:80]
    rows.to_csv(tmp_path / "more.csv", index=False)
    done("finetune", tmp_path / "run", tmp_path / "more.csv", "--target", "price")
    after = load_model(tmp_path / "run" / "model.safetensors").target_scaling
    assert before is not None
    assert after is not None
    assert (before.offset, before.scale) == (after.offset, after.scale)


@pytest.mark.usefixtures("pictures")
def test_a_run_that_was_pre_trained_only_learns_values_later(tmp_path: Path) -> None:
    table = houses()
    table.drop(columns="price").to_csv(tmp_path / "rows.csv", index=False)
    table.to_csv(tmp_path / "houses.csv", index=False)
    done("train", tmp_path / "rows.csv", "--out", tmp_path / "run", *SMALL)
    said = done("finetune", tmp_path / "run", tmp_path / "houses.csv", "--target", "price")
    assert said.splitlines()[-1].endswith("of the target's variance")
    assert "R²" in done("evaluate", tmp_path / "run", tmp_path / "houses.csv")


def test_whole_numbers_are_classes_or_values_as_the_task_says(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    table = pd.DataFrame({"x": x, "z": rng.normal(size=300), "n": np.clip((x * 2).round(), -3, 3)})
    table["n"] = table["n"].astype(int)
    table.to_csv(tmp_path / "t.csv", index=False)
    for task, head in (
        ("auto", Head.CLASSES), ("classification", Head.CLASSES), ("regression", Head.REGRESSION)
    ):  # fmt: skip
        run = tmp_path / task
        done("train", tmp_path / "t.csv", "--target=n", "--task", task, "--out", run, *SMALL)
        assert load_model(run / "model.safetensors").stack.head_kind is head
        assert ("R²" in done("evaluate", run, tmp_path / "t.csv")) == (head is Head.REGRESSION)


def test_several_targets_are_values_if_the_task_says_so(tmp_path: Path) -> None:
    table = houses()
    table["rent"] = table["price"] / 200 + table["area"]
    table.to_csv(tmp_path / "t.csv", index=False)
    both = ("--target=price", "--target=rent")
    text = refused(tmp_path, "train", tmp_path / "t.csv", *both, "--out", "no", *SMALL)
    assert "Where there are several columns of labels, each must hold 0 and 1" in text
    assert "--task regression" in text
    run = tmp_path / "run"
    done("train", tmp_path / "t.csv", *both, "--task=regression", "--out", run, *SMALL)
    done("predict", run, tmp_path / "t.csv", "-o", tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text().splitlines()[0] == "price,rent"
    said = done("evaluate", run, tmp_path / "t.csv", "--target=rent", "--target=price")
    assert said.count("R²") == 2
    assert "rent: R² 0.9" in said


@pytest.mark.parametrize(
    ("target", "more", "said"),
    [
        ("town", ["--task=regression"], "'town' of {} must hold numbers for a regression"),
        ("price", ["--class-weight=balanced"], "left out unless the task is a classification"),
        ("same", ["--task=regression"], "'same' of {} (train) has a single value"),
        ("far", [], "'far' of {} must hold finite numbers. Got inf in row 7"),
    ],
)
def test_what_cannot_be_learned_is_refused(
    tmp_path: Path, target: str, more: list[str], said: str
) -> None:
    table = houses(40).assign(same=3.0, far=1.5)
    table.loc[6, "far"] = np.inf
    table.to_csv(tmp_path / "t.csv", index=False)
    drop = ["--drop=far"] if target != "far" else []
    text = refused(tmp_path, "train", tmp_path / "t.csv", "--target", target, *more, *drop, *SMALL)
    assert said.format(tmp_path / "t.csv") in text


def test_rows_without_a_label_are_left_out_of_a_run_of_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"a": rng.normal(size=90), "b": rng.normal(size=90)})
    table["y"] = np.where(table["a"] > 0, "up", "down")
    table.to_csv(tmp_path / "t.csv", index=False)
    done("train", tmp_path / "t.csv", "--target=y", "--out", tmp_path / "run", *SMALL)
    assert load_model(tmp_path / "run" / "model.safetensors").schema is None
    table.loc[:19, "y"] = None
    table.to_csv(tmp_path / "few.csv", index=False)
    assert "Rows 70, " in done("evaluate", tmp_path / "run", tmp_path / "few.csv", "--target=y")
    done("finetune", tmp_path / "run", tmp_path / "few.csv", "--target=y")
    table.loc[30, "a"] = None
    table.to_csv(tmp_path / "gap.csv", index=False)
    result = invoke("evaluate", tmp_path / "run", tmp_path / "gap.csv", "--target=y")
    assert "missing values in column a" in result.stderr
    assert "Rows 70, " in result.stdout
