"""``sdae resume``: continue an interrupted run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from sdae.app.cli.following import check_same_command, dismiss, follow, lead
from sdae.app.cli.launched import Launched
from sdae.app.cli.options import (
    CheckpointOption,
    DeviceOption,
    QuietOption,
    RunArgument,
    ScratchOption,
    ThreadsOption,
    use_threads,
)
from sdae.app.cli.restarts import NOTHING_LEFT, has_ended, note
from sdae.app.cli.table_options import content_of
from sdae.app.cli.terminal import new_console, say, say_on
from sdae.app.cli.tracker_options import MlflowOption, TensorboardOption, Trackers
from sdae.app.cli.train_and_write import train_and_keep
from sdae.app.recipes.recipe import DataConfig, with_data
from sdae.app.runs.ladder_runs import settled_recipe, worded
from sdae.app.runs.lifecycle import held_run, resumed_run
from sdae.app.runs.prepare import prepare
from sdae.app.runs.run_recipe import build_stack
from sdae.core.devices import resolve_device
from sdae.core.errors import FileAccessError
from sdae.data.tables.formats import STANDARD_INPUT
from sdae.train.checkpoints.frequency import Frequency


def resume(
    context: typer.Context,
    run: RunArgument,
    data: Annotated[
        str | None,
        typer.Option(help="New path of the data, if they were moved. The data must be the same."),
    ] = None,
    unlabeled: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="New path of the rows of --unlabeled, if moved."),
    ] = None,
    scratch: ScratchOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    checkpoint_every: CheckpointOption = "60s",
    tensorboard: TensorboardOption = None,
    mlflow: MlflowOption = None,
    quiet: QuietOption = False,
) -> None:
    """Continue a run that was interrupted, killed or stopped by an error.

    The model is the same as without the interruption. The number of threads is that of the original
    run, unless given.

    Example: sdae resume runs/mnist-default
    """
    launched = Launched.by(os.environ)
    with launched.together(device) as processes:
        check_same_command(processes, context.params)
        device = str(resolve_device(device))
        if not processes.is_first:
            use_threads(launched.threads(threads))
            follow(processes, device)
            return
        trackers = Trackers(tensorboard, mlflow)
        Frequency.read(checkpoint_every, "sdae resume", "--checkpoint-every")
        console = new_console(quiet=quiet)
        if has_ended(launched, run):
            dismiss(processes)
            with held_run(run):  # removes what the process before left beside it
                say(NOTHING_LEFT.format(run))
            return
        trackers.check(run)
        with resumed_run(run) as folder:
            note(launched, folder)
            use_threads(launched.threads(threads) or folder.threads())
            moved = {"source": data, "unlabeled": unlabeled}
            recipe = with_data(folder.recipe(), str(run), moved)
            launched.check(recipe, run)
            lead(processes, recipe, rounded=folder.rounds_tables(), scratch=scratch)
            with _remedy_if_moved(recipe.data):
                prepared = prepare(
                    recipe.data,
                    recipe.model.decoder[0],
                    recipe.seed,
                    rounded=folder.rounds_tables(),
                    content=content_of(recipe.data.source),
                    scratch=scratch,
                )
            say_on(console, worded(recipe, prepared).choice)
            recipe = settled_recipe(recipe, prepared, device, processes=processes)
            stack = build_stack(recipe, prepared)
            with trackers.open(run, recipe) as tracking:
                last = train_and_keep(
                    folder,
                    recipe,
                    prepared,
                    stack,
                    device,
                    checkpoint_every,
                    console,
                    tracking,
                    processes,
                    scratch,
                )
    say(last)


@contextmanager
def _remedy_if_moved(data: DataConfig) -> Iterator[None]:
    """Name the options for the new path where data are not found."""
    try:
        yield
    except FileAccessError as error:
        places = {"--data PATH": data.source, "--unlabeled PATH": data.unlabeled}
        lost = [option for option, path in places.items() if path and not _is_there(path)]
        if not lost:
            raise
        remedy = f"If the data were moved, name their new place with {' and '.join(lost)}."
        raise FileAccessError(f"{error} {remedy}") from None


def _is_there(source: str) -> bool:
    """Return whether a source of a recipe is found, or needs no file."""
    return source in ("mnist", STANDARD_INPUT) or os.path.exists(source)  # noqa: PTH110 - raises no error
