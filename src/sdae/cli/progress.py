"""What training shows while it runs: a bar per layer and stage, or plain lines.

Bars go to a terminal; where the output is no terminal, one line per epoch is printed.
"""

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from sdae.training.callbacks import (
    EpochEnded,
    Event,
    PartStarted,
    SliceEnded,
    ValidationImproved,
)
from sdae.training.history import EpochRecord


class Bars:
    """A live bar for each layer and for fine-tuning; a context manager and a callback."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("epoch {task.fields[epoch]}"),
            TextColumn("cost {task.fields[cost]}"),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: TaskID | None = None
        self._part: PartStarted | None = None
        self._best = ""

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
            case ValidationImproved():
                self._best = f", validation {100 * event.validation_error:.2f} %"
            case EpochEnded():
                self._end_epoch(event.record)

    def _begin(self, part: PartStarted) -> None:
        self._part = part
        self._task = self._progress.add_task(
            _name(part.layer),
            total=part.n_epochs * part.n_samples,
            epoch=f"0/{part.n_epochs}",
            cost="–",
            speed="",
        )

    def _advance(self, event: SliceEnded) -> None:
        if self._part is None or self._task is None:
            return
        done = (event.epoch - 1) * self._part.n_samples + event.n_samples
        self._progress.update(
            self._task,
            completed=done,
            epoch=f"{event.epoch}/{self._part.n_epochs}",
            cost=f"{event.cost:.4g}",
        )

    def _end_epoch(self, record: EpochRecord) -> None:
        if self._task is not None:
            speed = f"{record.samples_per_second:,.0f} samples/s{self._best}"
            self._progress.update(self._task, speed=speed)


class Lines:
    """One plain line per epoch, for logs; a context manager and a callback."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._n_epochs = 0

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __call__(self, event: Event) -> None:
        """Print the end of an epoch."""
        if isinstance(event, PartStarted):
            self._n_epochs = event.n_epochs
        if not isinstance(event, EpochEnded):
            return
        record = event.record
        line = (
            f"{_name(record.layer)}, epoch {record.epoch}/{self._n_epochs}: "
            f"cost {record.cost:.5g}, {record.samples_per_second:,.0f} samples/s, "
            f"{record.seconds:.1f} s"
        )
        if record.validation_error is not None:
            line += f", validation error {100 * record.validation_error:.2f} %"
        if record.test_error is not None:
            line += f", test error {100 * record.test_error:.2f} %"
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)


class Silence:
    """Shows nothing."""

    def __enter__(self) -> "Silence":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __call__(self, event: Event) -> None:
        """Ignore an event."""


def display(console: Console, *, quiet: bool) -> Bars | Lines | Silence:
    """Return what fits: nothing, bars on a terminal, lines elsewhere."""
    if quiet:
        return Silence()
    return Bars(console) if console.is_terminal else Lines(console)


def _name(layer: int | None) -> str:
    return "Fine-tuning" if layer is None else f"Pre-training layer {layer}"
