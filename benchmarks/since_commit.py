"""Time this package beside itself at an earlier commit; write JSON. 25 min.

    python benchmarks/since_commit.py --commit ef82f4e

The default is the last commit before minibatches ran in compiled loops. The earlier package is
checked out into a temporary folder, and both are used by processes of their own, in turns, with the
same libraries, on one thread:

- *layers*: an epoch of pre-training of one layer by Adam, engine ``auto``;
- *defaults*: ``SDAEClassifier().fit``, pre-training included. OJ and titanic have columns of texts
  and gaps (``few_labels_auc.py`` says where they come from: it downloads them);
- *accuracies* of those fits on the quarter of the rows that they do not see, for 60 splits that are
  the same for both, and the mean of the differences with its 95 % interval.

Times are the processor's. A process does its work once before it is timed, so nothing compiles.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _machine import describe
from few_labels_auc import TARGETS, tables
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import train_test_split

from sdae import SDAEClassifier, StackedDenoisingAutoencoder, pretrain

HERE = Path(__file__).parent
PATH = HERE / "results" / "since-commit.json"
COMMIT = "ef82f4e"
TURNS = 5
SPLITS = 60
LAYERS = {
    "300 rows, 10 → 100": (300, 10, 100, 32, 60),
    "5,000 rows, 60 → 200": (5_000, 60, 200, 32, 4),
    "5,000 rows, 784 → 500": (5_000, 784, 500, 100, 2),
}
"""Rows, columns, units, minibatch and epochs."""
TABLES: dict[str, Any] = {
    "digits": load_digits,
    "breast cancer": load_breast_cancer,
    "wine": load_wine,
}
MIXED = ("OJ", "titanic")


def main() -> None:
    """Run the turns and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commit", default=COMMIT)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if arguments.work is not None:
        print(json.dumps(_work(arguments.work, arguments.seeds)))
        return
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(folder) / "earlier"
        _git("worktree", "add", "--detach", str(earlier), arguments.commit)
        try:
            works = {name: _compared(name, earlier) for name in (*LAYERS, *TABLES, *MIXED)}
        finally:
            _git("worktree", "remove", "--force", str(earlier))
    result = {"machine": describe(), "commit": arguments.commit, "turns": TURNS, "works": works}
    PATH.write_text(json.dumps(result, indent=1) + "\n")
    print(f"Written to {PATH}")


def _git(*words: str) -> None:
    subprocess.run(["git", "-C", str(HERE), *words], check=True, capture_output=True)


def _compared(name: str, earlier: Path) -> dict[str, Any]:
    """Return what both packages found, by turns, and the median of the ratios of their seconds."""
    roots = {"now": HERE.parent, "earlier": earlier}
    found: dict[str, Any] = {"now": [], "earlier": []}
    for seed in range(TURNS):
        for package, root in roots.items():
            found[package].append(_in_a_process(name, [seed], root))
    pairs = zip(found["now"], found["earlier"], strict=True)
    ratio = statistics.median(before["seconds"] / now["seconds"] for now, before in pairs)
    said = {"times_faster": ratio, **found}
    if name not in LAYERS:
        splits = list(range(SPLITS))
        said["accuracies"] = {
            package: _in_a_process(name, splits, root)["accuracies"]
            for package, root in roots.items()
        }
    print(name, said, flush=True)
    return said


def _in_a_process(name: str, seeds: list[int], root: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--work", name, "--seeds", *map(str, seeds)]
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    said: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return said


def _work(name: str, seeds: list[int]) -> dict[str, Any]:
    return _layer(*LAYERS[name]) if name in LAYERS else _fits(name, seeds)


def _layer(n_rows: int, n_columns: int, units: int, batch: int, epochs: int) -> dict[str, Any]:
    x = np.random.default_rng(0).standard_normal((n_rows, n_columns)).astype(np.float32)
    stack = StackedDenoisingAutoencoder(
        n_columns, (units,), None, 0.3, activation="tanh", decoder="linear"
    )
    seconds = []
    for _ in range(2):
        start = time.process_time()
        history = pretrain(
            stack, x, epochs=epochs, batch_size=batch, optimizer="adam", shuffle=True
        )
        seconds.append(time.process_time() - start)
    return {"seconds": seconds[1] / epochs, "engine": history.records[-1].engine}


def _fits(name: str, seeds: list[int]) -> dict[str, Any]:
    """Fit a split by each seed, the first one twice; return the last seconds and all accuracies."""
    table, seconds, accuracies = _table(name), [], []
    for seed in (seeds[0], *seeds):
        x, x_test, y, y_test = train_test_split(*table, random_state=seed, stratify=table[1])
        start = time.process_time()
        model = SDAEClassifier(random_state=seed).fit(x, y)
        seconds.append(time.process_time() - start)
        accuracies.append(model.score(x_test, y_test))
    return {"seconds": seconds[-1], "accuracies": accuracies[1:]}


def _table(name: str) -> tuple[Any, Any]:
    if name in TABLES:
        x, y = TABLES[name](return_X_y=True)
        return x, y
    table = tables()[name]
    table = table[table[TARGETS[name]].notna()]
    return table.drop(columns=TARGETS[name]), table[TARGETS[name]].astype(object)


if __name__ == "__main__":
    main()
