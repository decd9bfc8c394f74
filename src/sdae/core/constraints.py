"""Declared constraints: what a value must be, stated once; checked and worded in one place.

A :class:`Reader` turns a user's value (an argument, a TOML value) into the value that the code
uses, or raises an error. :func:`read_fields` reads a whole set and reports every problem in one
error.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from numbers import Real
from typing import Any, Generic, TypeVar

import numpy as np

from sdae.core.errors import Fault, InvalidParameterError

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

MAX_PROBLEMS = 20
_MAX_INTEGER = 2**63 - 1
_MAX_UNITS = 1_000_000
_MAX_SHOWN = 500  # characters
_MAX_CHOICE = 200  # characters of the name of a choice
# Of one value: characters of a text, bits of a number, values in all, lists in lists.
_MAX_TEXT, _MAX_BITS, _MAX_VALUES, _MAX_DEPTH = 4096, 4096, 1000, 4


@dataclass(frozen=True)
class Reader(Generic[T]):
    """How to read one value: `read` raises ``ValueError`` where it is not `constraint`."""

    constraint: str
    read: Callable[[object], T]


def integer(minimum: int, maximum: int | None = None) -> Reader[int]:
    """Read an integer of at least `minimum`, and at most `maximum` or what 64 bits hold."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise ValueError
        if value < minimum or (maximum is not None and value > maximum):
            raise ValueError
        if value > _MAX_INTEGER:
            raise _not_allowed("below 2**63", value)
        return int(value)

    if maximum is None:
        return Reader(f"an integer ≥ {minimum}", read)
    return Reader(f"an integer from {minimum:,} to {maximum:,}", read)


def layer_size() -> Reader[int]:
    """Read the number of units of a layer."""
    return integer(1, _MAX_UNITS)


def number(
    minimum: float,
    maximum: float = math.inf,
    *,
    open_minimum: bool = False,
    open_maximum: bool = False,
) -> Reader[float]:
    """Read a finite number in [minimum, maximum]; an end that is open is not among them."""

    def read(value: object) -> float:
        # the usual types first
        if isinstance(value, bool) or not isinstance(value, float | int | Real):
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
            or (open_maximum and result == maximum)
        ):
            raise ValueError
        return result

    sign = ">" if open_minimum else "≥"
    if maximum == math.inf:
        return Reader(f"a finite number {sign} {minimum:g}", read)
    left, right = "(" if open_minimum else "[", ")" if open_maximum else "]"
    return Reader(f"a number in {left}{minimum:g}, {maximum:g}{right}", read)


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


def member(kind: type[E]) -> Reader[E]:
    """Read a member of an enumeration, or its name."""

    def read(value: object) -> E:
        if not isinstance(value, str):
            raise ValueError
        return kind(value)

    return Reader("one of " + ", ".join(repr(str(each)) for each in kind), read)


def text() -> Reader[str]:
    """Read a text that is not empty, and that can be a path and stand in a file."""

    def read(value: object) -> str:
        if not isinstance(value, str) or not value:
            raise ValueError
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise _not_allowed(
                "a text that UTF-8 can encode, without zero bytes", value, " Choose another name."
            )
        return value

    return Reader("a text", read)


def parsed(constraint: str, parse: Callable[[object], T]) -> Reader[T]:
    """Read with a parser that raises the package's own error, whose text is then used as it is."""

    def read(value: object) -> T:
        if isinstance(value, str | int | list | tuple | dict) and len(repr(value)) > _MAX_CHOICE:
            raise _not_allowed("shorter", value)
        return parse(value)

    return Reader(constraint, read)


def optional(reader: Reader[T]) -> Reader[T | None]:
    """Read None, or the text ``none`` (TOML has no null), or what `reader` reads."""

    def read(value: object) -> T | None:
        return None if value is None or value in ("none", ["none"]) else reader.read(value)

    return Reader(f"{reader.constraint}, or none", read)


def one_or_several(reader: Reader[T]) -> Reader[T | tuple[T, ...]]:
    """Read one value, or a list of them, which becomes a tuple; a list of one is the one."""
    each = one_or_each(reader)

    def read(value: object) -> T | tuple[T, ...]:
        values = each.read(value)
        return values[0] if len(values) == 1 else values

    return Reader(f"{reader.constraint}, or a list of them", read)


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
        One line per problem: a value that is not allowed, or an unknown name, with the nearest
        known one.
    """
    problems: list[str] = []
    fields: dict[str, Any] = {}
    for name, value in values.items():
        if len(problems) == MAX_PROBLEMS:
            problems.append(f"{caller} may have more problems than these.")
            break
        reader = readers.get(name)
        if reader is None:
            problems.append(_unknown(name, tuple(readers), caller))
            continue
        oversize = find_oversize(value)
        if oversize:
            problems.append(f"The {name} parameter of {caller} must not be {oversize}.")
            continue
        try:
            fields[name] = reader.read(value)
        except InvalidParameterError as error:
            problems.append(_problem(name, caller, value, error))
        except ValueError:
            problems.append(
                f"The {name} parameter of {caller} must be {reader.constraint}. "
                f"Got {shown(value)} instead."
            )
    if problems:
        raise InvalidParameterError("\n".join(problems))
    return fields


def _not_allowed(constraint: str, value: object, remedy: str = "") -> InvalidParameterError:
    """Return the error for a value whose parameter is not known yet."""
    complaint = f"must be {constraint}. Got {shown(value)} instead.{remedy}"
    error = InvalidParameterError(f"A parameter {complaint}")
    error.fault = Fault("", "", value, complaint)
    return error


def _problem(name: str, caller: str, value: object, error: InvalidParameterError) -> str:
    """Return the text for a parameter whose parser raised `error`, without naming two of them."""
    place = f"The {name} parameter of {caller}"
    fault = error.fault
    if fault is None:
        return f"{place}: {error}"
    items = value if isinstance(value, list | tuple) else (value,)
    # The value itself, not a part of it: a part that is a number may be equal by chance.
    if any(
        fault.value is each or (isinstance(each, str) and fault.value == each) for each in items
    ):
        return f"{place} {fault.complaint}"
    return f"{place} is not valid: the {fault.parameter} of {fault.caller} {fault.complaint}"


def per_layer(values: tuple[T, ...], n_layers: int, parameter: str, caller: str) -> tuple[T, ...]:
    """Repeat one value for all layers, or check that there is one per layer.

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


def shown(value: object) -> str:
    """Return a value as error messages show it, shortened if it is very long."""
    text = repr(value[:_MAX_SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"


def find_oversize(value: object) -> str:
    """Return what makes a value too large to read or to show; an empty text if it is not.

    Python has its own limits on the digits of a number and on nesting, but its errors do not name
    the parameter.
    """
    level, n_values = [value], 0
    for _ in range(_MAX_DEPTH):
        n_values += len(level)
        if n_values > _MAX_VALUES:
            return f"a list or table of more than {_MAX_VALUES:,} values"
        inner: list[object] = []
        for item in level:
            if isinstance(item, str) and len(item) > _MAX_TEXT:
                return f"a text of {len(item):,} characters"
            if isinstance(item, int) and item.bit_length() > _MAX_BITS:
                return f"a number of {item.bit_length():,} bits"
            if isinstance(item, list | tuple | dict):
                inner.extend(item.values() if isinstance(item, dict) else item)
        level = inner
    return f"values nested more than {_MAX_DEPTH} deep" if level else ""


def _unknown(name: str, known: tuple[str, ...], caller: str) -> str:
    near = get_close_matches(name[:_MAX_SHOWN], known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(known)}."
    return f"{caller} has no parameter {shown(name)}. {hint}"
