"""Ctrl-C and SIGTERM: at once where nothing is at stake, after a checkpoint while training."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """A signal that ends the command.

    Parameters
    ----------
    number : int
        Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


class Interrupts:
    """Turns the two signals into :class:`Interrupted`.

    Within :meth:`waiting` the first one only is remembered, for :meth:`pending`; a second one stops
    at once.
    """

    def __init__(self) -> None:
        self._waits = False
        self._pending: Interrupted | None = None

    def pending(self) -> BaseException | None:
        """Return what is to be raised once a checkpoint is written, or None."""
        return self._pending

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let the first signal wait for whoever asks for it."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal."""
        if not self._waits or self._pending is not None:
            raise Interrupted(number)
        self._pending = Interrupted(number)
        # Not print: what the signal interrupted may be in the middle of printing.
        os.write(2, b"Stopping after the next checkpoint. Once more stops at once.\n")


@contextmanager
def handled() -> Iterator[Interrupts]:
    """Handle the signals while a command runs; one that is ignored stays so."""
    interrupts = Interrupts()
    before = {}
    in_main = threading.current_thread() is threading.main_thread()  # no other may handle signals
    for number in (signal.SIGINT, signal.SIGTERM):
        if in_main and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, interrupts.handle)
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
