"""Warnings that name the line of the user's code, however deep they come from."""

import sys
import warnings


class DataWarning(UserWarning):
    """A warning about the data of a user, which commands print as a line."""


class SlowReadingWarning(RuntimeWarning):
    """A warning that rows are read slowly. Commands print it as a line, with advice of their own.

    Attributes
    ----------
    in_commands : str
        The text with the advice for the command line.
    """

    def __init__(self, text: str, advice: str, advice_in_commands: str) -> None:
        super().__init__(f"{text} {advice}")
        self.in_commands = f"{text} {advice_in_commands}"


def warn_user(text: str) -> None:
    """Give a DataWarning at the first line outside this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and _is_ours(str(frame.f_globals.get("__name__", ""))):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, DataWarning, stacklevel=level + 1)


def _is_ours(module: str) -> bool:
    return module.split(".")[0] in ("sdae", "contextlib", "sklearn")
