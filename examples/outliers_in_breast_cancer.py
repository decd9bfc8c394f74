"""Tumours as outliers: learn from benign rows with a few malignant ones among them.

python examples/outliers_in_breast_cancer.py
"""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from sdae import SDAEOutlierDetector

SEEDS = range(3)
N_BENIGN, N_MALIGNANT = 200, 10  # to learn from; the detectors are not told which is which


def main() -> None:
    """Print how well two detectors rank unseen rows, and explain the row with the highest error."""
    data = load_breast_cancer()
    x, malignant, names = data.data, data.target == 0, data.feature_names
    areas: dict[str, list[float]] = {}
    for seed in SEEDS:
        train, test = split(malignant, seed)
        ours = SDAEOutlierDetector(random_state=seed).fit(x[train])
        narrow = SDAEOutlierDetector((10,), random_state=seed).fit(x[train])
        forest = IsolationForest(random_state=seed).fit(x[train])
        distance = -np.linalg.norm(StandardScaler().fit(x[train]).transform(x[test]), axis=1)
        for name, scores in (
            ("SDAEOutlierDetector", ours.score_samples(x[test])),
            ("SDAEOutlierDetector, 10 units", narrow.score_samples(x[test])),
            ("IsolationForest", forest.score_samples(x[test])),
            ("distance from the mean", distance),
        ):
            areas.setdefault(name, []).append(roc_auc_score(malignant[test], -scores))

    print(f"ROC AUC, {N_BENIGN} benign and {N_MALIGNANT} malignant rows to learn from; 3 splits")
    for name, each in areas.items():
        print(f"{name}: {np.mean(each):.3f}")

    lowest = test[ours.score_samples(x[test]).argmin()]
    contributions = ours.feature_contributions(x[[lowest]])[0]
    print(f"Least typical row: {lowest}, {'malignant' if malignant[lowest] else 'benign'}")
    for column in np.argsort(-contributions)[:5]:
        share = contributions[column] / contributions.sum()
        value, usual = x[lowest, column], np.median(x[train, column])
        print(
            f"{names[column]}: {100 * share:.0f} % of the error, {value:.4g} (median {usual:.4g})"
        )


def split(malignant: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the rows to learn from and of those to test on."""
    rng = np.random.default_rng(seed)
    benign, others = (rng.permutation(np.flatnonzero(kind)) for kind in (~malignant, malignant))
    train = np.concatenate([benign[:N_BENIGN], others[:N_MALIGNANT]])
    return train, np.concatenate([benign[N_BENIGN:], others[N_MALIGNANT:]])


if __name__ == "__main__":
    main()
