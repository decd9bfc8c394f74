"""The parameters that only ``SDAEImputer`` has, read and checked."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from sdae.core.constraints import Reader, boolean, integer, number, read_fields
from sdae.core.errors import invalid_parameter
from sdae.estimators.parameters import Settings

AUTO = "auto"
_STEPS = 2500
_FEWEST_EPOCHS, _MOST_EPOCHS = 16, 800


def _levels(value: object) -> tuple[float, ...]:
    if value is None:
        return ()
    if isinstance(value, str) or not np.iterable(value):
        raise ValueError
    read = tuple(number(0, 1).read(level) for level in value)
    if not read:
        raise ValueError
    return read


_READERS: Mapping[str, Reader[Any]] = {
    "max_iter": integer(0),
    "sample_posterior": boolean(),
    "add_indicator": boolean(),
    "keep_empty_features": boolean(),
    "corruption_levels": Reader("None or levels in [0, 1]", _levels),
    "weight_decay": number(0),
}


@dataclass(frozen=True)
class ImputationSettings:
    """The checked parameters that only an imputer has."""

    max_iter: int
    sample_posterior: bool
    add_indicator: bool
    keep_empty_features: bool
    corruption_levels: tuple[float, ...]
    weight_decay: float

    @classmethod
    def read(cls, parameters: Mapping[str, Any], caller: str) -> "ImputationSettings":
        """Check the parameters of an imputer; one error reports all problems."""
        return cls(
            **read_fields(
                _READERS, {each.name: parameters[each.name] for each in fields(cls)}, caller
            )
        )

    @classmethod
    def others(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of all estimators, with a number of epochs."""
        own = {each.name for each in fields(cls)}
        rest = {name: value for name, value in parameters.items() if name not in own}
        if rest["checkpoint"] is not None:
            raise invalid_parameter(
                "checkpoint",
                "SDAEImputer",
                "None: an imputer does not save its state during fit",
                rest["checkpoint"],
            )
        if _is_auto(rest["pretrain_epochs"]):
            rest["pretrain_epochs"] = 1  # `epochs_of` knows the rows
        return rest


def epochs_of(pretrain_epochs: Any, settings: Settings, n_rows: int) -> tuple[int, ...]:
    """Return the epochs of each layer; ``auto`` makes about the same number of steps for any n."""
    if not _is_auto(pretrain_epochs):
        return settings.pretrain_epochs
    wanted = math.ceil(_STEPS / math.ceil(n_rows / settings.batch_of(n_rows)))
    return (min(max(wanted, _FEWEST_EPOCHS), _MOST_EPOCHS),)


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == AUTO
