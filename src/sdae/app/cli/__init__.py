"""The command line. Only this room writes to the terminal and exits."""

from sdae.app.cli.entry import main

__all__ = ["main"]
