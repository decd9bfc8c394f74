"""Runs and outputs that cannot be used: missing or damaged runs, layers, suffixes, places."""

import shutil
from pathlib import Path

import pytest

from tests.app.cli.commands import invoke, refused
from tests.app.cli.samples import write_rows

COMMANDS = {
    "finetune": ("rows.csv", "--target=a"),
    "evaluate": ("rows.csv",),
    "predict": ("rows.csv", "-o", "out.csv"),
    "encode": ("rows.csv", "-o", "out.csv"),
    "denoise": ("rows.csv", "-o", "out.csv", "--stage=finetuning"),
    "info": (),
    "plot": ("filters", "-o", "out.png", "--stage=finetuning"),
}


@pytest.fixture
def run(flower_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a run in the current folder, with rows beside it."""
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rows.csv")
    shutil.copytree(flower_run, tmp_path / "run")
    return Path("run")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_run_that_is_not_there(command: str, run: Path) -> None:
    message = refused(Path(), command, "ruin", *COMMANDS[command])
    assert message == "The run ruin does not exist. Train one with: sdae train --out ruin"
    message = refused(Path(), command, "rows.csv", *COMMANDS[command])
    assert message == "rows.csv is a file. A run must be a folder."
    assert run.is_dir()


def test_a_run_whose_name_is_too_long(run: Path) -> None:
    assert "x" * 300 in refused(run.parent, "info", "x" * 300)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_is_no_run(command: str, run: Path) -> None:
    (run / "model.safetensors").unlink()
    message = refused(Path(), command, run, *COMMANDS[command])
    assert message == "run is not a run: it has no model.safetensors."


@pytest.mark.parametrize("command", COMMANDS)
def test_a_damaged_model(command: str, run: Path) -> None:
    path = run / "model.safetensors"
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:100], whole[:4], b"", b"\xff" * 8 + whole[8:]):
        path.write_bytes(content)
        message = refused(Path(), command, run, *COMMANDS[command])
        assert message.startswith(f"{path} is ")


def test_a_model_of_a_newer_format(run: Path) -> None:
    path = run / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(rb"\"format\": 1", rb"\"format\": 9"))
    message = refused(Path(), "info", run)
    assert message == (
        f"{path} has format 9; this version of sdae reads formats 1 to 3. Install a newer sdae."
    )


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"stage": 1}', b"\xff", b"[" * 100_000])
def test_a_damaged_history(content: bytes, run: Path) -> None:
    path = run / "history.jsonl"
    path.write_bytes(path.read_bytes() + content)
    for command in (("info",), ("plot", "curves", "-o", "out.png")):
        message = refused(Path(), command[0], run, *command[1:])
        assert message == f"{path}, line 8, is not a record of an epoch."


def test_a_damaged_recipe(run: Path) -> None:
    path = run / "recipe.toml"
    for content, words in (
        (b"\xff", f"{path} is damaged: it is not UTF-8 text."),
        (b"[data", f"Recipe {path} is not valid TOML"),
        (b"[data]\nsorce = 'a'", "Did you mean 'source'?"),
    ):
        path.write_bytes(content)
        assert words in refused(Path(), "evaluate", run, "rows.csv")


@pytest.mark.parametrize("command", ["encode", "denoise"])
@pytest.mark.parametrize("layer", [2, -1, 99])
def test_a_layer_out_of_range(command: str, layer: int, run: Path) -> None:
    message = refused(Path(), command, run, "rows.csv", "-o", "out.npy", f"--layer={layer}")
    assert message == (
        "The --layer parameter of this command must be a layer of the run, from 0 to 1. "
        f"Got {layer} instead."
    )


def test_filters_of_a_layer_out_of_range(run: Path) -> None:
    command = ("plot", run, "filters", "--image-shape=2x2", "-o", "out.png", "--layer=2")
    assert "a layer of the run, from 0 to 1. Got 2 instead." in refused(Path(), *command)


@pytest.mark.parametrize(
    ("command", "suffixes"),
    [("predict", ".csv"), ("encode", ".npy or .csv"), ("denoise", ".npy or .csv")],
)
def test_an_output_of_unknown_suffix(command: str, suffixes: str, run: Path) -> None:
    for out in ("out.txt", "out", "out.csv.gz"):
        message = refused(Path(), command, run, "rows.csv", "-o", out)
        assert message == f"The output must be a {suffixes} file. Got {out} instead."


@pytest.mark.parametrize("command", ["predict", "encode", "denoise", "impute"])
def test_an_output_that_cannot_be_written(command: str, run: Path) -> None:
    Path("folder.csv").mkdir()
    for out, reason in (
        ("rows.csv/out.csv", "Not a directory."),
        ("nowhere/out.csv", "nowhere does not exist."),
        ("folder.csv", "it is a folder, not a file."),
    ):
        message = refused(Path(), command, run, "rows.csv", "-o", out)
        assert message == f"Cannot write {out}: {reason}"


def test_the_wrong_number_of_columns(run: Path) -> None:
    Path("two.csv").write_text("a,b\n1,2\n")
    message = refused(Path(), "predict", run, "two.csv", "-o", "out.csv")
    assert message == (
        "two.csv lacks 2 of the 4 columns of the training data, the first 'c'. Add what is missing "
        "to the file."
    )


def test_a_stage_or_kind_that_does_not_exist(run: Path) -> None:
    for command in (
        ("encode", run, "rows.csv", "-o", "c.npy", "--stage", "training"),
        ("plot", run, "filter", "-o", "f.png"),
    ):
        result = invoke(*command)
        assert result.exit_code == 2
        assert "is not one of" in result.stderr
