"""Parameters of the ladder estimators: defaults, how they are read, and what ``auto`` means."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from sdae.core.constraints import (
    Reader,
    integer,
    number,
    one_or_each,
    parsed,
    read_fields,
)
from sdae.core.errors import InvalidParameterError
from sdae.core.kinds.combinators import Combinator
from sdae.core.kinds.text import parse_choice
from sdae.core.options import readers_of
from sdae.estimators.parameter_readers import AUTO, READ_ELSEWHERE, READERS
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.ladder.automatic import Settled
from sdae.train.ladder.automatic import settled as rule
from sdae.train.ladder.settings import LadderConfig

_SHARED = (
    "scale",
    "max_categories",
    "min_frequency",
    "handle_unknown",
    "device",
    "n_threads",
    "verbose",
    "checkpoint",
    "loss",
)


@dataclass(eq=False, repr=False, match_args=False)
class LadderParameters:
    """Parameters of the ladder estimators."""

    hidden_layer_sizes: Any = AUTO
    _: KW_ONLY
    input_noise: Any = AUTO
    hidden_noise: float = 0.3
    denoising_cost: Any = AUTO
    combinator: str = "gaussian"
    n_updates: Any = AUTO
    max_minutes: float | None = None
    learning_rate_init: float = 0.002
    batch_size: Any = AUTO
    scale: str = "auto"
    categorical_features: Any = "from_dtype"
    max_categories: int | None = 50
    min_frequency: Any = None
    handle_unknown: str = "infrequent_if_exist"
    missing_values: Any = np.nan
    engine: str = "auto"
    device: str = "cpu"
    n_threads: int | None = None
    checkpoint: Checkpoint | str | Path | None = None
    random_state: Any = None
    verbose: Any = False


def _or_auto(reader: Reader[Any]) -> Reader[Any]:
    return Reader(
        f"{reader.constraint}, or {AUTO!r}",
        lambda value: None if isinstance(value, str) and value == AUTO else reader.read(value),
    )


_OF_TRAINING = readers_of(LadderConfig)
_READERS: Mapping[str, Reader[Any]] = {
    "hidden_layer_sizes": _or_auto(one_or_each(integer(1))),
    "input_noise": _or_auto(number(0)),
    "hidden_noise": number(0),
    "denoising_cost": _or_auto(
        Reader("a finite number ≥ 0, or one for each depth", one_or_each(number(0)).read)
    ),
    "combinator": parsed("", lambda value: parse_choice(Combinator, value, "combinator")),
    "n_updates": _or_auto(_OF_TRAINING["n_updates"]),
    "max_minutes": _OF_TRAINING["max_minutes"],
    "learning_rate_init": number(0),
    "batch_size": _or_auto(_OF_TRAINING["batch_size"]),
    "engine": _OF_TRAINING["engine"],
    **{name: READERS[name] for name in _SHARED},
}


@dataclass(frozen=True)
class LadderSettings:
    """The checked parameters of a ladder estimator; None where ``auto`` is not settled yet.

    Attributes
    ----------
    hidden_layer_sizes : tuple of int or None
    input_noise : float or None
    denoising_cost : tuple of float or None
        One, of the input, or one for each depth.
    n_updates, batch_size : int or None
    """

    hidden_layer_sizes: tuple[int, ...] | None
    input_noise: float | None
    hidden_noise: float
    denoising_cost: tuple[float, ...] | None
    combinator: Combinator
    n_updates: int | None
    max_minutes: float | None
    learning_rate_init: float
    batch_size: int | None
    scale: str
    max_categories: int | None
    min_frequency: int | float | None
    handle_unknown: str
    engine: str
    device: str
    n_threads: int | None
    checkpoint: Checkpoint | None
    verbose: bool
    loss: str = "squared_error"

    automatic: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def read(cls, parameters: Mapping[str, object], caller: str) -> "LadderSettings":
        """Check the parameters of an estimator.

        Raises
        ------
        InvalidParameterError
            If a parameter is not allowed; one error reports all problems.
        """
        own = {name: v for name, v in parameters.items() if name not in READ_ELSEWHERE}
        settings = cls(**read_fields(_READERS, own, caller))
        sizes, costs = settings.hidden_layer_sizes, settings.denoising_cost
        if sizes is not None and costs is not None:
            check_costs(costs, sizes, caller)
        return settings


def check_costs(costs: tuple[float, ...], sizes: tuple[int, ...], caller: str) -> None:
    """Raise an error unless there is one cost, or one for each depth.

    Raises
    ------
    InvalidParameterError
        If there is another number of costs.
    """
    n_depths = len(sizes) + 2
    if len(costs) not in (1, n_depths):
        raise InvalidParameterError(
            f"The denoising_cost parameter of {caller} must be one number, for the input, or one "
            f"for each of the {n_depths} depths: the input, the hidden layers, the output. Got "
            f"{len(costs)} numbers instead."
        )


def settled(
    settings: LadderSettings, n_inputs: int, n_labels: int, variance: float, *, scaled: bool
) -> Settled:
    """Return the parameters with ``auto`` settled, as :func:`sdae.train.ladder.automatic.settled`.

    Parameters
    ----------
    settings : LadderSettings
    n_inputs, n_labels, variance, scaled
        As there.
    """
    automatic = rule(n_inputs, n_labels, variance, scaled=scaled)
    noise = settings.input_noise
    return Settled(
        settings.hidden_layer_sizes or automatic.hidden_layer_sizes,
        automatic.input_noise if noise is None else noise,
        settings.denoising_cost or automatic.denoising_cost,
        settings.n_updates or automatic.n_updates,
        settings.batch_size or automatic.batch_size,
    )
