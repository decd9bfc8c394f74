"""What a tracker is told, and the callback that tells it."""

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
    """Something that keeps what is known of a training and shows it."""

    @property
    def name(self) -> str:
        """What warnings call it."""
        ...

    def settings(self, values: Mapping[str, str]) -> None:
        """Keep the settings of the training by their dotted names."""
        ...

    def scalars(self, values: Mapping[str, float], epoch: int) -> None:
        """Keep what was measured in an epoch, counted from 1."""
        ...

    def picture(self, name: str, path: Path) -> None:
        """Keep a PNG file."""
        ...

    def close(self, *, finished: bool) -> None:
        """Let go; `finished` tells whether training came to its end."""
        ...


class Tracking:
    """A callback that tells trackers of every epoch.

    One that fails while training goes on is left out from then on, with a warning: what is lost is
    a record of the training, not the training.

    Parameters
    ----------
    trackers : sequence of Tracker
    settings : mapping of str to str, optional
        Of the training, by their dotted names.

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
            self._tell(lambda tracker: tracker.settings(settings))

    def __enter__(self) -> "Tracking":
        """Track what happens inside."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close the trackers."""
        self._tell(lambda tracker: tracker.close(finished=kind is None))

    def __call__(self, event: Event) -> None:
        """Take an event."""
        match event:
            case StageResumed():
                for record in event.history.records:
                    self._epoch(record)
            case EpochEnded():
                self._epoch(event.record)

    def pictures(self, folder: Path) -> None:
        """Keep the PNG files of a folder."""

        def show(tracker: Tracker) -> None:
            for path in sorted(folder.glob("*.png")):
                tracker.picture(path.stem, path)

        self._tell(show)

    def _epoch(self, record: EpochRecord) -> None:
        part = record.stage if record.layer is None else f"{record.stage}/layer_{record.layer}"
        measured = {f"{part}/{name}": getattr(record, name) for name in _MEASURED}
        values = {name: value for name, value in measured.items() if value is not None}
        self._tell(lambda tracker: tracker.scalars(values, record.epoch))

    def _tell(self, message: Callable[[Tracker], None]) -> None:
        for tracker in tuple(self._trackers):
            try:
                message(tracker)
            except Exception as error:  # of a library, a disk or a server
                self._trackers.remove(tracker)
                logger.warning(
                    "%s is not told of this training any more: %s.", tracker.name, reason(error)
                )
