"""Draw what three estimators see, into ``docs/images/``: codes, predictions, contributions.

    python benchmarks/estimator_pictures.py

Pictures, not measurements: the numbers on them are of one split and one seed.
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split

from sdae import SDAEOutlierDetector, SDAERegressor, SDAETransformer

IMAGES = Path(__file__).parents[1] / "docs" / "images"
OURS, OTHERS = "#c2410c", "#64748b"


def main() -> None:
    """Draw all three."""
    mpl.use("Agg")
    _codes()
    _predictions()
    _contributions()


def _codes() -> None:
    """Draw digits by two units of the deepest layer, coloured by labels it never saw."""
    X, y = load_digits(return_X_y=True)
    model = SDAETransformer((100, 30, 2), pretrain_epochs=50, random_state=0)
    codes = model.fit_transform(X / 16)
    figure, axis = plt.subplots(figsize=(6.4, 5), layout="constrained")
    points = axis.scatter(codes[:, 0], codes[:, 1], c=y, cmap="tab10", s=7, vmin=-0.5, vmax=9.5)
    figure.colorbar(points, ticks=range(10), label="digit")
    axis.set_xlabel("first unit of the deepest layer")
    axis.set_ylabel("second unit")
    _save(figure, "digits-codes")


def _predictions() -> None:
    """Draw predictions of the regressor and of ridge regression against the truth."""
    X, y = load_diabetes(return_X_y=True)
    train, test, y_train, y_test = train_test_split(X, y, random_state=0)
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained", sharey=True)
    models = (SDAERegressor(random_state=0), RidgeCV())
    for axis, model, colour in zip(axes, models, (OURS, OTHERS), strict=True):
        model.fit(train, y_train)
        axis.plot([25, 350], [25, 350], color="#cbd5e1", linewidth=1)
        axis.scatter(y_test, model.predict(test), s=12, color=colour)
        axis.set_title(f"{type(model).__name__}, R² {model.score(test, y_test):.2f}", fontsize=10)
        axis.set_xlabel("progression of the disease")
    axes[0].set_ylabel("predicted")
    _save(figure, "diabetes-predictions")


def _contributions() -> None:
    """Draw scores of benign and malignant tumours, and why the strangest is strange."""
    data = load_breast_cancer()
    benign = data.target == 1
    model = SDAEOutlierDetector(contamination=0.05, random_state=0).fit(data.data[benign])
    scores = -model.score_samples(data.data)
    strangest = int(scores.argmax())
    shares = model.feature_contributions(data.data[[strangest]])[0] / scores[strangest]
    highest = np.argsort(shares)[-8:]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    bins = np.geomspace(scores.min(), scores.max(), 30)
    for chosen, name, colour in ((benign, "benign", OTHERS), (~benign, "malignant", OURS)):
        left.hist(scores[chosen], bins, alpha=0.7, label=name, color=colour)
    left.axvline(-model.offset_, color="black", linewidth=1, linestyle=":")
    left.set_xscale("log")
    left.set_xlabel("minus score_samples; dotted: the line of predict")
    left.set_ylabel("rows")
    left.legend(frameon=False)
    right.barh([data.feature_names[k] for k in highest], 100 * shares[highest], color=OURS)
    right.set_xlabel("share of the strangest row's error, %")
    _save(figure, "cancer-outliers")


def _save(figure: Any, name: str) -> None:
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    path = IMAGES / f"{name}.png"
    figure.savefig(path, dpi=100, metadata={"Software": None})
    plt.close(figure)
    print(f"Written to {path}")


if __name__ == "__main__":
    main()
