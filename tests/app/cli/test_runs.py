"""Runs beside each other: ``sdae runs``, ``sdae diff`` and ``sdae watch``."""

import shutil
from pathlib import Path

import pytest

from sdae.app.cli.commands.watch import curve
from sdae.train.checkpoints.lock import locked
from tests.app.cli.commands import done, refused
from tests.app.cli.samples import SMALL, history


@pytest.fixture
def folder(flower_run: Path, unlabelled_run: Path, tmp_path: Path) -> Path:
    """A folder with two runs, one of them in progress, and other things."""
    shutil.copytree(flower_run, tmp_path / "runs/flowers")
    shutil.copytree(unlabelled_run, tmp_path / "runs/rows")
    (tmp_path / "runs/rows/manifest.json").unlink()
    (tmp_path / "runs/rows/checkpoints").mkdir()
    (tmp_path / "runs/notes").mkdir()
    return tmp_path / "runs"


def test_runs_are_listed_with_their_results(folder: Path) -> None:
    header, flowers, rows = done("runs", folder).splitlines()
    assert header.split() == [
        *("run", "data", "network", "validation", "test", "epochs", "minutes", "begun", "state")
    ]
    assert flowers.startswith("flowers")
    best = min(r["validation_error"] for r in history(folder / "flowers") if r["layer"] is None)
    assert f"{100 * best:.2f} %" in flowers
    assert " 7 " in flowers
    assert flowers.rstrip().endswith("finished")
    assert rows.startswith("rows")
    assert " – " in rows
    assert rows.rstrip().endswith("in progress")


def test_runs_are_sorted_those_without_a_result_last(folder: Path, flower_run: Path) -> None:
    data = flower_run.parent / "flowers.csv"
    rate = "--set=finetuning.learning_rate=0"
    done("train", data, "--target=species", "--out", folder / "a", *SMALL, rate)
    names = [line.split()[0] for line in done("runs", folder, "--sort", "test").splitlines()[1:]]
    assert names == ["flowers", "a", "rows"]
    names = [line.split()[0] for line in done("runs", folder).splitlines()[1:]]
    assert names == ["a", "flowers", "rows"]


def test_a_run_that_cannot_be_read_says_why(folder: Path) -> None:
    (folder / "flowers/recipe.toml").write_text("seed = 'x'")
    line = done("runs", folder).splitlines()[1]
    assert line.startswith("flowers")
    assert "recipe.toml:" in line


def test_no_runs(tmp_path: Path) -> None:
    assert done("runs", tmp_path).startswith(f"No runs in {tmp_path}.")
    assert "does not exist. Name the folder that holds the runs" in refused(
        tmp_path, "runs", tmp_path / "x"
    )


def test_two_runs_differ_in_recipe_and_outcome(folder: Path, flower_run: Path) -> None:
    data = flower_run.parent / "flowers.csv"
    changed = ("--set=finetuning.learning_rate=0.0001", "--seed=9")
    done("train", data, "--target=species", "--out", folder / "b", *SMALL, *changed)
    lines = done("diff", folder / "flowers", folder / "b").splitlines()
    said = [line.split() for line in lines[1:]]
    assert ["seed", "1", "9"] in said
    assert ["finetuning.learning_rate", "0.03", "0.0001"] in said
    assert any(words[:4] == ["cost", "of", "layer", "0"] for words in said)
    assert not any(words[0].startswith("model.") for words in said)
    assert done("diff", folder / "b", folder / "b") == "They do not differ.\n"


def test_a_run_is_watched(folder: Path) -> None:
    title, header, *lines = done("watch", folder / "flowers").splitlines()
    assert title.startswith(f"{folder / 'flowers'}: finished, ")
    assert header.split()[:2] == ["epoch", "cost"]
    assert [line.split()[0] for line in lines] == ["Layer", "Layer", "Fine-tuning"]
    assert lines[0].split()[2] == "2/2"
    assert lines[2].split()[1] == "3/3"
    assert "interrupted; continue with: sdae resume" in done("watch", folder / "rows", "--once")
    with locked(folder / "rows"):
        assert ": in progress, " in done("watch", folder / "rows", "--once")
    assert refused(folder, "watch", folder / "notes").endswith("it has no model.safetensors.")


def test_a_curve_rises_and_falls() -> None:
    assert curve([1.0]) == "▁"
    assert curve([0.0, 1.0, 0.5]) == "▁█▅"
    assert len(curve([float(i) for i in range(100)])) == 24
