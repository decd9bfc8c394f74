"""Measure what shuffling within a window costs on rows that are sorted by class; write JSON.

    python benchmarks/shuffle_windows.py [--epochs 5] [--seeds 3]

MNIST's 50,000 training rows are sorted by class, the worst case: then the rows of a window are of a
few classes. For windows of a share of the rows, in 64 blocks each, and for the full shuffle:

- fine-tuning of 784-500-10 without pre-training, by Adam in minibatches of 100: error on the 10,000
  validation rows after the last epoch;
- pre-training of 784-500: cross-entropy of reconstructing the validation rows.

The test rows are not used. Means of the seeds.
"""

import argparse
import json
import logging
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _machine import describe
from numpy.typing import NDArray

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.data import load_mnist

PATH = Path(__file__).parent / "results" / "shuffle-windows.json"
SHARES = (1, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64)
V, H, CLASSES, BATCH = 784, 500, 10, 100
Rows = NDArray[np.float32]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition(";")[0])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("sdae").setLevel(logging.ERROR)  # the doctor, on rows in a bad order
    train, held, _ = load_mnist()
    order = np.argsort(train.y, kind="stable")
    x, y = train.x[order], train.y[order]
    runs: list[dict[str, Any]] = []
    for share in SHARES:
        window = int(len(x) * share) // 64 * 64 if share < 1 else None
        seeds = range(1, given.seeds + 1)
        errors = [error_of(x, y, held, window, given.epochs, seed) for seed in seeds]
        costs = [cost_of(x, held.x, window, given.epochs, seed) for seed in seeds]
        runs.append({"window": window, "share": share, "errors": errors, "costs": costs})
        print(share, window, statistics.mean(errors), statistics.mean(costs), flush=True)
    result = {"rows": len(x), "epochs": given.epochs, "runs": runs, "machine": describe()}
    PATH.write_text(json.dumps(result, indent=1) + "\n")


def settings(window: int | None, epochs: int, seed: int) -> dict[str, Any]:
    """Return what both stages are trained with."""
    return {
        "epochs": epochs,
        "learning_rate": 0.001,
        "batch_size": BATCH,
        "shuffle": True,
        "shuffle_window": window,
        "optimizer": "adam",
        "seed": seed,
    }


def error_of(
    x: Rows, y: NDArray[np.int64], held: Any, window: int | None, epochs: int, seed: int
) -> float:
    """Return the validation error in percent after fine-tuning."""
    stack = StackedDenoisingAutoencoder(V, (H,), n_classes=CLASSES, seed=seed)
    history = finetune(
        stack,
        (x, y),
        (held.x, held.y),
        early_stopping=False,
        restore_best=False,
        **settings(window, epochs, seed),
    )
    error = history.records[-1].validation_error
    assert error is not None
    return 100 * error


def cost_of(x: Rows, held: Rows, window: int | None, epochs: int, seed: int) -> float:
    """Return the mean cross-entropy of reconstructed validation rows after pre-training."""
    stack = StackedDenoisingAutoencoder(V, (H,), corruption_levels=0.3, seed=seed)
    pretrain(stack, x, **settings(window, epochs, seed))
    autoencoder, rows = stack.autoencoder(0), torch.from_numpy(held)
    with torch.no_grad():
        return float(autoencoder.loss(rows).mean())


if __name__ == "__main__":
    main()
