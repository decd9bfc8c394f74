"""What a reader has to say about a table, beside its columns."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from sdae.core.wording import quoted

_INDEX = re.compile(r"Unnamed: 0(_level_\d+)?|__index_level_\d+__")


@dataclass(frozen=True)
class Remark:
    """One finding about a table or a column.

    Attributes
    ----------
    column : str or None
        None: about the whole file.
    kind : str
        One word for programs, such as ``index`` or ``not_a_date``.
    text : str
        One sentence for people.
    option : str
        The options of the command line that settle it, or "".
    stops : bool
        Whether the table cannot be used for training before it is settled.
    """

    column: str | None
    kind: str
    text: str
    option: str = ""
    stops: bool = False


def option(flag: str, value: str) -> str:
    """Return an option of the command line with its value, quoted for the shell."""
    shown = shlex.quote(value)
    return f"{flag}={shown}" if value.startswith("-") else f"{flag} {shown}"


def index_columns(header: Sequence[str]) -> dict[int, str]:
    """Return the places of columns that number the rows of a data frame, with a word on each."""
    said = {}
    for place, name in enumerate(header):
        unnamed = place == 0 and not name
        if unnamed or _INDEX.fullmatch(name):
            shown = "The first column, which has no name," if unnamed else f"Column {quoted(name)}"
            said[place] = f"{shown} looks like the index of a data frame: left out."
    return said
