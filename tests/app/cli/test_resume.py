"""Runs cut short by signals go on to the same bytes; two processes never work on one run."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from sdae.app.runs.run_folder import RunFolder
from sdae.core.errors import FileAccessError
from tests.app.cli.commands import SDAE, environment, invoke, refused, run, without_warnings
from tests.app.cli.samples import (
    SMALL,
    contents,
    history,
    write_flowers,
    write_parts,
    write_rows,
)

LONG = (
    *SMALL,
    "--set=pretraining.epochs=900",
    "--set=pretraining.learning_rate=0.01",
    "--set=finetuning.epochs=900",
    "--seed=4",
)
FEWER = "--set=finetuning.epochs=20"
"""Epochs that take longer, since rows without labels are learned from."""


@contextmanager
def training(folder: Path, until: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Train in a process of its own, in `folder`; yield it when it has printed `until`."""
    # A process started by one that ignores Ctrl-C, as jobs in the background do, or a closed
    # terminal, as after nohup, ignores it too.
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        process = subprocess.Popen(
            [SDAE, *options],
            cwd=folder,
            env=environment(PYTHONUNBUFFERED="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    finally:
        signal.signal(signal.SIGINT, ours)
        signal.signal(signal.SIGHUP, hangup)
    with process:
        try:
            assert process.stdout is not None
            while not (line := process.stdout.readline()).startswith(until):
                assert line, "training ended before it was interrupted"
            yield process
        finally:
            process.kill()


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> str:
    """Send a signal, wait, and return what was said on standard error."""
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    return complaint


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with some images."""
    write_parts(tmp_path / "images.npz")
    return tmp_path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the images that nothing interrupted, in a process of its own."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    write_parts(folder / "images.npz")
    result = run("train", "images.npz", "--out=whole", *LONG, cwd=folder)
    assert result.returncode == 0, result.stderr
    return folder / "whole"


def same_outcome(a: Path, b: Path) -> None:
    """Assert that two runs have the same bytes, but for clock times."""
    for name in ("model.safetensors", "pretrained.safetensors", "recipe.toml"):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name
    timeless = {"seconds": 0, "samples_per_second": 0}
    assert [r | timeless for r in history(a)] == [r | timeless for r in history(b)]


@pytest.mark.parametrize(
    ("number", "until"),
    [
        (signal.SIGINT, "Layer 0, epoch 3/"),
        (signal.SIGTERM, "Layer 1, epoch 7/"),
        (signal.SIGINT, "Fine-tuning, epoch 5/"),
    ],
)
def test_a_signal_ends_in_a_checkpoint_and_the_run_goes_on_to_the_same_bytes(
    number: signal.Signals, until: str, images: Path, whole: Path
) -> None:
    with training(images, until, "train", "images.npz", "--out=run", *LONG) as process:
        complaint = stopped(process, number)
    assert without_warnings(complaint) == (
        "Stopping after the next checkpoint. Press Ctrl-C again to stop at once.\n"
        "Interrupted. To resume from the last checkpoint, run: sdae resume run\n"
    )
    held = contents(images / "run")
    assert not (images / ".run.lock").exists()
    assert "model.safetensors" not in held
    assert RunFolder(images / "run").has_checkpoints()
    resumed = run("resume", "run", cwd=images)
    assert resumed.returncode == 0, resumed.stderr
    assert without_warnings(resumed.stderr) == ""
    assert "Test error" in resumed.stdout
    same_outcome(images / "run", whole)
    assert set(contents(images / "run")) == set(contents(whole))


def test_a_second_signal_stops_at_once(images: Path) -> None:
    options = ("train", "images.npz", "--out=run", *LONG, "--set=pretraining.epochs=100000000")
    with training(images, "Layer 0, epoch 3/", *options) as process:
        # While it is stopped, the two come as one: let it take the first before the second.
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Stopping after the next checkpoint.")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130


def test_a_kill_leaves_the_last_checkpoint_and_a_stale_lock(images: Path, whole: Path) -> None:
    options = ("train", "images.npz", "--out=run", "--checkpoint-every=50epochs", *LONG)
    with training(images, "Layer 1, epoch 2/", *options) as process:
        process.kill()
        process.communicate()
    assert json.loads((images / ".run.lock").read_text())["pid"] == process.pid
    # The lock is stale: its owner is gone, so it is taken over.
    resumed = run("resume", "run", cwd=images)
    assert resumed.returncode == 0, resumed.stderr
    for name in ("model.safetensors", "pretrained.safetensors"):
        assert (images / "run" / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_run_in_use_is_refused(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(images)
    endless = ("--set=pretraining.epochs=100000000",)
    options = ("train", "images.npz", "--out=run", *LONG, *endless)
    with training(images, "Layer 0, epoch 3/", *options) as process:
        for command in (("resume", "run"), (*options, "--force")):
            result = invoke(*command)
            assert result.exit_code == 2
            assert f"Error: run is in use by process {process.pid} on " in result.stderr
        stopped(process, signal.SIGINT)


def test_looking_at_a_run_in_progress_is_refused_and_said_why(images: Path) -> None:
    with training(
        images, "Layer 1, epoch 7/", "train", "images.npz", "--out=run", *LONG
    ) as process:
        stopped(process, signal.SIGINT)
    for command in ("info", "evaluate"):
        data = [] if command == "info" else [images / "images.npz"]
        message = refused(images, command, images / "run", *data)
        assert (
            "is not finished. If no process is training it, continue with: sdae resume " in message
        )


@pytest.mark.usefixtures("pictures")
def test_other_data_are_refused_and_moved_data_are_not(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(images)
    with training(
        images, "Layer 1, epoch 7/", "train", "images.npz", "--out=run", *LONG
    ) as process:
        stopped(process, signal.SIGINT)
    (images / "images.npz").rename(images / "moved.npz")
    missing = refused(images, "resume", "run")
    assert "Cannot read images.npz: it does not exist. Similar names: moved.npz." in missing
    arrays = dict(np.load(images / "moved.npz"))
    arrays["x_train"] = arrays["x_train"] + 1
    np.savez(images / "other.npz", **arrays)
    other = refused(images, "resume", "run", "--data=other.npz")
    assert "was started with other data: x was " in other
    resumed = run("resume", "run", "--data=moved.npz", cwd=images)
    assert resumed.returncode == 0, resumed.stderr
    assert (images / "run/plots/curves.png").is_file()


def test_the_number_of_threads_is_the_one_it_began_with(
    images: Path, one_thread_again: None
) -> None:
    options = ("train", "images.npz", "--out=run", "--threads=2", *LONG)
    with training(images, "Layer 1, epoch 7/", *options) as process:
        stopped(process, signal.SIGINT)
    assert RunFolder(images / "run").threads() == 2
    resumed = run("resume", "run", cwd=images)
    assert (resumed.returncode, without_warnings(resumed.stderr)) == (0, "")
    del one_thread_again


def test_what_is_finished_or_is_no_run_is_not_resumed(flower_run: Path, tmp_path: Path) -> None:
    assert refused(tmp_path, "resume", flower_run).endswith("so it cannot be resumed.")
    assert "does not exist. Train one with: sdae train" in refused(
        tmp_path, "resume", tmp_path / "run"
    )
    assert refused(tmp_path, "resume", tmp_path).endswith("it has no model.safetensors.")


@pytest.mark.parametrize("command", ["train", "resume"])
def test_a_frequency_that_is_none_is_refused(command: str, tmp_path: Path) -> None:
    write_flowers(tmp_path / "flowers.csv")
    message = refused(tmp_path, command, tmp_path / "flowers.csv", "--checkpoint-every", "often")
    assert message.startswith(
        f"The --checkpoint-every parameter of sdae {command} must be a number"
    )


@pytest.mark.usefixtures("pictures")
def test_a_history_that_cannot_be_written_meanwhile_is_told_once(
    flowers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = RunFolder.save_history
    calls = iter((True, False))

    def once_full(folder: RunFolder, records: object) -> None:
        if next(calls):
            raise FileAccessError("Cannot write it.")
        write(folder, records)  # type: ignore[arg-type]

    monkeypatch.setattr(RunFolder, "save_history", once_full)
    out = tmp_path / "run"
    result = invoke("train", flowers, "--target=species", "--out", out, *SMALL)
    assert result.exit_code == 0
    told = "Warning: Cannot write it. Training continues without writing its history.\n"
    assert [line for line in result.stderr.splitlines(True) if "history" in line] == [told]
    assert len(history(out)) == 7
    assert list((out / "plots").iterdir())


def test_learning_from_unlabelled_rows_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    write_flowers(tmp_path / "flowers.csv")
    write_rows(tmp_path / "rows.csv")
    methods = '["label_spreading","mean_teacher","vat"]'
    options = (
        *("train", "flowers.csv", "--target=species", "--unlabeled=rows.csv", *LONG, FEWER),
        f"--set=finetuning.semi_supervised={methods}",
    )
    with training(tmp_path, "Fine-tuning, epoch 5/", *options, "--out=run") as process:
        stopped(process, signal.SIGTERM)
    resumed = run("resume", "run", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    whole = run(*options, "--out=whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    same_outcome(tmp_path / "run", tmp_path / "whole")
