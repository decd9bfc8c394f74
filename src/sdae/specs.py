"""Small frozen values that name a choice, and the text form of each.

A noise, an activation, a decoder, an emphasis or a schedule is data: it can be compared, printed,
written into a recipe or a model file and read back (``parse_…(str(value)) == value``). What they
*do* lives elsewhere (``corruption``, ``losses``, ``autoencoder``, ``training``).

The text forms share one grammar, ``name:value[:value…][:option=value…]``, as in ``masking:0.3``
or ``salt_and_pepper:0.2:low=-1:high=1``.
"""

import math
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from numbers import Real
from typing import TypeGuard, TypeVar

from sdae.errors import InvalidParameterError, invalid_parameter

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)


class Activation(StrEnum):
    """The non-linearity s of an encoder, h = s(W x + b)."""

    SIGMOID = "sigmoid"
    TANH = "tanh"
    RELU = "relu"


class Decoder(StrEnum):
    """The output of a decoder and, with it, the loss.

    ``sigmoid`` pairs with cross-entropy, for data in [0, 1]; ``linear`` with the squared error, for
    real values; ``auto`` is settled by what is known of the data.
    """

    AUTO = "auto"
    SIGMOID = "sigmoid"
    LINEAR = "linear"


@dataclass(frozen=True)
class MaskingNoise:
    """Set components to zero (Vincent et al. 2008, section 2.3; the tutorial's noise).

    Parameters
    ----------
    level : float in [0, 1]
        Probability with which each component is zeroed, independently of the others.
    exact : bool, default False
        Zero the same number of components, ``round(level * n_visible)``, in every sample: Vincent's
        fixed fraction in place of the tutorial's independent draws.
    """

    level: float
    exact: bool = False

    def __post_init__(self) -> None:
        _check_level("level", "MaskingNoise", self.level)
        object.__setattr__(self, "level", float(self.level))  # of NumPy's numbers too

    def with_level(self, level: float) -> "MaskingNoise":
        """Return the same noise at another level."""
        return replace(self, level=level)

    def __str__(self) -> str:
        return f"masking:{self.level!r}" + (":exact" if self.exact else "")


@dataclass(frozen=True)
class SaltAndPepperNoise:
    """Set components to the lowest or highest value by a fair coin (Vincent et al. 2010, 3.3).

    Parameters
    ----------
    level : float in [0, 1]
        Probability with which each component is drawn, independently of the others.
    low, high : float, default 0 and 1
        The two values a drawn component may take; ``low < high``.
    """

    level: float
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        _check_level("level", "SaltAndPepperNoise", self.level)
        for name, bound in (("low", self.low), ("high", self.high)):
            if not _is_number(bound):
                raise invalid_parameter(name, "SaltAndPepperNoise", "a finite number", bound)
        if not self.low < self.high:
            raise invalid_parameter(
                "low", "SaltAndPepperNoise", f"below high ({self.high!r})", self.low
            )
        for name in ("level", "low", "high"):
            object.__setattr__(self, name, float(getattr(self, name)))

    def with_level(self, level: float) -> "SaltAndPepperNoise":
        """Return the same noise at another level."""
        return replace(self, level=level)

    def __str__(self) -> str:
        bounds = "" if (self.low, self.high) == (0, 1) else f":low={self.low!r}:high={self.high!r}"
        return f"salt_and_pepper:{self.level!r}{bounds}"


@dataclass(frozen=True)
class GaussianNoise:
    """Add independent normal noise N(0, std²) to every component (Vincent et al. 2010, 3.3).

    Parameters
    ----------
    std : float, at least 0
        Standard deviation, in the units of the (scaled) data.
    """

    std: float

    def __post_init__(self) -> None:
        if not _is_number(self.std) or self.std < 0:
            raise invalid_parameter("std", "GaussianNoise", "a finite number ≥ 0", self.std)
        object.__setattr__(self, "std", float(self.std))

    @property
    def level(self) -> float:
        """The standard deviation, under the name the other noises use."""
        return self.std

    def with_level(self, level: float) -> "GaussianNoise":
        """Return the noise with another standard deviation."""
        return replace(self, std=level)

    def __str__(self) -> str:
        return f"gaussian:{self.std!r}"


Noise = MaskingNoise | SaltAndPepperNoise | GaussianNoise


@dataclass(frozen=True)
class Emphasis:
    """Weights of the reconstruction loss (Vincent et al. 2010, section 3.4).

    The loss is α times its sum over the components drawn for corruption, whether or not the noise
    changed them, plus β times its sum over the others. Vincent's *double* emphasis is α=1, β=0.5;
    *full* emphasis is α=1, β=0.
    """

    alpha: float = 1.0
    beta: float = 0.5

    def __post_init__(self) -> None:
        for name, weight in (("alpha", self.alpha), ("beta", self.beta)):
            if not _is_number(weight) or weight < 0:
                raise invalid_parameter(name, "Emphasis", "a finite number ≥ 0", weight)
            object.__setattr__(self, name, float(weight))

    def __str__(self) -> str:
        return f"{self.alpha!r}:{self.beta!r}"


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
            if not _is_number(argument) or argument < 0 or (name == "every" and argument < 1):
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
        return ":".join([self.kind, *(_shortest(argument) for argument in self.arguments)])


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
_NOISE_FORMS = (
    "a masking level in [0, 1], a noise object, or a text such as 'masking:0.3', "
    "'masking:0.25:exact', 'salt_and_pepper:0.2' (':low=-1:high=1') or 'gaussian:0.15'"
)


def parse_choice(
    kind: type[ChoiceT], value: object, parameter: str, caller: str = "the autoencoder"
) -> ChoiceT:
    """Read a member of a closed enumeration from itself or its text.

    Raises
    ------
    InvalidParameterError
        If there is no such member.
    """
    try:
        return kind(str(value))
    except ValueError:
        names = tuple(member.value for member in kind)
        wanted = "one of " + ", ".join(repr(name) for name in names)
        hint = _did_you_mean(str(value).lower(), names)
        raise invalid_parameter(parameter, caller, wanted, value, hint) from None


def parse_noise(value: object, *, parameter: str = "corruption", caller: str = "noise") -> Noise:
    """Read a noise from an object, a text such as ``masking:0.3``, or a number (a masking level).

    Raises
    ------
    InvalidParameterError
        If `value` is none of these; `parameter` and `caller` are named in the text.
    """
    if isinstance(value, MaskingNoise | SaltAndPepperNoise | GaussianNoise):
        return value
    if _is_number(value):
        return MaskingNoise(float(value))
    if isinstance(value, str):
        name, *rest = value.strip().split(":")
        try:
            return _noise_from_words(name, rest)
        except InvalidParameterError:
            raise
        except (ValueError, TypeError):
            known = ("masking", "salt_and_pepper", "gaussian")
            hint = "" if name in known else _did_you_mean(name, known)
            raise invalid_parameter(parameter, caller, _NOISE_FORMS, value, hint) from None
    raise invalid_parameter(parameter, caller, _NOISE_FORMS, value)


def parse_emphasis(value: object) -> Emphasis | None:
    """Read an emphasis from an object, ``none``, ``double``, ``full`` or ``ALPHA:BETA``."""
    if value is None or isinstance(value, Emphasis):
        return value
    named = {"none": None, "double": Emphasis(1.0, 0.5), "full": Emphasis(1.0, 0.0)}
    if isinstance(value, str):
        if value in named:
            return named[value]
        try:
            alpha, beta = (float(word) for word in value.split(":"))
        except ValueError:
            pass
        else:
            return Emphasis(alpha, beta)
    forms = "an Emphasis, 'none', 'double' (1:0.5), 'full' (1:0) or 'ALPHA:BETA'"
    raise invalid_parameter("emphasis", "the autoencoder", forms, value)


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
        hint = "" if kind in _SCHEDULES else _did_you_mean(kind, tuple(_SCHEDULES))
        raise invalid_parameter("schedule", "training", _SCHEDULE_FORMS, value, hint)
    raise invalid_parameter("schedule", "training", _SCHEDULE_FORMS, value)


def _noise_from_words(name: str, words: list[str]) -> Noise:
    level, *options = words
    if name == "masking" and options in ([], ["exact"]):
        return MaskingNoise(float(level), exact=bool(options))
    if name == "gaussian" and not options:
        return GaussianNoise(float(level))
    if name == "salt_and_pepper":
        bounds = {"low": 0.0, "high": 1.0}
        for option in options:
            key, _, number = option.partition("=")
            if key not in bounds:
                raise ValueError(key)
            bounds[key] = float(number)
        return SaltAndPepperNoise(float(level), bounds["low"], bounds["high"])
    raise ValueError(name)


def _is_number(value: object) -> TypeGuard[float]:
    """Tell a finite real number (NumPy's too); ``True`` is no number here."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


def _shortest(number: float) -> str:
    """Return the shortest text that reads as `number`."""
    short = f"{number:g}"
    return short if float(short) == number else repr(float(number))


def _check_level(parameter: str, caller: str, level: object) -> None:
    if not _is_number(level) or not 0 <= level <= 1:
        raise invalid_parameter(parameter, caller, "a number in [0, 1]", level)


def _did_you_mean(word: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else ""
