"""Compare ``SDAEClassifier`` with scikit-learn's classifiers on four small tables; write JSON.

    python benchmarks/estimators.py                # accuracies, then times: 15 min
    python benchmarks/estimators.py --part times   # the times alone; the accuracies stay

Accuracies are those of 5-fold stratified cross-validation, three times over, with all labels and
with a tenth of them. No parameter of any model was chosen by them. Everything runs on one thread.
"""

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _machine import describe
from numpy.typing import NDArray
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
)
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from sdae import SDAEClassifier

PATH = Path(__file__).parent / "results" / "estimators.json"
DATA: dict[str, Callable[..., Any]] = {
    "digits": load_digits,
    "breast cancer": load_breast_cancer,
    "wine": load_wine,
    "iris": load_iris,
}
MODELS: dict[str, Callable[[int], Any]] = {
    "SDAEClassifier": lambda seed: SDAEClassifier(unlabeled_label=-1, random_state=seed),
    "SDAEClassifier, pretrain_epochs=0": lambda seed: SDAEClassifier(
        unlabeled_label=-1, pretrain_epochs=0, random_state=seed
    ),
    "MLPClassifier": lambda seed: MLPClassifier(random_state=seed),
    "MLPClassifier, scaled": lambda seed: make_pipeline(
        StandardScaler(), MLPClassifier(random_state=seed)
    ),
    "LogisticRegression, scaled": lambda _: make_pipeline(StandardScaler(), LogisticRegression()),
    "RandomForestClassifier": lambda seed: RandomForestClassifier(random_state=seed),
}
SHARES = (1.0, 0.1)
REPEATS, FOLDS = 3, 5
FITS, CALLS = 5, 300
SIZES = ((100,), (500, 500))


def main() -> None:
    """Run the parts asked for and write what they gave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=("all", "scores", "times"), default="all")
    part = parser.parse_args().part
    torch.set_num_threads(1)
    result: dict[str, Any] = json.loads(PATH.read_text()) if part != "all" else {}
    warnings.simplefilter("ignore", ConvergenceWarning)  # they are counted where it matters
    with threadpool_limits(1):
        if part != "times":
            result |= {"machine": describe(), "repeats": REPEATS, "folds": FOLDS}
            result["scores"] = _scores()
        if part != "scores":
            result["times"] = {"machine": describe(), "fit_seconds": _fits()}
            result["times"]["predict_ms"] = _predictions()
    PATH.write_text(json.dumps(result, indent=2) + "\n")
    print(f"Written to {PATH}")


def _scores() -> list[dict[str, Any]]:
    """Return the accuracies of every fold, by data, share of labels and model."""
    scores: list[dict[str, Any]] = []
    for data, load in DATA.items():
        x, y = load(return_X_y=True)
        for share in SHARES:
            for model in MODELS:
                folds = [_fold(x, y, model, share, *fold) for fold in _folds(x, y)]
                accuracies = [accuracy for accuracy, _ in folds]
                n_warned = sum(warned for _, warned in folds)
                scores.append(
                    {
                        "data": data,
                        "share": share,
                        "model": model,
                        "accuracies": accuracies,
                        "folds_at_max_iter": n_warned,
                    }
                )
                print(
                    f"{data}, {share:.0%} of the labels, {model}: "
                    f"{100 * statistics.mean(accuracies):.2f} %",
                    flush=True,
                )
    return scores


def _folds(x: NDArray[Any], y: NDArray[Any]) -> list[tuple[int, NDArray[Any], NDArray[Any]]]:
    """Return seed, rows to train on and rows to test on, of every fold of every repeat."""
    return [
        (fold, train, test)
        for repeat in range(REPEATS)
        for fold, (train, test) in enumerate(
            StratifiedKFold(FOLDS, shuffle=True, random_state=repeat).split(x, y)
        )
    ]


def _fold(
    x: NDArray[Any],
    y: NDArray[Any],
    model: str,
    share: float,
    seed: int,
    train: NDArray[Any],
    test: NDArray[Any],
) -> tuple[float, bool]:
    """Return the accuracy of a model on one fold, and whether it was cut short by max_iter."""
    labelled = train if share == 1 else _some_of_each(y, train, share, seed)
    if model.startswith("SDAE"):
        marked = np.full(len(y), -1)
        marked[labelled] = y[labelled]
        rows, labels = x[train], marked[train]
    else:
        rows, labels = x[labelled], y[labelled]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        fitted = MODELS[model](seed).fit(rows, labels)
    warned = any(issubclass(each.category, ConvergenceWarning) for each in caught)
    return float(fitted.score(x[test], y[test])), warned


def _some_of_each(
    y: NDArray[Any], rows: NDArray[Any], share: float, seed: int
) -> NDArray[np.int64]:
    """Return a share of the rows of each class, at least one, in their order."""
    rng = np.random.default_rng(seed)
    some = []
    for label in np.unique(y):
        of_class = rows[y[rows] == label]
        some.append(rng.choice(of_class, max(1, round(share * len(of_class))), replace=False))
    return np.sort(np.concatenate(some))


def _pair(sizes: tuple[int, ...]) -> dict[str, Any]:
    return {
        "SDAEClassifier": SDAEClassifier(sizes, random_state=0),
        "SDAEClassifier, pretrain_epochs=0": SDAEClassifier(
            sizes, pretrain_epochs=0, random_state=0
        ),
        "MLPClassifier": MLPClassifier(sizes, random_state=0),
    }


def _fits() -> dict[str, float]:
    """Return the median seconds of a fit on 300 rows of 10 columns, after a first one."""
    x, y = make_classification(300, 10, random_state=0)
    seconds: dict[str, list[float]] = {}
    for turn in range(FITS + 1):
        for name, model in _pair((100,)).items():
            start = time.perf_counter()
            model.fit(x, y)
            if turn:
                seconds.setdefault(name, []).append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in seconds.items()}


def _predictions() -> list[dict[str, Any]]:
    """Return the median milliseconds of predicting one row, the models by turns."""
    x, y = make_classification(300, 10, random_state=0)
    medians = []
    for sizes in SIZES:
        models = {
            name: model.set_params(max_iter=2).fit(x, y)
            for name, model in _pair(sizes).items()
            if "pretrain" not in name
        }
        seconds: dict[str, list[float]] = {name: [] for name in models}
        for call in range(CALLS):
            for name, model in models.items():
                row = x[call % len(x)][None]
                start = time.perf_counter()
                model.predict(row)
                seconds[name].append(time.perf_counter() - start)
        milliseconds = {name: 1e3 * statistics.median(each) for name, each in seconds.items()}
        medians.append({"hidden_layer_sizes": sizes, "milliseconds": milliseconds})
    return medians


if __name__ == "__main__":
    main()
