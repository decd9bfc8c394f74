"""``sdae report``: write a page about a run."""

from pathlib import Path
from typing import Annotated

import typer

from sdae.app.cli.options import RunArgument, TargetOption
from sdae.app.cli.terminal import say
from sdae.app.report.report_file import write_report
from sdae.app.runs.output_paths import files_of, output_file
from sdae.app.runs.run_folder import RunFolder, open_run
from sdae.core.errors import SdaeError
from sdae.core.files import end_of


def report(
    run: RunArgument,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]", help="Rows to show, as for predict. Default: the run's own data."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="FILE.html", help="Page to write. Default: RUN/report.html."
        ),
    ] = None,
    target: TargetOption = None,
    playground: Annotated[
        bool,
        typer.Option(
            "--playground/--no-playground",
            help="Put the network into the page, so that readers can try it.",
        ),
    ] = True,
) -> None:
    """Write one HTML file about a run: its training, what each layer learned, its results.

    The page works without internet access and without a server.

    Example: sdae report runs/mnist-default -o report.html
    """
    folder = open_run(run)
    if out is not None and (out := end_of(out)).parent.resolve() != run.resolve():
        source = folder.recipe().data.source if data is None else data
        out = output_file(out, [*files_of(folder), source])
    path, facts = write_report(folder, out, data, target, playground=playground)
    if facts.unread is not None:
        say(f"The parts that need rows are left out: {facts.unread}")
    if facts.rows is not None and facts.rows.changed:
        say(
            f"The data, {facts.rows.source}, have changed since training: their rows are shown as "
            "rows that were given, not as test rows."
        )
    say(f"Report written to {path} ({path.stat().st_size / 1e6:.1f} MB)")


def report_of(run: RunFolder) -> Path:
    """Write the report of a run that has just been trained, and return its path."""
    try:
        return write_report(run)[0]
    except SdaeError as error:
        error.add_note(f"The run itself is complete: {run.path}")
        raise
