"""Measure accuracy on digits against the number of labels, and draw it.

    python benchmarks/label_curve.py          # 15 min
    python benchmarks/label_curve.py --draw   # the picture alone, from the JSON file

A quarter of the rows is for testing, another one for every seed; of the rest some have labels, the
same number of each class as near as may be. Ours, LabelSpreading and SelfTraining get the other
rows without labels. No parameter was chosen by these accuracies. Everything runs on one thread.
"""

import argparse
import json
import statistics
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from _machine import describe
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from threadpoolctl import threadpool_limits

from sdae import LadderClassifier, SDAEClassifier

RESULTS = Path(__file__).parent / "results" / "label-curve.json"
IMAGE = Path(__file__).parents[1] / "docs" / "images" / "digits-labels.png"
MODELS: dict[str, Callable[[int], Any]] = {
    "SDAEClassifier": lambda seed: SDAEClassifier(unlabeled_label=-1, random_state=seed),
    "SDAEClassifier, semi_supervised=None": lambda seed: SDAEClassifier(
        unlabeled_label=-1, semi_supervised=None, random_state=seed
    ),
    "SDAEClassifier, neither": lambda seed: SDAEClassifier(
        unlabeled_label=-1, semi_supervised=None, pretrain_epochs=0, random_state=seed
    ),
    "LadderClassifier": lambda seed: LadderClassifier(unlabeled_label=-1, random_state=seed),
    "MLPClassifier, scaled": lambda seed: make_pipeline(
        StandardScaler(), MLPClassifier(random_state=seed)
    ),
    "LogisticRegression, scaled": lambda _: make_pipeline(StandardScaler(), LogisticRegression()),
    "LabelSpreading, 7 neighbours": lambda _: LabelSpreading(kernel="knn", n_neighbors=7),
    "SelfTraining, scaled": lambda _: make_pipeline(
        StandardScaler(), SelfTrainingClassifier(LogisticRegression())
    ),
}
WITH_UNLABELLED = ("SDAEClassifier", "LadderClassifier", "LabelSpreading", "SelfTraining")
NUMBERS = (20, 50, 100, 300, None)
SEEDS = 5
STYLES: dict[str, dict[str, Any]] = {
    "SDAEClassifier": {"color": "#c2410c", "linewidth": 2},
    "SDAEClassifier, semi_supervised=None": {"color": "#c2410c", "linestyle": "--"},
    "SDAEClassifier, neither": {"color": "#c2410c", "linestyle": ":"},
    "LadderClassifier": {"color": "#1d4ed8", "linewidth": 2},
    "MLPClassifier, scaled": {"color": "#475569"},
    "LogisticRegression, scaled": {"color": "#475569", "linestyle": ":"},
    "LabelSpreading, 7 neighbours": {"color": "#0f766e", "linestyle": "-."},
    "SelfTraining, scaled": {"color": "#0f766e", "linestyle": ":"},
}


def main() -> None:
    """Measure, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", action="store_true", help="the picture alone")
    if not parser.parse_args().draw:
        torch.set_num_threads(1)
        warnings.simplefilter("ignore", ConvergenceWarning)
        with threadpool_limits(1):
            result = {"machine": describe(), "seeds": SEEDS, "points": _points()}
        RESULTS.write_text(json.dumps(result, indent=2) + "\n")
        print(f"Written to {RESULTS}")
    _draw(json.loads(RESULTS.read_text()))


def _points() -> list[dict[str, Any]]:
    """Return the accuracies of every model at every number of labels, one per seed."""
    x, y = load_digits(return_X_y=True)
    points: dict[tuple[str, int], list[float]] = {}
    for seed in range(SEEDS):
        rows, test, y_rows, y_test = train_test_split(
            x, y, test_size=0.25, stratify=y, random_state=seed
        )
        for number in NUMBERS:
            labelled = _labelled(y_rows, number, seed)
            marked = np.where(labelled, y_rows, -1)
            for name, make in MODELS.items():
                model = make(seed)
                if name.startswith(WITH_UNLABELLED):
                    model.fit(rows, marked)
                else:
                    model.fit(rows[labelled], y_rows[labelled])
                accuracy = float(model.score(test, y_test))
                points.setdefault((name, int(labelled.sum())), []).append(accuracy)
                print(f"seed {seed}, {labelled.sum()} labels, {name}: {accuracy:.4f}", flush=True)
    return [
        {"model": name, "labels": n_labels, "accuracies": accuracies}
        for (name, n_labels), accuracies in points.items()
    ]


def _labelled(y: NDArray[Any], number: int | None, seed: int) -> NDArray[np.bool_]:
    """Return which rows have labels, (n,): so many of them, or all for None."""
    if number is None:
        return np.ones(len(y), bool)
    chosen, _ = train_test_split(
        np.arange(len(y)), train_size=number, stratify=y, random_state=seed
    )
    return np.isin(np.arange(len(y)), chosen)


def _draw(result: dict[str, Any]) -> None:
    """Draw the mean of the seeds, and one standard deviation to each side."""
    mpl.use("Agg")
    figure, axis = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
    numbers = sorted({point["labels"] for point in result["points"]})
    for place, (name, style) in enumerate(STYLES.items()):
        points = [point for point in result["points"] if point["model"] == name]
        points.sort(key=lambda point: int(point["labels"]))
        means = [100 * statistics.mean(point["accuracies"]) for point in points]
        sds = [100 * statistics.stdev(point["accuracies"]) for point in points]
        axis.plot(numbers, means, marker="o", markersize=4, label=name, **style)
        beside = np.array(numbers) * 1.02 ** (place - len(STYLES) // 2)  # or one bar hides another
        axis.errorbar(beside, means, sds, fmt="none", elinewidth=0.8, ecolor=style["color"])
    axis.set_xscale("log")
    axis.set_xticks(numbers, [*map(str, numbers[:-1]), f"all {numbers[-1]:,}"])
    axis.minorticks_off()
    axis.set_xlabel("labelled rows")
    axis.set_ylabel("accuracy on the test rows, %")
    axis.grid(axis="y", color="#e2e8f0")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="lower right")
    figure.savefig(IMAGE, dpi=110, metadata={"Software": None})
    plt.close(figure)
    print(f"Written to {IMAGE}")


if __name__ == "__main__":
    main()
