"""The models of one seed: the two networks, which start as copies of one, and the others.

Every model has the same number of settings to choose from, the default first. Axes: n rows, V
columns.
"""

import copy
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sdae.app.compare.encoders import with_codes, with_numbers
from sdae.app.compare.label_splits import Pool
from sdae.app.compare.meter import Cost, measured
from sdae.app.compare.per_label import PerLabel
from sdae.app.compare.quiet import quiet
from sdae.app.compare.study import CALLER, NETWORKS, PRETRAINED, Study
from sdae.app.compare.typed_rows import Kind
from sdae.core.errors import invalid_parameter
from sdae.core.kinds.decoders import Decoder
from sdae.core.preprocessing import choose
from sdae.estimators.classifier import SDAEClassifier
from sdae.estimators.parameters import Settings
from sdae.train.history import PRETRAINING

Setting = Mapping[str, Any]

_LOG = logging.getLogger(__name__)

_OF_NETWORKS: tuple[Setting, ...] = (
    {"learning_rate_init": 0.005, "dropout": 0.0},
    {"learning_rate_init": 0.001, "dropout": 0.5},
    {"learning_rate_init": 0.001, "dropout": 0.0},
    {"learning_rate_init": 0.005, "dropout": 0.5},
)
_GRIDS: Mapping[str, tuple[Setting, ...]] = {
    **dict.fromkeys(NETWORKS, _OF_NETWORKS),
    "logistic": ({"C": 1.0}, {"C": 0.1}, {"C": 0.01}, {"C": 10.0}),
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
}
_FIXED: Mapping[str, Setting] = {
    "logistic": {"max_iter": 500},
    "boosting": {"max_bins": 63, "early_stopping": False},  # 255 bins take four times as long
    "svm": {},
    "mlp": {},
}
_CLASSES: Mapping[str, Any] = {
    "logistic": LogisticRegression,
    "boosting": HistGradientBoostingClassifier,
    "svm": SVC,
    "mlp": MLPClassifier,
}
_MULTILABEL = ("mlp",)
_LATER = ("max_iter", "learning_rate_init", "early_stopping", "class_weight")


def settings_of(model: str, study: Study) -> tuple[Setting, ...]:
    """Return the settings that a model may choose from."""
    return _GRIDS[model][: study.budget]


def describe_model(model: str, study: Study) -> dict[str, object]:
    """Return the fixed parameters and the settings of a model, for the key of a result."""
    grid = [dict(setting) for setting in settings_of(model, study)]
    if model in NETWORKS:
        everything = SDAEClassifier(**dict(study.network)).get_params(deep=False)
        return {"grid": grid, "fixed": {name: str(value) for name, value in everything.items()}}
    return {"grid": grid, "fixed": {name: str(v) for name, v in _fixed(model, study).items()}}


def check_network(study: Study) -> None:
    """Raise an error for parameters that the networks cannot have, before any training.

    Raises
    ------
    InvalidParameterError
        If a parameter is unknown or not allowed, or turns pre-training off.
    """
    defaults = SDAEClassifier().get_params(deep=False)
    settings = Settings.read(defaults | dict(study.network), CALLER)
    for name in study.network:
        if name not in defaults:  # a parameter of another estimator
            wanted = f"one of SDAEClassifier's parameters: {', '.join(sorted(defaults))}"
            raise invalid_parameter("--set", CALLER, wanted, name)
    if settings.solver == "lbfgs":
        wanted = "one that trains in epochs: a study starts networks by one that changes nothing"
        raise invalid_parameter("solver", CALLER, wanted, settings.solver)
    if not all(settings.pretrain_epochs):
        wanted = "at least 1 for every layer: the study compares pre-training with none"
        raise invalid_parameter("pretrain_epochs", CALLER, wanted, study.network["pretrain_epochs"])


class Models:
    """Makes the models of one seed; the pre-trained network is made once, on first use.

    Parameters
    ----------
    study : Study
    pool : Pool
        Rows to pre-train on. Only one label of each class is used, for its name.
    seed : int
    """

    def __init__(self, study: Study, pool: Pool, seed: int) -> None:
        self._study = study
        self._pool = pool
        self._seed = seed
        self._starts: dict[str, tuple[SDAEClassifier, Cost]] = {}
        self._scales = False
        if pool.kinds is None:
            chosen = choose(pool.rows, "auto", Decoder.AUTO, "The rows of a study")
            self._scales = chosen.scale != "none"  # the networks scale by the same rule

    def new(self, model: str, setting: Setting) -> Any:
        """Return a model that has not seen any label, ready for ``fit``."""
        if model in NETWORKS:
            network = copy.deepcopy(self._start(model)[0])
            kept = {name: v for name, v in self._study.network.items() if name in _LATER}
            defaults = SDAEClassifier().get_params(deep=False)
            later = {name: defaults[name] for name in _LATER} | kept
            return network.set_params(**(later | dict(setting)))
        parameters = {**_fixed(model, self._study), **setting}
        made = _made(model, parameters, self._seed)
        scaled = self._with_its_columns(model, made)
        is_per_label = self._pool.y.ndim == 2 and model not in _MULTILABEL
        return PerLabel(scaled) if is_per_label else scaled

    def _with_its_columns(self, model: str, made: Any) -> Any:
        """Return a model with what it needs of rows before it."""
        kinds = self._pool.kinds
        if kinds is not None:
            return with_codes(made, kinds) if model == "boosting" else with_numbers(made, kinds)
        return make_pipeline(StandardScaler(), made) if self._scales else made

    def cost_of_start(self, model: str) -> Cost:
        """Return the cost of pre-training; zero for a model without pre-training."""
        return self._start(model)[1] if model == PRETRAINED else Cost()

    def _start(self, model: str) -> tuple[SDAEClassifier, Cost]:
        """Return a network that has not seen any label, pre-trained or not, and its cost.

        It is made by pre-training and one epoch of fine-tuning at learning rate 0, which changes
        nothing; with ``warm_start`` the next ``fit`` fine-tunes from there.
        """
        if model not in self._starts:
            parameters = {**self._categories(), **self._study.network} | {
                "random_state": self._seed,
                "unlabeled_label": -1,
                "warm_start": True,
                "max_iter": 1,
                "learning_rate_init": 0.0,
                "early_stopping": False,
                "class_weight": None,
            }
            if model != PRETRAINED:
                parameters["pretrain_epochs"] = 0
            marked = np.full((len(self._pool.rows), *self._pool.y.shape[1:]), -1)
            named = self._pool.rows_that_name_labels()
            marked[named] = self._pool.y[named]
            with measured() as cost, quiet():
                start = SDAEClassifier(**parameters).fit(self._pool.rows, marked)
            self._starts[model] = start, cost
            self._warn_of_findings(start)
        return self._starts[model]

    def _categories(self) -> Setting:
        """Return which columns of objects are categories: an array has no types of its own."""
        kinds = self._pool.kinds
        if kinds is None:
            return {}
        return {"categorical_features": [k for k, kind in enumerate(kinds) if kind is Kind.LEVELS]}

    def _warn_of_findings(self, start: SDAEClassifier) -> None:
        """Warn, once per study, about the doctor's findings in pre-training."""
        if self._seed > 0:
            return
        for record in start.history_:
            for finding in record.findings if record.stage == PRETRAINING else ():
                _LOG.warning("Pre-training, seed 0. %s", finding.text)


def _fixed(model: str, study: Study) -> dict[str, Any]:
    fixed = dict(_FIXED[model])
    if model == "mlp":  # the same size as the networks
        default = SDAEClassifier().hidden_layer_sizes
        fixed["hidden_layer_sizes"] = study.network.get("hidden_layer_sizes", default)
    return fixed


def _made(model: str, parameters: dict[str, Any], seed: int) -> Any:
    return _CLASSES[model](**parameters, random_state=seed)
