"""Codes as features: gradient boosting on raw columns, on codes, and on both side by side.

python examples/features_for_gradient_boosting.py
"""

from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sdae import SDAETransformer

SEEDS = range(3)


def main() -> None:
    """Print the accuracies on 300 labelled rows of two tables, the mean of three splits."""
    for data, load in (("digits", load_digits), ("breast cancer", load_breast_cancer)):
        x, y = load(return_X_y=True)
        accuracies: dict[str, list[float]] = {}
        for seed in SEEDS:
            rows, test, labels, test_labels = train_test_split(
                x, y, train_size=300, stratify=y, random_state=seed
            )
            for name, model in models(seed).items():
                score = model.fit(rows, labels).score(test, test_labels)
                accuracies.setdefault(name, []).append(score)
        print(f"Accuracy on {data}, 300 labels; mean of 3 splits")
        for name, each in accuracies.items():
            print(f"{name}: {np.mean(each):.3f}")


def models(seed: int) -> dict[str, Any]:
    """Return pipelines: what the last step sees is in the name."""
    boosting = HistGradientBoostingClassifier(max_iter=30, random_state=seed)
    codes = SDAETransformer((30,), random_state=seed)
    both = FeatureUnion([("raw", FunctionTransformer()), ("codes", codes)])
    return {
        "boosting on raw columns": boosting,
        "boosting on codes": make_pipeline(codes, boosting),
        "boosting on both": make_pipeline(both, boosting),
        "logistic regression on raw columns": make_pipeline(StandardScaler(), LogisticRegression()),
        "logistic regression on codes": make_pipeline(codes, LogisticRegression()),
    }


if __name__ == "__main__":
    main()
