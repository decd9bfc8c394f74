"""A console for tables: as wide as the terminal, or, in a file or a pipe, as wide as they need."""

from rich.console import Console

_WIDE = 1000


def table_console() -> Console:
    """Return the console."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _WIDE
    return console
