"""The command line: one file per command. Only this room writes to the terminal and exits."""

from sdae.cli.app import main

__all__ = ["main"]
