"""What all kinds of columns share: how they are decoded, and readers of their JSON forms."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

_LARGEST = 1e150
_HALF = re.compile(r"[\ud800-\udfff]")  # half a character: a text with one cannot be written


class Block(StrEnum):
    """How the components of a column are decoded; see :mod:`sdae.core.blocks`."""

    NUMBER = "number"
    BINARY = "binary"
    CATEGORY = "category"


def text(value: Any) -> str:
    """Read a text.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if not isinstance(value, str) or _HALF.search(value):
        raise TypeError(f"{value!r} is not a text")
    return value


def number(value: Any) -> float:
    """Read a finite number.

    Raises
    ------
    ValueError, TypeError
        If it is something else.
    """
    if isinstance(value, bool | str) or not abs(value) <= _LARGEST:
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)


def flag(entry: Mapping[str, Any], key: str) -> bool:
    """Read true or false.

    Raises
    ------
    TypeError, LookupError
        If it is something else.
    """
    value = entry[key]
    if not isinstance(value, bool):
        raise TypeError(f"{key} must be true or false")
    return value
