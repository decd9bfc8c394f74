"""torchrun on two hosts, a process on each: one run; if a host is lost, one sentence of each."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.cli.samples import write_flowers
from tests.app.cli.test_processes import LONG, TRAIN
from tests.train.processes.on_a_host import SECONDS
from tests.train.processes.two_hosts import (
    ADDRESSES,
    PATIENCE,
    PORT,
    TwoHosts,
    ended,
    wait_for,
    why_not,
)

PROGRAM = (
    "from sdae.train.processes import together\n"
    f"together.STEP_MINUTES = {SECONDS} / 60\n"
    "from sdae.app.cli import main\n"
    "main()\n"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_not() is not None, reason=str(why_not())),
]


def torchruns(hosts: TwoHosts, folder: Path, *arguments: str) -> list["subprocess.Popen[str]"]:
    """Start ``sdae`` on both hosts; each has a folder of its own with the same table."""
    (folder / "program.py").write_text(PROGRAM)
    started = []
    for host in range(2):
        own = folder / str(host)
        own.mkdir()
        write_flowers(own / "flowers.csv")
        launch = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
        place = [f"--node-rank={host}", f"--master-addr={ADDRESSES[0]}", f"--master-port={PORT}"]
        command = [*launch, *place, "../program.py", *arguments]
        started.append(hosts.start(host, command, own))
    return started


def errors(complaint: str) -> list[str]:
    return [line for line in complaint.splitlines() if line.startswith(("Error: ", "Interrupted"))]


def test_one_run_is_written_by_two_hosts(tmp_path: Path) -> None:
    with TwoHosts(0.001) as hosts:
        processes = torchruns(hosts, tmp_path, *TRAIN, "--out=run")
        first, second = ended(processes, 3 * PATIENCE)
    assert (first[0], second[0]) == (0, 0), first + second
    assert first[1].count("Run written to run") == 1
    assert second[1] == ""
    assert (tmp_path / "0" / "run" / "manifest.json").exists()
    assert not (tmp_path / "1" / "run").exists()  # no shared file system is needed


def test_a_lost_host_is_one_sentence_on_each(tmp_path: Path) -> None:
    with TwoHosts(0.001) as hosts:
        processes = torchruns(hosts, tmp_path, *TRAIN, *LONG, "--out=run")
        wait_for(tmp_path / "0" / "run" / "checkpoints" / "pretraining-000008.json", processes)
        hosts.cut()
        found = ended(processes, SECONDS + PATIENCE)
    for rank, (code, _, complaint) in enumerate(found):
        assert code == 1
        (sentence,) = errors(complaint)
        assert sentence.startswith(f"Error: Process {rank} of 2 stopped training, because another")
        assert sentence.endswith("run: sdae resume run" if rank == 0 else "it was killed.")
