"""What ``sdae train`` and ``sdae resume`` share: train with checkpoints, then write the run."""

from pathlib import Path

from rich.console import Console

from sdae.app.cli.interrupts import handled, ignored
from sdae.app.cli.progress import display
from sdae.app.cli.summary import last_line, print_summary
from sdae.app.cli.terminal import say_on
from sdae.app.recipes.recipe import Recipe
from sdae.app.runs.begun_data import begun_with
from sdae.app.runs.data_hash import hash_of_data
from sdae.app.runs.lifecycle import finish
from sdae.app.runs.live_history import LiveHistory
from sdae.app.runs.pictures import N_ROWS, draw_curves, draw_filters, draw_reconstructions
from sdae.app.runs.prepared_data import PreparedData
from sdae.app.runs.run_folder import PLOTS, RunFolder
from sdae.app.runs.run_recipe import TrainedRun, run_recipe
from sdae.app.tracking import Tracking
from sdae.core.errors import FileAccessError, MissingExtraError, ProcessLostError
from sdae.core.source_rows import at_hand
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.data.tables.formats import STANDARD_INPUT
from sdae.train.callbacks import log_findings
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.processes.together import ALONE, Processes


def train_and_keep(
    run: RunFolder,
    recipe: Recipe,
    data: PreparedData,
    stack: StackedDenoisingAutoencoder,
    device: str,
    checkpoint_every: str,
    console: Console,
    tracking: Tracking,
    processes: Processes = ALONE,
    scratch: Path | None = None,
) -> str:
    """Train a stack, from the checkpoints of the run if there are any, and write its files.

    Of several processes, only the first calls this.

    Returns the last line to print. If training is interrupted and there is a checkpoint, the error
    says how to resume.
    """
    data = begun_with(run, recipe, data)
    data_hash = hash_of_data(recipe.data.source)
    try:
        with handled() as interrupts:
            checkpoint = Checkpoint(
                run.checkpoints, checkpoint_every, interruption=interrupts.pending
            )
            with interrupts.waiting(), display(console, quiet=console.quiet) as shown:
                trained = run_recipe(
                    recipe,
                    data,
                    stack,
                    device=device,
                    checkpoint=checkpoint,
                    callbacks=[log_findings, LiveHistory(run), shown, tracking],
                    processes=processes,
                    scratch=scratch,
                )
            _keep(run, recipe, trained, data, console, data_hash)
            tracking.pictures(run.path / PLOTS)
    except (KeyboardInterrupt, FileAccessError, ProcessLostError) as reason:
        # other errors would occur again
        if isinstance(reason, ProcessLostError):
            ignored()  # the launcher ends all processes if one has ended
        if run.has_checkpoints() and not run.finished:
            again = " --data FILE" if recipe.data.source == STANDARD_INPUT else ""
            again += "" if scratch is None else f" --scratch {scratch}"
            reason.add_note(
                f"To resume from the last checkpoint, run: sdae resume {run.path}{again}"
            )
        raise
    histories = (trained.pretraining, trained.finetuning)
    print_summary(console, *histories, run.path, data.head, trained.ladder)
    return last_line(trained.ladder or trained.finetuning, data.head)


def _keep(
    run: RunFolder,
    recipe: Recipe,
    trained: TrainedRun,
    data: PreparedData,
    console: Console,
    data_hash: str | None,
) -> None:
    """Write the models, the history and the pictures of a run."""
    if recipe != run.recipe():
        run.save_recipe(recipe)  # its data are in another place now
    run.save_model(trained.model)
    if trained.pretrained is not None:
        run.save_pretrained(trained.pretrained)
    records = trained.records
    run.save_history(records)
    try:
        if records:
            draw_curves(records, run.plots() / "curves.png")
        rows = data.rows if data.test is None else data.test[0]
        learned = trained.pretrained or trained.model
        draw_reconstructions(learned, at_hand(rows[:N_ROWS]), run.plots() / "reconstructions.png")
        if learned.image_shape is not None:
            draw_filters(learned, run.plots() / "filters.png")
    except MissingExtraError as missing:
        say_on(console, f"No pictures: {missing}")
    finish(run, data_hash)
