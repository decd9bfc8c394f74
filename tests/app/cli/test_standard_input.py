"""A dash reads a table from standard input, and writes a CSV to standard output."""

import csv
import io
import os
import pty
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from sdae.app.cli.typer_app import app
from sdae.core.model_file import load_model
from tests.app.cli.commands import (
    SDAE,
    checked_message,
    done,
    environment,
    fail_after,
    invoke,
    refused,
    without_warnings,
)
from tests.app.cli.samples import SMALL
from tests.app.cli.test_mixed_tables import HOW, people
from tests.app.cli.test_mixed_tables import SMALL as SMALL_MIXED


def piped(content: bytes, *arguments: str | Path) -> Result:
    """Run a command within this process, with some standard input."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=content)


def said(content: bytes, *arguments: str | Path) -> str:
    """Run such a command, which must succeed; return its output."""
    result = piped(content, *arguments)
    assert result.exit_code == 0, (result.stderr, result.exception)
    assert without_warnings(result.stderr) == ""
    return result.stdout


def same_network(one: Path, other: Path) -> None:
    first, second = (load_model(path / "model.safetensors").stack for path in (one, other))
    for (name, a), (_, b) in zip(
        first.state_dict().items(), second.state_dict().items(), strict=True
    ):
        assert np.array_equal(a.numpy(), b.numpy()), name


@pytest.mark.usefixtures("pictures")
def test_a_table_of_numbers_trains_as_from_a_file(
    flower_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = (flower_run.parent / "flowers.csv").read_bytes()
    assert "Test error" in said(content, "train", "-", "--target=species", *SMALL)
    run = Path("runs/stdin-table")
    same_network(run, flower_run)
    assert 'source = "-"' in (run / "recipe.toml").read_text()
    # The recipe repeats the run.
    said(content, "train", "--recipe", run / "recipe.toml", "--out", "again")
    names = ("model.safetensors", "again/model.safetensors")
    assert (run / names[0]).read_bytes() == Path(names[1]).read_bytes()
    # What needs the rows once more says so, and goes on.
    shown = done("report", run)
    assert "The parts that need rows are left out: The rows came from standard input" in shown
    assert "Checked without rows of the data" in done("export", run, "--numpy", "numpy")
    text = refused(tmp_path, "plot", run, "reconstructions", "-o", "x.png")
    assert text == (
        "The rows came from standard input, which is not kept. Name a file with these rows."
    )


def test_a_mixed_table_goes_through_every_command(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    content = people().to_csv(index=False).encode()
    run = tmp_path / "run"
    said(content, "train", "-", "--out", run, *HOW, *SMALL_MIXED, "--quiet")
    (tmp_path / "people.csv").write_bytes(content)
    for command in ("predict", "encode", "denoise", "impute"):
        out = tmp_path / f"{command}.csv"
        done(command, run, tmp_path / "people.csv", "-o", out)
        assert said(content, command, run, "-", "-o", "-") == out.read_text(encoding="utf-8")
    assert said(content, "evaluate", run, "-") == done("evaluate", run, tmp_path / "people.csv")
    said(content, "finetune", run, "-", "--target=tall", "--quiet")
    packed = tmp_path / "people.csv.gz"
    people().to_csv(packed, index=False)
    assert "size" in said(packed.read_bytes(), "denoise", run, "-", "-o", "-")


def test_names_of_rows_come_from_standard_input_too(flower_run: Path) -> None:
    content = (flower_run.parent / "flowers.csv").read_bytes()
    found = said(content, "predict", flower_run, "-", "-o", "-", "--id", "species")
    assert found.startswith("species,label,p_")
    assert len(list(csv.reader(io.StringIO(found)))) == 91


def test_a_parquet_file_may_be_piped(flower_run: Path, tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    table = pd.read_csv(flower_run.parent / "flowers.csv")
    content = table.to_parquet()
    said(content, "train", "-", "--target=species", "--out", tmp_path / "run", *SMALL, "--quiet")
    model = load_model(tmp_path / "run/model.safetensors")
    assert (model.schema, model.feature_names) == (None, ("a", "b", "c", "d"))  # numbers alone
    assert "wrong" in said(content, "evaluate", tmp_path / "run", "-", "--target=species")


@pytest.mark.parametrize("by", ["pipe", "file"])
def test_an_interrupted_run_goes_on_with_the_same_rows(
    by: str, flower_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, run = flower_run.parent / "flowers.csv", tmp_path / "run"
    content = data.read_bytes()
    options = ("--target=species", "--checkpoint-every=1epoch", *SMALL)
    said(content, "train", "-", "--out", tmp_path / "whole", *options)
    with monkeypatch.context() as patch:
        fail_after(20, patch)
        result = piped(content, "train", "-", "--out", run, *options)
    assert f"run: sdae resume {run} --data FILE" in result.stderr
    other = b"\n".join(content.splitlines()[:-5])
    assert "started with other data" in checked_message(piped(other, "resume", run).stderr)
    if by == "pipe":
        said(content, "resume", run)
        assert (run / "model.safetensors").read_bytes() == (
            tmp_path / "whole/model.safetensors"
        ).read_bytes()
    else:
        done("resume", run, "--data", data)
    same_network(run, tmp_path / "whole")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("train", "-"), "standard input is empty"),
        (("train", "flowers.csv", "--unlabeled=-", "--target=species"), "which is not kept"),
        (("predict", "run", "-", "-o", "-"), "standard input is empty"),
        (("impute", "run", "-", "-o", "-"), "standard input is empty"),
    ],
)
def test_an_empty_standard_input_is_said(
    command: tuple[str, ...], words: str, flower_run: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    shutil.copytree(flower_run, "run")
    shutil.copy(flower_run.parent / "flowers.csv", "flowers.csv")
    result = piped(b"", *command)
    assert result.exit_code == 2
    assert words in checked_message(result.stderr)
    assert not Path("runs").exists()


def test_a_terminal_is_not_waited_for(flower_run: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        for command in (("predict", flower_run, "-", "-o", "-"), ("train", "-")):
            result = subprocess.run(
                [SDAE, *command],
                cwd=tmp_path,
                env=environment(),
                stdin=theirs,
                capture_output=True,
                encoding="utf-8",
                timeout=60,
                check=False,
            )
            assert result.returncode == 2
            assert "Standard input is this terminal. Pipe a table" in result.stderr
    finally:
        os.close(ours)
        os.close(theirs)
    assert invoke("train", "-", "--quiet").exit_code == 2
