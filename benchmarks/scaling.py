"""How the cost of a sample grows: with units, with layers, with samples, and with threads.

    python benchmarks/scaling.py
    python benchmarks/charts.py

Microseconds a sample, medians of 3 runs after one that warms up, of our engines by their names.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from _machine import describe
from numpy.typing import NDArray

from sdae import StackedDenoisingAutoencoder, finetune, pretrain

Rows = NDArray[np.float32]
Point = dict[str, str | int | float]
REPEATS = 3
ENGINES = (
    ("fused", 1),
    ("closed_form", 20),
    ("closed_form", 100),
    ("autograd", 1),
    ("autograd", 20),
    ("autograd", 100),
)


def main() -> None:
    """Measure, print and write as JSON."""
    points = [*_units(), *_layers(), *_samples(), *_threads()]
    path = Path(__file__).parent / "results" / "scaling.json"
    path.write_text(json.dumps({"machine": describe(), "points": points}, indent=2) + "\n")


def _units() -> Iterator[Point]:
    """Pre-train a layer of 784 inputs and more and more units."""
    for n_hidden in (125, 250, 500, 1000, 2000, 4000):
        for engine, batch_size in ENGINES:
            n = _enough(784 * n_hidden, engine, batch_size)
            x = _rows(n, 784)
            stack = StackedDenoisingAutoencoder(784, (n_hidden,), corruption_levels=0.1)
            yield _point("n_hidden", n_hidden, engine, batch_size, n, _pretraining(stack, x))


def _layers() -> Iterator[Point]:
    """Fine-tune a network of 784 inputs and more and more layers of 500 units."""
    for depth in range(1, 7):
        for engine, batch_size in ENGINES:
            n = _enough(784 * 500 + (depth - 1) * 250_000, engine, batch_size)
            x, y = _rows(n, 784), np.arange(n) % 10
            stack = StackedDenoisingAutoencoder(784, (500,) * depth, 10)
            yield _point("layers", depth, engine, batch_size, n, _finetuning(stack, x, y))


def _samples() -> Iterator[Point]:
    """Pre-train a small layer on more and more rows."""
    for n in (1_000, 10_000, 100_000, 1_000_000):
        x = _rows(n, 100)
        stack = StackedDenoisingAutoencoder(100, (50,), corruption_levels=0.1)
        yield _point("samples", n, "fused", 1, n, _pretraining(stack, x))


def _threads() -> Iterator[Point]:
    """Pre-train layers of two sizes on one thread and on all."""
    most = torch.get_num_threads()
    for n_hidden in (250, 1000):
        x = _rows(4096, 784)
        for threads in sorted({1, most}):
            torch.set_num_threads(threads)
            stack = StackedDenoisingAutoencoder(784, (n_hidden,), corruption_levels=0.1)
            work = f"threads, {n_hidden} units"
            yield _point(work, threads, "fused", 1, len(x), _pretraining(stack, x))
        torch.set_num_threads(most)


def _pretraining(stack: StackedDenoisingAutoencoder, x: Rows) -> Callable[[str, int], object]:
    return lambda engine, batch_size: pretrain(
        stack, x, epochs=1, batch_size=batch_size, engine=engine
    )


def _finetuning(
    stack: StackedDenoisingAutoencoder, x: Rows, y: NDArray[np.int64]
) -> Callable[[str, int], object]:
    return lambda engine, batch_size: finetune(
        stack, (x, y), None, epochs=1, batch_size=batch_size, learning_rate=0.01, engine=engine
    )


def _point(
    by: str, value: int, engine: str, batch_size: int, n: int, work: Callable[[str, int], object]
) -> Point:
    seconds = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        work(engine, batch_size)
        seconds.append(time.perf_counter() - start)
    microseconds = 1e6 * statistics.median(seconds[1:]) / n
    print(f"{by} {value}, {engine}, batch {batch_size}: {microseconds:,.1f} µs", flush=True)
    return {
        "by": by,
        "value": value,
        "engine": engine,
        "batch_size": batch_size,
        "microseconds": microseconds,
    }


def _enough(n_weights: int, engine: str, batch_size: int) -> int:
    """Return how many rows take some tenths of a second."""
    per_weight = {("fused", 1): 1e-4, ("autograd", 1): 2e-3}.get((engine, batch_size), 2e-4)
    wanted = 0.4e6 / (per_weight * n_weights)
    return int(min(8192, max(2 * batch_size, wanted // batch_size * batch_size)))


def _rows(n: int, n_columns: int) -> Rows:
    return np.random.default_rng(0).random((n, n_columns), np.float32)


if __name__ == "__main__":
    main()
