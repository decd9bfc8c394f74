"""Compare SDAEClassifier and SDAERegressor with scikit-learn's models on real tables; write JSON.

    python benchmarks/table_peers.py                # all, ten minutes of a busy core
    python benchmarks/table_peers.py penguins OJ    # these tables; the results of others stay

Each table is divided five times into three quarters to train and one to test, of classes in their
shares. Models get 100 or 5 % of the training labels. The rows without labels go to SDAE only, which
has a use for them. SDAE gets the table as it is, with its defaults, and with one change each: with
``early_stopping``, and without pre-training. HistGradientBoosting gets gaps as they are and
categories by their type; the linear model and the forest get filled and one-hot encoded columns,
with indicators of gaps. The rivals get a date as its day, and as sine and cosine of its place in
the year. All have their defaults; no parameter was chosen by the scores. Everything runs on one
thread.
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
from imputation_data import pd, tables
from numpy.typing import NDArray
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from sdae import SDAEClassifier, SDAERegressor

PATH = Path(__file__).parent / "results" / "table-peers.json"
TARGETS = {
    "anes96": "vote",
    "Carseats": "Sales",
    "grunfeld": "invest",
    "Hitters": "Salary",
    "modechoice": "chosen",
    "OJ": "Purchase",
    "penguins": "species",
    "randhie": "mdvis",
    "statecrime": "violent",
    "weather": "weather",
    "wine": "cultivar",
}
SHARES = (1.0, 0.05)
SPLITS = 5
FEWEST_LABELS = 5
FEWEST_TO_STOP_BY = 20  # early_stopping sets a tenth aside, and refuses a single row
YEAR = 365.2425

Model = Callable[[int], Any]


def encoded(model: Any) -> Any:
    """Return a pipeline of a model on filled, scaled and one-hot encoded columns."""
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    texts = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(handle_unknown="ignore"),
    )
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (texts, make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(columns, model)


CLASSIFIERS: dict[str, Model] = {
    "SDAE": lambda seed: SDAEClassifier(random_state=seed),
    "SDAE, early_stopping": lambda seed: SDAEClassifier(early_stopping=True, random_state=seed),
    "SDAE, pretrain_epochs=0": lambda seed: SDAEClassifier(pretrain_epochs=0, random_state=seed),
    "HistGradientBoosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
    "linear": lambda _: encoded(LogisticRegression(max_iter=1000)),
    "RandomForest": lambda seed: encoded(RandomForestClassifier(random_state=seed)),
    "majority or mean": lambda _: DummyClassifier(),
}
REGRESSORS: dict[str, Model] = {
    "SDAE": lambda seed: SDAERegressor(random_state=seed),
    "SDAE, early_stopping": lambda seed: SDAERegressor(early_stopping=True, random_state=seed),
    "SDAE, pretrain_epochs=0": lambda seed: SDAERegressor(pretrain_epochs=0, random_state=seed),
    "HistGradientBoosting": lambda seed: HistGradientBoostingRegressor(random_state=seed),
    "linear": lambda _: encoded(Ridge()),
    "RandomForest": lambda seed: encoded(RandomForestRegressor(random_state=seed)),
    "majority or mean": lambda _: DummyRegressor(),
}


def for_rivals(x: Any, *, as_categories: bool) -> Any:
    """Return a table with dates as numbers, and texts as categories or as they are."""
    columns = {}
    for name in x:
        column = x[name]
        if column.dtype.kind == "M":
            day = (column - pd.Timestamp(0)) / pd.Timedelta(days=1)
            columns[name] = day
            columns[f"{name}, sine"] = np.sin(2 * np.pi * day / YEAR)
            columns[f"{name}, cosine"] = np.cos(2 * np.pi * day / YEAR)
        elif column.dtype.kind in "if":
            columns[name] = column
        else:
            columns[name] = column.astype("category") if as_categories else column.astype(object)
    return pd.DataFrame(columns)


def some(y: Any, train: NDArray[Any], share: float, seed: int, *, of_each: bool) -> NDArray[Any]:
    """Return a share of the training rows, at least one of each class, in their order."""
    if share == 1:
        return train
    rng = np.random.default_rng(seed)
    labels = y.iloc[train].to_numpy() if of_each else np.zeros(len(train))
    chosen = [
        rng.choice(rows, max(1, round(share * len(rows))), replace=False)
        for rows in (train[labels == label] for label in np.unique(labels))
    ]
    return np.sort(np.concatenate(chosen))


def fold(
    name: str, model: Any, x: Any, y: Any, labelled: NDArray[Any], test: NDArray[Any]
) -> tuple[float, float]:
    """Return the score of a model on one division of a table, and the seconds of its fit.

    `labelled` and `test` are numbers of rows; all rows but `test` are for training.
    """
    train = np.setdiff1d(np.arange(len(y)), test)
    known = y
    if name.startswith("SDAE"):
        rows = train
        known = y.where(np.isin(np.arange(len(y)), labelled))  # a gap: no label
    else:
        rows = labelled
        x = for_rivals(x, as_categories=name == "HistGradientBoosting")
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)  # a gap where fit had none; an unseen level
        model.fit(x.iloc[rows], known.iloc[rows])
        seconds = time.perf_counter() - start
        score = float(model.score(x.iloc[test], y.iloc[test]))
    return score, seconds


def rows_of(name: str, table: Any) -> list[dict[str, Any]]:
    """Return the scores on one table, a row for each share of the labels and each model."""
    table = table[table[TARGETS[name]].notna()].reset_index(drop=True)
    x, y = table.drop(columns=TARGETS[name]), table[TARGETS[name]]
    classes = y.dtype.kind not in "if"
    kind = StratifiedShuffleSplit if classes else ShuffleSplit
    splits = list(kind(SPLITS, test_size=0.25, random_state=0).split(x, y))
    rows = []
    for share in SHARES:
        chosen = [
            some(y, train, share, seed, of_each=classes) for seed, (train, _) in enumerate(splits)
        ]
        if len(chosen[0]) < FEWEST_LABELS:
            continue
        for model, make in (CLASSIFIERS if classes else REGRESSORS).items():
            if "early_stopping" in model and len(chosen[0]) < FEWEST_TO_STOP_BY:
                continue
            found = [
                fold(model, make(seed), x, y, chosen[seed], test)
                for seed, (_, test) in enumerate(splits)
            ]
            scores, seconds = zip(*found, strict=True)
            rows.append(
                {
                    "table": name,
                    "shape": x.shape,
                    "target": TARGETS[name],
                    "measure": "accuracy" if classes else "R2",
                    "share": share,
                    "labels": len(chosen[0]),
                    "model": model,
                    "scores": scores,
                    "seconds": seconds,
                }
            )
            print(f"{name}, {share:.0%}, {model}: {np.mean(scores):.3f}", flush=True)
    return rows


def main() -> None:
    """Measure the tables that are named, or all; those of others stay."""
    torch.set_num_threads(1)
    wanted = sys.argv[1:] or list(TARGETS)
    for name, table in tables().items():
        if name in wanted:
            before = json.loads(PATH.read_text())["rows"] if PATH.exists() else []
            with threadpool_limits(1):
                rows = [*(row for row in before if row["table"] != name), *rows_of(name, table)]
            rows.sort(key=lambda row: row["table"].lower())
            result = {"machine": describe(), "splits": SPLITS, "rows": rows}
            PATH.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
