"""The models of one seed: the networks, which start as copies of one or the other, and the others.

Axes: n rows, o of them without labels, V columns.
"""

import copy
import logging
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sdae.app.compare.encoders import with_codes, with_numbers
from sdae.app.compare.families import OF_CLASSES, Family, Setting, family_for
from sdae.app.compare.label_splits import Pool
from sdae.app.compare.meter import Cost, measured
from sdae.app.compare.other_rows import NO_LABEL, WithOtherRows
from sdae.app.compare.per_label import PerLabel
from sdae.app.compare.quiet import quiet
from sdae.app.compare.scaled_targets import ScaledTargets
from sdae.app.compare.study import (
    AGREEING,
    AGREEMENT,
    CALLER,
    FROM_ALL_ROWS,
    LADDER,
    NETWORKS,
    PRETRAINED,
    RANDOM,
    Study,
)
from sdae.app.compare.study_data import Rows
from sdae.app.compare.typed_rows import Kind
from sdae.core.errors import invalid_parameter
from sdae.core.kinds.decoders import Decoder
from sdae.core.preprocessing import choose
from sdae.estimators.new_networks import has_few_zeros
from sdae.estimators.parameters import Settings
from sdae.train.history import PRETRAINING

_LOG = logging.getLogger(__name__)

_START_OF = {PRETRAINED: PRETRAINED, RANDOM: RANDOM, **dict(zip(AGREEING, NETWORKS, strict=True))}
_MULTILABEL = ("mlp", LADDER)
_LATER = ("max_iter", "learning_rate_init", "early_stopping", "class_weight")


def settings_of(model: str, study: Study, family: Family = OF_CLASSES) -> tuple[Setting, ...]:
    """Return the settings that a model may choose from."""
    return family.grids[model][: study.budget]


def describe_model(model: str, study: Study, family: Family = OF_CLASSES) -> dict[str, object]:
    """Return the fixed parameters and the settings of a model, for the key of a result."""
    grid = [dict(setting) for setting in settings_of(model, study, family)]
    fixed = _fixed(model, study, family)
    if model in _START_OF:
        fixed = family.network(**dict(study.network)).get_params(deep=False)
    elif model == LADDER:
        fixed = family.classes[model](**fixed).get_params(deep=False)
    return {"grid": grid, "fixed": {name: str(value) for name, value in fixed.items()}}


def check_network(study: Study, family: Family = OF_CLASSES) -> None:
    """Raise an error for parameters that the networks cannot have, before any training.

    Raises
    ------
    InvalidParameterError
        If a parameter is unknown or not allowed, or turns pre-training off.
    """
    defaults = family.network().get_params(deep=False)
    settings = Settings.read(defaults | dict(study.network), CALLER)
    for name in study.network:
        if name not in defaults:  # a parameter of another estimator
            kind = family.network.__name__
            wanted = f"one of {kind}'s parameters: {', '.join(sorted(defaults))}"
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
        self._family = family_for(of_values=pool.of_values)
        self._starts: dict[str, tuple[Any, Cost]] = {}
        self._scales = False
        if pool.kinds is None:
            few_zeros = partial(has_few_zeros, pool.rows)  # the networks scale by the same rule
            chosen = choose(
                pool.rows, "auto", Decoder.AUTO, "The rows of a study", few_zeros=few_zeros
            )
            self._scales = chosen.scale != "none"

    def new(self, model: str, setting: Setting, others: Rows | None = None) -> Any:
        """Return a model that has not seen any label, ready for ``fit``.

        `others`, (o, V), are what a model that learns from rows without labels gets; None: none.
        """
        made = self._network(model, setting) if model in _START_OF else self._other(model, setting)
        if model in FROM_ALL_ROWS:
            made = WithOtherRows(made, self._pool.rows[:0] if others is None else others)
        if self._pool.of_values:
            return ScaledTargets(made, model)
        is_per_label = self._pool.y.ndim == 2 and model not in (*NETWORKS, *_MULTILABEL)
        return PerLabel(made) if is_per_label else made

    def _network(self, model: str, setting: Setting) -> Any:
        """Return a copy of the network that a model starts from, with a setting."""
        network = copy.deepcopy(self._start(_START_OF[model])[0])
        later = (*_LATER, "semi_supervised") if model in AGREEING else _LATER
        defaults = self._family.network().get_params(deep=False)
        wanted = {**defaults, **self._study.network, **setting}
        network.set_params(
            **{name: wanted[name] for name in (*later, *setting) if name in defaults}
        )
        network._agrees_when_continuing = model in AGREEING
        return network

    def _other(self, model: str, setting: Setting) -> Any:
        """Return a model of another kind, with what it needs of rows before it."""
        parameters = {**_fixed(model, self._study, self._family), **setting}
        if model not in self._family.seedless:
            parameters["random_state"] = self._seed
        if model == LADDER:  # it prepares rows itself
            return self._family.classes[model](**parameters, **self._categories())
        return self._with_its_columns(model, self._family.classes[model](**parameters))

    def _with_its_columns(self, model: str, made: Any) -> Any:
        """Return a model with what it needs of rows before it."""
        kinds = self._pool.kinds
        if kinds is not None:
            return with_codes(made, kinds) if model == "boosting" else with_numbers(made, kinds)
        return make_pipeline(StandardScaler(), made) if self._scales else made

    def cost_of_start(self, model: str) -> Cost:
        """Return the cost of pre-training; zero for a model without pre-training."""
        return self._start(PRETRAINED)[1] if model in (PRETRAINED, AGREEMENT) else Cost()

    def _start(self, model: str) -> tuple[Any, Cost]:
        """Return a network that has not seen any label, pre-trained or not, and its cost.

        It is made by pre-training and one epoch of fine-tuning at learning rate 0, which changes
        nothing; with ``warm_start`` the next ``fit`` fine-tunes from there.
        """
        if model not in self._starts:
            parameters = {**self._categories(), **self._study.network} | {
                "random_state": self._seed,
                "warm_start": True,
                "max_iter": 1,
                "learning_rate_init": 0.0,
                "early_stopping": False,
            }
            if not self._pool.of_values:
                # What is compared is pre-training: fine-tuning learns from labels alone.
                # Those that agree turn that on later.
                parameters |= {
                    "unlabeled_label": NO_LABEL,
                    "class_weight": None,
                    "semi_supervised": None,
                }
            if model != PRETRAINED:
                parameters["pretrain_epochs"] = 0
            with measured() as cost, quiet():
                start = self._family.network(**parameters).fit(self._pool.rows, self._named())
            self._starts[model] = start, cost
            self._warn_of_findings(start)
        return self._starts[model]

    def _named(self) -> NDArray[Any]:
        """Return targets that say what is to be learned: one label of each class, and no others.

        For values there are two stand-ins, −1 and 1, instead of values of the data: the network
        leaves them as they are, as it will the standardised values.
        """
        shape = (len(self._pool.rows), *self._pool.y.shape[1:])
        if self._pool.of_values:
            stand_ins = np.full(shape, np.nan)
            stand_ins[:2] = np.array([[-1.0], [1.0]])
            return stand_ins[:, 0] if shape[1] == 1 else stand_ins
        marked = np.full(shape, NO_LABEL)
        named = self._pool.rows_that_name_labels()
        marked[named] = self._pool.y[named]
        return marked

    def _categories(self) -> Setting:
        """Return which columns of objects are categories: an array has no types of its own."""
        kinds = self._pool.kinds
        if kinds is None:
            return {}
        return {"categorical_features": [k for k, kind in enumerate(kinds) if kind is Kind.LEVELS]}

    def _warn_of_findings(self, start: Any) -> None:
        """Warn, once per study, about the doctor's findings in pre-training."""
        if self._seed > 0:
            return
        for record in start.history_:
            for finding in record.findings if record.stage == PRETRAINING else ():
                _LOG.warning("Pre-training, seed 0. %s", finding.text)


def _fixed(model: str, study: Study, family: Family) -> dict[str, Any]:
    fixed = dict(family.fixed.get(model, {}))
    if model == "mlp":  # the same size as the networks
        default = family.network().hidden_layer_sizes
        fixed["hidden_layer_sizes"] = study.network.get("hidden_layer_sizes", default)
    return fixed
