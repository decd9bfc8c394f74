"""``sdae train``: train a network and write a run folder."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from sdae.app.cli.commands.report import report_of
from sdae.app.cli.following import check_same_command, dismiss, follow, lead
from sdae.app.cli.launched import Launched
from sdae.app.cli.options import (
    CheckpointOption,
    ClassWeightOption,
    DeviceOption,
    LabelsOption,
    MemoryOption,
    QuietOption,
    ScratchOption,
    TargetOption,
    TaskChoice,
    TaskOption,
    ThreadsOption,
    use_threads,
)
from sdae.app.cli.progress import CompilingNote
from sdae.app.cli.restarts import NOTHING_LEFT, continues, has_ended, note
from sdae.app.cli.summary import print_estimate
from sdae.app.cli.table_options import (
    CategoricalOption,
    DatesOption,
    DecimalOption,
    DropOption,
    IdOption,
    KeepOption,
    NaOption,
    SepOption,
    content_of,
)
from sdae.app.cli.terminal import new_console, say
from sdae.app.cli.tracker_options import MlflowOption, TensorboardOption, Trackers
from sdae.app.cli.train_and_write import train_and_keep
from sdae.app.recipes import load_recipe
from sdae.app.recipes.recipe import Recipe
from sdae.app.report.report_file import check_extra
from sdae.app.runs.estimate import NO_ESTIMATE, estimate
from sdae.app.runs.ladder_runs import settled_recipe, worded
from sdae.app.runs.lifecycle import held_run, new_run, resumed_run
from sdae.app.runs.output_paths import check_new_run
from sdae.app.runs.prepare import prepare
from sdae.app.runs.run_folder import REPORT, RunFolder
from sdae.app.runs.run_recipe import build_stack
from sdae.core.devices import resolve_device
from sdae.data.stored.paths import NPY, kind_of
from sdae.data.tables import is_table
from sdae.data.tables.formats import STANDARD_INPUT
from sdae.train.checkpoints.frequency import Frequency


def train(
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            help="'mnist'; a table: .csv, .tsv, .txt, .parquet, .feather or .arrow; arrays: .npz "
            "or .npy; a folder of .npy, .parquet, .feather or IDX files; or the tutorial's "
            "mnist.pkl.gz. - reads a CSV from standard input. Default: the data of the recipe.",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="default, arrays, table, ladder (for few labels), tutorial, or a .toml file. "
            "Default: 'default' for mnist, 'table' for tables and folders of them, 'arrays' for "
            "others.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the recipe."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Folder to create. Default: a new one in runs/."),
    ] = None,
    target: TargetOption = None,
    task: TaskOption = TaskChoice.auto,
    class_weight: ClassWeightOption = None,
    labels: LabelsOption = None,
    unlabeled: Annotated[
        str | None, typer.Option(metavar="FILE", help="More rows, without labels.")
    ] = None,
    validation: Annotated[
        float | None, typer.Option(help="Share of rows for validation, if DATA has no such part.")
    ] = None,
    test: Annotated[
        float | None, typer.Option(help="Share of rows for testing, if DATA has no such part.")
    ] = None,
    sep: SepOption = None,
    decimal: DecimalOption = None,
    na_values: NaOption = None,
    parse_dates: DatesOption = None,
    categorical: CategoricalOption = None,
    drop: DropOption = None,
    keep: KeepOption = None,
    id: IdOption = None,
    memory: MemoryOption = None,
    scratch: ScratchOption = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of all random numbers.")] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    checkpoint_every: CheckpointOption = "60s",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing run.")] = False,
    tensorboard: TensorboardOption = None,
    mlflow: MlflowOption = None,
    report: Annotated[
        bool, typer.Option("--report", help="Also write the page of sdae report at the end.")
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Pre-train layer by layer, fine-tune on the labels, and save the run.

    Without labels the network is only pre-trained; fine-tune it later with sdae finetune. Continue
    an interrupted training with sdae resume.

    Example: sdae train flowers.csv --target species --out runs/flowers
    """
    launched = Launched.by(os.environ)
    with launched.together(device) as processes:
        check_same_command(processes, context.params)
        use_threads(launched.threads(threads))
        device = str(resolve_device(device))
        if not processes.is_first:
            follow(processes, device)
            return
        if report:
            check_extra()
        trackers = Trackers(tensorboard, mlflow)
        chosen = resolve_recipe(
            data,
            recipe,
            settings or [],
            target=target,
            unlabeled=unlabeled,
            validation=validation,
            test=test,
            seed=seed,
            table={
                "task": task.task and str(task.task),
                "class_weight": class_weight,
                "labels": labels,
                "memory": memory,
                "separator": sep,
                "decimal": decimal,
                "na_values": na_values,
                "parse_dates": parse_dates,
                "categorical": categorical,
                "drop": drop,
                "keep": keep,
                "id": id,
            },
        )
        name = Path(recipe).stem if recipe else _default_recipe(chosen.data.source)
        source = chosen.data.source
        stem = "stdin" if source == STANDARD_INPUT else Path(source).name.split(".")[0]
        default = Path("runs", f"{stem}-{name}")
        console = new_console(quiet=quiet)
        Frequency.read(checkpoint_every, "sdae train", "--checkpoint-every")
        read = [chosen.data.source, chosen.data.unlabeled, recipe]
        if out is not None and has_ended(launched, out):
            dismiss(processes)
            _end_again(out, report)
            return
        if not continues(launched, out, chosen):
            check_new_run(out or default, [] if out is None else read)
        trackers.check(out or default)
        content = content_of(source)
        launched.check(chosen, out)
        with _run_at(out or default, chosen, launched, force=force, numbered=out is None) as run:
            note(launched, run)
            rounded = run.rounds_tables()
            lead(processes, chosen, rounded=rounded, scratch=scratch)
            prepared = prepare(
                chosen.data,
                chosen.model.decoder[0],
                chosen.seed,
                rounded=rounded,
                content=content,
                scratch=scratch,
            )
            compiling = [CompilingNote(console)]
            settled = settled_recipe(chosen, prepared, device, compiling, processes)
            if settled != chosen:
                run.save_recipe(settled)
            chosen, prepared = settled, worded(settled, prepared)
            stack = build_stack(chosen, prepared)
            expected = NO_ESTIMATE
            if processes.size == 1:
                expected = estimate(chosen, prepared, stack, device, compiling)
            print_estimate(console, expected, prepared, stack, device)
            with trackers.open(run.path, chosen) as tracking:
                last = train_and_keep(
                    run,
                    chosen,
                    prepared,
                    stack,
                    device,
                    checkpoint_every,
                    console,
                    tracking,
                    processes,
                    scratch,
                )
    say(f"{last} (report: {report_of(run)})" if report else last)


def _end_again(path: Path, report: bool) -> None:
    """Say that a run was finished before the restart; write the report that it may lack."""
    with held_run(path) as run:  # removes what the process before left beside it
        lacks_report = report and not (run.path / REPORT).exists()
    if lacks_report:
        report_of(run)
    say(NOTHING_LEFT.format(path))


def _run_at(
    path: Path, recipe: Recipe, launched: Launched, *, force: bool, numbered: bool
) -> AbstractContextManager[RunFolder]:
    """Start a run; after a restart by torchrun, resume the one that was started before it."""
    if continues(launched, path, recipe):
        return resumed_run(path)
    return new_run(path, recipe, force=force, numbered=numbered)


def resolve_recipe(
    data: str | None,
    name: str | None,
    settings: list[str],
    *,
    target: Sequence[str] | None = None,
    unlabeled: str | None = None,
    validation: float | None = None,
    test: float | None = None,
    seed: int | None = None,
    table: Mapping[str, object] = MappingProxyType({}),
) -> Recipe:
    """Return the recipe with the values of the command line applied."""
    given = {
        "data.source": data,
        "data.target": target,
        "data.unlabeled": unlabeled,
        "data.validation": validation,
        "data.test": test,
        "seed": seed,
        **{f"data.{key}": value for key, value in table.items()},
    }
    # JSON texts and numbers are valid TOML.
    laid_over = [
        f"{key}={json.dumps(value, ensure_ascii=False)}"
        for key, value in given.items()
        if value not in (None, [])
    ]
    overrides = [*settings, *laid_over]
    if name is None:  # a setting may name the data
        of_data = [each for each in overrides if each.partition("=")[0].strip() == "data.source"]
        name = _default_recipe(load_recipe("default", of_data).data.source)
    return load_recipe(name, overrides)


def _default_recipe(source: str) -> str:
    if source == "mnist":
        return "default"
    of_tables = is_table(source) or kind_of(Path(source)) not in (None, NPY)  # or a folder of them
    return "table" if of_tables else "arrays"
