"""What a command prints at the start and at the end of a long run."""

from pathlib import Path

from rich.console import Console

from sdae.app.cli.streams import output_lost
from sdae.app.cli.terminal import report_error, say_on
from sdae.app.runs.estimate import Estimate
from sdae.app.runs.prepared_data import PreparedData
from sdae.core.kinds.heads import Head
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.history import History

OF_THE_VARIANCE = " of the target's variance"
_LONG_SECONDS = 20


def print_estimate(
    console: Console,
    expected: Estimate,
    data: PreparedData,
    stack: StackedDenoisingAutoencoder,
    device: str,
) -> None:
    """Print the data, the network, the scaling of columns, and how long training will take.

    The time is printed only before a long run.
    """
    sizes = "-".join(str(size) for size in (stack.n_visible, *stack.hidden_layer_sizes))
    head = "" if stack.n_outputs is None else f"-{stack.n_outputs}"
    labelled = "no labels" if data.train is None else f"{len(data.train[0]):,} of them with labels"
    hidden = f"; {data.n_hidden:,} labels are hidden" if data.n_hidden else ""
    say_on(console, f"{data.name}: {len(data.rows):,} training rows, {labelled}{hidden}.")
    if data.choice:
        say_on(console, data.choice)
    say_on(console, f"Network {sizes}{head} on {device}.")
    if expected.most < _LONG_SECONDS:
        return
    if expected.ladder:
        say_on(console, f"This will take roughly {_duration(expected.ladder)}.")
        return
    words = f"This will take roughly {_duration(expected.pretraining)} of pre-training"
    if data.train is not None:
        words += f" and {_duration(expected.finetuning_least)}"
        if expected.finetuning_most > 1.05 * expected.finetuning_least:
            words += f" to at most {_duration(expected.finetuning_most)}"
        words += " of fine-tuning"
    say_on(console, f"{words}.")


def unit_of_error(head: Head | None) -> str:
    """Return what an error in per cent is a part of, where that is not the rows or labels."""
    return OF_THE_VARIANCE if head is Head.REGRESSION else ""


def print_summary(
    console: Console,
    pretraining: History | None,
    finetuning: History | None,
    path: Path,
    head: Head | None,
    ladder: History | None = None,
) -> None:
    """Print the minutes, the errors and the path of the run."""
    say_on(console, "")
    if pretraining is not None:
        say_on(console, f"Pre-training   {pretraining.seconds / 60:6.2f} min")
    if finetuning is not None:
        epochs = len(finetuning.records)
        say_on(console, f"Fine-tuning    {finetuning.seconds / 60:6.2f} min, {epochs} epochs")
        if finetuning.best_validation_error is not None:
            error = 100 * finetuning.best_validation_error
            best = f"best, after epoch {finetuning.best_epoch}"
            say_on(console, f"Validation error {error:.2f} %{unit_of_error(head)} ({best})")
    if ladder is not None:
        epochs = len(ladder.records)
        say_on(console, f"Ladder         {ladder.seconds / 60:6.2f} min, {epochs} epochs")
        if ladder.best_validation_error is not None:
            error = 100 * ladder.best_validation_error
            say_on(console, f"Validation error {error:.2f} %{unit_of_error(head)} (at the end)")
    say_on(console, f"Run written to {path}")
    if output_lost():
        report_error(f"Standard output is lost, but the run is complete: {path}")


def last_line(trained: History | None, head: Head | None) -> str:
    """Return the last line of a run: its test error, or why it does not have one.

    `trained` is the history of fine-tuning, or of a ladder.
    """
    of = unit_of_error(head)
    if trained is None or not trained.records:
        return "Pre-trained only. Fine-tune with: sdae finetune RUN DATA --target COLUMN"
    if trained.test_error is not None:
        return f"Test error {100 * trained.test_error:.2f} %{of}"
    if trained.best_validation_error is not None:
        error = 100 * trained.best_validation_error
        return f"No test rows; validation error {error:.2f} %{of}"
    return "No test rows and no validation rows, so no error to report"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
