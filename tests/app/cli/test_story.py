"""The whole story through the installed command: train, evaluate, predict, and all that follows."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from tests.app.cli.commands import done, succeed
from tests.app.cli.pictures import pictures_drawn
from tests.app.cli.samples import (
    HEADER,
    SMALL,
    SPECIES,
    contents,
    history,
    measurements,
    species,
    write_flowers,
    write_rows,
)

PNG = b"\x89PNG\r\n\x1a\n"
TRAIN = ("train", "flowers.csv", "--target", "species", "--out", "run", *SMALL)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with flowers and a run on them, and what training said."""
    folder = tmp_path_factory.mktemp("story")
    write_flowers(folder / "flowers.csv")
    write_rows(folder / "rows.csv")
    with pictures_drawn():
        return folder, succeed(*TRAIN, cwd=folder)


def test_training_says_what_it_does_and_ends_with_the_test_error(story: tuple[Path, str]) -> None:
    folder, said = story
    lines = said.splitlines()
    assert lines[0] == "flowers: 62 training rows, 62 of them with labels."
    assert lines.pop(1).startswith("Columns are standardised: values go from ")
    assert lines[1].startswith("Network 4-6-5-3 on ")
    starts = [f"Layer {layer}, epoch {epoch}/2: cost " for layer in (0, 1) for epoch in (1, 2)]
    starts += [f"Fine-tuning, epoch {epoch}/3: cost " for epoch in (1, 2, 3)]
    for line, start in zip(lines[2:9], starts, strict=True):
        assert line.startswith(start)
        assert " samples/s, " in line
        assert ("validation error" in line) == line.startswith("Fine-tuning")
    records = history(folder / "run")
    tested = [r for r in records if r["test_error"] is not None]
    best = tested[-1]
    assert lines[9:] == [
        "",
        lines[10],
        lines[11],
        f"Validation error {100 * best['validation_error']:.2f} % (best, after epoch "
        f"{best['epoch']})",
        "Run written to run",
        f"Test error {100 * best['test_error']:.2f} %",
    ]
    assert lines[10].startswith("Pre-training ")
    assert lines[10].endswith(" min")
    assert lines[11].startswith("Fine-tuning ")
    assert lines[11].endswith(" min, 3 epochs")


def test_the_folder_holds_the_run_and_nothing_else(story: tuple[Path, str]) -> None:
    folder, _ = story
    held = contents(folder / "run")
    assert set(held) == {
        "recipe.toml",
        "model.safetensors",
        "pretrained.safetensors",
        "history.jsonl",
        "manifest.json",
        "plots",
        "plots/curves.png",
        "plots/reconstructions.png",
    }
    for name, content in held.items():
        assert name == "plots" or content
        assert not name.endswith(".png") or (content or b"").startswith(PNG)
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {"run"}


@pytest.mark.usefixtures("pictures")
def test_another_process_makes_the_same_bytes(
    story: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = story
    write_flowers(tmp_path / "flowers.csv")
    monkeypatch.chdir(tmp_path)
    done(*TRAIN)
    here, there = contents(tmp_path / "run"), contents(folder / "run")
    assert set(here) == set(there)
    # The history holds the seconds that training took, and the manifest its hash.
    for name in set(here) - {"history.jsonl", "manifest.json"}:
        assert here[name] == there[name], name


def test_predictions_and_evaluation_tell_the_same_error(story: tuple[Path, str]) -> None:
    folder, _ = story
    said = succeed("predict", "run", "flowers.csv", "-o", "predicted.csv", cwd=folder)
    assert said == "90 predictions written to predicted.csv\n"
    with (folder / "predicted.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["label", *(f"p_{name}" for name in SPECIES)]
    wrong, total = 0, 0.0
    for row, truth in zip(rows, species(), strict=True):
        probabilities = {name: float(row[f"p_{name}"]) for name in SPECIES}
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert row["label"] == max(SPECIES, key=probabilities.__getitem__)
        wrong += row["label"] != truth
        total -= math.log(probabilities[truth])
    lines = succeed("evaluate", "run", "flowers.csv", cwd=folder).splitlines()
    assert lines[0] == f"Rows 90, wrong {wrong}"
    (likelihood,) = [line for line in lines if line.startswith("Negative log-likelihood ")]
    assert float(likelihood.split()[-1]) == pytest.approx(total / 90, abs=1e-4)
    assert "Always 'setosa': error 66.67 %" in lines
    matrix = [line.split() for line in lines[2:5]]
    assert [row[0] for row in matrix] == list(SPECIES)
    counts = np.array([row[1:] for row in matrix], int)
    assert counts.sum(axis=1).tolist() == [30, 30, 30]
    assert counts.sum() - counts.trace() == wrong
    assert lines[-1] == f"Error {100 * wrong / 90:.2f} %"
    assert wrong < 45


def test_codes_of_a_layer_are_written(story: tuple[Path, str]) -> None:
    folder, _ = story
    said = succeed("encode", "run", "rows.csv", "--layer", "0", "-o", "codes.npy", cwd=folder)
    assert said == "90 codes of 6 units written to codes.npy\n"
    codes = np.load(folder / "codes.npy")
    assert codes.dtype == np.float32
    assert codes.shape == (90, 6)
    assert codes.std() > 0


def test_reconstructions_are_in_the_units_of_the_data(story: tuple[Path, str]) -> None:
    folder, _ = story
    said = succeed("denoise", "run", "rows.csv", "-o", "clean.csv", cwd=folder)
    assert said == "90 rows reconstructed through layer 0 written to clean.csv\n"
    with (folder / "clean.csv").open(newline="") as file:
        header, *rows = list(csv.reader(file))
    assert tuple(header) == HEADER
    means = np.array(rows, dtype=np.float64).mean(axis=0)
    # Standardised rows would have mean 0; these have the data's, which is near 1 in three columns.
    assert np.abs(means - measurements().mean(axis=0)).max() < 0.5


@pytest.mark.usefixtures("pictures")
def test_curves_are_drawn(story: tuple[Path, str]) -> None:
    folder, _ = story
    said = succeed("plot", "run", "curves", "-o", "curves.png", cwd=folder)
    assert said == "Curves drawn in curves.png\n"
    drawn = (folder / "curves.png").read_bytes()
    assert drawn == (folder / "run/plots/curves.png").read_bytes()


def test_info_tells_what_the_run_is(story: tuple[Path, str]) -> None:
    folder, trained = story
    lines = succeed("info", "run", cwd=folder).splitlines()
    assert lines[0].startswith("Layer 0: ")
    assert lines[1].startswith("Layer 1: ")
    n_parameters = 4 * 6 + 6 + 4 + 6 * 5 + 5 + 6 + 5 * 3 + 3
    assert lines[2:5] == [
        "Classes (3): setosa, versicolor, virginica",
        f"Parameters: {n_parameters}",
        "Scaling: standard",
    ]
    assert "Provenance: data = flowers" in lines
    assert "Provenance: seed = 1" in lines
    assert any(line.startswith("Pretraining: 4 epochs, ") for line in lines)
    assert any(line.startswith("Finetuning: 3 epochs, ") for line in lines)
    assert lines[-1] == trained.splitlines()[-1]
