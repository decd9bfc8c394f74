"""Texts from files, prepared for error messages and the terminal: in one line, short, few.

Control characters, marks that change the writing direction and characters without a glyph are
escaped: the content of a file cannot be trusted.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

_MAX_LENGTH = 60
_MAX_NAMES = 12
_MAX_REASON = 200
_MAX_COMPARED = 1000


def quoted(name: str) -> str:
    """Return a name in quotes, shortened if long, with unprintable characters escaped."""
    return repr(_shortened(name, _MAX_LENGTH))


def listed(names: Iterable[str], most: int = _MAX_NAMES) -> str:
    """Return the first `most` names without quotes, and an ellipsis if there are more."""
    first = list(islice(names, most + 1))
    return ", ".join([*map(plain, first[:most]), *(["…"] if len(first) > most else [])])


def plain(name: str, most: int = _MAX_LENGTH) -> str:
    """Return a name without quotes, shortened to `most` characters and escaped likewise."""
    return printable(_shortened(name, most)) or "''"


def printable(text: str, kept: str = "") -> str:
    """Return a text with unprintable characters escaped, except those in `kept`."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in kept else repr(each)[1:-1] for each in text
    )


def reason(error: BaseException) -> str:
    """Return the text of another library's error: one line, not too long, without a full stop."""
    first = (str(error).splitlines() or [""])[0].rstrip(". ")
    return printable(first[:_MAX_REASON]) or type(error).__name__


def nearest(name: str, names: Iterable[str], most: int = 1) -> list[str]:
    """Return the names most similar to `name`; of very many names, only the first are compared."""
    if len(name) > _MAX_LENGTH:
        return []
    compared = (other for other in islice(names, _MAX_COMPARED) if len(other) <= _MAX_LENGTH)
    return get_close_matches(name, list(compared), n=most)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"
