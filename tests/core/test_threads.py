"""How many threads there may be, and that a forked child does not wait for those it has not."""

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sdae.core import threads as module
from sdae.core.kernels.team import Counter, Team
from sdae.core.threads import threads, usable_threads

ROOT = Path(__file__).parents[2]
MANY = 1 << 40
forks = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this platform"
)


@pytest.fixture(autouse=True)
def _threads_afterwards() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def run(*arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run the program that forks; end it with all its children if it takes too long."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.core.forks", *arguments]
    program = subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        out, err = program.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, signal.SIGKILL)
        out, err = program.communicate()
    return subprocess.CompletedProcess(command, program.returncode, out, err)


@forks
def test_a_forked_child_trains_and_answers_after_its_parent_used_two_threads() -> None:
    done = run("child", seconds=200)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "all done\n"
    assert done.stderr.count("This process was forked") == 1
    assert "start processes with spawn, forkserver or loky" in done.stderr


@forks
@pytest.mark.slow
def test_so_do_children_of_threads_of_children_and_of_workers_and_those_that_insist() -> None:
    done = run(seconds=500)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "all done\n"


def in_a_child(check: str) -> str:
    """Run a few lines in a forked child of a process with two threads; return what it logs."""
    program = (
        "import os, signal, sys, torch\n"
        "import sdae\n"
        "from sdae.core.threads import threads, usable_threads\n"
        "torch.set_num_threads(2)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    signal.alarm(60)\n"
        f"    {check}\n"
        "    sys.exit(0)\n"
        "assert torch.get_num_threads() == 2\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], timeout=120, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@forks
def test_a_forked_child_has_one_thread_and_is_silent_until_more_would_be_used() -> None:
    assert (
        in_a_child(
            "assert torch.get_num_threads() == 1\n"
            "    sdae.StackedDenoisingAutoencoder(3, (2,))\n"
            "    with threads(None, 10): assert torch.get_num_threads() == 1\n"
            "    with threads(1, 1 << 40): assert torch.get_num_threads() == 1"
        )
        == ""
    )


@forks
def test_whoever_asks_a_forked_child_for_more_gets_one_and_a_warning_once() -> None:
    told = in_a_child(
        "assert usable_threads(2) == usable_threads() == 1\n"
        "    with threads(2, 1 << 40): assert torch.get_num_threads() == 1\n"
        "    torch.set_num_threads(2)\n"
        "    with threads(None, 1 << 40): assert torch.get_num_threads() == 1\n"
        "    assert torch.get_num_threads() == 1"
    )
    assert told.count("This process was forked") == 1


def test_elsewhere_there_are_as_many_as_are_wished_for() -> None:
    torch.set_num_threads(2)
    assert [usable_threads(wished) for wished in (None, 1, 3)] == [2, 1, 3]
    assert torch.get_num_threads() == 2


def test_a_fork_within_a_block_leaves_one_thread_at_its_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_birth", module._Birth())
    torch.set_num_threads(2)
    with caplog.at_level(logging.WARNING, "sdae"), threads(1, MANY):
        module._begin_forked()  # as the child sees it
    assert torch.get_num_threads() == 1


@forks
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # since Python 3.12
def test_a_team_that_was_made_before_a_fork_works_alone_in_the_child() -> None:
    crew = Team(2)

    def task(_rank: int, n_workers: int, _counter: Counter) -> None:
        workers.append(n_workers)

    def steps(_first: int, _last: int, rank: int, n_workers: int, counter: Counter) -> None:
        task(rank, n_workers, counter)

    workers: list[int] = []
    crew.run(task)
    assert workers == [2, 2]
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        workers.clear()
        crew.run(task)
        crew.run_steps(steps, 10)
        crew.close()
        os._exit(0 if workers == [1, 1] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    crew.close()
