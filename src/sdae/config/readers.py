"""Declared constraints: what a value must be, said once, checked and worded in one place.

A :class:`Reader` turns what a user gave (an argument, a TOML value) into what the code uses, or
refuses it. :func:`read_fields` reads a whole set and reports every problem in one error.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Real
from typing import Any, Generic, TypeVar

import numpy as np

from sdae.errors import InvalidParameterError

T = TypeVar("T")


@dataclass(frozen=True)
class Reader(Generic[T]):
    """How to read one value: `read` raises ``ValueError`` where it is not `constraint`."""

    constraint: str
    read: Callable[[object], T]


def integer(minimum: int) -> Reader[int]:
    """Read an integer of at least `minimum`."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise ValueError
        if value < minimum:
            raise ValueError
        return int(value)

    return Reader(f"an integer ≥ {minimum}", read)


def number(
    minimum: float, maximum: float = math.inf, *, open_minimum: bool = False
) -> Reader[float]:
    """Read a finite number in [minimum, maximum], or in (minimum, maximum]."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ValueError
        try:
            result = float(value)
        except OverflowError:
            raise ValueError from None
        if (
            not math.isfinite(result)
            or result < minimum
            or result > maximum
            or (open_minimum and result == minimum)
        ):
            raise ValueError
        return result

    sign = ">" if open_minimum else "≥"
    if maximum == math.inf:
        return Reader(f"a finite number {sign} {minimum:g}", read)
    bracket = "(" if open_minimum else "["
    return Reader(f"a number in {bracket}{minimum:g}, {maximum:g}]", read)


def boolean() -> Reader[bool]:
    """Read true or false."""

    def read(value: object) -> bool:
        if not isinstance(value, bool | np.bool_):
            raise ValueError
        return bool(value)

    return Reader("true or false", read)


def choice(*names: str) -> Reader[str]:
    """Read one of `names`."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError
        return str(value)

    return Reader("one of " + ", ".join(repr(name) for name in names), read)


def text() -> Reader[str]:
    """Read a text that is not empty."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not value:
            raise ValueError
        return value

    return Reader("a text", read)


def parsed(constraint: str, parse: Callable[[object], T]) -> Reader[T]:
    """Read through a parser that raises our own error, whose text then stands for itself."""
    return Reader(constraint, parse)


def optional(reader: Reader[T]) -> Reader[T | None]:
    """Read None, or the text ``none`` (TOML has no null), or what `reader` reads."""

    def read(value: object) -> T | None:
        return None if value is None or value == "none" else reader.read(value)

    return Reader(f"{reader.constraint}, or none", read)


def one_or_each(reader: Reader[T]) -> Reader[tuple[T, ...]]:
    """Read one value, or a list with one value per layer; the result is a tuple either way."""

    def read(value: object) -> tuple[T, ...]:
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, list | tuple):
            if not value:
                raise ValueError
            return tuple(reader.read(item) for item in value)
        return (reader.read(value),)

    return Reader(f"{reader.constraint}; one value, or a list with one per layer", read)


def read_fields(
    readers: Mapping[str, Reader[Any]], values: Mapping[str, object], caller: str
) -> dict[str, Any]:
    """Read every value by its reader; collect all problems into one error.

    Raises
    ------
    InvalidParameterError
        One line per problem: a value that is not what it must be, or an unknown name, with the
        nearest known one.
    """
    problems: list[str] = []
    fields: dict[str, Any] = {}
    for name, value in values.items():
        reader = readers.get(name)
        if reader is None:
            problems.append(_unknown(name, tuple(readers), caller))
            continue
        try:
            fields[name] = reader.read(value)
        except InvalidParameterError as error:
            problems.append(f"The {name} parameter of {caller}: {error}")
        except ValueError:
            problems.append(
                f"The {name} parameter of {caller} must be {reader.constraint}. "
                f"Got {value!r} instead."
            )
    if problems:
        raise InvalidParameterError("\n".join(problems))
    return fields


def per_layer(values: tuple[T, ...], n_layers: int, parameter: str, caller: str) -> tuple[T, ...]:
    """Spread one value over all layers, or check that there is one for each.

    Raises
    ------
    InvalidParameterError
        If the number of values is neither 1 nor `n_layers`.
    """
    if len(values) == 1:
        return values * n_layers
    if len(values) != n_layers:
        raise InvalidParameterError(
            f"The {parameter} parameter of {caller} must be one value or one for each of the "
            f"{n_layers} layers. Got {len(values)} values instead."
        )
    return values


def _unknown(name: str, known: tuple[str, ...], caller: str) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(known)}."
    return f"{caller} has no parameter {name!r}. {hint}"
