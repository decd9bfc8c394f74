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
_WORD = re.compile(r"\s*[\w.:+-]+\s*")
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


def value_of(raw: str) -> object:
    """Return a value of a command line: TOML, or else a text.

    A list may have words without quotes, which a shell takes away: ``[vat, mean_teacher]``.
    """
    try:
        tables = read_toml(f"value = {raw}")
    except ValueError:
        words = raw[1:-1].split(",") if raw[:1] + raw[-1:] == "[]" else []
        is_list = bool(words) and all(_WORD.fullmatch(word) for word in words)
        return [value_of(word.strip()) for word in words] if is_list else raw
    return tables["value"] if len(tables) == 1 else raw  # a line may add a key


def _shortened(text: str) -> str:
    """Cut out the middle: a key may be of any length, and the line number is at the end."""
    if len(text) > 2 * _SHOWN:
        text = f"{text[:_SHOWN]}…{text[-_SHOWN:]}"
    return text if text.isprintable() else repr(text)[1:-1]
