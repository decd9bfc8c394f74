"""What a study compares: label counts, seeds, models, and the tuning of each model.

A :class:`Study` is frozen and holds all settings except the data; :func:`cell_key` names a single
result by a hash of all that it depends on, so stored results are reused until something changes.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import sklearn
import torch

from sdae._version import __version__
from sdae.app.recipes.toml_text import value_of
from sdae.core.constraints import Reader, integer, number, read_fields
from sdae.core.errors import InvalidParameterError, invalid_parameter

PRETRAINED, RANDOM = "pretrained", "random"
NETWORKS = (PRETRAINED, RANDOM)
AGREEMENT, AGREEMENT_RANDOM = "agreement", "agreement_random"
AGREEING = (AGREEMENT, AGREEMENT_RANDOM)
"""The same two networks, whose fine-tuning also learns from rows without labels."""
BESIDE = ("logistic", "boosting", "svm", "mlp")
SELF_TRAINING, SPREADING, LADDER = "self_training", "label_spreading", "ladder"
FROM_ALL_ROWS = (*AGREEING, SELF_TRAINING, SPREADING, LADDER)
"""Models that learn from rows without labels after pre-training, or without it."""
MODELS = (*NETWORKS, *AGREEING, *BESIDE, SELF_TRAINING, SPREADING, LADDER)
DEFAULT_MODELS = (*NETWORKS, *BESIDE, SELF_TRAINING, SPREADING)
"""Those that are fast; the others take many times as long."""
RIDGE = "ridge"
"""The linear model for values, in place of logistic regression; either name means both."""
TITLES: Mapping[str, str] = {
    PRETRAINED: "network, pre-trained",
    RANDOM: "network, random start",
    AGREEMENT: "network, pre-trained, agreement",
    AGREEMENT_RANDOM: "network, random start, agreement",
    "logistic": "logistic regression",
    RIDGE: "ridge regression",
    "boosting": "gradient boosting",
    "svm": "RBF SVM",
    "mlp": "scikit-learn's MLP",
    SELF_TRAINING: "self-training, logistic",
    SPREADING: "label spreading",
    LADDER: "ladder network",
}
ALL = "all"
DEFAULT_LABELS: tuple[int | None, ...] = (50, 100, 300, 1000, 3000, None)
MAX_BUDGET = 4

CALLER = "sdae compare"
_FORMAT = 2  # increased when results change for the same versions, as with other splits
_OURS = ("random_state", "warm_start", "checkpoint", "unlabeled_label", "verbose")
_TUNED = ("learning_rate_init", "dropout")
_READERS: Mapping[str, Reader[Any]] = {
    "seeds": integer(2),
    "folds": integer(2),
    "budget": integer(1),
    "test": number(0, 0.9),
}


@dataclass(frozen=True)
class Study:
    """The settings of a comparison, without its data.

    Attributes
    ----------
    labels : tuple of int or None
        Numbers of labelled rows; None means all rows.
    seeds : int
        Number of splits, with seeds 0 to `seeds` − 1.
    models : tuple of str
        The two networks, and others of :data:`MODELS` to compare them with.
    test : float
        Share of the rows that each seed uses for testing.
    folds : int
        Number of folds of the cross-validation on the labelled rows that chooses a setting.
    budget : int
        Number of settings tried per model, from 1 to 4.
    network : mapping of str to object
        Parameters of ``SDAEClassifier``, or of ``SDAERegressor``, for all networks of these that
        differ from its defaults.
    """

    labels: tuple[int | None, ...] = DEFAULT_LABELS
    seeds: int = 10
    models: tuple[str, ...] = DEFAULT_MODELS
    test: float = 0.25
    folds: int = 3
    budget: int = MAX_BUDGET
    network: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        """Check the values that users may give.

        Raises
        ------
        InvalidParameterError
            If a value is not allowed.
        """
        read_fields(_READERS, {name: getattr(self, name) for name in _READERS}, CALLER)
        if self.budget > MAX_BUDGET:
            raise invalid_parameter("budget", CALLER, f"at most {MAX_BUDGET}", self.budget)
        if self.test == 0:
            raise invalid_parameter("test", CALLER, "a share of the rows above 0", self.test)
        for name in self.network:
            _check_free(name)
        if "semi_supervised" in self.network and not {*AGREEING} & {*self.models}:
            raise InvalidParameterError(
                f"{CALLER} fine-tunes its two networks on labels alone, so semi_supervised would "
                f"change nothing. Add a model that it is for: --models {','.join(AGREEING)}."
            )


def read_labels(text: str) -> tuple[int | None, ...]:
    """Read label counts such as ``50,100,all``; sorted, without duplicates, ``all`` last.

    Raises
    ------
    InvalidParameterError
        If a count is neither ``all`` nor a number of at least 2.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word == ALL or (word.isdecimal() and int(word) >= 2) for word in words):
        wanted = "numbers of labelled rows of at least 2, or 'all', separated by commas"
        raise invalid_parameter("--labels", CALLER, wanted, text, "For example: 50,100,all.")
    numbers = sorted({int(word) for word in words if word != ALL})
    return (*numbers, None) if ALL in words else tuple(numbers)


def read_models(text: str) -> tuple[str, ...]:
    """Read names of models, such as ``logistic,svm``; the two networks are always included.

    ``all`` names every model.

    Raises
    ------
    InvalidParameterError
        If one is unknown.
    """
    words = [word.strip() for word in text.split(",")]
    known = (*NETWORKS, *BESIDE, RIDGE, *FROM_ALL_ROWS, ALL)
    if not set(words) <= set(known):
        wanted = f"names separated by commas, from: {', '.join(known)}"
        raise invalid_parameter("--models", CALLER, wanted, text)
    named = {"logistic" if word == RIDGE else word for word in words} | {*NETWORKS}
    return tuple(name for name in MODELS if name in named or ALL in named)


def models_for(models: Iterable[str], *, of_values: bool) -> tuple[str, ...]:
    """Return the models with the linear one that fits the target."""
    return tuple(RIDGE if of_values and model == "logistic" else model for model in models)


def read_network(settings: Iterable[str]) -> Mapping[str, object]:
    """Read parameters of the networks from ``KEY=VALUE`` texts; a value that is not TOML is a text.

    Raises
    ------
    InvalidParameterError
        If a text has no ``=``, or the parameter cannot be set.
    """
    parameters: dict[str, object] = {}
    for setting in settings:
        name, equals, raw = (part.strip() for part in setting.partition("="))
        if not name or not equals or not raw:
            wanted = "KEY=VALUE, as in pretrain_epochs=20"
            raise invalid_parameter("--set", CALLER, wanted, setting)
        _check_free(name)
        parameters[name] = value_of(raw)
    return MappingProxyType(parameters)


def cell_key(
    data: str,
    study: Study,
    *,
    model: str,
    described: Mapping[str, object],
    seed: int,
    n_labels: int,
) -> str:
    """Return the key of one result: the SHA-256 of all that it depends on.

    Parameters
    ----------
    data : str
        The hash of the data.
    study : Study
        The study; only the test share, the folds and the budget matter here.
    model, described
        The model, its settings and its other parameters.
    seed, n_labels : int
        Seed and number of labels of the cell.
    """
    content = {
        "format": _FORMAT,
        "data": data,
        "test": study.test,
        "folds": study.folds,
        "model": model,
        "described": described,
        "seed": seed,
        "labels": n_labels,
        "versions": versions(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


@cache
def versions() -> dict[str, str]:
    """Return the versions of the software that computes a result."""
    return {
        "sdae": __version__,
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
    }


def _check_free(name: str) -> None:
    if name in _TUNED:
        raise InvalidParameterError(
            f"sdae compare tunes {name} itself, with the same values for both networks. Leave it "
            "out."
        )
    if name in _OURS:
        raise InvalidParameterError(f"sdae compare sets {name} itself. Leave it out.")
