"""Events of training, and the callbacks that observe them.

A callback is any callable that takes an event. It may return True to ask training to stop after
the current slice of samples; it cannot change anything else.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sdae.core.kernels.cache_folder import how_often
from sdae.train.history import EpochRecord, History
from sdae.train.processes.together import ALONE, Processes

logger = logging.getLogger("sdae")


@dataclass(frozen=True)
class StageStarted:
    """A stage ("pretraining" or "finetuning") begins; `n_parts` layers, or 1 for the network."""

    stage: str
    n_parts: int


@dataclass(frozen=True)
class StageResumed:
    """A stage continues from a checkpoint; `history` holds the epochs before that."""

    stage: str
    history: History


@dataclass(frozen=True)
class PartStarted:
    """The training of a layer begins, or of the whole network (`layer` is None).

    `compiles` says that `engine` will first compile its kernels, which takes up to a minute.
    """

    stage: str
    layer: int | None
    n_epochs: int
    n_samples: int
    engine: str
    compiles: bool = False


@dataclass(frozen=True)
class SliceEnded:
    """Some minibatches were done; `cost` is the mean over the epoch's samples so far."""

    stage: str
    layer: int | None
    epoch: int
    n_samples: int
    cost: float


@dataclass(frozen=True)
class EpochEnded:
    """An epoch ended; its record is what goes into the history."""

    record: EpochRecord


@dataclass(frozen=True)
class ValidationImproved:
    """The validation error is the lowest so far; with the test error, if measured.

    Both are shares of rows, or in regression mean squared errors.
    """

    epoch: int
    validation_error: float
    test_error: float | None


@dataclass(frozen=True)
class StageEnded:
    """A stage ended, all its records in `history`."""

    stage: str
    history: History


Event = (
    StageStarted
    | StageResumed
    | PartStarted
    | SliceEnded
    | EpochEnded
    | ValidationImproved
    | StageEnded
)
Callback = Callable[[Event], bool | None]


class Callbacks:
    """The callbacks of a run; remembers whether one of them asked to stop.

    Of several processes, the first calls them; all of them remember the request.
    """

    def __init__(self, callbacks: Iterable[Callback], processes: Processes = ALONE) -> None:
        self._callbacks = tuple(callbacks) if processes.is_first else ()
        self._processes = processes
        self.stop_requested = False

    def tell(self, event: Event) -> None:
        """Pass an event to every callback."""
        for callback in self._callbacks:
            if callback(event):
                self.stop_requested = True
        self.stop_requested = self._processes.said_by_first(self.stop_requested)


def log_compiling(event: Event) -> None:
    """Write to the log ``sdae`` that kernels are compiled, which takes a while; a callback."""
    if isinstance(event, PartStarted) and event.compiles:
        logger.warning(
            "Compiling kernels of the %s engine, %s; it takes a while.",
            event.engine,
            how_often(Path(__file__).parent / "kernels"),
        )


def log_findings(event: Event) -> None:
    """Write the doctor's findings as warnings to the log ``sdae``; a callback."""
    if isinstance(event, EpochEnded):
        for finding in event.record.findings:
            logger.warning("%s", finding.text)
