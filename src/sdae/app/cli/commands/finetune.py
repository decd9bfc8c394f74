"""``sdae finetune``: fine-tune a run on labelled data."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sdae.app.cli.options import (
    ClassWeightOption,
    DataArgument,
    DeviceOption,
    LabelsOption,
    QuietOption,
    RunArgument,
    TargetOption,
    TaskChoice,
    TaskOption,
    ThreadsOption,
    use_threads,
)
from sdae.app.cli.progress import CompilingNote, display
from sdae.app.cli.summary import last_line, print_summary
from sdae.app.cli.table_options import content_of
from sdae.app.cli.terminal import new_console, say
from sdae.app.cli.tracker_options import MlflowOption, TensorboardOption, Trackers
from sdae.app.recipes.recipe import Recipe, names_in, parse_recipe, with_data, write_recipe
from sdae.app.runs.data_hash import hash_of_data
from sdae.app.runs.learned_methods import with_methods
from sdae.app.runs.lifecycle import changed_run, held_run
from sdae.app.runs.number_rows import within_windows
from sdae.app.runs.pictures import redraw_curves
from sdae.app.runs.prepare import prepare_labelled
from sdae.app.runs.run_recipe import describe, finetune_on
from sdae.core.devices import resolve_device
from sdae.core.errors import RecipeError
from sdae.train.callbacks import Callback, log_findings
from sdae.train.history import findings_in


def finetune(
    run: RunArgument,
    data: DataArgument,
    target: TargetOption = None,
    task: TaskOption = TaskChoice.auto,
    class_weight: ClassWeightOption = None,
    labels: LabelsOption = None,
    unlabeled: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="More rows, for --set finetuning.semi_supervised=…"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the run's recipe."),
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    tensorboard: TensorboardOption = None,
    mlflow: MlflowOption = None,
    quiet: QuietOption = False,
) -> None:
    """Fine-tune the network of a run on labelled rows, in place.

    The run keeps its columns and scaling, and its classes if it has any. Model and history are
    replaced only when training has ended.

    Example: sdae finetune runs/flowers labelled.csv --target species
    """
    trackers = Trackers(tensorboard, mlflow)
    use_threads(threads)
    trackers.check(run)
    with held_run(run) as folder:
        pretrained, model = folder.pretrained(), folder.model()
        recipe = folder.recipe()
        if recipe.is_ladder:
            raise RecipeError(
                f"{run} is a ladder, which was trained with labels already, all layers at once: it "
                "cannot be fine-tuned. Train a new one with: sdae train DATA --recipe ladder"
            )
        recipe = _changed(recipe, run, settings or [])
        recipe = with_data(
            recipe,
            str(run),
            {
                "source": data,
                "target": target,
                "task": task.task and str(task.task),
                "class_weight": class_weight,
                "labels": "none" if labels is None else labels,
                "unlabeled": "none" if unlabeled is None else unlabeled,
                "drop": _still_dropped(recipe, target),
            },
        )
        learns = recipe.finetuning.semi_supervised is not None
        if unlabeled is not None and not learns:
            raise RecipeError(
                "--unlabeled has an effect only with semi-supervised fine-tuning: add --set "
                "finetuning.semi_supervised=auto, for example."
            )
        prepared = prepare_labelled(
            model, recipe.data, recipe.seed, content_of(data), with_unlabelled=learns
        )
        data_hash = hash_of_data(data)
        recipe = with_methods(within_windows(recipe, prepared), prepared)
        console = new_console(quiet=quiet)
        device = str(resolve_device(device))
        note = CompilingNote(console)
        with trackers.open(run, recipe) as tracking, display(console, quiet=quiet) as shown:
            callbacks: list[Callback] = [log_findings, note, shown, tracking]
            history = finetune_on(
                recipe,
                prepared,
                model.stack,
                told=findings_in(folder.records()),
                device=device,
                callbacks=callbacks,
            )
        with changed_run(run, data_hash) as new:
            new.save_pretrained(pretrained)
            new.save_model(describe(recipe, prepared, model.stack))
            new.save_recipe(recipe)
            new.add_history(history)
            redraw_curves(new)
    print_summary(console, None, history, run, prepared.head)
    say(last_line(history, prepared.head))


def _still_dropped(recipe: Recipe, target: list[str] | None) -> list[str] | None:
    """Return the columns that the recipe drops, without those that are the target now."""
    dropped = names_in(recipe.data.drop)
    left = [name for name in dropped if name not in (target or [])]
    if len(left) == len(dropped):
        return None
    return left or ["none"]


def _changed(recipe: Recipe, run: Path, settings: list[str]) -> Recipe:
    """Return the run's recipe with some settings changed.

    Raises
    ------
    RecipeError
        If a setting would change the network, its pre-training or the scaling.
    """
    changed = parse_recipe(write_recipe(recipe), str(run), settings)
    settled = {
        "model": changed.model == recipe.model,
        "pretraining": changed.pretraining == recipe.pretraining,
        "data": replace(changed.data, validation=recipe.data.validation, test=recipe.data.test)
        == recipe.data,
    }
    for table, same in settled.items():
        if not same:
            raise RecipeError(
                f"The {table} settings of {run} cannot be changed: its network is already "
                "pre-trained, and DATA and --target name the data. sdae finetune can set "
                "finetuning.…, data.validation, data.test and seed. Train a new run to change "
                "other settings."
            )
    return changed
