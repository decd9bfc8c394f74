"""Samples per second of each stage, against a bare PyTorch loop of the same mathematics.

    python benchmarks/speed.py

Medians of alternating runs in one process: trust the ratios, not the figures. From the speed at
batch size 1 follows how long the recipe ``tutorial`` would take with this engine.
"""

import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from _machine import describe
from numpy.typing import NDArray
from torch import nn

from sdae import StackedDenoisingAutoencoder, data, finetune, pretrain

Rows = NDArray[np.float32]
REPEATS = 5
N_SAMPLES = {1: 600, 20: 6_000, 100: 20_000}


def main() -> None:
    """Measure, print the table and write it as JSON."""
    mnist = data.load_mnist()
    rows = []
    for batch_size, n_samples in N_SAMPLES.items():
        x, y = mnist.train.x[:n_samples], mnist.train.y[:n_samples]
        stack = StackedDenoisingAutoencoder(784, (1000, 1000, 1000), 10, 0.1)
        with torch.no_grad():
            codes = stack.encode(x, 1).numpy()
        layer = {
            "784×1000": (StackedDenoisingAutoencoder(784, (1000,)), x),
            "1000×1000": (StackedDenoisingAutoencoder(1000, (1000,)), codes),
        }
        for name, (one, rows_in) in layer.items():
            bare = _bare_pretraining(rows_in, batch_size)
            ours = partial(_pretrain, one, rows_in, batch_size)
            rows.append(_compare(f"pre-training {name}", batch_size, n_samples, ours, bare))
        bare = _bare_finetuning(x, y, batch_size)
        ours = partial(_finetune, stack, x, y, batch_size)
        rows.append(_compare("fine-tuning 784-1000³-10", batch_size, n_samples, ours, bare))
    seconds = {row["work"]: 1 / row["samples_per_second"] for row in rows if row["batch"] == 1}
    first, upper, tuning = seconds.values()
    hours = 50_000 * (15 * (first + 2 * upper) + 36 * tuning) / 3600
    print(f"Recipe tutorial, 45 + 36 epochs, with this engine: about {hours:.1f} h")
    result = {"machine": describe(), "rows": rows, "tutorial_hours": hours}
    path = Path(__file__).parent / "results" / "speed.json"
    path.write_text(json.dumps(result, indent=2) + "\n")


def _pretrain(stack: StackedDenoisingAutoencoder, x: Rows, batch_size: int) -> None:
    pretrain(stack, x, epochs=1, learning_rate=0.001, batch_size=batch_size)


def _finetune(
    stack: StackedDenoisingAutoencoder,
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    batch_size: int,
) -> None:
    finetune(stack, (x, y), None, epochs=1, learning_rate=0.01, batch_size=batch_size)


def _bare_pretraining(x: Rows, batch_size: int) -> Callable[[], None]:
    """Return an epoch of a tied denoising autoencoder as one would write it in a notebook."""
    rows = torch.from_numpy(x)
    weight = nn.Parameter(torch.rand(1000, x.shape[1]) * 0.1 - 0.05)
    hidden, visible = nn.Parameter(torch.zeros(1000)), nn.Parameter(torch.zeros(x.shape[1]))
    optimizer = torch.optim.SGD([weight, hidden, visible], lr=0.001)

    def epoch() -> None:
        for batch in rows.split(batch_size):
            x_tilde = batch * (torch.rand_like(batch) > 0.1)
            h = torch.sigmoid(F.linear(x_tilde, weight, hidden))
            logits = F.linear(h, weight.t(), visible)
            cost = F.binary_cross_entropy_with_logits(logits, batch, reduction="sum") / len(batch)
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()

    return epoch


def _bare_finetuning(
    x: NDArray[np.float32], y: NDArray[np.int64], batch_size: int
) -> Callable[[], None]:
    rows, labels = torch.from_numpy(x), torch.from_numpy(y)
    sizes = (784, 1000, 1000, 1000)
    layers = [m for i in range(3) for m in (nn.Linear(sizes[i], sizes[i + 1]), nn.Sigmoid())]
    network = nn.Sequential(*layers, nn.Linear(1000, 10))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)

    def epoch() -> None:
        for batch, wanted in zip(rows.split(batch_size), labels.split(batch_size), strict=True):
            cost = F.cross_entropy(network(batch), wanted)
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()

    return epoch


def _compare(
    work: str, batch: int, n_samples: int, ours: Callable[[], None], bare: Callable[[], None]
) -> dict[str, Any]:
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(REPEATS + 1):
        for name, run in (("ours", ours), ("bare", bare)):
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(each[1:]) for name, each in times.items()}
    speed, ratio = n_samples / medians["ours"], medians["bare"] / medians["ours"]
    print(f"{work}, batch {batch}: {speed:,.0f} samples/s, {ratio:.2f} × the bare loop", flush=True)
    return {"work": work, "batch": batch, "samples_per_second": speed, "ratio_to_bare": ratio}


if __name__ == "__main__":
    main()
