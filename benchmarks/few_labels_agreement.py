"""Train SDAEClassifier on MNIST with few labels, pre-trained and not; write errors as JSON.

    python benchmarks/few_labels_agreement.py --labels 100 1000 --draws 1 2 3

All 60,000 rows that are not the test set are rows for training, as many rows of each class have
labels, and none is held out for validation. Fine-tuning learns from the other rows by
``semi_supervised="auto"``; "labels alone" is None. Units, epochs and corruption were chosen with
the 10,000 validation rows of MNIST and another draw of the labels; the test set is scored once, at
the end. An RBF SVM and logistic regression on the labels alone stand beside. A run that is in the
JSON file is not repeated.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _machine import describe
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from sdae import SDAEClassifier
from sdae.data import load_mnist
from sdae.data.few_labels import balanced_labels
from sdae.train.history import PRETRAINING

RESULTS = Path(__file__).parent / "results" / "few-labels-agreement.json"
NETWORK: dict[str, Any] = {
    "hidden_layer_sizes": (500, 250),
    "batch_size": 100,
    "pretrain_epochs": 5,
    "max_iter": 8,
}
WAYS: dict[str, dict[str, Any]] = {
    "agreement": {"semi_supervised": "auto", **NETWORK},
    "agreement, pretrain_epochs=0": {"semi_supervised": "auto", **NETWORK, "pretrain_epochs": 0},
    "labels alone": {"semi_supervised": None, **NETWORK, "max_iter": "auto", "batch_size": "auto"},
}
ON_LABELS: dict[str, Any] = {"SVC": SVC, "LogisticRegression": LogisticRegression}


def main() -> None:
    """Compute what is missing, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--draws", type=int, nargs="+", default=[1, 2, 3], help="their seeds")
    parser.add_argument("--ways", nargs="+", default=[*WAYS, *ON_LABELS], metavar="WAY")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for way in arguments.ways:
        for n_labels in arguments.labels:
            for draw in arguments.draws:
                key = {"way": way, "labels": n_labels, "draw": draw}
                if not any(key.items() <= run.items() for run in _runs()):
                    run = {**key, **_run(way, n_labels, draw)}
                    print({name: run[name] for name in (*key, "test_error", "minutes")}, flush=True)
                    RESULTS.write_text(json.dumps([*_runs(), run], indent=1) + "\n")


def _run(way: str, n_labels: int, draw: int) -> dict[str, Any]:
    x, y, x_test, y_test = _rows()
    chosen = balanced_labels(y, n_labels, draw)
    if way in ON_LABELS:
        model = ON_LABELS[way](**({"max_iter": 1000} if way == "LogisticRegression" else {}))
        start = time.perf_counter()
        model.fit(x[chosen], y[chosen])
        more: dict[str, Any] = {"threads": 1}
    else:
        known = np.full(len(x), -1)
        known[chosen] = y[chosen]
        model = SDAEClassifier(unlabeled_label=-1, random_state=draw, **WAYS[way])
        start = time.perf_counter()
        model.fit(x, known)
        before = sum(r.seconds for r in model.history_ if r.stage == PRETRAINING)
        more = {
            "threads": torch.get_num_threads(),
            "pretraining_minutes": before / 60,
            "methods": model.semi_supervised_,
        }
    minutes = (time.perf_counter() - start) / 60
    error = 100 * (1 - float(model.score(x_test, y_test)))
    return {"test_error": error, "minutes": minutes, **more, "machine": describe()}


def _rows() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    train, validation, test = load_mnist()
    assert train.y is not None
    assert validation.y is not None
    assert test.y is not None
    x, y = np.concatenate([train.x, validation.x]), np.concatenate([train.y, validation.y])
    return x, y, test.x, test.y


def _runs() -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    return runs


if __name__ == "__main__":
    main()
