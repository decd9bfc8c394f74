"""What a stage of training does: the settings of pre-training and of fine-tuning, validated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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

ENGINES = ("auto", "fused", "closed_form", "autograd")
CODES = ("auto", "memory", "memmap", "recompute")

_COMMON: dict[str, Reader[Any]] = {
    "batch_size": integer(1),
    "shuffle": boolean(),
    "drop_last": boolean(),
    "optimizer": member(Optimizer),
    "momentum": number(0, 1),
    "nesterov": boolean(),
    "beta_1": number(0, 0.9999999),
    "beta_2": number(0, 0.9999999),
    "epsilon": number(0, open_minimum=True),
    "schedule": parsed("a schedule", parse_schedule),
    "weight_decay": number(0),
    "engine": choice(*ENGINES),
}

PRETRAINING_READERS: Mapping[str, Reader[Any]] = {
    "epochs": one_or_each(integer(0)),
    "learning_rate": one_or_each(number(0)),
    "corruption": optional(one_or_each(parsed("a noise", parse_noise))),
    "codes": choice(*CODES),
    **_COMMON,
}

FINETUNING_READERS: Mapping[str, Reader[Any]] = {
    "epochs": integer(0),
    "learning_rate": number(0),
    "max_norm": optional(number(0, open_minimum=True)),
    "dropout": number(0, 0.99),
    "input_dropout": number(0, 0.99),
    "early_stopping": boolean(),
    "patience_epochs": integer(1),
    "patience_increase": number(1),
    "improvement_threshold": number(0, 1, open_minimum=True),
    "restore_best": boolean(),
    **_COMMON,
}


@dataclass(frozen=True)
class PretrainingConfig:
    """Settings of the greedy layer-wise stage; see :func:`sdae.pretrain` for their meaning."""

    epochs: tuple[int, ...] = (15,)
    learning_rate: tuple[float, ...] = (0.001,)
    batch_size: int = 1
    corruption: tuple[Noise, ...] | None = None
    shuffle: bool = False
    drop_last: bool = False
    optimizer: Optimizer = Optimizer.SGD
    momentum: float = 0.0
    nesterov: bool = False
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    schedule: Schedule = field(default_factory=Schedule)
    weight_decay: float = 0.0
    codes: str = "auto"
    engine: str = "auto"

    @classmethod
    def read(cls, values: Mapping[str, object], caller: str) -> "PretrainingConfig":
        """Validate `values`; all problems come in one error that names `caller`."""
        return cls(**_read(PRETRAINING_READERS, values, caller))


@dataclass(frozen=True)
class FinetuningConfig:
    """Settings of the supervised stage; see :func:`sdae.finetune` for their meaning."""

    epochs: int = 1000
    learning_rate: float = 0.1
    batch_size: int = 1
    shuffle: bool = False
    drop_last: bool = False
    optimizer: Optimizer = Optimizer.SGD
    momentum: float = 0.0
    nesterov: bool = False
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    schedule: Schedule = field(default_factory=Schedule)
    weight_decay: float = 0.0
    max_norm: float | None = None
    dropout: float = 0.0
    input_dropout: float = 0.0
    early_stopping: bool = True
    patience_epochs: int = 10
    patience_increase: float = 2.0
    improvement_threshold: float = 0.995
    restore_best: bool = True
    engine: str = "auto"

    @classmethod
    def read(cls, values: Mapping[str, object], caller: str) -> "FinetuningConfig":
        """Validate `values`; all problems come in one error that names `caller`."""
        return cls(**_read(FINETUNING_READERS, values, caller))


def _read(
    readers: Mapping[str, Reader[Any]], values: Mapping[str, object], caller: str
) -> dict[str, Any]:
    fields = read_fields(readers, values, caller)
    if fields.get("nesterov") and not fields.get("momentum"):
        raise invalid_parameter(
            "nesterov", caller, "false without momentum", True, "Set momentum, to 0.9 for example."
        )
    return fields
