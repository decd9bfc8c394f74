"""The text forms of kinds: ``name:value[:value…][:option=value…]``, as ``masking:0.3``."""

import math
from difflib import get_close_matches
from enum import StrEnum
from numbers import Real
from typing import TypeGuard, TypeVar

from sdae.core.errors import invalid_parameter

ChoiceT = TypeVar("ChoiceT", bound=StrEnum)


def parse_choice(
    kind: type[ChoiceT], value: object, parameter: str, caller: str = "the autoencoder"
) -> ChoiceT:
    """Return the member of an enumeration that `value` is or names.

    Raises
    ------
    InvalidParameterError
        If the enumeration has no such member.
    """
    try:
        return kind(str(value))
    except ValueError:
        names = tuple(member.value for member in kind)
        wanted = "one of " + ", ".join(repr(name) for name in names)
        hint = did_you_mean(str(value).lower(), names)
        raise invalid_parameter(parameter, caller, wanted, value, hint) from None


def is_number(value: object) -> TypeGuard[float]:
    """Return whether `value` is a finite real number (NumPy's too); ``True`` does not count."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer larger than any float
        return False


def shortest(number: float) -> str:
    """Return the shortest text that reads as `number`."""
    short = f"{number:g}"
    return short if float(short) == number else repr(float(number))


def check_level(parameter: str, caller: str, level: object) -> None:
    """Raise an error unless `level` is a number in [0, 1].

    Raises
    ------
    InvalidParameterError
        If it is not.
    """
    if not is_number(level) or not 0 <= level <= 1:
        raise invalid_parameter(parameter, caller, "a number in [0, 1]", level)


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    """Return "Did you mean …?" with the nearest known word, or an empty text."""
    near = get_close_matches(word, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else ""
