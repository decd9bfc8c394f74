"""Two processes on two hosts with a slow cable between them, which is then cut."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.train.processes.cases import FLOAT32
from tests.train.processes.on_a_host import LOST, SECONDS
from tests.train.processes.ranks import ERROR, Found, found_by
from tests.train.processes.test_same_as_one import assert_close, assert_same_bytes
from tests.train.processes.two_hosts import (
    ADDRESSES,
    PATIENCE,
    PORT,
    TwoHosts,
    ended,
    wait_for,
    why_not,
)

MILLISECOND = 0.001

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


def ranks_of(hosts: TwoHosts, folder: Path, name: str) -> list["subprocess.Popen[str]"]:
    """Start a process on each host that trains a case."""
    return [
        hosts.start(
            host,
            [sys.executable, "-m", "tests.train.processes.on_a_host", _file(folder, host), name],
            RANK=str(host),
            WORLD_SIZE="2",
            MASTER_ADDR=ADDRESSES[0],
            MASTER_PORT=PORT,
        )
        for host in range(2)
    ]


def _file(folder: Path, host: int) -> str:
    return str(folder / f"{host}.npz")


def found_in(
    folder: Path, processes: Sequence["subprocess.Popen[str]"], seconds: float
) -> list[Found]:
    """Wait for processes that have that many seconds; return what each found."""
    for code, _, complaint in ended(processes, seconds):
        assert code == 0, complaint
    found: list[Found] = []
    for host in range(2):
        with np.load(_file(folder, host)) as archive:
            found.append(dict(archive))
    return found


@pytest.mark.parametrize("name", FLOAT32)
def test_over_a_slow_cable_they_train_what_one_process_does(name: str, tmp_path: Path) -> None:
    with TwoHosts(MILLISECOND) as hosts:
        processes = ranks_of(hosts, tmp_path, name)
        first, second = found_in(tmp_path, processes, 4 * PATIENCE)
        n_bytes = hosts.passed()
    alone = found_by(FLOAT32[name])
    assert ERROR not in alone
    assert_close(first, alone, 1e-5)
    assert_same_bytes(second, first)
    n_parameters = sum(each.size for part, each in alone.items() if "." in part)
    assert n_bytes > 200 * 4 * n_parameters  # the gradients of each step took the cable


@pytest.mark.parametrize("name", LOST)
def test_each_process_notices_that_the_cable_was_cut(name: str, tmp_path: Path) -> None:
    with TwoHosts(MILLISECOND) as hosts:
        processes = ranks_of(hosts, tmp_path, name)
        wait_for(tmp_path / "0.on", processes)
        hosts.cut()
        found = found_in(tmp_path, processes, SECONDS + PATIENCE)
    for rank, each in enumerate(found):
        assert str(each[ERROR]).startswith(
            f"ProcessLostError: Process {rank} of 2 stopped training, because another process did "
            "not answer within"
        )
