"""The command line: one file per command. Only this room writes to the terminal and exits."""

from sdae.cli.entry import main

__all__ = ["main"]
