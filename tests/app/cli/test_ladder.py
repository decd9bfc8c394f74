"""A ladder through every command: trained with few labels, resumed, asked, and refused."""

import csv
import re
import signal
import tomllib
from pathlib import Path

import numpy as np
import pytest

from sdae import LadderClassifier, load
from sdae.app.runs.run_folder import RunFolder
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.model_file import load_model
from sdae.train.history import LADDER, history_of
from tests.app.cli.commands import done, invoke, refused, run, without_warnings
from tests.app.cli.pictures import pictures_drawn
from tests.app.cli.samples import contents, history, write_flowers, write_parts, write_rows
from tests.app.cli.test_mixed_tables import people
from tests.app.cli.test_resume import stopped, training

FEW = ("--recipe=ladder", "--set=ladder.n_updates=40")
OF_FLOWERS = ("--target=species", "--labels=9", *FEW)
OF_IMAGES = (
    *("images.npz", "--labels=8", "--recipe=ladder"),
    *("--set=ladder.n_updates=2000", "--set=model.hidden_layer_sizes=[8,6]"),
)
"""Long enough to be interrupted."""


@pytest.fixture(scope="session")
def ladder_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ladder trained on the flowers, of which nine have labels; to be read only."""
    folder = tmp_path_factory.mktemp("ladder")
    data = write_flowers(folder / "flowers.csv")
    with pictures_drawn():
        said = done("train", data, "--out", folder / "run", *OF_FLOWERS)
    assert "flowers: 62 training rows, 9 of them with labels; 53 labels are hidden.\n" in said
    assert "Network 4-100-50-3 on cpu.\n" in said
    assert "decoder of layer 0" not in said
    assert re.search(r"\nLadder, epoch 40/40: cost .*, test error ", said)
    assert re.search(r"\nLadder +\d\.\d\d min, 40 epochs\n", said)
    last = RunFolder(folder / "run").records()[-1]
    assert last.test_error is not None
    assert said.splitlines()[-1] == f"Test error {100 * last.test_error:.2f} %"
    return folder / "run"


def test_the_recipe_of_a_run_has_what_auto_meant_in_numbers(ladder_run: Path) -> None:
    written = tomllib.loads((ladder_run / "recipe.toml").read_text())
    assert sorted(written) == ["data", "ladder", "model", "seed"]
    assert written["model"] == {"kind": "ladder", "hidden_layer_sizes": [100, 50]}
    assert written["ladder"]["n_updates"] == 40
    assert written["ladder"]["batch_size"] == 50
    assert written["ladder"]["input_noise"] == pytest.approx(1, rel=1e-5)
    assert written["ladder"]["denoising_costs"] == pytest.approx(30, rel=1e-5)


def test_the_run_has_one_model_that_learned(ladder_run: Path) -> None:
    assert not (ladder_run / "pretrained.safetensors").exists()
    assert (ladder_run / "plots" / "curves.png").is_file()
    assert (ladder_run / "plots" / "reconstructions.png").is_file()
    model = load_model(ladder_run / "model.safetensors")
    assert isinstance(model.stack, FoldedLadder)
    found = done("evaluate", ladder_run, ladder_run.parent / "flowers.csv")
    assert float(re.findall(r"Error ([\d.]+) %", found)[-1]) < 15
    assert "All files are as they were written." in done("verify", ladder_run)


def test_it_is_described_and_watched(ladder_run: Path) -> None:
    about = done("info", ladder_run)
    assert "Ladder: 4-100-50-3, input_noise=1, hidden_noise=0.3, combinator='gaussian'" in about
    assert re.search(r"Ladder: 40 epochs, \d\.\d\d min, engine (compiled|autograd)\n", about)
    assert "Parameters: 12,826" in about
    assert about.splitlines()[-1].startswith("Test error ")
    assert re.search(r"Ladder +40/40 ", done("watch", ladder_run, "--once"))
    assert "ladder 100-50" in done("runs", ladder_run.parent)
    assert "Nothing found in 40 epochs." in done("doctor", ladder_run)


def test_ladders_differ_in_their_last_errors_and_have_no_best_epoch(
    ladder_run: Path, tmp_path: Path
) -> None:
    data, fewer = ladder_run.parent / "flowers.csv", "--set=ladder.n_updates=30"
    done("train", data, "--out", tmp_path / "other", *OF_FLOWERS, fewer)
    said = done("diff", ladder_run, tmp_path / "other")
    assert re.search(r"\nepochs of the ladder +40 +30 *\n", said)
    assert "best epoch" not in said


def test_it_answers_and_reconstructs_by_itself(ladder_run: Path, tmp_path: Path) -> None:
    data, model = ladder_run.parent / "flowers.csv", load_model(ladder_run / "model.safetensors")
    said = done("denoise", ladder_run, data, "-o", tmp_path / "clean.npy")
    assert said == f"90 rows reconstructed through all layers written to {tmp_path}/clean.npy\n"
    with data.open() as file:
        rows = np.array([line[:4] for line in list(csv.reader(file))[1:]], float)
    assert model.scaling is not None
    ladders = model.stack.reconstruct(model.scaling.apply(rows)).numpy()
    clean = np.load(tmp_path / "clean.npy")
    np.testing.assert_allclose(clean, model.scaling.undo(ladders), atol=1e-4)
    done("encode", ladder_run, data, "-o", tmp_path / "codes.npy")
    assert np.load(tmp_path / "codes.npy").shape == (90, 50)
    done("predict", ladder_run, data, "-o", tmp_path / "answers.csv")
    assert (tmp_path / "answers.csv").read_text().startswith("label,p_setosa,")


def test_the_estimator_of_the_run_and_its_file_answer_as_the_run(
    ladder_run: Path, tmp_path: Path
) -> None:
    estimator = load(ladder_run)
    assert isinstance(estimator, LadderClassifier)
    estimator.save(tmp_path / "it.safetensors")
    answers = []
    for number, model in enumerate((ladder_run, tmp_path / "it.safetensors")):
        out = tmp_path / f"{number}.csv"
        done("predict", model, ladder_run.parent / "flowers.csv", "-o", out)
        answers.append(out.read_bytes())
    assert answers[0] == answers[1]


def test_what_a_ladder_cannot_do_is_refused(ladder_run: Path, tmp_path: Path) -> None:
    data = ladder_run.parent / "flowers.csv"
    said = refused(ladder_run, "finetune", ladder_run, data, "--target", "species")
    assert "was trained with labels already, all layers at once" in said
    said = refused(tmp_path, "impute", ladder_run, data, "-o", tmp_path / "full.csv")
    assert said.startswith("A ladder cannot fill gaps:")
    said = refused(tmp_path, "denoise", ladder_run, data, "-o", tmp_path / "a.csv", "--layer=0")
    assert "--layer" in said
    assert "left out for a ladder" in said
    onnx = ("--onnx", tmp_path / "a.onnx", "--stage=pretraining")
    for model in (ladder_run, ladder_run / "model.safetensors"):
        said = refused(tmp_path, "export", model, *onnx)
        assert said == (
            "The --stage parameter of sdae export must be left out for a ladder, which is trained "
            "in one stage. Got 'pretraining' instead."
        )
    said = refused(
        tmp_path, "encode", ladder_run, data, "-o", tmp_path / "a.npy", "--stage=pretraining"
    )
    assert said.startswith("The --stage parameter of sdae encode must be left out for a ladder")
    rows = write_rows(tmp_path / "rows.csv")
    said = refused(tmp_path, "train", rows, *FEW, "--out", tmp_path / "run")
    assert said == (
        "A ladder is trained with labels, and rows has none. Name their column with --target, or "
        "train a stack without labels by another recipe."
    )
    three = "--set=ladder.denoising_costs=[1, 2, 3]"
    options = ("--target", "species", "--out", tmp_path / "run")
    said = refused(tmp_path, "train", data, *FEW, three, *options)
    assert "one for each of the 4 depths" in said
    negative = "--set=ladder.denoising_costs=-1"
    said = refused(tmp_path, "train", data, *FEW, negative, *options)
    assert "must be a finite number ≥ 0, or one for each depth, or 'auto'. Got -1" in said


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ladder on the images that nothing interrupted, trained in a process of its own."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    write_parts(folder / "images.npz")
    result = run("train", *OF_IMAGES, "--out=whole", cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder / "whole"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_ladder_goes_on_to_the_same_bytes(
    number: signal.Signals, tmp_path: Path, whole: Path
) -> None:
    write_parts(tmp_path / "images.npz")
    with training(tmp_path, "Ladder, epoch 8", "train", *OF_IMAGES, "--out=run") as process:
        complaint = stopped(process, number)
    assert "To resume from the last checkpoint, run: sdae resume run" in complaint
    assert RunFolder(tmp_path / "run").stages() == [LADDER]
    assert "checkpoints/ladder-" in done("verify", tmp_path / "run")
    resumed = run("resume", "run", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert without_warnings(resumed.stderr) == ""
    for name in ("model.safetensors", "recipe.toml"):
        ours, theirs = ((each / name).read_bytes() for each in (tmp_path / "run", whole))
        assert ours == theirs, name
    timeless = {"seconds": 0, "samples_per_second": 0}
    records = [[r | timeless for r in history(each)] for each in (tmp_path / "run", whole)]
    assert records[0] == records[1]
    assert set(contents(tmp_path / "run")) == set(contents(whole))


def test_minutes_become_a_number_of_updates_that_repeats(flowers: Path, tmp_path: Path) -> None:
    options = ("--target", "species", "--recipe=ladder", "--set=ladder.max_minutes=0.005")
    done("train", flowers, "--out", tmp_path / "run", *options)
    written = (tmp_path / "run" / "recipe.toml").read_text()
    table = tomllib.loads(written)["ladder"]
    assert table["max_minutes"] == "none"
    assert table["n_updates"] == len(history(tmp_path / "run"))  # an epoch is one minibatch
    again = tmp_path / "again.toml"
    again.write_text(written)
    done("train", flowers, "--recipe", again, "--out", tmp_path / "again")
    ours, theirs = ((tmp_path / run / "model.safetensors").read_bytes() for run in ("run", "again"))
    assert ours == theirs


def test_the_error_is_that_of_the_end(ladder_run: Path) -> None:
    records = RunFolder(ladder_run).records()
    found = history_of(records)
    assert found is not None
    assert (found.best_epoch, found.test_error) == (40, records[-1].test_error)
    assert found.best_validation_error == records[-1].validation_error


def test_a_table_of_many_kinds_and_more_rows(tmp_path: Path) -> None:
    people().to_csv(tmp_path / "people.csv", index=False)
    people(seed=1).drop(columns="tall").to_csv(tmp_path / "more.csv", index=False)
    how = ("--target", "tall", "--parse-dates", "since", "--na-values", "?", "--drop", "note")
    more = ("--unlabeled", tmp_path / "more.csv", "--class-weight", "balanced")
    said = done("train", tmp_path / "people.csv", *how, *more, *FEW, "--out", tmp_path / "run")
    assert re.search(r"people: 35\d training rows, 12\d of them with labels", said) or (
        "training rows" in said
    )
    done("denoise", tmp_path / "run", tmp_path / "people.csv", "-o", tmp_path / "clean.csv")
    with (tmp_path / "clean.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["town"] for row in rows} <= {"Ghent", "Liège", "Mons"}
    sizes = [float(row["size"]) for row in rows]
    assert 150 < np.mean(sizes) < 190
    done("predict", tmp_path / "run", tmp_path / "people.csv", "-o", tmp_path / "answers.csv")


def test_values_are_predicted_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3)).round(3)
    y = (x[:, 0] * 10 + 50).round(2)
    lines = ["a,b,c,y", *(",".join(map(str, [*row, t])) for row, t in zip(x, y, strict=True))]
    (tmp_path / "values.csv").write_text("\n".join(lines) + "\n")
    options = ("--target", "y", "--recipe=ladder", "--set=ladder.n_updates=600")
    said = done("train", tmp_path / "values.csv", *options, "--out", tmp_path / "run")
    assert said.count("\nLadder, epoch ") <= 60 + 20  # not a line for each of 600 epochs
    assert "of the target's variance" in said.splitlines()[-1]
    found = done("evaluate", tmp_path / "run", tmp_path / "values.csv")
    assert float(re.findall(r"R² ([\d.]+)", found)[0]) > 0.8


def test_a_recipe_of_a_stack_does_not_become_a_ladder_by_one_word(flowers: Path) -> None:
    options = ("--set=model.kind=ladder", "--target=species")
    result = invoke("train", flowers, *options)
    assert result.exit_code == 2
    assert "Recipe table:\n" in result.stderr
    assert "must not have corruption, activation" in result.stderr
    assert "start from --recipe ladder" in result.stderr
