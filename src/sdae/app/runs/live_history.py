"""The history of a run while it trains, for watching it."""

import logging
import time

from sdae.app.runs.run_folder import RunFolder
from sdae.core.errors import FileAccessError
from sdae.train.callbacks import EpochEnded, Event, StageResumed
from sdae.train.history import EpochRecord

logger = logging.getLogger("sdae")

_SECONDS_APART = 1.0


class LiveHistory:
    """A callback that writes ``history.jsonl`` at the end of epochs, at most once a second.

    It is only for watching: if it cannot be written, there is a warning and training continues.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._records: list[EpochRecord] = []
        self._last = -_SECONDS_APART
        self._works = True

    def __call__(self, event: Event) -> None:
        """Handle an event."""
        match event:
            case StageResumed():
                self._records.extend(event.history.records)
            case EpochEnded():
                self._records.append(event.record)
            case _:
                return
        if self._works and time.monotonic() - self._last >= _SECONDS_APART:
            self._write()
            self._last = time.monotonic()

    def _write(self) -> None:
        try:
            self._run.save_history(self._records)
        except FileAccessError as error:
            self._works = False
            logger.warning("%s Training continues without writing its history.", error)
