"""SDAEClassifier in the place of MLPClassifier: the same arguments, another class name.

python examples/drop_in_for_mlpclassifier.py
"""

from typing import Any

from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sdae import SDAEClassifier

ARGUMENTS: dict[str, Any] = {
    "hidden_layer_sizes": (50,),
    "activation": "relu",
    "solver": "adam",
    "alpha": 1e-3,
    "batch_size": 32,
    "learning_rate_init": 0.005,
    "max_iter": 300,
    "random_state": 0,
}


def main() -> None:
    """Print the accuracies on two tables."""
    for data, load in (("breast cancer", load_breast_cancer), ("wine", load_wine)):
        x, y = load(return_X_y=True)
        print(f"Accuracy on {data}, 5-fold cross-validation")
        for name, model in models().items():
            print(f"{name}: {cross_val_score(model, x, y).mean():.3f}")


def models() -> dict[str, Any]:
    """Return the models: all have the same arguments."""
    return {
        "MLPClassifier": MLPClassifier(**ARGUMENTS),
        "MLPClassifier, scaled": make_pipeline(StandardScaler(), MLPClassifier(**ARGUMENTS)),
        "SDAEClassifier": SDAEClassifier(**ARGUMENTS),
        "SDAEClassifier, pretrain_epochs=0": SDAEClassifier(**ARGUMENTS, pretrain_epochs=0),
    }


if __name__ == "__main__":
    main()
