"""``sdae watch``: watch a run in progress from another terminal."""

import time
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table

from sdae.app.cli.options import RunArgument
from sdae.app.cli.streams import output_lost
from sdae.app.cli.terminal import cells, table_console
from sdae.app.recipes.recipe import Recipe
from sdae.app.runs.run_folder import HISTORY, RECIPE, RunFolder, open_run
from sdae.core.constraints import per_layer
from sdae.core.errors import FileAccessError
from sdae.core.wording import printable
from sdae.train.history import FINETUNING, LADDER, EpochRecord

_BARS = "▁▂▃▄▅▆▇█"
_CURVE = 24


def watch(
    run: RunArgument,
    once: Annotated[bool, typer.Option("--once", help="Show the state once and exit.")] = False,
) -> None:
    """Show the progress of a run until it is finished. Ctrl-C ends the display, not the run.

    Example: sdae watch runs/mnist-default
    """
    folder = RunFolder(run)
    if not (run / RECIPE).is_file():
        open_run(run)  # its error says what is wrong
    recipe = folder.recipe()
    console = table_console()
    if once or not console.is_terminal:
        console.print(dashboard(folder, recipe))
        return
    with Live(dashboard(folder, recipe), console=console, auto_refresh=False) as live:
        try:
            # A closed terminal no longer counts as one, and rich writes nothing to it.
            while not folder.finished and console.is_terminal and not output_lost():
                time.sleep(1)
                live.update(dashboard(folder, recipe), refresh=True)
        except KeyboardInterrupt:
            return


def dashboard(folder: RunFolder, recipe: Recipe) -> Group:
    """Return the state of a run, with a line per started layer and one for the whole network."""
    records = _records(folder)
    n_layers = len(recipe.model.hidden_layer_sizes)
    epochs = per_layer(recipe.pretraining.epochs, n_layers, "epochs", "the recipe")
    table = Table(box=None, pad_edge=False)
    for name in ("", "epoch", "cost", "", "samples/s", "validation", "test", "doctor"):
        table.add_column(name, no_wrap=True)
    for layer, n_epochs in enumerate(epochs):
        _add(table, f"Layer {layer}", [r for r in records if r.layer == layer], n_epochs)
    tuned = [r for r in records if r.stage == FINETUNING]
    _add(table, "Fine-tuning", tuned, recipe.finetuning.epochs)
    ladder = [r for r in records if r.stage == LADDER]
    _add(table, "Ladder", ladder, _epochs_of_ladder(recipe, ladder))
    return Group(_title(folder, records), table)


def _epochs_of_ladder(recipe: Recipe, records: list[EpochRecord]) -> int:
    """Return the number of epochs of a ladder, from the rows of its first."""
    n_updates, batch_size = recipe.ladder.n_updates, recipe.ladder.batch_size
    if not records or isinstance(n_updates, str) or isinstance(batch_size, str):
        return len(records)
    n_rows = records[0].samples_per_second * records[0].seconds
    return -(-n_updates // max(1, round(n_rows / batch_size)))


def curve(values: list[float]) -> str:
    """Draw the last numbers as bars of text, scaled from the lowest to the highest."""
    values = values[-_CURVE:]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(_BARS[round((v - low) / span * (len(_BARS) - 1))] for v in values)


def _add(table: Table, name: str, records: list[EpochRecord], n_epochs: int) -> None:
    if not records:
        return
    last = records[-1]
    errors = [r.validation_error for r in records if r.validation_error is not None]
    tests = [r.test_error for r in records if r.test_error is not None]
    table.add_row(
        name,
        f"{last.epoch}/{n_epochs}",
        f"{last.cost:.4g}",
        curve([record.cost for record in records]),
        f"{last.samples_per_second:,.0f}",
        f"{100 * (errors[-1] if last.stage == LADDER else min(errors)):.2f} %" if errors else "",
        f"{100 * tests[-1]:.2f} %" if tests else "",
        *cells(", ".join(finding.kind for record in records for finding in record.findings)),
    )


def _title(folder: RunFolder, records: list[EpochRecord]) -> str:
    state = "finished" if folder.finished else "in progress"
    if not folder.finished and not folder.in_use():
        state = f"interrupted; continue with: sdae resume {folder.path}"
    minutes = sum(record.seconds for record in records) / 60
    return printable(f"{folder.path}: {state}, {minutes:.1f} min of training")


def _records(folder: RunFolder) -> list[EpochRecord]:
    if not (folder.path / HISTORY).exists():
        return []
    try:
        return folder.records()
    except FileAccessError:  # the run was renamed at this moment
        return []
