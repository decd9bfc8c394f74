"""Which models a study compares: classifiers, or regressors; and the settings each chooses from.

Every model has the same number of settings to choose from, the default first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC, SVR

from sdae.app.compare.other_rows import NO_LABEL, self_training
from sdae.app.compare.study import AGREEING, LADDER, NETWORKS, SELF_TRAINING, SPREADING
from sdae.estimators.classifier import SDAEClassifier
from sdae.estimators.ladder import LadderClassifier, LadderRegressor
from sdae.estimators.regressor import SDAERegressor
from sdae.train.consistency.noise import DROPOUT

Setting = Mapping[str, Any]

_OF_NETWORKS: tuple[Setting, ...] = (
    {"learning_rate_init": 0.005, "dropout": 0.0},
    {"learning_rate_init": 0.001, "dropout": 0.5},
    {"learning_rate_init": 0.001, "dropout": 0.0},
    {"learning_rate_init": 0.005, "dropout": 0.5},
)
_OF_AGREEMENT: tuple[Setting, ...] = (
    {"learning_rate_init": 0.005, "dropout": DROPOUT},
    {"learning_rate_init": 0.001, "dropout": 0.5},
    {"learning_rate_init": 0.001, "dropout": DROPOUT},
    {"learning_rate_init": 0.005, "dropout": 0.5},
)
_OF_BOTH: Mapping[str, tuple[Setting, ...]] = {
    **dict.fromkeys(NETWORKS, _OF_NETWORKS),
    "boosting": (
        {"min_samples_leaf": 20, "max_features": 1.0},
        {"min_samples_leaf": 5, "max_features": 0.2},
        {"min_samples_leaf": 5, "max_features": 1.0},
        {"min_samples_leaf": 20, "max_features": 0.2},
    ),
    "svm": ({"C": 1.0}, {"C": 10.0}, {"C": 0.1}, {"C": 100.0}),
    "mlp": (
        {"learning_rate_init": 0.001, "alpha": 0.0001},
        {"learning_rate_init": 0.005, "alpha": 0.0001},
        {"learning_rate_init": 0.001, "alpha": 1.0},
        {"learning_rate_init": 0.005, "alpha": 1.0},
    ),
    LADDER: (
        {"denoising_cost": "auto", "hidden_noise": 0.3},
        {"denoising_cost": 300.0, "hidden_noise": 0.3},
        {"denoising_cost": "auto", "hidden_noise": 0.1},
        {"denoising_cost": 300.0, "hidden_noise": 0.1},
    ),
}
_FIXED: Mapping[str, Setting] = {
    "boosting": {"max_bins": 63, "early_stopping": False},  # 255 bins take four times as long
    "svm": {},
    "mlp": {},
    LADDER: {},
}


@dataclass(frozen=True)
class Family:
    """The models for one kind of target.

    Attributes
    ----------
    network : type
        The estimator of the networks, those that agree included.
    classes : mapping of str to type or function
        What makes the other models.
    grids : mapping of str to tuple of Setting
        What each model chooses from.
    fixed : mapping of str to Setting
        Other parameters of the other models.
    seedless : tuple of str
        Models that draw no random numbers.
    """

    network: Any
    classes: Mapping[str, Any]
    grids: Mapping[str, tuple[Setting, ...]]
    fixed: Mapping[str, Setting]
    seedless: tuple[str, ...] = ()


OF_CLASSES = Family(
    network=SDAEClassifier,
    classes={
        "logistic": LogisticRegression,
        "boosting": HistGradientBoostingClassifier,
        "svm": SVC,
        "mlp": MLPClassifier,
        SELF_TRAINING: self_training,
        SPREADING: LabelSpreading,
        LADDER: LadderClassifier,
    },
    grids={
        **_OF_BOTH,
        **dict.fromkeys(AGREEING, _OF_AGREEMENT),
        "logistic": ({"C": 1.0}, {"C": 0.1}, {"C": 0.01}, {"C": 10.0}),
        SELF_TRAINING: (
            {"C": 1.0, "threshold": 0.75},
            {"C": 0.1, "threshold": 0.75},
            {"C": 1.0, "threshold": 0.9},
            {"C": 10.0, "threshold": 0.9},
        ),
        SPREADING: (
            {"n_neighbors": 10, "alpha": 0.2},
            {"n_neighbors": 10, "alpha": 0.99},
            {"n_neighbors": 5, "alpha": 0.2},
            {"n_neighbors": 5, "alpha": 0.99},
        ),
    },
    fixed={
        **_FIXED,
        "logistic": {"max_iter": 500},
        SELF_TRAINING: {"max_iter": 500},
        SPREADING: {"kernel": "knn", "max_iter": 1000},
        LADDER: {"unlabeled_label": NO_LABEL},
    },
    seedless=(SPREADING,),
)
OF_VALUES = Family(
    network=SDAERegressor,
    classes={
        "ridge": Ridge,
        "boosting": HistGradientBoostingRegressor,
        "svm": SVR,
        "mlp": MLPRegressor,
        LADDER: LadderRegressor,
    },
    grids={
        **_OF_BOTH,
        "ridge": ({"alpha": 1.0}, {"alpha": 10.0}, {"alpha": 100.0}, {"alpha": 0.1}),
    },
    fixed={**_FIXED, "ridge": {}},
    seedless=("svm",),
)


def family_for(*, of_values: bool) -> Family:
    """Return the models for values, or for classes and labels."""
    return OF_VALUES if of_values else OF_CLASSES
