"""Reading TOML, with clear errors where Python's reader has none.

Python's reader raises unclear errors for numbers of very many digits and for deep nesting, and
takes minutes for a key of many thousand parts. A recipe is about a page long; much longer texts are
refused.
"""

import re
import tomllib
from typing import Any

MAX_CHARACTERS = 1 << 17
_MAX_DOTS = 200
_LONG_NUMBER = re.compile(r"\d[\d_]{4299,}")
_SHOWN = 150


def read_toml(content: str) -> dict[str, Any]:
    """Return the tables of a TOML text.

    Raises
    ------
    ValueError
        If it is not TOML; the message says where, and ends without a full stop.
    """
    if len(content) > MAX_CHARACTERS:
        raise ValueError(f"it has more than {MAX_CHARACTERS:,} characters")
    for number, line in enumerate(content.split("\n"), 1):
        if line.count(".") > _MAX_DOTS:
            raise ValueError(f"a line has more than {_MAX_DOTS} dots (at line {number})")
    try:
        return tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(_shortened(str(error))) from None
    except ValueError:
        found = _LONG_NUMBER.search(content)
        place = content.count("\n", 0, found.start() if found else None) + 1
        raise ValueError(f"a number has more than 4,300 digits (at line {place})") from None
    except RecursionError:
        raise ValueError("lists or tables are nested too deeply") from None


def _shortened(text: str) -> str:
    """Cut out the middle: a key may be of any length, and the line number is at the end."""
    if len(text) > 2 * _SHOWN:
        text = f"{text[:_SHOWN]}…{text[-_SHOWN:]}"
    return text if text.isprintable() else repr(text)[1:-1]
