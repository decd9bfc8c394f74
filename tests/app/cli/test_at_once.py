"""A signal outside a command: before it, in its last moment, and after it."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.app.cli.commands import environment
from tests.tracing import traced

# The command ends, and a signal comes before its exit code is known, or while its output is passed
# on: where the code is, the signal changes nothing any more.
SCRIPT = """
import os, signal, sys
import sdae.app.cli.streams as streams
from sdae.app.cli.typer_app import app
from sdae.app.cli.entry import main

at = sys.argv.pop(1)
def kill(): os.kill(os.getpid(), signal.SIGINT)
run, exit_code = type(app).__call__, streams.KeptStreams.exit_code

def called(self):
    try:
        run(self)
    finally:
        if at == "before": kill()

def flushed(self, code):
    if at == "after": kill()
    return exit_code(self, code)

type(app).__call__, streams.KeptStreams.exit_code = called, flushed
main()
"""


def ended(at: str, folder: Path) -> subprocess.CompletedProcess[str]:
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.run(
            [sys.executable, "-c", SCRIPT, at, "--version"],
            cwd=folder,
            env=traced(environment()),
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
    finally:
        signal.signal(signal.SIGINT, ours)


def test_nothing_is_said_of_what_was_written_once_a_command_was_there(tmp_path: Path) -> None:
    end = ended("before", tmp_path)
    assert (end.returncode, end.stderr) == (130, "Interrupted.\n")


def test_what_has_ended_keeps_its_exit_code(tmp_path: Path) -> None:
    end = ended("after", tmp_path)
    assert (end.returncode, end.stderr) == (0, "")
