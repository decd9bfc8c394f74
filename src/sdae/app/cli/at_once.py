"""Signal handling while there is nothing to undo: before a command runs, and after it ended.

Almost nothing is imported here, because this module runs before all other imports.
"""

import os
import signal

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Ctrl-C, a request to end and, where the system has that signal, a closed terminal."""


class AtOnce:
    """Ends the process at a signal, with at most one line of output.

    Attributes
    ----------
    code : int or None
        The exit code of the command, once it is known.
    message : str
        What is printed if a signal comes before that.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self.message = "Interrupted. Nothing was written.\n"

    def install(self) -> None:
        """Handle the signals from now on; ignored signals stay ignored, as after nohup."""
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.handle)

    def handle(self, number: int, _frame: object) -> None:
        """Handle a signal."""
        if self.code is None:
            write_error(self.message)
        # Do not raise: an import that runs at this moment could take it for a missing module.
        os._exit(128 + number if self.code is None else self.code)


def write_error(message: str) -> None:
    """Write to standard error, if it exists; not with print, which a signal may interrupt."""
    try:  # noqa: SIM105 - contextlib is not imported yet
        os.write(2, message.encode())
    except OSError:
        pass
