"""Handle Ctrl-C, SIGTERM and a closed terminal: at once or, in training, after a checkpoint."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from sdae.app.cli.at_once import SIGNALS, write_error

_TERMINAL_CLOSED = getattr(signal, "SIGHUP", None)  # missing on Windows


class Interrupted(KeyboardInterrupt):
    """A signal that ends the command.

    Parameters
    ----------
    number : int
        Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


class Interrupts:
    """Turns the signals into :class:`Interrupted`.

    Within :meth:`waiting` the first signal is only remembered, for :meth:`pending`; a second one
    stops at once, unless it reports a closed terminal, which is often sent twice.
    """

    def __init__(self) -> None:
        self._waits = False
        self._pending: Interrupted | None = None

    def pending(self) -> BaseException | None:
        """Return the exception to raise once a checkpoint is written, or None."""
        return self._pending

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Hold the first signal until :meth:`pending` is called."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        if self._waits and self._pending is None:
            self._pending = Interrupted(number)
            write_error("Stopping after the next checkpoint. Press Ctrl-C again to stop at once.\n")
        elif not self._waits or number != _TERMINAL_CLOSED:
            raise Interrupted(number)


def ignored() -> None:
    """Ignore the signals from now on: the process ends for another reason, which it reports."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def handled() -> Iterator[Interrupts]:
    """Handle the signals while a command runs; ignored signals stay ignored."""
    interrupts = Interrupts()
    before = {}
    # other threads cannot handle signals
    in_main = threading.current_thread() is threading.main_thread()
    for number in SIGNALS:
        if in_main and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, interrupts.handle)
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
