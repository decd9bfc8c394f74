"""The options of pre-training and of fine-tuning, declared once.

The signatures of the functions that take them, the keys of recipes and the table in the guide agree
with the fields here; a test compares them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    read_fields,
)
from sdae.core.errors import invalid_parameter
from sdae.core.kinds.noises import Noise, parse_noise
from sdae.core.kinds.optimizers import Optimizer
from sdae.core.kinds.schedules import Schedule, parse_schedule
from sdae.core.options import Option, field_of, option, readers_of

ENGINES = ("auto", "fused", "compiled", "graph", "closed_form", "autograd")
LADDER_ENGINES = ("auto", "compiled", "autograd")
PRECISIONS = ("float32", "tf32", "bfloat16", "float16")
LABEL_SPREADING, MEAN_TEACHER, VAT = "label_spreading", "mean_teacher", "vat"
CONSISTENCY = (LABEL_SPREADING, MEAN_TEACHER, VAT)
CODES = ("auto", "memory", "memmap", "recompute")

# Options of both stages.
BATCH_SIZE = Option(integer(1), 1, "Rows of a minibatch.")
SHUFFLE = Option(boolean(), False, "Visit the rows in a new random order each epoch.")
SHUFFLE_WINDOW = Option(
    optional(integer(1)),
    None,
    "Rows that are shuffled together; none shuffles all rows. For rows on a disk; needs `shuffle`.",
)
DROP_LAST = Option(boolean(), False, "Leave out a last, smaller minibatch.")
OPTIMIZER = Option(member(Optimizer), Optimizer.SGD, "The optimiser.")
MOMENTUM = Option(number(0, 1), 0.0, "Momentum of SGD and RMSprop.")
NESTEROV = Option(boolean(), False, "Nesterov momentum, for SGD; needs momentum > 0.")
BETA_1 = Option(
    number(0, 1, open_maximum=True), 0.9, "Decay of the mean gradient in Adam, AdamW and NAdam."
)
BETA_2 = Option(
    number(0, 1, open_maximum=True),
    0.999,
    "Decay of the mean squared gradient in Adam, AdamW and NAdam.",
)
EPSILON = Option(
    number(0, open_minimum=True),
    1e-8,
    "Added to the root of the mean square in the Adam family and RMSprop.",
)
SCHEDULE = Option(
    parsed("a schedule", parse_schedule),
    Schedule(),
    "How the rate changes from epoch to epoch: `constant`, `linear`, `inverse_time:D`, "
    "`inverse_power:P:N`, `cosine`, `step:K:F`.",
)
WEIGHT_DECAY = Option(number(0), 0.0, "Decay of the weights; not of the biases.")
ENGINE = Option(
    choice(*ENGINES),
    "auto",
    "Engine of the steps; `auto` takes the first of these that supports the settings.",
)

DETERMINISTIC = Option(
    boolean(),
    False,
    "Give the same bytes for any number of processes up to 8; takes more time.",
)
PRECISION = Option(
    choice(*PRECISIONS),
    "float32",
    "Type of products on CUDA; parameters, updates and costs stay float32.",
)


def methods_of_consistency(value: object) -> tuple[str, ...]:
    """Read one method of learning from unlabelled rows, or several, in their usual order.

    Raises
    ------
    ValueError
        If there is none, or one that does not exist.
    """
    given = list(value) if isinstance(value, list | tuple) else [value]
    if not given or any(not isinstance(one, str) or one not in CONSISTENCY for one in given):
        raise ValueError
    return tuple(name for name in CONSISTENCY if name in given)


METHODS = Reader(
    f"one of {', '.join(map(repr, CONSISTENCY))}, or a list of them", methods_of_consistency
)
BY_THE_ROWS = ("auto",)
"""In place of methods: those that fit the rows (:mod:`sdae.train.consistency.automatic`)."""
_METHODS_OR_AUTO = Reader(
    f"'auto', {METHODS.constraint}",
    lambda value: BY_THE_ROWS if _is_auto(value) else METHODS.read(value),
)


def _is_auto(value: object) -> bool:
    return value == BY_THE_ROWS[0] or (
        isinstance(value, list | tuple) and tuple(value) == BY_THE_ROWS
    )


@dataclass(frozen=True)
class PretrainingConfig:
    """Settings of the greedy layer-wise stage; see :func:`sdae.pretrain` for their meaning."""

    epochs: tuple[int, ...] = option(one_or_each(integer(0)), (15,), "Passes over the rows.")
    learning_rate: tuple[float, ...] = option(
        one_or_each(number(0)), (0.001,), "Initial rate, on the gradient of the mean cost."
    )
    batch_size: int = field_of(BATCH_SIZE)
    corruption: tuple[Noise, ...] | None = option(
        optional(one_or_each(parsed("a noise", parse_noise))),
        None,
        "Noise of this stage only; none takes the model's.",
    )
    shuffle: bool = field_of(SHUFFLE)
    shuffle_window: int | None = field_of(SHUFFLE_WINDOW)
    drop_last: bool = field_of(DROP_LAST)
    optimizer: Optimizer = field_of(OPTIMIZER)
    momentum: float = field_of(MOMENTUM)
    nesterov: bool = field_of(NESTEROV)
    beta_1: float = field_of(BETA_1)
    beta_2: float = field_of(BETA_2)
    epsilon: float = field_of(EPSILON)
    schedule: Schedule = field_of(SCHEDULE)
    weight_decay: float = field_of(WEIGHT_DECAY)
    codes: str = option(choice(*CODES), "auto", "Where the codes of trained layers are stored.")
    engine: str = field_of(ENGINE)
    deterministic: bool = field_of(DETERMINISTIC)
    precision: str = field_of(PRECISION)

    @classmethod
    def read(cls, values: Mapping[str, object], caller: str) -> "PretrainingConfig":
        """Validate `values`; one error that names `caller` reports all problems."""
        return cls(**_read(cls, values, caller))


@dataclass(frozen=True)
class FinetuningConfig:
    """Settings of the supervised stage; see :func:`sdae.finetune` for their meaning."""

    epochs: int = option(integer(0), 1000, "Maximum number of passes over the rows.")
    learning_rate: float = option(number(0), 0.1, "Initial rate, on the gradient of the mean cost.")
    batch_size: int = field_of(BATCH_SIZE)
    shuffle: bool = field_of(SHUFFLE)
    shuffle_window: int | None = field_of(SHUFFLE_WINDOW)
    drop_last: bool = field_of(DROP_LAST)
    optimizer: Optimizer = field_of(OPTIMIZER)
    momentum: float = field_of(MOMENTUM)
    nesterov: bool = field_of(NESTEROV)
    beta_1: float = field_of(BETA_1)
    beta_2: float = field_of(BETA_2)
    epsilon: float = field_of(EPSILON)
    schedule: Schedule = field_of(SCHEDULE)
    weight_decay: float = field_of(WEIGHT_DECAY)
    max_norm: float | None = option(
        optional(number(0, open_minimum=True)), None, "Largest norm of a unit's incoming weights."
    )
    dropout: float = option(
        number(0, 0.99),
        0.0,
        "Share of hidden units dropped in a step; with `semi_supervised` 0 means 0.2.",
    )
    input_dropout: float = option(
        number(0, 0.99),
        0.0,
        "Share of input components dropped in a step; with `semi_supervised` 0 means 0.3, or 0.01 "
        "for each column if these are fewer than 30.",
    )
    early_stopping: bool = option(
        boolean(), True, "Stop by the tutorial's rule; needs a validation set."
    )
    patience_epochs: int = option(integer(1), 10, "Minimum number of epochs.")
    patience_increase: float = option(
        number(1), 2.0, "How much longer to wait after a significant improvement."
    )
    improvement_threshold: float = option(
        number(0, 1, open_minimum=True),
        0.995,
        "An error below this times the best is a significant improvement.",
    )
    restore_best: bool = option(
        boolean(),
        True,
        "End with the parameters of the lowest validation error. "
        "Reported errors are of these either way.",
    )
    semi_supervised: tuple[str, ...] | None = option(
        optional(_METHODS_OR_AUTO),
        None,
        "What is learned from unlabelled rows; an epoch is then a pass over all rows.",
    )
    engine: str = field_of(ENGINE)
    deterministic: bool = field_of(DETERMINISTIC)
    precision: str = field_of(PRECISION)

    @classmethod
    def read(cls, values: Mapping[str, object], caller: str) -> "FinetuningConfig":
        """Validate `values`; one error that names `caller` reports all problems."""
        return cls(**_read(cls, values, caller))


def _read(kind: type, values: Mapping[str, object], caller: str) -> dict[str, Any]:
    read = read_fields(readers_of(kind), values, caller)
    if read.get("nesterov") and not read.get("momentum"):
        raise invalid_parameter(
            "nesterov", caller, "false without momentum", True, "Set momentum, to 0.9 for example."
        )
    if read.get("shuffle_window") is not None and not read.get("shuffle"):
        remedy = "Set shuffle to true."
        window = read["shuffle_window"]
        raise invalid_parameter("shuffle_window", caller, "none without shuffle", window, remedy)
    return read
