"""``sdae compare`` at the command line: its files, its words, its refusals."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from sdae.app.cli.commands.compare import Watcher
from sdae.app.compare import meter, tuning
from sdae.app.compare.result_cache import Cell
from sdae.app.compare.study_data import load_study_data
from sdae.app.compare.study_run import Progress
from sdae.core.errors import DataError
from sdae.train.checkpoints.lock import locked
from tests.app.cli.commands import done, invoke, refused
from tests.app.cli.samples import contents, images, write_flowers, write_parts, write_rows

QUICK = (
    *("--seeds=2", "--models=logistic,svm", "--test=0.3"),
    *("--set=hidden_layer_sizes=[4]", "--set=pretrain_epochs=2", "--set=max_iter=3"),
)


@pytest.fixture
def flowers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A table of 90 flowers in a folder of its own, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return write_flowers(tmp_path / "flowers.csv").name


def test_the_files_and_what_is_said(flowers: str) -> None:
    command = ("compare", flowers, "--target=species", "--labels=12,5,all,900", *QUICK)
    said = done(*command)
    lines = said.splitlines()
    assert lines[:3] == [
        "flowers: 63 training rows, tested on other rows; 2 seeds, 16 results to compute.",
        "Left out: 5 labels, class 'virginica' would have 1 of them, but needs 2.",
        "Left out: 900 labels, there are only 63 training rows.",
    ]
    assert lines[3].startswith("1/16  seed 0, 12 labels, pretrained: error ")
    assert lines[-2] == "Results written to compare/flowers"
    folder = Path("compare/flowers")
    assert sorted(contents(folder)) == ["cells.jsonl", "figure.png", "table.csv", "verdict.txt"]
    verdict = (folder / "verdict.txt").read_text().splitlines()
    assert verdict[0] == lines[-1]
    assert "re-training" in verdict[0]
    assert [line.partition(":")[0] for line in verdict[2:]] == ["12 labels", "63 labels"]
    with (folder / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    models = ["pretrained", "random", "logistic", "svm"]
    assert [(row["labels"], row["model"]) for row in rows] == [
        (labels, model) for labels in ("12", "63") for model in models
    ]
    cells = [json.loads(line) for line in (folder / "cells.jsonl").read_text().splitlines()]
    of_svm = [cell["error"] for cell in cells if (cell["model"], cell["labels"]) == ("svm", 63)]
    assert float(rows[7]["error"]) == pytest.approx(np.mean(of_svm), rel=1e-5)
    assert (rows[0]["all_rows"], rows[4]["all_rows"]) == ("no", "yes")
    assert rows[0]["verdict"] in ("helped", "did not help", "cannot tell")
    assert rows[1]["verdict"] == rows[1]["gain"] == ""
    shown = said[said.index("error, %") : said.index("12 labels: ")]
    for title in (
        "network, pre-trained",
        "network, random start",
        "logistic regression",
        "RBF SVM",
    ):
        assert shown.count(title) == 2

    before = contents(folder)
    again = done(*command)
    assert "known" in again
    assert contents(folder) == before
    assert done(*command, "--quiet") == f"{lines[-1]}\n"


def test_rows_without_labels_come_from_a_file_of_their_own(flowers: str, tmp_path: Path) -> None:
    write_rows(tmp_path / "more.csv", n_rows=20)
    command = ("compare", flowers, "--target=species", "--labels=9", *QUICK)
    said = done(*command, "--unlabeled=more.csv", "--out=with")
    assert "63 training rows and 20 more without labels, tested on other rows" in said
    done(*command, "--out=without")
    keys = [
        {
            json.loads(line)["key"]
            for line in (tmp_path / name / "cells.jsonl").read_text().splitlines()
        }
        for name in ("with", "without")
    ]
    assert not keys[0] & keys[1]


@pytest.mark.usefixtures("short_ladders")
def test_every_model_may_be_asked_for(flowers: str) -> None:
    study = ("compare", flowers, "--target=species", "--labels=12", *QUICK, "--models=all")
    said = done(*study)
    assert "2 seeds, 22 results to compute." in said
    lines = said.splitlines()
    assert any(line.startswith("With agreement on the rows without labels: ") for line in lines)
    assert "pre-training" in lines[-1]
    assert not lines[-1].startswith("With agreement")
    assert (Path("compare/flowers/verdict.txt")).read_text().count("labels: ") >= 2


def test_parts_of_a_source_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_parts(tmp_path / "images.npz")
    said = done("compare", "images.npz", "--labels=12", *QUICK, "--models=random")
    assert said.startswith("images: 42 training rows, tested on other rows; 2 seeds, 4 results")


def test_rows_of_any_part_without_a_label_join_those_for_pre_training(tmp_path: Path) -> None:
    x, y = images()
    labels = y.astype(float)
    labels[40:43] = np.nan
    parts = {"x_train": x[:30], "y_train": labels[:30], "x_test": x[30:50], "y_test": labels[30:50]}
    np.savez(tmp_path / "parts.npz", **parts, x_validation=x[50:], allow_pickle=False)
    data = load_study_data(str(tmp_path / "parts.npz"), None)
    assert (len(data.x), len(data.y), len(data.unlabelled)) == (47, 47, 13)
    flat = (x.reshape(60, -1) / 256).astype(np.float32)
    np.testing.assert_array_equal(data.unlabelled, flat[[*range(40, 43), *range(50, 60)]])
    np.savez(tmp_path / "wide.npz", x_train=x[:30], y_train=y[:30], x_test=x[:, :3])
    with pytest.raises(DataError, match=r"Parts must have the same columns"):
        load_study_data(str(tmp_path / "wide.npz"), None)


def test_what_is_cut_short_says_how_to_go_on(
    flowers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = meter.measured, iter(range(99))

    def measured() -> Any:
        if next(calls) == 4:  # two for each result
            raise KeyboardInterrupt
        return real()

    monkeypatch.setattr(tuning, "measured", measured)
    command = ("compare", flowers, "--target=species", "--labels=12", *QUICK, "--out=here")
    result = invoke(*command)
    assert result.exit_code == 130
    assert result.stderr == (
        "Interrupted. 2 results are saved in here. To continue, run the same command again.\n"
    )
    assert list(contents(tmp_path / "here")) == ["cells.jsonl"]
    said = done(*command)
    assert said.count("known") == 2


@pytest.mark.usefixtures("flowers")
def test_without_matplotlib_there_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    command = ("compare", "flowers.csv", "--target=species", "--labels=12", *QUICK)
    said = done(*command, "--models=random")
    assert 'No picture: Plots need matplotlib. Install it with: pip install "sdae[report]"' in said
    assert not Path("compare/flowers/figure.png").exists()
    assert Path("compare/flowers/verdict.txt").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--labels=one"], "--labels parameter of sdae compare must be numbers of labelled rows"),
        (
            ["--models=forest"],
            "--models parameter of sdae compare must be names separated by commas",
        ),
        (["--seeds=1"], "seeds parameter of sdae compare must be an integer ≥ 2"),
        (["--test=0"], "must be a share of the rows above 0"),
        (["--test=0.001"], "too few rows (90) to test on a share of 0.001. Change --test."),
        (
            ["--labels=80"],
            "flowers does not allow any of the label counts: 80 labels, there are only 63",
        ),
        (["--set=dropout=0.5"], "sdae compare tunes dropout itself"),
        (["--set=max_iter=0"], "max_iter parameter of sdae compare must be an integer ≥ 1"),
        (["--set=layers=2"], "sdae compare has no parameter 'layers'."),
        (["--unlabeled=none.csv"], "Cannot read none.csv: it does not exist."),
        (["--unlabeled=narrow.csv"], "narrow.csv lacks 3 of the 4 columns"),
        (["--out=flowers.csv"], "Cannot write flowers.csv: "),
        (["--target=color"], "color"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(
    options: list[str], complaint: str, flowers: str, tmp_path: Path
) -> None:
    (tmp_path / "narrow.csv").write_text("a\n1\n")
    command = ("compare", flowers, "--target=species", *QUICK, "--labels=12", *options)
    assert complaint in refused(tmp_path, *command)


def test_one_process_at_a_time_uses_a_folder(flowers: str, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    with locked(tmp_path / "here"):
        result = invoke("compare", flowers, "--target=species", "--labels=12", *QUICK, "--out=here")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: here is in use by process ")


def test_on_a_terminal_there_is_a_bar() -> None:
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=80, color_system=None)
    cell = Cell("svm", 1000, 3, 0.25, "C=1", 90, 30, 0.0, 1.5, 0.5, 0.0, 1.25, 0.25, None)
    with Watcher(console) as watcher:
        watcher(Progress(cell, 7, 40, known=False))
    assert "seed 3, 1,000 labels, svm" in screen.getvalue()
    assert "7/40" in screen.getvalue()
    assert watcher.n_done == 7


def test_labels_are_needed(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.csv")
    assert refused(tmp_path, "compare", rows) == (
        "rows has no labels. Name their column with --target."
    )


def test_other_columns_of_unlabelled_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.zeros((4, 3)))
    data = write_parts(tmp_path / "images.npz")
    complaint = refused(tmp_path, "compare", data, "--unlabeled", tmp_path / "rows.npy")
    assert "has 3 columns, but" in complaint
    assert complaint.endswith("Rows without labels must have the same columns.")


def test_the_example_of_the_help_works(flowers: str) -> None:
    text = " ".join(done("compare", "--help").split())
    assert f"sdae compare {flowers} --target species --labels 12,all --seeds 3" in text
