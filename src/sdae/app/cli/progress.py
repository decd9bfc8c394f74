"""The progress display of training: a bar per layer and stage, or plain lines.

Bars go to a terminal; if the output is not a terminal, one line per epoch is printed.
"""

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from sdae.app.cli.terminal import say_on
from sdae.train.callbacks import (
    EpochEnded,
    Event,
    PartStarted,
    SliceEnded,
    ValidationImproved,
)
from sdae.train.history import LADDER, EpochRecord, part_of

_MOST_LINES = 50


class Bars:
    """A live bar for each layer and for the whole network; a context manager and a callback."""

    def __init__(self, console: Console) -> None:
        # Narrow enough for a terminal of 80 columns.
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[epoch]}"),
            TextColumn("cost {task.fields[cost]}"),
            TextColumn("{task.fields[speed]}"),
            TextColumn("{task.fields[validation]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=console,
        )
        self._task = TaskID(0)
        self._n_epochs = 0
        self._n_samples = 0
        self._start = 0.0

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        match event:
            case PartStarted():
                self._begin(event)
            case SliceEnded():
                self._advance(event)
            case EpochEnded(record) if record.stage == LADDER:
                self._show_error(record.validation_error)
            case ValidationImproved():
                self._show_error(event.validation_error)

    def _show_error(self, validation_error: float | None) -> None:
        if validation_error is not None:
            self._progress.update(self._task, validation=f"val {100 * validation_error:.2f} %")

    def _begin(self, part: PartStarted) -> None:
        self._n_epochs, self._n_samples = part.n_epochs, part.n_samples
        self._start = time.monotonic()
        self._task = self._progress.add_task(
            part_of(part.stage, part.layer),
            total=part.n_epochs * part.n_samples,
            epoch=f"0/{part.n_epochs}",
            cost="–",
            speed="",
            validation="",
        )

    def _advance(self, event: SliceEnded) -> None:
        done = (event.epoch - 1) * self._n_samples + event.n_samples
        speed = done / max(time.monotonic() - self._start, 1e-9)
        self._progress.update(
            self._task,
            completed=done,
            epoch=f"{event.epoch}/{self._n_epochs}",
            cost=f"{event.cost:.4g}",
            speed=f"{speed:,.0f}/s",
        )


class Lines:
    """One plain line per epoch, for logs; a context manager and a callback.

    Of the epochs of a ladder, some are shown, and those with errors.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._n_epochs = self._apart = 1

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __call__(self, event: Event) -> None:
        """Print the end of an epoch."""
        if isinstance(event, PartStarted):
            self._n_epochs = event.n_epochs
            self._apart = 1 if event.stage != LADDER else max(1, event.n_epochs // _MOST_LINES)
        if not isinstance(event, EpochEnded):
            return
        record = event.record
        errors = (record.validation_error, record.test_error)
        if record.epoch % self._apart and errors == (None, None) and not self._is_last(record):
            return
        line = (
            f"{record.part}, epoch {record.epoch}/{self._n_epochs}: "
            f"cost {record.cost:.5g}, {record.samples_per_second:,.0f} samples/s, "
            f"{record.seconds:.1f} s"
        )
        if record.validation_error is not None:
            line += f", validation error {100 * record.validation_error:.2f} %"
        if record.test_error is not None:
            line += f", test error {100 * record.test_error:.2f} %"
        say_on(self._console, line)

    def _is_last(self, record: EpochRecord) -> bool:
        return record.epoch == self._n_epochs


class CompilingNote:
    """A callback that reports that kernels are being compiled, since nothing else is shown then."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: Event) -> None:
        """Print a line when compiling begins."""
        if isinstance(event, PartStarted) and event.compiles:
            say_on(self._console, "Compiling kernels (once; takes up to a minute) ...")


class Silence:
    """Shows nothing."""

    def __enter__(self) -> "Silence":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __call__(self, event: Event) -> None:
        """Ignore an event."""


def display(console: Console, *, quiet: bool) -> Bars | Lines | Silence:
    """Return the display to use: none if quiet, bars on a terminal, lines elsewhere."""
    if quiet:
        return Silence()
    return Bars(console) if console.is_terminal else Lines(console)
