"""A child process that answers one line of JSON for each line of JSON, and may crash or hang."""

import json
import os
import selectors
import subprocess
import sys
from pathlib import Path
from typing import Any

_PATIENCE = 120.0  # seconds of the clock for one answer, on a busy machine


class Child:
    """A process of ``python -m MODULE …``; one that ended is begun anew at the next question.

    Attributes
    ----------
    end : str
        How the last process that gave no answer ended.
    """

    def __init__(self, *module: str) -> None:
        self._module = module
        self._process: subprocess.Popen[str] | None = None
        self.end = ""

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def ask(self, request: object) -> Any:
        """Return the answer to a request; None if the process crashed or hangs.

        Raises
        ------
        RuntimeError
            If the process cannot be begun.
        """
        if self._process is None:
            self._process = self._start()
        answer = self._exchange(json.dumps(request))
        if answer:
            return json.loads(answer)
        self.end = f"the process ended with status {self._stop()}, or hung"
        return None

    def _start(self) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", *self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env=_environment(),
        )
        self._process = process
        if not self._exchange(json.dumps(None)):
            raise RuntimeError(f"{self._module[0]} does not begin: status {self._stop()}")
        return process

    def _exchange(self, line: str) -> str:
        assert self._process is not None
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(line + "\n")
            stdin.flush()
        except BrokenPipeError:
            return ""
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            return stdout.readline() if selector.select(_PATIENCE) else ""

    def _stop(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        try:
            return process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def _environment() -> dict[str, str]:
    """Return the environment of a child: it is timed, and to measure coverage takes long."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return kept | {"OMP_NUM_THREADS": "1"}


def _echo() -> None:
    """Answer each request with itself, and crash at ``"crash"``: a child for tests."""
    for line in sys.stdin:
        if json.loads(line) == "crash":
            os.abort()
        print(line.strip(), flush=True)


if __name__ == "__main__":
    _echo()
