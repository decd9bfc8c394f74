"""Compare SDAEClassifier with scikit-learn's models on ten tables with 12 to 60 labels; write JSON.

    python benchmarks/few_labels_tables.py                     # all; hours
    python benchmarks/few_labels_tables.py --splits 2 wine     # two splits of these tables

Each table is divided ten times (``few_labels_data.py``). SDAE, Ladder, SelfTraining and
LabelSpreading also get the rows without labels; the others have no use for them. Ladder is
``LadderClassifier`` with its defaults. SDAE has its defaults, with
``semi_supervised`` as named: "before" is what it was in version 0.1, without anything learned from
unlabelled rows in fine-tuning. Rivals get standardised columns and have their defaults, but for
iterations enough to converge; LabelSpreading has its graph of 7 neighbours, since its default
kernel suits no data of this kind. The constants of the rule behind
``semi_supervised="auto"`` are from other tables of the same package; its threshold of certainty was
set with the certainties of these tables in view, not with the scores of the classifier. Some of
these tables are those on which the settings of ladders for tables were found. Everything runs on
one thread.

Every score is kept in ``results/few-labels-tables.json`` as soon as it is there, and not computed
again: a long run can be stopped and continued.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _machine import describe
from few_labels_data import LABELS, Split, split, tables
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from sdae import LadderClassifier, SDAEClassifier

PATH = Path(__file__).parent / "results" / "few-labels-tables.json"
SPLITS = 10
BEFORE = {"semi_supervised": None, "alpha": 0.0001, "dropout": 0.0, "max_iter": 200}
OURS: dict[str, dict[str, Any]] = {
    "SDAE": {},
    "SDAE, before": BEFORE,
    "SDAE, label_spreading": {"semi_supervised": "label_spreading"},
    "SDAE, mean_teacher": {"semi_supervised": "mean_teacher"},
    "SDAE, vat": {"semi_supervised": "vat"},
    "SDAE, label_spreading and mean_teacher": {
        "semi_supervised": ("label_spreading", "mean_teacher")
    },
    "SDAE, label_spreading and vat": {"semi_supervised": ("label_spreading", "vat")},
}
LADDER = "Ladder"
RIVALS: dict[str, Callable[[int], Any]] = {
    "LogisticRegression": lambda _: LogisticRegression(max_iter=1000),
    "SVC": lambda _: SVC(),
    "MLPClassifier": lambda seed: MLPClassifier(max_iter=1000, random_state=seed),
    "HistGradientBoosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
    "SelfTraining": lambda _: SelfTrainingClassifier(LogisticRegression(max_iter=1000)),
    "LabelSpreading": lambda _: LabelSpreading(kernel="knn", max_iter=1000),
}
TAKE_ALL_ROWS = ("SelfTraining", "LabelSpreading")

Floats = NDArray[np.float64]


def score(
    name: str, x: Floats, y: NDArray[np.int64], rows: Split, seed: int
) -> tuple[float, float]:
    """Return the accuracy of a model on the rows for testing, and the seconds of its fit."""
    every = np.concatenate([rows.labelled, rows.unlabelled])
    known = np.where(np.isin(every, rows.labelled), y[every], -1)
    train, test = x[every], x[rows.test]
    if name == LADDER:
        model: Any = LadderClassifier(unlabeled_label=-1, random_state=seed)
    elif name in OURS:
        model = SDAEClassifier(unlabeled_label=-1, random_state=seed, **OURS[name])
    else:
        model = RIVALS[name](seed)
        scaler = StandardScaler().fit(train)
        train, test = scaler.transform(train), scaler.transform(test)
        if name not in TAKE_ALL_ROWS:
            train, known = train[known >= 0], known[known >= 0]
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(train, known)
    seconds = time.perf_counter() - start
    return float(model.score(test, y[rows.test])), seconds


def main() -> None:
    """Compute what is missing, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("tables", nargs="*", default=[*LABELS], metavar="TABLE")
    parser.add_argument("--splits", type=int, default=SPLITS)
    parser.add_argument("--models", nargs="*", default=[*OURS, LADDER, *RIVALS], metavar="MODEL")
    given = parser.parse_args()
    torch.set_num_threads(1)
    result = json.loads(PATH.read_text()) if PATH.exists() else {"machines": [], "rows": []}
    if describe() not in result["machines"]:
        result["machines"].append(describe())
    done = {(row["table"], row["split"], row["model"]) for row in result["rows"]}
    with threadpool_limits(1):
        found = tables(tuple(given.tables))
        for seed in range(given.splits):
            for table, (x, y) in found.items():
                rows = split(y, LABELS[table], seed)
                for model in given.models:
                    if (table, seed, model) in done:
                        continue
                    accuracy, seconds = score(model, x, y, rows, seed)
                    row = {"table": table, "split": seed, "model": model}
                    row |= {"labels": len(rows.labelled), "shape": list(x.shape)}
                    row |= {"accuracy": accuracy, "seconds": seconds}
                    row |= {"machine": result["machines"].index(describe())}
                    result["rows"].append(row)
                    print(
                        table, seed, model, f"{100 * accuracy:.1f} %, {seconds:.1f} s", flush=True
                    )
                    PATH.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
