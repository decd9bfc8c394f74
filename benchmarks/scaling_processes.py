"""Whether two processes with a thread each train as fast as one process with two threads.

    python benchmarks/scaling_processes.py

On 784-1000-1000-1000-10, pre-training and fine-tuning, at minibatches of 100 and of 1,000 rows:
rows a second, medians of 3 epochs after one that warms up, and the share of the time that goes
into sums over the processes, with the wait for the other one. The engine is autograd in both, so
the figures compare processes and threads and nothing else.
"""

import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from _machine import describe

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.train.processes.together import SeveralProcesses

PATH = Path(__file__).parent / "results" / "scaling-processes.json"
SIZES, N_ROWS, REPEATS = (1000, 1000, 1000), 10_000, 3
BATCH_SIZES = (100, 1000)
SETUPS = ((1, 2), (2, 1))  # processes, threads of each


def main() -> None:
    """Measure, print and write as JSON."""
    points = [point for setup in SETUPS for point in _measured(*setup)]
    for point in points:
        print(
            f"{point['processes']} processes, {point['threads']} threads each, {point['stage']}, "
            f"minibatches of {point['batch_size']:,}: {point['rows_per_second']:,.0f} rows/s, "
            f"{100 * point['communication']:.0f} % communication"
        )
    torch.set_num_threads(2)
    PATH.write_text(json.dumps({"machine": describe(), "points": points}, indent=2) + "\n")


def _measured(n_processes: int, n_threads: int) -> list[dict[str, Any]]:
    """Start the processes of a setup; return what the first one measures."""
    with tempfile.TemporaryDirectory() as folder:
        words = [str(n_processes), str(n_threads), f"{folder}/store"]
        started = [
            subprocess.Popen(
                [sys.executable, __file__, str(rank), *words],
                stdout=subprocess.PIPE,
                encoding="utf-8",
                env={**os.environ, "OMP_NUM_THREADS": str(n_threads)},
            )
            for rank in range(n_processes)
        ]
        outputs = [each.communicate()[0] for each in started]
    if any(each.returncode for each in started):
        raise SystemExit("A process failed.")
    measured: list[dict[str, Any]] = json.loads(outputs[0])
    return measured


def _work(rank: int, size: int, n_threads: int, store: str) -> None:
    """Be one of the processes."""
    torch.set_num_threads(n_threads)
    logging.getLogger("sdae").setLevel(logging.ERROR)  # an epoch gives the doctor cause
    clock = _Clock()
    if size > 1:
        file = dist.FileStore(store, size)  # type: ignore[attr-defined] # PyTorch's types lack it
        dist.init_process_group("gloo", store=file, rank=rank, world_size=size)
        clock.times_sums()
    points = []
    try:
        for batch_size in BATCH_SIZES:
            for stage, epoch in _epochs(batch_size).items():
                seconds, shares = [], []
                for _ in range(REPEATS + 1):
                    clock.in_sums = 0.0
                    spent = epoch()
                    seconds.append(spent)
                    shares.append(clock.in_sums / spent)
                n_passes = len(SIZES) if stage == "pretraining" else 1
                points.append(
                    {
                        "processes": size,
                        "threads": n_threads,
                        "stage": stage,
                        "batch_size": batch_size,
                        "rows_per_second": n_passes * N_ROWS / statistics.median(seconds[1:]),
                        "communication": statistics.median(shares[1:]),
                    }
                )
    finally:
        if size > 1:
            dist.destroy_process_group()
    if rank == 0:
        print(json.dumps(points))


def _epochs(batch_size: int) -> dict[str, Callable[[], float]]:
    """Return for each stage a function that trains an epoch, and returns its seconds."""
    rng = np.random.default_rng(0)
    x, y = rng.random((N_ROWS, 784), dtype=np.float32), rng.integers(10, size=N_ROWS)
    stack = StackedDenoisingAutoencoder(784, SIZES, 10, 0.2)
    options: dict[str, Any] = {"epochs": 1, "batch_size": batch_size, "engine": "autograd"}

    def pretraining() -> float:
        records = pretrain(stack, x, learning_rate=0.001, **options).records
        return sum(record.seconds for record in records)

    def finetuning() -> float:
        return finetune(stack, (x, y), None, learning_rate=0.01, **options).records[0].seconds

    return {"pretraining": pretraining, "finetuning": finetuning}


class _Clock:
    """Measures the time of sums over processes."""

    in_sums = 0.0

    def times_sums(self) -> None:
        """Measure them from now on."""
        add_up = SeveralProcesses.add_up

        def timed(processes: SeveralProcesses, numbers: torch.Tensor) -> None:
            start = time.perf_counter()
            add_up(processes, numbers)
            self.in_sums += time.perf_counter() - start

        SeveralProcesses.add_up = timed  # type: ignore[method-assign, assignment] # timed


if __name__ == "__main__":
    if len(sys.argv) > 1:
        of_rank, of_size, of_threads = map(int, sys.argv[1:4])
        _work(of_rank, of_size, of_threads, sys.argv[4])
    else:
        main()
