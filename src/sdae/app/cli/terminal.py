"""All printing of commands: text from files cannot control the terminal."""

import sys

from rich.console import Console

from sdae.core.wording import plain, printable

_WIDE = 1000
_MOST_CELL = 200


def say(line: str) -> None:
    """Print a line on standard output."""
    print(printable(line))


def tell(message: str, *, lines: bool = False) -> None:
    """Print a message on standard error; with `lines`, its line breaks are kept."""
    print(printable(message, kept="\n" if lines else ""), file=sys.stderr)


def new_console(*, quiet: bool = False) -> Console:
    """Return a console that prints texts as they are: no markup, no emoji names."""
    return Console(quiet=quiet, highlight=False, markup=False, emoji=False)


def say_on(console: Console, line: str) -> None:
    """Print a line on a console, above a display if there is one."""
    console.print(printable(line), soft_wrap=True)


def table_console() -> Console:
    """Return a console as wide as the terminal or, for a file or a pipe, as wide as tables need."""
    console = new_console()
    if not console.is_terminal:
        console.width = _WIDE
    return console


def cells(*values: str) -> list[str]:
    """Return the cells of a table row: one line each, shortened."""
    return [plain(value, _MOST_CELL) if value else "" for value in values]
