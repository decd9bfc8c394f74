"""How the constructor parameters are read: what each must be, stated once."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sdae.core.constraints import (
    Reader,
    boolean,
    choice,
    integer,
    member,
    number,
    one_or_each,
    optional,
    parsed,
)
from sdae.core.devices import NAMES
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.decoders import Decoder
from sdae.core.kinds.noises import parse_noise
from sdae.core.kinds.optimizers import Optimizer
from sdae.core.kinds.schedules import parse_schedule
from sdae.core.schema.table_schema import ERROR, INFREQUENT_IF_EXIST
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.settings import ENGINES, METHODS

LBFGS = "lbfgs"
SQUARED_ERROR, POISSON = "squared_error", "poisson"
AUTO, SEARCH = "auto", "search"
RATE = 0.005
"""The learning rate of fine-tuning, unless the network is wide; see `rate_rule`."""
FOR_MANY_LABELS: Mapping[str, float] = {"alpha": 1e-4, "dropout": 0.0, "max_iter": 200}
"""What ``auto`` means where there are many labels; for few see `label_rules`."""
AUTOMATIC: Mapping[str, float] = {**FOR_MANY_LABELS, "learning_rate_init": RATE}
"""What may be ``auto``, and its value until the rules have given another."""
_RATES = ("constant", "invscaling", "adaptive")


def _activation(value: object) -> Activation:
    return Activation(str("sigmoid" if value == "logistic" else value))


def _batch_size(value: object) -> int | None:
    return None if value == "auto" else integer(1).read(value)


def _n_iter_no_change(value: object) -> float:
    return math.inf if value == math.inf else integer(1).read(value)


def _learning_rate(value: object) -> str:
    if not isinstance(value, str) or value not in _RATES:
        parse_schedule(value)
    return str(value)


def _decoder(value: object) -> Decoder:
    if str(value) == Decoder.BLOCKS:  # a table has it without asking
        raise ValueError
    return Decoder(str(value))


def _layer(value: object) -> int | str | None:
    return "all" if value == "all" else optional(integer(0)).read(value)


def _fraction(value: object) -> float:
    fraction = number(0, 1, open_minimum=True).read(value)
    if fraction == 1:
        raise ValueError
    return fraction


def _frequency(value: object) -> int | float:
    return _fraction(value) if isinstance(value, float) else integer(1).read(value)


def _semi_supervised(value: object) -> str | tuple[str, ...] | None:
    return str(value) if value in (AUTO, SEARCH) else optional(METHODS).read(value)


def _verbose(value: object) -> bool:
    return bool(value) if isinstance(value, bool | np.bool_) else integer(0).read(value) > 0


def is_auto(value: object) -> bool:
    """Return whether a value is the word ``auto``; arrays are not compared with it."""
    return isinstance(value, str) and value == AUTO


def _checkpoint(value: object) -> Checkpoint | None:
    if value is None or isinstance(value, Checkpoint):
        return value
    if not isinstance(value, str | Path):
        raise ValueError
    return Checkpoint(value)


_SOLVER = member(Optimizer)
SOLVER_OR_LBFGS = Reader(
    f"{_SOLVER.constraint}, 'lbfgs'",
    lambda value: LBFGS if value == LBFGS else _SOLVER.read(value),
)


def _or_auto(reader: Reader[Any]) -> Reader[Any]:
    """Read a value that may also be ``auto``, which :meth:`Settings.read` has replaced before."""
    return Reader(f"{reader.constraint}, or {AUTO!r}", reader.read)


READERS: Mapping[str, Reader[Any]] = {
    "hidden_layer_sizes": one_or_each(integer(1)),
    "activation": Reader(f"{member(Activation).constraint}, 'logistic'", _activation),
    "corruption": one_or_each(parsed("a noise", parse_noise)),
    "pretrain_epochs": one_or_each(integer(0)),
    "pretrain_learning_rate": one_or_each(number(0)),
    "decoder": one_or_each(Reader("one of 'auto', 'sigmoid', 'linear'", _decoder)),
    "tied": boolean(),
    "scale": choice("auto", "none", "minmax", "standard", "robust", "quantile"),
    "max_categories": optional(integer(2)),
    "min_frequency": optional(
        Reader("an integer ≥ 1, or a number above 0 and below 1", _frequency)
    ),
    "handle_unknown": choice(INFREQUENT_IF_EXIST, ERROR),
    "solver": _SOLVER,
    "batch_size": Reader("'auto' or an integer ≥ 1", _batch_size),
    "shuffle": boolean(),
    "momentum": number(0, 1),
    "beta_1": number(0, 1, open_maximum=True),
    "beta_2": number(0, 1, open_maximum=True),
    "epsilon": number(0, open_minimum=True),
    "nesterovs_momentum": boolean(),
    "engine": choice(*ENGINES),
    "device": choice(*NAMES),
    "n_threads": optional(integer(1)),
    "verbose": Reader("true, false or an integer ≥ 0", _verbose),
    "warm_start": boolean(),
    "checkpoint": Reader("a folder, a Checkpoint or None", _checkpoint),
    "alpha": _or_auto(number(0)),
    "dropout": _or_auto(number(0, 0.99)),
    "learning_rate": parsed("", _learning_rate),
    "learning_rate_init": _or_auto(number(0)),
    "power_t": number(0),
    "max_iter": _or_auto(integer(1)),
    "tol": number(0),
    "early_stopping": boolean(),
    "validation_fraction": Reader("a number above 0 and below 1", _fraction),
    "n_iter_no_change": Reader("an integer ≥ 1, or infinity", _n_iter_no_change),
    "max_fun": integer(1),
    "loss": choice(SQUARED_ERROR, POISSON),
    "semi_supervised": Reader(f"'auto', 'search', {METHODS.constraint}, or none", _semi_supervised),
    "layer": Reader("none, an integer ≥ 0, or 'all'", _layer),
    "contamination": number(0, 0.5, open_minimum=True),
}
READ_ELSEWHERE = (
    "random_state",
    "class_weight",
    "unlabeled_label",
    "categorical_features",
    "missing_values",
)
