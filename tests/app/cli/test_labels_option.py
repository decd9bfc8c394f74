"""``sdae train --labels N`` hides the other labels, here and wherever the run is read again."""

import signal
from pathlib import Path

import numpy as np
import pytest

from sdae.app.report.shown_rows import own_rows
from sdae.app.runs.prepare import prepare
from sdae.app.runs.run_folder import RunFolder
from tests.app.cli.commands import done, refused, run
from tests.app.cli.samples import SMALL, write_flowers, write_parts, write_table
from tests.app.cli.test_resume import FEWER, LONG, same_outcome, stopped, training
from tests.app.report.runs import Page


def test_the_number_is_said_and_stands_in_the_recipe(flowers: Path, tmp_path: Path) -> None:
    options = ("--target", "species", "--labels", "9", "--out", tmp_path / "run")
    said = done("train", flowers, *options, *SMALL)
    assert "flowers: 62 training rows, 9 of them with labels; 53 labels are hidden.\n" in said
    folder = RunFolder(tmp_path / "run")
    recipe = folder.recipe()
    assert recipe.data.labels == 9
    assert "recipe.toml: intact" in done("verify", tmp_path / "run")
    data = prepare(recipe.data, recipe.model.decoder[0], recipe.seed)
    assert data.train is not None
    assert data.validation is not None
    assert np.bincount(data.train[1]).tolist() == [3, 3, 3]
    assert (len(data.rows), len(data.validation[0]), data.n_hidden) == (62, 14, 53)


def test_pre_training_is_that_of_all_rows(flowers: Path, tmp_path: Path) -> None:
    for name, labels in (("few", ("--labels=9",)), ("all", ())):
        out = ("--target", "species", "--out", tmp_path / name)
        done("train", flowers, *out, *labels, *SMALL)
    few, every = (RunFolder(tmp_path / name).pretrained() for name in ("few", "all"))
    for before, after in zip(few.stack.parameters(), every.stack.parameters(), strict=True):
        np.testing.assert_array_equal(before.detach(), after.detach())
    final = [RunFolder(tmp_path / name).model().stack.head.bias for name in ("few", "all")]
    assert not np.array_equal(final[0].detach(), final[1].detach())


def test_an_interrupted_run_goes_on_with_the_same_labels(tmp_path: Path) -> None:
    write_parts(tmp_path / "images.npz")
    options = ("train", "images.npz", "--labels=8", *LONG, FEWER)
    with training(tmp_path, "Fine-tuning, epoch 5/", *options, "--out=run") as process:
        stopped(process, signal.SIGINT)
    resumed = run("resume", "run", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    whole = run(*options, "--out=whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    same_outcome(tmp_path / "run", tmp_path / "whole")


def test_a_table_with_texts_hides_labels_too(tmp_path: Path) -> None:
    columns: list[list[object]] = [
        [("red", "blue")[row % 2] for row in range(60)],
        [str(row % 7) for row in range(60)],
        [("yes", "no", "")[row % 3] for row in range(60)],
    ]
    path = write_table(tmp_path / "t.csv", ("colour", "size", "kind"), columns)
    options = ("--target", "kind", "--labels=6", "--validation=0.2", "--test=0.2")
    said = done("train", path, *options, "--out", tmp_path / "run", *SMALL)
    assert "t: 44 training rows, 6 of them with labels; 18 labels are hidden.\n" in said


@pytest.mark.usefixtures("pictures")
def test_the_report_says_it_and_its_probes_use_these_labels_alone(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    data = write_flowers(tmp_path / "flowers.csv")
    folder = tmp_path / "run"
    done("train", data, "--target=species", "--labels=12", "--out", folder, *SMALL)
    done("report", folder, "--no-playground")
    page = Page((folder / "report.html").read_text("utf-8"))
    text = (folder / "report.html").read_text("utf-8")
    assert "again" in page.sections
    assert "chose the 12 training rows that kept their labels" in text
    assert "labels = 12" in text
    run_folder = RunFolder(folder)
    rows = own_rows(run_folder.recipe(), run_folder.model())
    assert (len(rows.fitted), rows.shown.name) == (12, "test")
    recipe = run_folder.recipe()
    prepared = prepare(recipe.data, recipe.model.decoder[0], recipe.seed)
    assert prepared.train is not None
    np.testing.assert_array_equal(rows.fitted.y, prepared.train[1])


def test_fine_tuning_again_uses_all_labels_unless_told(flowers: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done("train", flowers, "--target=species", "--labels=9", "--out", folder, *SMALL)
    done("finetune", folder, flowers, "--target=species")
    assert RunFolder(folder).recipe().data.labels is None
    done("finetune", folder, flowers, "--target=species", "--labels=15")
    assert RunFolder(folder).recipe().data.labels == 15


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("--target=species", "--labels=2"),
            "--labels must be from 3, the number of classes, to 62",
        ),
        (("--target=species", "--labels=63"), "Got 63 instead."),
        (("--labels=3", "--drop=species"), "has no labels, so --labels cannot hide any."),
        (("--target=a", "--labels=3", "--drop=species"), "is numbers. Leave --labels out"),
        (("--target=species", "--set=data.labels=0"), "must be an integer ≥ 1, or none."),
    ],
)
def test_impossible_numbers_are_refused(
    options: tuple[str, ...], words: str, flowers: Path, tmp_path: Path
) -> None:
    message = refused(tmp_path, "train", flowers, *options, "--out", tmp_path / "run", *SMALL)
    assert words in message


def test_several_labels_are_refused(tmp_path: Path) -> None:
    columns: list[list[object]] = [[f"{row / 7:.3f}" for row in range(40)]]
    columns += [[(row // k) % 2 for row in range(40)] for k in (1, 2)]
    path = write_table(tmp_path / "t.csv", ("x", "p", "q"), columns)
    options = ("--target=p", "--target=q", "--labels=9", "--out", tmp_path / "run")
    assert "is several labels" in refused(tmp_path, "train", path, *options, *SMALL)
