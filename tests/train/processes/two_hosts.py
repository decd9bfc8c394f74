"""Two hosts with a cable between them: network namespaces of Linux, which need root.

The namespaces have no names. Each ends with the process that holds it, which ends with its input,
so nothing is left of them however the test ends.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.docs.examples import ROOT
from tests.train.processes.cable import DEVICE

ADDRESSES = ("10.77.0.1", "10.77.0.2")
PORT = "29400"
PATIENCE = 120
"""Seconds that anything may take on a busy machine."""

_TOOLS = ("unshare", "nsenter", "ip")


def why_not() -> str | None:
    """Return why there cannot be such hosts here; None if there can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "network namespaces need root on Linux"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun"
    lacking = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if lacking:
        return f"there is no {lacking[0]}"
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True)
    return "network namespaces are not permitted here" if tried.returncode else None


class TwoHosts:
    """Two hosts and the cable, which delays each packet by some seconds."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._holders: list[subprocess.Popen[str]] = []
        self._cable: subprocess.Popen[str] | None = None

    def __enter__(self) -> "TwoHosts":
        try:
            for _ in ADDRESSES:
                # It says that it is in its namespace, and stays there until its input ends.
                holder = _piped(["unshare", "--net", "sh", "-c", "echo here; exec cat"])
                self._holders.append(holder)
                assert _line(holder) == "here"
            pids = [str(holder.pid) for holder in self._holders]
            module = "tests.train.processes.cable"
            self._cable = _piped([sys.executable, "-m", module, *pids, str(self._delay)])
            assert _line(self._cable) == "ready"
            for host, (own, other) in enumerate(zip(ADDRESSES, reversed(ADDRESSES), strict=True)):
                self._ip(host, "address", "add", own, "peer", other, "dev", DEVICE)
                for device in (DEVICE, "lo"):
                    self._ip(host, "link", "set", device, "up")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def start(
        self, host: int, command: Sequence[str], folder: Path = ROOT, **variables: str
    ) -> "subprocess.Popen[str]":
        """Start a process on a host, in a folder."""
        return subprocess.Popen(
            [*self._inside(host), *command],
            env=_environment(variables),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def cut(self) -> None:
        """Let the cable pass nothing any more."""
        assert self._cable is not None
        assert self._cable.stdin is not None
        self._cable.stdin.write("cut\n")
        self._cable.stdin.flush()
        assert _line(self._cable) == "cut"

    def passed(self) -> int:
        """Remove the cable; return how many bytes it has passed."""
        assert self._cable is not None
        output, _ = self._cable.communicate(timeout=PATIENCE)
        return int(output)

    def _ip(self, host: int, *words: str) -> None:
        subprocess.run([*self._inside(host), "ip", *words], check=True)

    def _inside(self, host: int) -> list[str]:
        return ["nsenter", f"--net=/proc/{self._holders[host].pid}/ns/net"]

    def _end(self) -> None:
        for process in (self._cable, *self._holders):
            if process is not None:
                process.kill()
                process.communicate()


def wait_for(path: Path, processes: Sequence["subprocess.Popen[str]"]) -> None:
    """Wait until a file is there; all processes must run until then."""
    until = time.monotonic() + PATIENCE
    while not path.exists():
        for each in processes:
            assert each.poll() is None, each.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def ended(
    processes: Sequence["subprocess.Popen[str]"], seconds: float
) -> list[tuple[int, str, str]]:
    """Wait for processes, as many seconds at most; return the exit code and outputs of each."""
    until = time.monotonic() + seconds
    found = []
    try:
        for each in processes:
            outputs = each.communicate(timeout=max(0.0, until - time.monotonic()))
            found.append((each.returncode, *outputs))
    finally:
        for each in processes:
            each.kill()
            each.communicate()
    return found


def _piped(command: Sequence[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        cwd=ROOT,
    )


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _environment(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the environment of a process whose packets take the cable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    own = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": DEVICE, "PYTHONUNBUFFERED": "1"}
    return {**kept, **own, **variables}
