"""Time ``predict`` of many rows beside ``MLPClassifier``; write JSON. 2 min on a quiet machine.

    python benchmarks/bulk_predict.py

Both models have the same layers and classes, and are trained for two epochs on 300 rows, since what
they learn does not change the time. Few rows are predicted many times. The models predict by turns,
in one process, on one thread. The time is the processor's, so that other programs on the machine
count less.
"""

import json
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _machine import describe
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from sdae import SDAEClassifier

PATH = Path(__file__).parent / "results" / "bulk-predict.json"
TURNS = 9
FEW_ROWS = 300
CASES: tuple[tuple[int, int, tuple[int, ...], str], ...] = (
    (300_000, 10, (8,), "float64"),
    (300_000, 10, (8,), "float32"),
    (300_000, 10, (8, 8, 8), "float64"),
    (300_000, 10, (100,), "float64"),
    (100_000, 100, (8,), "float64"),
    (100_000, 100, (8,), "sparse"),
    (100_000, 100, (100,), "float64"),
    (30_000, 784, (8,), "float64"),
    (10_000, 784, (1000,), "float64"),
    (200_000, 20, (100,), "float32"),
    (20_000, 784, (500, 500), "float32"),
    (32, 10, (8,), "float64"),
    (1, 10, (100,), "float32"),
)


def main() -> None:
    """Time every case and write what it gave."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", ConvergenceWarning)
    with threadpool_limits(1):
        result = {"machine": describe(), "turns": TURNS, "cases": [_timed(*case) for case in CASES]}
    PATH.write_text(json.dumps(result, indent=2) + "\n")
    print(f"Written to {PATH}")


def _timed(n_rows: int, n_columns: int, units: tuple[int, ...], kind: str) -> dict[str, Any]:
    """Return the median milliseconds of both, and the median of the quotients of the turns."""
    x, n_calls = _rows(n_rows, n_columns, kind), max(1, FEW_ROWS // n_rows)
    few = _rows(300, n_columns, "float64")
    y = (few[:, 0] > 0).astype(int)
    models = {
        "SDAEClassifier": SDAEClassifier(units, pretrain_epochs=1, max_iter=2, random_state=0),
        "MLPClassifier": MLPClassifier(units, max_iter=2, random_state=0),
    }
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for model in models.values():
        model.fit(few, y)
    for turn in range(TURNS + 1):
        for name, model in models.items():
            start = time.process_time()
            for _ in range(n_calls):
                model.predict(x)
            if turn:  # the first one warms caches
                seconds[name].append((time.process_time() - start) / n_calls)
    ours, theirs = seconds.values()
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    found = {
        "rows": n_rows,
        "columns": n_columns,
        "hidden_layer_sizes": units,
        "kind": kind,
        "milliseconds": {name: 1e3 * statistics.median(each) for name, each in seconds.items()},
        "ratio": statistics.median(ratios),
        "ratios": [min(ratios), max(ratios)],
    }
    print(found, flush=True)
    return found


def _rows(n_rows: int, n_columns: int, kind: str) -> Any:
    """Return random rows, (n, V): dense of a type, or a CSR matrix that stores a tenth of them."""
    rng = np.random.default_rng(0)
    if kind == "sparse":
        return sparse.random_array((n_rows, n_columns), density=0.1, format="csr", rng=rng)
    return rng.normal(size=(n_rows, n_columns)).astype(kind)


if __name__ == "__main__":
    main()
