"""Calling the command line, as a process or within this one, and what a refusal looks like."""

import errno
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sdae.app.cli.typer_app import app
from tests.app.cli.samples import contents

SDAE = Path(sys.executable).with_name("sdae")


def environment(**extra: str) -> Mapping[str, str]:
    """Return the environment of a started process: a plain terminal's, whatever this one is."""
    unwanted = ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return {**kept, "OMP_NUM_THREADS": "1", "TERM": "xterm", **extra}


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run ``sdae`` in a process of its own."""
    return subprocess.run(
        [SDAE, *arguments],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def succeed(*arguments: str | Path, cwd: Path) -> str:
    """Run ``sdae`` in a process of its own, which must succeed; return its output.

    It may warn only: so small a training gives the doctor cause.
    """
    done = run(*arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert without_warnings(done.stderr) == ""
    return done.stdout


def invoke(*arguments: str | Path) -> Result:
    """Run a command within this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def done(*arguments: str | Path) -> str:
    """Run a command within this process, which must succeed; return its output.

    It may warn only: so small a training gives the doctor cause.
    """
    result = invoke(*arguments)
    assert result.exit_code == 0, (result.stderr, result.exception)
    assert without_warnings(result.stderr) == ""
    return result.stdout


def without_warnings(stderr: str) -> str:
    """Return the lines of standard error that are no warnings."""
    lines = stderr.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("Warning: "))


def refused(folder: Path, *arguments: str | Path) -> str:
    """Run a command that must be refused and leave `folder` as it is; return what it says.

    The message is one paragraph on standard error; a recipe's problems have a line each.
    """
    before = contents(folder)
    result = invoke(*arguments)
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2
    assert contents(folder) == before
    return checked_message(result.stderr)


def checked_message(stderr: str) -> str:
    """Return an error's message after checking its form: a sentence, and no traceback."""
    assert "Traceback" not in stderr
    stderr = without_warnings(stderr)
    assert stderr.startswith("Error: ")
    assert stderr.endswith("\n")
    message = stderr.removeprefix("Error: ").removesuffix("\n")
    assert message[-1] in ".?" or "with: " in message  # a command to type ends no sentence
    if not message.startswith("Recipe "):
        assert "\n" not in message
    return message


def fail_after(n_flushes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the disk be full after some flushes; each file has two, its own and its folder's."""
    remaining = iter(range(n_flushes))
    flush = os.fsync

    def full(descriptor: int) -> None:
        if next(remaining, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", full)
