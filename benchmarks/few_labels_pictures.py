"""Draw MNIST's test errors against the number of labels and against minutes.

    python benchmarks/few_labels_pictures.py              # the pictures, from the JSON files
    python benchmarks/few_labels_pictures.py --measure    # first the time of an update: a minute

The errors are those of ``few_labels_mnist.py`` and ``few_labels_agreement.py``. Runs of hours meet
other load, so minutes are updates times the time of one, measured here, when nothing else runs, on
two threads; pre-training is counted in.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from _machine import describe
from few_labels_agreement import NETWORK
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from sdae import LadderNetwork, SDAEClassifier, train_ladder
from sdae.data import load_mnist
from sdae.data.few_labels import balanced_labels

RESULTS = Path(__file__).parent / "results"
SPEED = RESULTS / "few-labels-speed.json"
IMAGE = Path(__file__).parents[1] / "docs" / "images" / "few-labels.png"
STYLES: dict[str, dict[str, Any]] = {
    "ladder": {"color": "#1d4ed8", "linewidth": 2},
    "agreement": {"color": "#c2410c", "linewidth": 2},
    "labels alone": {"color": "#c2410c", "linestyle": ":"},
    "SVC": {"color": "#475569", "linestyle": "--"},
    "LogisticRegression": {"color": "#475569", "linestyle": ":"},
}
NAMES = {
    "ladder": "LadderClassifier",
    "agreement": "SDAEClassifier",
    "labels alone": "SDAEClassifier, semi_supervised=None",
    "SVC": "RBF SVM, labels alone",
    "LogisticRegression": "LogisticRegression, labels alone",
}


def main() -> None:
    """Measure, if asked to, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", action="store_true", help="the time of an update first")
    if parser.parse_args().measure:
        torch.set_num_threads(2)
        SPEED.write_text(json.dumps({"machine": describe(), **_times()}, indent=1) + "\n")
    mpl.use("Agg")
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.2), layout="constrained")
    for axis, draw in ((left, _by_labels), (right, _by_minutes)):
        axis.set_xscale("log")
        axis.set_yscale("log")
        draw(axis)
        axis.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
        axis.minorticks_off()
        axis.grid(axis="y", color="#e2e8f0")
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_ylabel("test error, %")
    figure.savefig(IMAGE, dpi=110, metadata={"Software": None})
    plt.close(figure)
    print(f"Written to {IMAGE}")


def _by_labels(axis: Axes) -> None:
    """Draw the mean error of each way, at its longest training, by the number of labels."""
    for way, style in STYLES.items():
        points = {labels: _longest(way, labels) for labels in (100, 1000, 60_000)}
        found = {labels: errors for labels, errors in points.items() if errors}
        if found:
            _line(axis, [*found], [*found.values()], label=NAMES[way], **style)
    axis.set_xticks([100, 1000, 60_000], ["100", "1,000", "all 60,000"])
    axis.set_xlabel("labelled rows of MNIST")
    axis.legend(frameon=False, fontsize=8)


def _by_minutes(axis: Axes) -> None:
    """Draw errors with 100 labels by the minutes of training."""
    speed = json.loads(SPEED.read_text())
    minutes = speed["ladder"] / 60_000
    errors = {
        updates: [run["test_error"] for run in _runs("few-labels-mnist", updates=updates)]
        for updates in sorted({run["updates"] for run in _runs("few-labels-mnist")})
    }
    line = [updates * minutes for updates in errors], [*errors.values()]
    _line(axis, *line, label=NAMES["ladder"], **STYLES["ladder"])
    agreement = _longest("agreement", 100)
    if agreement:
        at = speed["agreement"] / 60_000 * _updates() + speed["pretraining"]
        _line(axis, [at], [agreement], label=NAMES["agreement"], **STYLES["agreement"])
    ticks = [1, 2, 5, 10, 20]
    axis.set_xticks(ticks, [*map(str, ticks)])
    axis.set_xlabel("minutes on two threads, 100 labels")
    axis.legend(frameon=False, fontsize=8)


def _line(axis: Axes, x: list[float], errors: list[list[float]], **style: Any) -> None:
    means = [statistics.mean(each) for each in errors]
    axis.plot(x, means, marker="o", markersize=4, **style)
    for place, each in zip(x, errors, strict=True):
        axis.plot([place] * len(each), each, ".", markersize=3, color=style["color"], alpha=0.5)


def _longest(way: str, labels: int) -> list[float]:
    """Return the errors of a way with so many labels: of a ladder those of the most updates."""
    if way != "ladder":
        return [run["test_error"] for run in _runs("few-labels-agreement", way=way, labels=labels)]
    runs = _runs("few-labels-mnist", labels=labels % 60_000)
    most = max((run["updates"] for run in runs), default=0)
    return [run["test_error"] for run in runs if run["updates"] == most]


def _runs(name: str, **wanted: Any) -> list[dict[str, Any]]:
    path = RESULTS / f"{name}.json"
    runs: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    if name == "few-labels-mnist":
        wanted = {"labels": 100, **wanted, "every_depth": False}
    return [run for run in runs if wanted.items() <= run.items()]


def _updates() -> int:
    """Return the updates of fine-tuning by agreement."""
    return int(NETWORK["max_iter"]) * 60_000 // int(NETWORK["batch_size"])


def _times() -> dict[str, float]:
    """Return milliseconds of an update of both, and minutes of pre-training."""
    train, validation, _ = load_mnist()
    assert train.y is not None
    assert validation.y is not None
    x, y = np.concatenate([train.x, validation.x]), np.concatenate([train.y, validation.y])
    chosen = balanced_labels(y, 100, 0)
    known = np.full(len(x), -1)
    known[chosen] = y[chosen]

    def ladder(n_updates: int) -> float:
        network = LadderNetwork(x.shape[1], n_classes=10, seed=0)
        rest = x[known < 0][:6000]
        return train_ladder(network, (x[chosen], y[chosen]), rest, n_updates=n_updates).seconds

    def agreement(epochs: int) -> float:
        some = np.r_[chosen, np.flatnonzero(known < 0)[: 6000 - len(chosen)]]
        parameters = {**NETWORK, "max_iter": epochs, "pretrain_epochs": 0}
        model = SDAEClassifier(unlabeled_label=-1, random_state=0, **parameters)
        model.set_params(semi_supervised="vat").fit(x[some], known[some])
        return float(sum(record.seconds for record in model.history_))

    pretrained = SDAEClassifier(unlabeled_label=-1, random_state=0, **{**NETWORK, "max_iter": 1})
    start = time.perf_counter()
    pretrained.set_params(semi_supervised=None).fit(x, known)
    return {
        "ladder": _per_update(ladder, 60, 300),
        "agreement": _per_update(agreement, 1, 5) / (6000 // int(NETWORK["batch_size"])),
        "pretraining": (time.perf_counter() - start) / 60,
    }


def _per_update(seconds: Callable[[int], float], few: int, many: int) -> float:
    """Return the milliseconds of one more: what both have in common is left out."""
    seconds(few)
    return 1000 * (seconds(many) - seconds(few)) / (many - few)


if __name__ == "__main__":
    main()
