"""Train ladders on MNIST with few labels; write errors and times as JSON.

    python benchmarks/few_labels_mnist.py --labels 100 --updates 6200 12400 --draws 3

All 60,000 rows that are not the test set are unlabelled rows; the labels are the same number of
each class, drawn anew for each draw, and none is held out. The number of updates is fixed before a
run, and nothing is chosen by the test set, which is scored once, at the end. A run that was cut
short goes on from its checkpoint; one that is in the JSON file is not repeated.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _machine import describe

from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.network import LadderNetwork
from sdae.data import load_mnist
from sdae.data.few_labels import balanced_labels
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.ladder.walk import train_ladder

RESULTS = Path(__file__).parent / "results" / "few-labels-mnist.json"
SCRATCH = Path(__file__).parent / "results" / ".scratch"
BATCH_SIZE = 100
EVERY_DEPTH = {100: (1000, 10, *[0.1] * 5), 1000: (2000, 20, *[0.1] * 5), 0: (1000, 1, *[0.01] * 5)}


def main() -> None:
    """Run the benchmark and print the mean errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=100, help="0 means all")
    parser.add_argument("--updates", type=int, nargs="+", default=[6200])
    parser.add_argument("--draws", type=int, nargs="+", default=[1, 2, 3], help="their seeds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--every-depth", action="store_true", help="reconstruct all layers")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for n_updates in arguments.updates:
        for draw in arguments.draws:
            key = {
                "labels": arguments.labels,
                "updates": n_updates,
                "draw": draw,
                "every_depth": arguments.every_depth,
            }
            if not any(key.items() <= run.items() for run in _runs()):
                _keep({**key, **_run(key)})
    for line in _summary():
        print(line)


def _run(key: dict[str, Any]) -> dict[str, Any]:
    train, validation, test = load_mnist()
    assert train.y is not None
    assert validation.y is not None
    assert test.y is not None
    x, y = np.concatenate([train.x, validation.x]), np.concatenate([train.y, validation.y])
    n_labels = key["labels"] or len(x)
    chosen = balanced_labels(y, n_labels, key["draw"]) if key["labels"] else np.arange(len(x))
    rest = np.setdiff1d(np.arange(len(x)), chosen)
    many = n_labels >= 1000
    noise = 0.2 if n_labels == 1000 else 0.3
    network = LadderNetwork(x.shape[1], n_classes=10, hidden_noise=noise, seed=key["draw"])
    costs = EVERY_DEPTH[key["labels"]] if key["every_depth"] else 2000 if many else 5000
    name = "-".join(str(value) for value in key.values())
    history = train_ladder(
        network,
        (x[chosen], y[chosen]),
        x[rest] if len(rest) else None,
        n_updates=key["updates"],
        batch_size=BATCH_SIZE,
        denoising_costs=costs,
        seed=key["draw"],
        checkpoint=Checkpoint(SCRATCH / name, "120s"),
    )
    whole = [record for record in history.records if record.seconds][:-1] or history.records
    errors = FoldedLadder(network).errors(test.x, test.y)
    return {
        "test_error": 100 * float(errors),
        "milliseconds": statistics.median(
            1000 * BATCH_SIZE / record.samples_per_second for record in whole
        ),
        "minutes": history.seconds / 60,
        "threads": torch.get_num_threads(),
        "engine": history.records[-1].engine,
        "machine": describe(),
    }


def _runs() -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    return runs


def _keep(run: dict[str, Any]) -> None:
    RESULTS.write_text(json.dumps([*_runs(), run], indent=1) + "\n")


def _summary() -> list[str]:
    groups: dict[tuple[Any, ...], list[float]] = {}
    for run in _runs():
        key = run["labels"], run["every_depth"], run["updates"]
        groups.setdefault(key, []).append(run["test_error"])
    return [
        f"{labels or 'all'} labels{', every depth' if every else ''}, {updates:,} updates: "
        f"{statistics.mean(errors):.2f} % ({', '.join(f'{e:.2f}' for e in errors)})"
        for (labels, every, updates), errors in sorted(groups.items())
    ]


if __name__ == "__main__":
    main()
