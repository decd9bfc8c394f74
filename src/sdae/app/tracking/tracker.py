"""The interface of trackers, and the callback that sends them events."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from sdae.core.wording import reason
from sdae.train.callbacks import EpochEnded, Event, StageResumed
from sdae.train.history import EpochRecord

logger = logging.getLogger("sdae")

_MEASURED = ("cost", "validation_error", "test_error", "learning_rate", "samples_per_second")


class Tracker(Protocol):
    """A tool that stores and shows the data of a training."""

    @property
    def name(self) -> str:
        """Name in warnings."""
        ...

    def settings(self, values: Mapping[str, str]) -> None:
        """Store the settings of the training, by their dotted names."""
        ...

    def scalars(self, values: Mapping[str, float], epoch: int) -> None:
        """Store the values of an epoch, counted from 1."""
        ...

    def picture(self, name: str, path: Path) -> None:
        """Store a PNG file."""
        ...

    def close(self, *, finished: bool) -> None:
        """Close the tracker; `finished` says whether training was completed."""
        ...


class Tracking:
    """A callback that sends every epoch to trackers.

    A tracker that fails during training is dropped with a warning; training continues.

    Parameters
    ----------
    trackers : sequence of Tracker
    settings : mapping of str to str, optional
        Settings of the training, by their dotted names.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> from sdae import StackedDenoisingAutoencoder, pretrain
    >>> from sdae.tracking import TensorboardTracker, Tracking
    >>> x = np.random.default_rng(0).random((64, 8), dtype=np.float32)
    >>> with Tracking([TensorboardTracker(mkdtemp())]) as tracking:
    ...     history = pretrain(StackedDenoisingAutoencoder(8), x, epochs=2, callbacks=[tracking])
    """

    def __init__(
        self, trackers: Sequence[Tracker], settings: Mapping[str, str] | None = None
    ) -> None:
        self._trackers = list(trackers)
        if settings:
            self._send(lambda tracker: tracker.settings(settings))

    def __enter__(self) -> "Tracking":
        """Start tracking."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the trackers."""
        self._send(lambda tracker: tracker.close(finished=kind is None))

    def __call__(self, event: Event) -> None:
        """Handle an event."""
        match event:
            case StageResumed():
                for record in event.history.records:
                    self._epoch(record)
            case EpochEnded():
                self._epoch(event.record)

    def pictures(self, folder: Path) -> None:
        """Store the PNG files of a folder."""

        def show(tracker: Tracker) -> None:
            for path in sorted(folder.glob("*.png")):
                tracker.picture(path.stem, path)

        self._send(show)

    def _epoch(self, record: EpochRecord) -> None:
        part = record.stage if record.layer is None else f"{record.stage}/layer_{record.layer}"
        measured = {f"{part}/{name}": getattr(record, name) for name in _MEASURED}
        values = {name: value for name, value in measured.items() if value is not None}
        self._send(lambda tracker: tracker.scalars(values, record.epoch))

    def _send(self, message: Callable[[Tracker], None]) -> None:
        for tracker in tuple(self._trackers):
            try:
                message(tracker)
            except Exception as error:  # from a library, a disk or a server
                self._trackers.remove(tracker)
                logger.warning(
                    "%s failed and no longer tracks this training: %s.", tracker.name, reason(error)
                )
