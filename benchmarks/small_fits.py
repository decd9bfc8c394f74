"""Time fits of small and middle tables beside ``MLPClassifier``; write JSON. 10 min.

    python benchmarks/small_fits.py

All on one thread:

- *steps*: fine-tuning at equal epochs and minibatches, without pre-training, beside
  ``MLPClassifier``, and the share of the machine's product peak that its products reach;
- *defaults*: ``SDAEClassifier().fit``, pre-training included, beside ``MLPClassifier()`` behind a
  ``StandardScaler``, each stopping by its own rule. OJ and titanic have columns of texts: ours gets
  them as they are, the other filled, scaled and one-hot encoded (``few_labels_auc.py`` says where
  the tables come from: it downloads them);
- *shortest*: fits of one epoch of 300 × 10 rows, without pre-training;
- *memory*: what a fit adds to the peak of a process that has fitted a small table before, with all
  defaults but three epochs of fine-tuning, and with two layers, where the codes of the first are
  stored;
- *codes*: pre-training of those two layers with the codes stored, and computed again.

Times are the processor's, medians of turns in which each program runs once.
"""

import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _machine import describe
from few_labels_auc import TARGETS, tables
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from table_peers import encoded, for_rivals
from threadpoolctl import threadpool_limits

from sdae import SDAEClassifier, StackedDenoisingAutoencoder, pretrain

PATH = Path(__file__).parent / "results" / "small-fits.json"
TURNS = 7
STEPS: tuple[tuple[int, int, tuple[int, ...], int, int], ...] = (
    (300, 10, (100,), 32, 200),
    (5_000, 60, (200, 200), 32, 6),
    (5_000, 60, (200, 200), 200, 12),
    (10_000, 784, (500, 500), 100, 2),
)
"""Rows, columns, units, minibatch and epochs."""
TABLES: dict[str, Callable[..., Any]] = {
    "300 × 10": lambda return_X_y: _rows(300, 10),  # noqa: ARG005 - as scikit-learn's
    "digits": load_digits,
    "breast cancer": load_breast_cancer,
    "wine": load_wine,
}
MIXED = ("OJ", "titanic")
"""Tables with texts and gaps."""
MEMORY = (50_000, 100)
LAYERS = (200, 200)
TWO_LAYERS = ", two layers"
CODES_EPOCHS = 10
NEVER = 10**6  # epochs without improvement before a fit stops

Work = Callable[[], object]


def main() -> None:
    """Measure and write."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", ConvergenceWarning)
    with threadpool_limits(1):
        peak = _peak()
        result = {
            "machine": describe(),
            "turns": TURNS,
            "gemm_gflops": peak,
            "steps": [_steps(*case, peak) for case in STEPS],
            "defaults": [*map(_defaults, TABLES), *_mixed()],
            "shortest": _shortest(),
            "memory": _memory(),
            "codes": _codes(),
        }
    PATH.write_text(json.dumps(result, indent=2) + "\n")
    print(f"Written to {PATH}")


def _steps(
    n_rows: int, n_columns: int, units: tuple[int, ...], batch: int, epochs: int, peak: float
) -> dict[str, Any]:
    x, y = _rows(n_rows, n_columns)
    common: dict[str, Any] = {
        "hidden_layer_sizes": units,
        "activation": "tanh",
        "batch_size": batch,
        "max_iter": epochs,
        "tol": 0.0,
        "n_iter_no_change": NEVER,
        "alpha": 1e-4,
        "random_state": 0,
    }
    ours = SDAEClassifier(pretrain_epochs=0, dropout=0.0, early_stopping=False, **common)
    found = _measured(
        {
            "SDAEClassifier": lambda: ours.fit(x, y),
            "MLPClassifier": lambda: MLPClassifier(**common).fit(x, y),
        }
    )
    sizes = (n_columns, *units, 2)
    weights = [below * above for below, above in pairwise(sizes)]
    operations = 2 * n_rows * epochs * (3 * sum(weights) - weights[0])
    share = operations / found["seconds"]["SDAEClassifier"] / 1e9 / peak
    shape = {"rows": n_rows, "columns": n_columns, "units": units, "batch": batch}
    return _said({**shape, "epochs": epochs, "share_of_peak": share, **found})


def _defaults(name: str) -> dict[str, Any]:
    x, y = TABLES[name](return_X_y=True)
    found = _measured(
        {
            "SDAEClassifier": lambda: SDAEClassifier(random_state=0).fit(x, y),
            "MLPClassifier": lambda: make_pipeline(
                StandardScaler(), MLPClassifier(random_state=0)
            ).fit(x, y),
        }
    )
    return _said({"data": name, **found})


def _mixed() -> list[dict[str, Any]]:
    """Return the seconds of fits of tables with texts and gaps."""
    found, cases = tables(), []
    for name in MIXED:
        table = found[name][found[name][TARGETS[name]].notna()]
        x, y = table.drop(columns=TARGETS[name]), table[TARGETS[name]].astype(object)
        plain = for_rivals(x, as_categories=False)
        programs: dict[str, Work] = {
            "SDAEClassifier": partial(SDAEClassifier(random_state=0).fit, x, y),
            "MLPClassifier": partial(encoded(MLPClassifier(random_state=0)).fit, plain, y),
        }
        cases.append(_said({"data": name, **_measured(programs)}))
    return cases


def _measured(programs: dict[str, Work]) -> dict[str, Any]:
    """Return the median seconds of each program, and how many times the second takes longer."""
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(TURNS + 1):
        for name, work in programs.items():
            start = time.process_time()
            work()
            if turn:  # the first one compiles, and warms caches
                seconds[name].append(time.process_time() - start)
    ours, theirs = seconds.values()
    return {
        "seconds": {name: statistics.median(each) for name, each in seconds.items()},
        "times_faster": statistics.median(b / a for a, b in zip(ours, theirs, strict=True)),
    }


def _shortest() -> dict[str, Any]:
    x, y = _rows(300, 10)
    ours = SDAEClassifier(pretrain_epochs=0, max_iter=1, random_state=0)
    theirs = MLPClassifier(max_iter=1, random_state=0)
    return _said(
        _measured(
            {"SDAEClassifier": lambda: ours.fit(x, y), "MLPClassifier": lambda: theirs.fit(x, y)}
        )
    )


def _memory() -> dict[str, Any]:
    """Return the mebibytes that a fit adds to the peak of a process, by program."""
    found = {}
    for layers in ("", TWO_LAYERS):
        for who in ("SDAEClassifier", "MLPClassifier"):
            command = [sys.executable, __file__, "--memory-of", who + layers]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found[who + layers] = float(said)
    n_rows, n_columns = MEMORY
    return _said({"rows": n_rows, "columns": n_columns, "units": LAYERS, "mebibytes": found})


def _print_memory(who: str) -> None:
    """Print the mebibytes that a fit adds; Linux counts them."""
    own = Path("/proc/self")
    made = SDAEClassifier if who.startswith("SDAE") else MLPClassifier
    model = made(max_iter=3, random_state=0)
    if who.endswith(TWO_LAYERS):
        model.set_params(hidden_layer_sizes=LAYERS)
    warnings.simplefilter("ignore")
    x, y = _rows(*MEMORY)
    model.fit(x[:300], y[:300])
    (own / "clear_refs").write_text("5")  # the peak is what is held now
    before = _kibibytes(own / "status", "VmHWM")
    model.fit(x, y)
    print((_kibibytes(own / "status", "VmHWM") - before) / 1024)


def _codes() -> dict[str, Any]:
    """Return how many times as long pre-training takes if codes are computed again."""
    x, _ = _rows(*MEMORY)
    stack = StackedDenoisingAutoencoder(
        x.shape[1], LAYERS, None, 0.3, activation="tanh", decoder="linear"
    )

    def trained(codes: str) -> None:
        options: dict[str, Any] = {"batch_size": 32, "optimizer": "adam", "shuffle": True}
        pretrain(stack, x, epochs=CODES_EPOCHS, codes=codes, **options)

    found = _measured({how: partial(trained, how) for how in ("memory", "recompute")})
    return _said(
        {"epochs": CODES_EPOCHS, "seconds": found["seconds"], "times_longer": found["times_faster"]}
    )


def _kibibytes(status: Path, name: str) -> int:
    line = next(line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])


def _peak() -> float:
    """Return the gigaflops of the faster of two libraries' products of 2048×2048 matrices."""
    matrix = torch.rand(2048, 2048)
    array = matrix.numpy()
    works: tuple[Work, ...] = (lambda: matrix @ matrix, lambda: array @ array)
    return max(2 * 2048**3 / min(_time(work) for _ in range(5)) / 1e9 for work in works)


def _time(work: Work) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _rows(n_rows: int, n_columns: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return standard normal rows of two classes."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n_rows, n_columns)).astype(np.float32)
    return x, (x[:, 0] + 0.5 * rng.standard_normal(n_rows) > 0).astype(np.int64)


def _said(found: dict[str, Any]) -> dict[str, Any]:
    print(found, flush=True)
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--memory-of"]:
        _print_memory(sys.argv[2])
    else:
        main()
