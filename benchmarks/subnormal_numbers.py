"""Time training with subnormal numbers rounded to zero, and with them kept; write JSON. 5 min.

    python benchmarks/subnormal_numbers.py

The compiled engine rounds them. Here both ways take turns in one process, on one thread, on the
first 5,000 images of MNIST and on a table of as many rows: ten columns of numbers, and a column of
290 levels of which most are rare (Zipf's law). Times are the processor's.
"""

import json
import statistics
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from _machine import describe
from numpy.typing import NDArray

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.data import load_mnist

PATH = Path(__file__).parent / "results" / "subnormal-numbers.json"
ROWS, UNITS, BATCH, EPOCHS, TURNS = 5_000, 200, 20, 20, 3
ARE_ROUNDED = "sdae.core.small_numbers.are_rounded_to_zero"
MOMENTUM: dict[str, Any] = {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.01}
ADAM: dict[str, Any] = {"optimizer": "adam", "learning_rate": 0.001}
CASES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "MNIST, ReLU, Adam": ("images", "finetune", "relu", ADAM),
    "MNIST, ReLU, Adam, weight decay": (
        "images",
        "finetune",
        "relu",
        {**ADAM, "weight_decay": 1e-3},
    ),
    "MNIST, ReLU, momentum": ("images", "finetune", "relu", MOMENTUM),
    "MNIST, tanh, Adam": ("images", "finetune", "tanh", ADAM),
    "MNIST, tanh, Adam, pre-training": ("images", "pretrain", "tanh", ADAM),
    "rare levels, ReLU, Adam": ("table", "finetune", "relu", ADAM),
    "rare levels, tanh, Adam": ("table", "finetune", "tanh", ADAM),
}
"""Data, stage, activation and settings."""


def main() -> None:
    """Time all cases, both ways in turns."""
    torch.set_num_threads(1)
    data = {"images": _images(), "table": _table()}
    cases = []
    for name, (rows, stage, activation, settings) in CASES.items():
        seconds: dict[str, list[float]] = {"rounded": [], "kept": []}
        for turn in range(1 + TURNS):  # the first may compile
            for way, times in seconds.items():
                # A thread that seems to round already is left alone.
                with patch(ARE_ROUNDED, lambda: True) if way == "kept" else nullcontext():
                    taken = _seconds(stage, *data[rows], activation, settings)
                if turn > 0:
                    times.append(taken)
        medians = {way: statistics.median(times) for way, times in seconds.items()}
        cases.append({"name": name, "seconds": medians})
        print(name, medians, flush=True)
    PATH.write_text(json.dumps({"machine": describe(), "cases": cases}, indent=1) + "\n")


def _seconds(
    stage: str, x: NDArray[np.float32], y: NDArray[np.int64], activation: str, settings: Any
) -> float:
    sizes, decoder = (x.shape[1], (UNITS,), int(y.max()) + 1), "linear"
    stack = StackedDenoisingAutoencoder(*sizes, 0.3, activation=activation, decoder=decoder)
    both: Any = {"epochs": EPOCHS, "batch_size": BATCH, "shuffle": True, **settings}
    start = time.process_time()
    if stage == "pretrain":
        history = pretrain(stack, x, **both)
    else:
        history = finetune(stack, (x, y), None, **both)
    taken = time.process_time() - start
    assert history.records[-1].engine == "compiled"
    return taken


def _images() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    train, _, _ = load_mnist()
    assert train.y is not None
    return train.x[:ROWS], train.y[:ROWS]


def _table() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    x = np.zeros((ROWS, 300), np.float32)
    x[:, :10] = rng.standard_normal((ROWS, 10))
    x[np.arange(ROWS), 10 + np.minimum(rng.zipf(1.3, ROWS), 290) - 1] = 1
    return x, (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(np.int64)


if __name__ == "__main__":
    main()
