"""Signals while there is nothing to be undone: before a command runs, and when it has ended.

Next to nothing is imported here, because this stands before all other imports.
"""

import os
import signal

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Ctrl-C, a request to end, and, where there is such a signal, a closed terminal."""


class AtOnce:
    """Ends the process at a signal, with one line or none.

    Attributes
    ----------
    code : int or None
        The exit code of the command, once it is known.
    message : str
        What is printed until then.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self.message = "Interrupted. Nothing was written.\n"

    def install(self) -> None:
        """Handle the signals from now on; one that is ignored stays so, as after nohup."""
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self.handle)

    def handle(self, number: int, _frame: object) -> None:
        """Take a signal."""
        if self.code is None:
            write_error(self.message)
        # No exception: whoever imports at this moment could take it for a module that is not there.
        os._exit(128 + number if self.code is None else self.code)


def write_error(message: str) -> None:
    """Write to standard error, if it is there; not print, in whose midst a signal may come."""
    try:  # noqa: SIM105 - contextlib is not imported yet
        os.write(2, message.encode())
    except OSError:
        pass
