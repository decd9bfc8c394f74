"""``sdae runs`` and ``sdae diff``: list and compare runs."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sdae.app.cli.options import RunArgument
from sdae.app.cli.terminal import cells, say, table_console
from sdae.app.runs.overview import Overview, differences, runs_in
from sdae.app.runs.run_folder import open_run
from sdae.core.errors import FileAccessError


class Order(StrEnum):
    """What to sort runs by."""

    name = "name"
    test = "test"
    validation = "validation"
    minutes = "minutes"
    date = "date"


def runs(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Folder of the runs.")] = Path(
        "runs"
    ),
    sort: Annotated[Order, typer.Option(help="What to sort by.")] = Order.name,
) -> None:
    """List runs with their results.

    Example: sdae runs --sort test
    """
    if not folder.is_dir():
        raise FileAccessError(
            f"The folder {folder} does not exist. Name the folder that holds the runs."
        )
    found = sorted(runs_in(folder), key=lambda run: _key(run, sort))
    if not found:
        say(f"No runs in {folder}. Train one with: sdae train DATA")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("run", "data", "network", "validation", "test"):
        table.add_column(name, no_wrap=name in ("validation", "test"))
    for name in ("epochs", "minutes", "begun", "state"):
        table.add_column(name, justify="right" if name in ("epochs", "minutes") else "left")
    for run in found:
        table.add_row(
            *cells(run.path.name, run.data, run.network),
            _percent(run.validation_error),
            _percent(run.test_error),
            str(run.epochs),
            f"{run.minutes:.2f}",
            time.strftime("%Y-%m-%d %H:%M", time.localtime(run.changed)) if run.changed else "",
            *cells(run.state),
        )
    table_console().print(table)


def diff(
    run: RunArgument,
    other: Annotated[Path, typer.Argument(metavar="OTHER", help="Folder of another run.")],
) -> None:
    """Show what differs between two runs: their recipes, results and versions.

    Example: sdae diff runs/mnist-default runs/mnist-tutorial
    """
    found = list(differences(open_run(run), open_run(other)))
    if not found:
        say("They do not differ.")
        return
    table = Table(box=None, pad_edge=False)
    for name in cells("", str(run), str(other)):
        table.add_column(name)
    for row in found:
        table.add_row(*cells(*row))
    table_console().print(table)


def _key(run: Overview, order: Order) -> tuple[float, str]:
    last = float("inf")
    value: float | None = {
        Order.name: 0.0,
        Order.test: run.test_error,
        Order.validation: run.validation_error,
        Order.minutes: run.minutes,
        Order.date: run.changed,
    }[order]
    return (last if value is None else value, run.path.name)


def _percent(error: float | None) -> str:
    return "–" if error is None else f"{100 * error:.2f} %"
