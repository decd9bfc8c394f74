"""Digits with 50 labels: rows without labels, used in five ways, beside not using them.

python examples/digits_with_50_labels.py
"""

from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier

from sdae import LadderClassifier, SDAEClassifier

SEEDS = range(3)


def main() -> None:
    """Print the accuracy of eight classifiers, the mean of three splits."""
    print("Accuracy on digits, 50 labels and 1,297 rows without; mean of 3 splits")
    splits = [split(seed) for seed in SEEDS]
    for name in models(0):
        accuracies = [
            fitted(name, seed, x, y).score(x_test, y_test)
            for seed, (x, y, x_test, y_test) in zip(SEEDS, splits, strict=True)
        ]
        print(f"{name}: {np.mean(accuracies):.3f}")


def models(seed: int) -> dict[str, Any]:
    """Return the models; the first five use the rows without labels."""
    return {
        "SDAEClassifier": SDAEClassifier(unlabeled_label=-1, random_state=seed),
        "SDAEClassifier, pre-training alone": SDAEClassifier(
            unlabeled_label=-1, semi_supervised=None, random_state=seed
        ),
        "LadderClassifier": LadderClassifier(unlabeled_label=-1, random_state=seed),
        "LabelSpreading": LabelSpreading(kernel="knn", n_neighbors=7),
        "SelfTrainingClassifier": make_pipeline(
            StandardScaler(), SelfTrainingClassifier(LogisticRegression(), threshold=0.9)
        ),
        "SDAEClassifier, 50 rows": SDAEClassifier(pretrain_epochs=0, random_state=seed),
        "MLPClassifier": make_pipeline(
            StandardScaler(), MLPClassifier(max_iter=1000, random_state=seed)
        ),
        "LogisticRegression": make_pipeline(StandardScaler(), LogisticRegression()),
    }


def split(seed: int) -> tuple[Any, ...]:
    """Return rows and labels to learn from (−1 for none), and those to test on."""
    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, stratify=y, random_state=seed)
    hidden, _ = train_test_split(
        np.arange(len(y)), test_size=50, stratify=y, random_state=seed
    )  # all but 50 rows
    y[hidden] = -1
    return x, y, x_test, y_test


def fitted(name: str, seed: int, x: Any, y: Any) -> Any:
    """Return a model fitted on all rows, or on the labelled ones where it knows no others."""
    model = models(seed)[name]
    if name in list(models(seed))[:5]:
        return model.fit(x, y)
    return model.fit(x[y != -1], y[y != -1])


if __name__ == "__main__":
    main()
