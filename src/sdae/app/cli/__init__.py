"""The command line. Only this package writes to the terminal and exits."""

from sdae.app.cli.entry import main

__all__ = ["main"]
