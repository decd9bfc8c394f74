"""What a reader has to say about a table, beside its columns."""

import shlex
from dataclasses import dataclass


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
