"""What a reader has to say about a table, beside its columns."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from sdae.core.wording import quoted
from sdae.data.tables.dialect import Dialect

NO_NAMES = (
    "The names of the columns are numbers, so the first line looks like a row: put a line with "
    "names above it."
)
_NUMBER = Dialect(".", "")
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


def looks_like_a_row(header: Sequence[str]) -> bool:
    """Return whether a line of names has numbers alone, other than 0, 1, 2, … or 1, 2, 3, …."""
    if not header or not all(map(_NUMBER.fits, header)):
        return False
    counted = ([str(first + place) for place in range(len(header))] for first in (0, 1))
    return [*header] not in counted
