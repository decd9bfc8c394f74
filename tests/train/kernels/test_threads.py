"""Threads of the fused engine change its speed and nothing else."""

import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder
from sdae.core.kernels import team
from sdae.core.kernels.team import Counter, Team, barrier
from sdae.core.minibatches import minibatches
from sdae.core.rows import TensorRows
from sdae.train.engines.fused_finetuning import FusedFinetuning
from sdae.train.engines.fused_pretraining import FusedPretraining
from sdae.train.settings import FinetuningConfig
from tests.train.engines.engines import rows


@pytest.fixture(autouse=True)
def _threads_afterwards() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _engines(seed: int = 0) -> tuple[FusedPretraining, FusedFinetuning]:
    """Return engines on networks large enough to be cut into parts."""
    one = StackedDenoisingAutoencoder(280, (270,), None, 0.2, seed=seed).autoencoder(0)
    network = StackedDenoisingAutoencoder(280, (270, 260), 3, seed=seed)
    data = TensorRows(torch.from_numpy(rows(300, 280, torch.float32, seed)))
    labels = torch.from_numpy(np.random.default_rng(seed).integers(3, size=300))
    return (
        FusedPretraining(one, data, one.corruption, seed),
        FusedFinetuning(network, data, labels, FinetuningConfig(), seed),
    )


def _train(engines: tuple[FusedPretraining, FusedFinetuning]) -> bytes:
    """Do 300 steps with each; return the bytes of what they trained."""
    for engine in engines:
        engine.train(minibatches(300, 1), 1, 0.01)
        engine.close()
    pretraining, finetuning = engines
    trained = (*pretraining.autoencoder.parameters(), *finetuning.stack.parameters())
    return b"".join(p.detach().numpy().tobytes() for p in trained)


def _trained(seed: int = 0) -> bytes:
    return _train(_engines(seed))


def test_one_to_four_threads_give_the_same_bytes() -> None:
    results = set()
    for n_threads in (1, 2, 3, 4, 2):
        torch.set_num_threads(n_threads)
        results.add(_trained())
        assert torch.get_num_threads() == n_threads
    assert len(results) == 1


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_the_size_of_a_chunk_does_not_change_the_result(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(2)
    expected = _trained()
    monkeypatch.setattr(team, "_CHUNK", chunk)
    assert _trained() == expected


def test_two_models_can_be_trained_at_once() -> None:
    torch.set_num_threads(2)
    expected = {seed: _trained(seed) for seed in (1, 2)}
    found: dict[int, bytes] = {}

    def train(seed: int) -> None:
        found[seed] = _trained(seed)

    threads = [threading.Thread(target=train, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


@pytest.mark.skipif(  # the platform has no fork to survive
    "fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this platform"
)
def test_a_forked_child_trains_as_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "fork.py"
    script.write_text(
        "import os, sys, torch\n"
        "torch.set_num_threads(2)\n"
        "from tests.train.kernels.test_threads import _engines, _train\n"
        "one, other = _engines(), _engines()  # torch's own threads do not survive a fork\n"
        "parent = _train(one)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(0 if _train(other) == parent else 3)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    root = Path(__file__).parents[3]
    command = [sys.executable, str(script)]
    run = subprocess.run(command, cwd=root, env=_environment(root), timeout=120)
    assert run.returncode == 0


def _environment(root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root)}


def test_a_barrier_holds_every_worker_until_all_have_come() -> None:
    crew = Team(3)
    seen: list[tuple[int, int]] = []
    lock = threading.Lock()

    def task(rank: int, n_workers: int, counter: Counter) -> None:
        for number in range(1, 30):
            with lock:
                seen.append((number, rank))
            barrier(counter, n_workers, number)

    crew.run(task)
    crew.close()
    assert [number for number, _ in seen] == sorted(number for number, _ in seen)
    assert {rank for _, rank in seen} == {0, 1, 2}


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_one_worker_is_raised_and_frees_the_others(failing: int) -> None:
    crew = Team(2)

    def task(rank: int, n_workers: int, counter: Counter) -> None:
        if rank == failing:
            raise ZeroDivisionError("on purpose")
        barrier(counter, n_workers, 1)

    with pytest.raises(ZeroDivisionError, match="on purpose"):
        crew.run(task)
    crew.close()


def _workers(monkeypatch: pytest.MonkeyPatch, n_chunks: int, slow: Callable[[int], bool]) -> str:
    """Do chunks; return how many workers did each. The clock is replaced: alone one takes 2 s.

    Together it takes 1 s, or 10 s where `slow` of the number of the trial says so.
    """
    clock, workers = [0.0], list[int]()
    monkeypatch.setattr("sdae.core.kernels.team.time.perf_counter", lambda: clock[0])
    crew = Team(2)

    def steps(_first: int, _last: int, rank: int, n_workers: int, _counter: Counter) -> None:
        if rank == 0:
            clock[0] += 2 if n_workers == 1 else (10 if slow(workers.count(2)) else 1)
            workers.append(n_workers)

    crew.run_steps(steps, n_chunks * 256)
    crew.close()
    return "".join(map(str, workers))


def test_company_that_is_slow_for_a_moment_is_left_for_one_chunk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The first chunk tells nothing, the third how long one takes alone.
    assert _workers(monkeypatch, 12, lambda trial: trial in (4, 7)) == "221222122212"


def test_company_that_stays_slow_is_tried_more_and_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses = [1, 2, 4, 8, 16, 16]
    expected = "2212" + "2".join("1" * pause for pause in pauses)
    assert _workers(monkeypatch, len(expected), lambda trial: trial >= 2) == expected


def test_company_that_was_slow_for_long_is_kept_once_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = _workers(monkeypatch, 40, lambda trial: 2 <= trial < 6)
    assert found == "2212" + "1" + "2" + "11" + "2" + "1111" + "2" + "1" * 8 + "2" * 18
