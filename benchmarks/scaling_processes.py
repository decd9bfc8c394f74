"""What several processes gain: rows a second, the share of sums, and the constants of a model.

    python benchmarks/scaling_processes.py

On 784-1000-1000-1000-10, pre-training and fine-tuning, at minibatches of 100 and of 1,000 rows:
one process with one thread and with two, two and four processes with one. All of them take 3
turns, since the speed of a machine changes with the hour; each turn times an epoch after one that
warms up. Medians of the turns, and of the share of the time in which sums are waited for, the wait
for slower processes included. Two processes also train with sums left out, which shows what sums
cost in all: each then trains a network of its own. And they train in two network namespaces with a
cable of 1 Gbit/s between them (root on Linux), at 1,000 rows, with sums after back-propagation and
on the way. The engine is autograd everywhere, so the figures compare processes and threads and
nothing else.

The constants of ``scaling_model.py`` are measured apart from these epochs: steps of one process on
shares of minibatches, with all that sharing needs but the sums, and sums of two processes.
"""

import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from _machine import describe
from process_links import DEVICE, inside, two_hosts

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.minibatches import minibatches
from sdae.core.rows import TensorRows
from sdae.train.engines import sums_on_the_way
from sdae.train.engines.autograd import AutogradFinetuning
from sdae.train.processes.together import OneProcess, SeveralProcesses
from sdae.train.settings import FinetuningConfig

PATH = Path(__file__).parent / "results" / "scaling-processes.json"
SIZES, N_ROWS, TURNS, REPEATS = (1000, 1000, 1000), 10_000, 3, 3
BATCH_SIZES = (100, 1000)
SHARES = (25, 50, 100, 250, 500, 1000)
SUMMED = (1_000, 10_000, 100_000, 300_000, 1_000_000, 3_000_000)
CABLE = "1gbit"
AT_THE_END, LEFT_OUT = "at the end", "left out"


@dataclass(frozen=True)
class Setup:
    """Processes, threads of each, the rate of the cable, and when sums are done."""

    processes: int
    threads: int
    cable: str = ""
    sums: str = "on the way"


SETUPS = (
    *(Setup(1, 1), Setup(1, 2), Setup(2, 1), Setup(2, 1, sums=AT_THE_END)),
    *(Setup(2, 1, sums=LEFT_OUT), Setup(4, 1)),
    *(Setup(2, 1, CABLE), Setup(2, 1, CABLE, AT_THE_END)),
)


def main() -> None:
    """Measure, print and write as JSON."""
    turns = [
        [point for setup in SETUPS for point in _started(setup, "epochs")] for _ in range(TURNS)
    ]
    points = [_median(same) for same in zip(*turns, strict=True)]
    for point in points:
        print(point)
    constants = {
        "step_seconds": _started(Setup(1, 1), "steps")[0],
        "sum_seconds": _started(Setup(2, 1), "sums")[0],
        "n_numbers": sum(p.numel() for p in _stack().mlp.parameters()),
        "cores": os.cpu_count(),
    }
    print(constants)
    torch.set_num_threads(2)
    found = {"machine": describe(), "points": points, "constants": constants}
    PATH.write_text(json.dumps(found, indent=2) + "\n")


def _median(same: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of the turns of one point."""
    measured = ("rows_per_second", "communication")
    return same[0] | {name: statistics.median(point[name] for point in same) for name in measured}


def _started(setup: Setup, work: str) -> list[dict[str, Any]]:
    """Start the processes of a setup; return what the first one measures."""
    several: Any = two_hosts(setup.cable) if setup.cable else nullcontext([None] * setup.processes)
    with tempfile.TemporaryDirectory() as folder, several as hosts:
        words = [work, json.dumps(asdict(setup)), f"{folder}/store"]
        device = {"GLOO_SOCKET_IFNAME": DEVICE} if setup.cable else {}
        started = [
            subprocess.Popen(
                [*inside(host), sys.executable, __file__, str(rank), *words],
                stdout=subprocess.PIPE,
                encoding="utf-8",
                env={**os.environ, "OMP_NUM_THREADS": str(setup.threads), **device},
            )
            for rank, host in enumerate(hosts)
        ]
        outputs = [each.communicate()[0] for each in started]
    if any(each.returncode for each in started):
        raise SystemExit("A process failed.")
    measured: list[dict[str, Any]] = json.loads(outputs[0])
    return measured


def _be_a_process(rank: int, work: str, setup: Setup, store: str) -> None:
    """Do the work of one of the processes."""
    torch.set_num_threads(setup.threads)
    logging.getLogger("sdae").setLevel(logging.ERROR)  # an epoch gives the doctor cause
    if setup.sums == AT_THE_END:
        sums_on_the_way.LEAST_NUMBERS = sys.maxsize  # one part
    if setup.sums == LEFT_OUT:
        SeveralProcesses.begin_sum = OneProcess.begin_sum  # type: ignore[method-assign, assignment] # none
    if setup.processes > 1:
        file = dist.FileStore(store, setup.processes)  # type: ignore[attr-defined] # lacks types
        dist.init_process_group("gloo", store=file, rank=rank, world_size=setup.processes)
    works: dict[str, Callable[[], list[Any]]] = {
        "epochs": lambda: list(_points(setup)),
        "steps": lambda: [_seconds_of_steps()],
        "sums": lambda: [_seconds_of_sums()],
    }
    try:
        measured = works[work]()
    finally:
        if setup.processes > 1:
            dist.destroy_process_group()
    if rank == 0:
        print(json.dumps(measured))


def _points(setup: Setup) -> list[dict[str, Any]]:
    """Return the speed of each stage at each size of minibatch."""
    clock = _Clock()
    if setup.processes > 1:
        clock.times_sums()
    points = []
    for batch_size in BATCH_SIZES[-1:] if setup.cable else BATCH_SIZES:
        for stage, epoch in _epochs(batch_size).items():
            epoch()
            clock.in_sums = 0.0
            spent = epoch()
            n_rows = (len(SIZES) if stage == "pretraining" else 1) * N_ROWS
            point = {
                "stage": stage,
                "batch_size": batch_size,
                "rows_per_second": n_rows / spent,
                "communication": clock.in_sums / spent,
            }
            points.append({**asdict(setup), **point})
    return points


def _seconds_of_steps() -> dict[int, float]:
    """Return the seconds of a step of fine-tuning on a share of some rows, without its sums."""
    x, y = _rows()
    stack, data = _stack(), TensorRows(torch.from_numpy(x))
    found = {}
    for n_rows in SHARES:
        config = FinetuningConfig.read({"batch_size": 2 * n_rows, "learning_rate": 0.01}, "")
        engine = AutogradFinetuning(stack, data, torch.from_numpy(y), config, 0, None, _Half())
        batches = minibatches(N_ROWS, 2 * n_rows)
        times = []
        for _ in range(REPEATS + 1):
            start = time.perf_counter()
            engine.train(batches, 1, 0.01)
            times.append((time.perf_counter() - start) / len(batches))
        found[n_rows] = statistics.median(times[1:])
    return found


def _seconds_of_sums() -> dict[int, float]:
    """Return the seconds of sums, by their numbers."""
    found = {}
    for n_numbers in SUMMED:
        numbers, times = torch.zeros(n_numbers), []
        for _ in range(30):
            dist.barrier()
            start = time.perf_counter()
            dist.all_reduce(numbers)
            times.append(time.perf_counter() - start)
        found[n_numbers] = statistics.median(times)
    return found


def _epochs(batch_size: int) -> dict[str, Callable[[], float]]:
    """Return for each stage a function that trains an epoch, and returns its seconds."""
    x, y = _rows()
    options: dict[str, Any] = {"epochs": 1, "batch_size": batch_size, "engine": "autograd"}

    def pretraining() -> float:
        records = pretrain(_stack(), x, learning_rate=0.001, **options).records
        return sum(record.seconds for record in records)

    def finetuning() -> float:
        return finetune(_stack(), (x, y), None, learning_rate=0.01, **options).records[0].seconds

    return {"pretraining": pretraining, "finetuning": finetuning}


def _rows() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.random((N_ROWS, 784), dtype=np.float32), rng.integers(10, size=N_ROWS)


def _stack() -> StackedDenoisingAutoencoder:
    return StackedDenoisingAutoencoder(784, SIZES, 10, 0.2)


class _Half(OneProcess):
    """The first of two processes, whose sums are left out."""

    size = 2


class _Clock:
    """Measures how long sums are waited for."""

    in_sums = 0.0

    def times_sums(self) -> None:
        """Measure it from now on."""
        begin_sum = SeveralProcesses.begin_sum

        def timed(processes: SeveralProcesses, numbers: torch.Tensor) -> Callable[[], None]:
            wait = begin_sum(processes, numbers)

            def timed_wait() -> None:
                start = time.perf_counter()
                wait()
                self.in_sums += time.perf_counter() - start

            return timed_wait

        SeveralProcesses.begin_sum = timed  # type: ignore[method-assign, assignment] # timed


def _arguments(words: Sequence[str]) -> tuple[int, str, Setup, str]:
    return int(words[0]), words[1], Setup(**json.loads(words[2])), words[3]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _be_a_process(*_arguments(sys.argv[1:]))
    else:
        main()
