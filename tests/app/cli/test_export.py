"""``sdae export``: from a run or a model's file to files that answer as it does."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from sdae.app.export import onnx_file
from sdae.app.export.onnx_file import run_onnx
from sdae.app.export.onnx_graph import onnx_bytes
from tests.app.cli.commands import done, refused
from tests.app.cli.samples import contents, measurements, write_flowers
from tests.app.export.models import make

pytest.importorskip("onnxruntime")  # not every Python has one

X = measurements().astype(np.float32)


def test_a_run_goes_out_in_three_ways_at_once(flower_run: Path, tmp_path: Path) -> None:
    before = contents(flower_run)
    onnx, folder, state = (tmp_path / name for name in ("m.onnx", "m", "m.safetensors"))
    said = done("export", flower_run, "--onnx", onnx, "--numpy", folder, "--sequential", state)
    assert contents(flower_run) == before
    first, second, third = said.splitlines()
    for line, path in ((first, onnx), (second, folder)):
        start = f"{path} written. Its probabilities, label, codes and reconstruction agree with "
        assert line.startswith(start)
        assert (
            "on 90 rows of the data, 256 random and 72 extreme rows. Largest differences: " in line
        )
    assert third.startswith(f"{state} written. Its probabilities and label agree with sdae on ")
    write_flowers(tmp_path / "x.csv")
    done("predict", flower_run, tmp_path / "x.csv", "-o", tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(newline="") as file:
        _, *lines = csv.reader(file)
    p = np.array([line[1:] for line in lines], np.float64)
    found = run_onnx(onnx.read_bytes(), X)
    assert np.abs(found["probabilities"] - p).max() < 1e-5
    assert found["label"].tolist() == [line[0] for line in lines]
    network = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    network.load_state_dict(load_file(state))


@pytest.mark.parametrize("layer", [0, 1])
def test_codes_and_reconstructions_are_those_of_encode_and_denoise(
    layer: int,
    flower_run: Path,
    tmp_path: Path,
) -> None:
    write_flowers(tmp_path / "x.csv")
    common = (f"--layer={layer}", "--stage=pretraining")
    for command in ("encode", "denoise"):
        done(command, flower_run, tmp_path / "x.csv", *common, "-o", tmp_path / f"{command}.npy")
    said = done("export", flower_run, *common, "--onnx", tmp_path / "m.onnx")
    assert "Its codes and reconstruction agree with sdae on 90 rows" in said
    found = run_onnx((tmp_path / "m.onnx").read_bytes(), X)
    assert np.abs(found["codes"] - np.load(tmp_path / "encode.npy")).max() < 1e-5
    assert np.abs(found["reconstruction"] - np.load(tmp_path / "denoise.npy")).max() < 1e-4


def test_a_run_without_labels_and_a_single_file(unlabelled_run: Path, tmp_path: Path) -> None:
    said = done("export", unlabelled_run, "--onnx", tmp_path / "a.onnx")
    assert "Its codes and reconstruction agree with sdae on 90 rows of the data" in said
    file = unlabelled_run / "model.safetensors"
    said = done("export", file, "--onnx", tmp_path / "b.onnx")
    assert said.startswith(
        "Checked without rows of the data: a model file does not name its data. Name them "
        "with --data."
    )
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    write_flowers(tmp_path / "x.csv", n_rows=7)
    said = done("export", file, "--onnx", tmp_path / "b.onnx", "--data", tmp_path / "x.csv")
    assert "on 7 rows of the data, 256 random and 72 extreme rows" in said


def test_data_that_are_gone_are_told(flower_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for path in flower_run.glob("*.*"):
        (run / path.name).write_bytes(path.read_bytes())
    recipe = run / "recipe.toml"
    lines = recipe.read_text().splitlines()
    gone = [f'source = "{tmp_path.name}.csv"' if "source" in line else line for line in lines]
    recipe.write_text("\n".join(gone))
    said = done("export", run, "--onnx", tmp_path / "a.onnx")
    assert said.startswith("Checked without rows of the data: Cannot read ")
    assert (tmp_path / "a.onnx").exists()


def test_mistakes_are_told_in_a_sentence_and_leave_nothing(
    flower_run: Path,
    tmp_path: Path,
) -> None:
    def said(*arguments: str | Path) -> str:
        return refused(tmp_path, "export", flower_run, *arguments)

    onnx = tmp_path / "m.onnx"
    assert said() == ("sdae export needs an output. Give --onnx, --numpy or --sequential.")
    assert "The onnx file must end in .onnx." in said("--onnx", tmp_path / "m.pb")
    assert "must end in .safetensors" in said("--sequential", tmp_path / "m.pt")
    assert "nowhere does not exist" in said("--onnx", tmp_path / "nowhere" / "m.onnx")
    assert "a layer of the run, from 0 to 1. Got 2" in said("--onnx", onnx, "--layer=2")
    assert "not an empty folder" in said("--onnx", onnx, "--numpy", flower_run)
    assert "Cannot read" in said("--onnx", onnx, "--data", tmp_path / "no.csv")
    assert "does not exist. Train one with" in refused(
        tmp_path, "export", tmp_path / "no", "--onnx", onnx
    )


def test_an_export_that_differs_is_refused(
    flower_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = make((6, 5), n_visible=4, classes=("setosa", "versicolor", "virginica"))
    write = onnx_bytes
    monkeypatch.setattr(
        onnx_file, "onnx_bytes", lambda s: write(type(s)(other, s.depth, s.labels, None))
    )
    command = ("export", flower_run, "--onnx", tmp_path / "m.onnx", "--numpy", tmp_path / "m")
    said = refused(tmp_path, *command)
    assert said.startswith("The ONNX file differs from the model: for own row 1, ")
    assert said.endswith("is allowed. Nothing was written.")


@pytest.mark.parametrize("name", ["onnx", "onnxruntime"])
def test_a_missing_extra_is_named_and_only_onnx_needs_it(
    name: str,
    flower_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    assert refused(tmp_path, "export", flower_run, "--onnx", tmp_path / "m.onnx") == (
        "Writing an ONNX file needs onnx, and checking it needs onnxruntime. Install them with: "
        'pip install "sdae[export]". If onnxruntime does not support this Python yet, export '
        "with an older Python, or with --numpy."
    )
    done("export", flower_run, "--sequential", tmp_path / "m.safetensors")
    assert torch.equal(
        load_file(tmp_path / "m.safetensors")["0.weight"],
        load_file(flower_run / "model.safetensors")["layers.0.weight"],
    )


def test_the_help_says_what_there_is() -> None:
    text = " ".join(done("export", "--help").split())
    assert "Example: sdae export runs/mnist-default --onnx digits.onnx" in text
    for option in ("--onnx", "--numpy", "--sequential", "--layer", "--stage", "--data"):
        assert option in text
