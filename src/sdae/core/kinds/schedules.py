"""How a learning rate changes from epoch to epoch; to add a schedule, add one to ``SCHEDULES``."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sdae.core.errors import InvalidParameterError, invalid_parameter
from sdae.core.kinds.text import did_you_mean, is_number, shortest


@dataclass(frozen=True)
class Facts:
    """What is known of a schedule.

    Attributes
    ----------
    arguments : tuple of str
        The names of its arguments, in the order of its text.
    rate : callable
        Of the initial rate, the epoch from 0, the number of epochs and the arguments: the rate.
    """

    arguments: tuple[str, ...]
    rate: Callable[..., float]


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
        facts = SCHEDULES.get(self.kind)
        if facts is None or len(facts.arguments) != len(self.arguments):
            raise invalid_parameter("schedule", "training", _SCHEDULE_FORMS, str(self))
        for name, argument in zip(facts.arguments, self.arguments, strict=True):
            if not is_number(argument) or argument < 0 or (name == "every" and argument < 1):
                wanted_number = "a finite number ≥ 1" if name == "every" else "a finite number ≥ 0"
                raise invalid_parameter(name, f"schedule {self}", wanted_number, argument)

    def rate(self, initial: float, epoch: int, n_epochs: int) -> float:
        """Return the learning rate of `epoch` (from 0) of `n_epochs`."""
        return float(SCHEDULES[self.kind].rate(initial, epoch, n_epochs, *self.arguments))

    def __str__(self) -> str:
        return ":".join([self.kind, *(shortest(argument) for argument in self.arguments)])


def _power(base: float, exponent: float) -> float:
    """Return a power, infinite where it is too large for a number."""
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf


SCHEDULES: Mapping[str, Facts] = {
    "constant": Facts((), lambda r, _epoch, _n: r),
    "linear": Facts((), lambda r, epoch, n: r * (1 - epoch / n)),
    "inverse_time": Facts(("decay",), lambda r, epoch, _n, decay: r / (1 + decay * epoch)),
    "inverse_power": Facts(
        ("exponent", "per_epoch"),
        lambda r, epoch, _n, exponent, per_epoch: r / _power(1 + per_epoch * epoch, exponent),
    ),
    "cosine": Facts((), lambda r, epoch, n: r * (1 + math.cos(math.pi * epoch / n)) / 2),
    "step": Facts(
        ("every", "factor"), lambda r, epoch, _n, every, factor: r * _power(factor, epoch // every)
    ),
}
_SCHEDULE_FORMS = "one of " + ", ".join(
    ":".join([name, *(argument.upper() for argument in facts.arguments)])
    for name, facts in SCHEDULES.items()
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
            if kind in SCHEDULES:
                raise
        except ValueError:
            pass
        hint = "" if kind in SCHEDULES else did_you_mean(kind, tuple(SCHEDULES))
        raise invalid_parameter("schedule", "training", _SCHEDULE_FORMS, value, hint)
    raise invalid_parameter("schedule", "training", _SCHEDULE_FORMS, value)
