"""How a learning rate changes from epoch to epoch."""

import math
from dataclasses import dataclass

from sdae.core.errors import InvalidParameterError, invalid_parameter
from sdae.core.kinds.text import did_you_mean, is_number, shortest


@dataclass(frozen=True)
class Schedule:
    """How a learning rate changes from epoch to epoch.

    With epochs e = 0, 1, … of E in all and the initial rate r: ``constant`` r; ``linear``
    r (1 − e/E), which would reach 0 just after the last epoch; ``inverse_time:d`` r / (1 + d e);
    ``inverse_power:p:n`` r / (1 + n e)^p, which with n samples an epoch is scikit-learn's
    ``invscaling``; ``cosine`` r (1 + cos(π e/E)) / 2; ``step:k:f`` r · f^⌊e/k⌋.
    """

    kind: str = "constant"
    arguments: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        wanted = _SCHEDULES.get(self.kind)
        if wanted is None or len(wanted) != len(self.arguments):
            raise invalid_parameter("schedule", "training", _SCHEDULE_FORMS, str(self))
        for name, argument in zip(wanted, self.arguments, strict=True):
            if not is_number(argument) or argument < 0 or (name == "every" and argument < 1):
                wanted_number = "a finite number ≥ 1" if name == "every" else "a finite number ≥ 0"
                raise invalid_parameter(name, f"schedule {self}", wanted_number, argument)

    def rate(self, initial: float, epoch: int, n_epochs: int) -> float:
        """Return the learning rate of `epoch` (from 0) of `n_epochs`."""
        match self.kind:
            case "linear":
                return initial * (1 - epoch / n_epochs)
            case "inverse_time":
                return initial / (1 + self.arguments[0] * epoch)
            case "inverse_power":
                exponent, per_epoch = self.arguments
                return initial / float((1 + per_epoch * epoch) ** exponent)
            case "cosine":
                return initial * (1 + math.cos(math.pi * epoch / n_epochs)) / 2
            case "step":
                every, factor = self.arguments
                return initial * float(factor ** (epoch // every))
            case _:
                return initial

    def __str__(self) -> str:
        return ":".join([self.kind, *(shortest(argument) for argument in self.arguments)])


_SCHEDULES = {
    "constant": (),
    "linear": (),
    "inverse_time": ("decay",),
    "inverse_power": ("exponent", "per_epoch"),
    "cosine": (),
    "step": ("every", "factor"),
}
_SCHEDULE_FORMS = (
    "one of constant, linear, inverse_time:DECAY, inverse_power:EXPONENT:PER_EPOCH, cosine, "
    "step:EVERY:FACTOR"
)


def parse_schedule(value: object) -> Schedule:
    """Read a schedule from an object or a text such as ``linear`` or ``step:10:0.5``."""
    if isinstance(value, Schedule):
        return value
    if isinstance(value, str):
        kind, *arguments = value.split(":")
        try:
            return Schedule(kind, tuple(float(argument) for argument in arguments))
        except InvalidParameterError:
            if kind in _SCHEDULES:
                raise
        except ValueError:
            pass
        hint = "" if kind in _SCHEDULES else did_you_mean(kind, tuple(_SCHEDULES))
        raise invalid_parameter("schedule", "training", _SCHEDULE_FORMS, value, hint)
    raise invalid_parameter("schedule", "training", _SCHEDULE_FORMS, value)
