"""Sizes of memory in a recipe: ``auto``, or a number with a unit, such as ``512MB`` or ``2GiB``."""

import re

from sdae.core.errors import invalid_parameter

AUTO = "auto"
_UNITS = {
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 1 << 10,
    "MIB": 1 << 20,
    "GIB": 1 << 30,
    "TIB": 1 << 40,
}
_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([KMGT]i?B)", re.IGNORECASE)


def parse_memory(value: object) -> str:
    """Read ``auto`` or a size, and return it as a text.

    Raises
    ------
    InvalidParameterError
        If it is something else, or less than a byte.
    """
    if isinstance(value, str):
        text = value.strip()
        if text == AUTO:
            return AUTO
        found = _SIZE.fullmatch(text)
        if found is not None and _bytes(found) >= 1:
            return text.replace(" ", "")
    wanted = "'auto', or a number with a unit of KB, MB, GB, TB, KiB, MiB, GiB or TiB, as in 512MB"
    raise invalid_parameter("memory", "[data]", wanted, value)


def bytes_of(memory: str) -> int | None:
    """Return the bytes of a size that was read before; None for ``auto``."""
    found = _SIZE.fullmatch(memory)
    return None if found is None else _bytes(found)


def _bytes(found: re.Match[str]) -> int:
    return int(float(found[1]) * _UNITS[found[2].upper()])
