"""A training whose output goes nowhere is trained to its end; one whose terminal closes goes on."""

import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sdae.app.runs.run_folder import RunFolder
from tests.app.cli.commands import SDAE, done, environment, without_warnings
from tests.app.cli.samples import SMALL, write_parts
from tests.app.cli.test_resume import LONG, stopped, training

TRAIN = ("train", "images.npz", "--out=run", *SMALL)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder with some images."""
    write_parts(tmp_path / "images.npz")
    return tmp_path


def whole(run: Path) -> bool:
    """Tell whether a run is finished and none of its files is damaged."""
    return done("verify", run).endswith("All files are as they were written.\n")


def shell(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the shell, in which ``sdae`` is the command."""
    return subprocess.run(
        ["bash", "-c", f'sdae() {{ "{sys.executable}" -m sdae "$@"; }}; {line}'],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_a_full_disk_does_not_end_a_training(images: Path) -> None:
    ended = shell(f"sdae {' '.join(TRAIN)} > /dev/full", images)
    assert ended.returncode == 1
    assert without_warnings(ended.stderr) == (
        "Standard output is lost, but the run is complete: run\n"
        "Error: Cannot write to standard output: No space left on device. "
        "The command did everything else.\n"
    )
    assert whole(images / "run")


def test_a_reader_that_leaves_does_not_end_a_training(images: Path) -> None:
    ended = shell(f"sdae {' '.join(TRAIN)} | head -1; exit ${{PIPESTATUS[0]}}", images)
    assert ended.returncode == 141
    assert len(ended.stdout.splitlines()) == 1
    lost = "Standard output is lost, but the run is complete: run\n"
    assert without_warnings(ended.stderr) == lost
    assert whole(images / "run")


def test_a_training_that_can_say_nothing_at_all_is_whole(images: Path) -> None:
    ended = shell(f"sdae {' '.join(TRAIN)} --quiet >&- 2>&-", images)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "")
    assert whole(images / "run")


@pytest.mark.parametrize(
    ("line", "code", "error"),
    [
        ("sdae --help | true; exit ${PIPESTATUS[0]}", 141, ""),
        ("sdae --version >&-", 1, "Error: Cannot write to standard output: Bad file descriptor."),
        ("sdae info nothing 2> /dev/full", 2, ""),
    ],
)
def test_a_short_command_ends_without_a_traceback(
    line: str, code: int, error: str, tmp_path: Path
) -> None:
    ended = shell(line, tmp_path)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.startswith(error)
    assert len(ended.stderr.splitlines()) == bool(error)


def test_a_closed_terminal_ends_in_a_checkpoint(images: Path) -> None:
    until = "Layer 1, epoch 7/"
    with training(images, until, "train", "images.npz", "--out=run", *LONG) as process:
        process.send_signal(signal.SIGHUP)  # the shell and the system may both send it
        complaint = stopped(process, signal.SIGHUP)
    assert without_warnings(complaint).endswith(
        "Interrupted. To resume from the last checkpoint, run: sdae resume run\n"
    )
    assert RunFolder(images / "run").has_checkpoints()
    done("resume", images / "run", "--data", images / "images.npz")


@contextmanager
def without_hangups(
    folder: Path, *arguments: str | Path
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a command on a terminal, ignoring SIGHUP as after nohup, until it has said something.

    Yields the process and the terminal's other end, to be closed.
    """
    ours, theirs = pty.openpty()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a started process takes it over
    try:
        process = subprocess.Popen(
            [SDAE, *arguments],
            cwd=folder,
            env=environment(),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
    finally:
        signal.signal(signal.SIGHUP, before)
    with process:
        os.close(theirs)
        os.read(ours, 1)
        yield process, ours


def test_a_training_that_ignores_the_closing_of_its_terminal_goes_on(images: Path) -> None:
    with without_hangups(images, *TRAIN) as (process, terminal):
        os.close(terminal)
        assert process.wait(timeout=120) == 1
    assert whole(images / "run")


@pytest.mark.parametrize(
    ("number", "entry"),
    [
        (signal.SIGINT, (SDAE,)),
        (signal.SIGINT, (sys.executable, "-m", "sdae")),
        (signal.SIGTERM, (sys.executable, "-m", "sdae")),
        (signal.SIGHUP, (SDAE,)),
    ],
)
def test_a_signal_during_the_imports_ends_in_one_line(
    number: signal.Signals, entry: tuple[str | Path, ...], tmp_path: Path
) -> None:
    ours = signal.signal(number, signal.default_int_handler)  # a started process takes it over
    try:
        process = subprocess.Popen(
            [*entry, "runs"],
            cwd=tmp_path,
            env=environment(PYTHONPROFILEIMPORTTIME="1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    finally:
        signal.signal(number, ours)
    with process:
        assert process.stderr is not None
        while "numpy" not in (line := process.stderr.readline()):  # which torch begins with
            assert line, "the imports ended before they were interrupted"
        process.send_signal(number)
        said, told = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert said == ""
    lines = [line for line in told.splitlines() if not line.startswith("import time:")]
    assert lines == ["Interrupted. Nothing was written."]


def test_whoever_watches_leaves_when_the_terminal_is_gone(flower_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(flower_run, tmp_path / "run"))
    for name in ("manifest.json", "model.safetensors"):  # as in a run in progress
        (run / name).unlink()
    with without_hangups(tmp_path, "watch", run) as (process, terminal):
        time.sleep(1.5)  # it looks once a second
        os.close(terminal)
        assert process.wait(timeout=60) == 1
