"""``sdae finetune``: go on from a run with labelled data."""

from dataclasses import replace
from typing import Annotated

import typer
from rich.console import Console

from sdae.cli.options import (
    DataArgument,
    DeviceOption,
    QuietOption,
    RunArgument,
    TargetOption,
    ThreadsOption,
    use_threads,
)
from sdae.cli.progress import display
from sdae.cli.summary import last_line, print_summary
from sdae.config.recipe import parse_recipe, write_recipe
from sdae.devices import resolve_device
from sdae.runs.folder import open_run
from sdae.runs.pictures import redraw_curves
from sdae.runs.prepare import prepare_labelled
from sdae.runs.training import describe, finetune_on


def finetune(
    run: RunArgument,
    data: DataArgument,
    target: TargetOption = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the run's recipe."),
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
) -> None:
    """Fine-tune the network of a run on labelled rows, in place.

    The run keeps its columns and scaling; its classes too, if it has any. The model and the history
    are replaced only when training has ended.

    Example: sdae finetune runs/flowers labelled.csv --target species
    """
    use_threads(threads)
    folder = open_run(run)
    pretrained, model = folder.pretrained(), folder.model()
    recipe = parse_recipe(write_recipe(folder.recipe()), str(run), settings or [])
    recipe = replace(recipe, data=replace(recipe.data, source=data, target=target))
    prepared = prepare_labelled(model, recipe.data, recipe.seed)
    console = Console(quiet=quiet, highlight=False)
    device = str(resolve_device(device))
    with display(console, quiet=quiet) as shown:
        history = finetune_on(recipe, prepared, model.stack, device=device, callbacks=[shown])
    folder.save_pretrained(pretrained)
    folder.save_model(describe(recipe, prepared, model.stack))
    folder.save_recipe(recipe)
    folder.save_history(history)
    redraw_curves(folder)
    print_summary(console, None, history, run)
    print(last_line(history))
