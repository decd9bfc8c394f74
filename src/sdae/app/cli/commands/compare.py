"""``sdae compare``: measure whether pre-training helped."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from sdae.app.cli.options import (
    DataArgument,
    QuietOption,
    TargetOption,
    TaskChoice,
    TaskOption,
    ThreadsOption,
    use_threads,
)
from sdae.app.cli.table_options import (
    CategoricalOption,
    DatesOption,
    DecimalOption,
    DropOption,
    IdOption,
    KeepOption,
    NaOption,
    SepOption,
    read_options,
)
from sdae.app.cli.terminal import new_console, say, say_on
from sdae.app.runs.output_paths import output_file, output_folder
from sdae.core.errors import MissingExtraError
from sdae.core.files import end_of, translate_os_errors
from sdae.train.checkpoints.lock import locked

if TYPE_CHECKING:
    from sdae.app.compare.result_table import Line
    from sdae.app.compare.study_run import Plan
    from sdae.app.compare.study_run import Progress as Reached


def compare(
    data: DataArgument,
    target: TargetOption = None,
    task: TaskOption = TaskChoice.auto,
    labels: Annotated[
        str,
        typer.Option(metavar="N,N,…", help="Numbers of labelled rows; 'all' uses all."),
    ] = "50,100,300,1000,3000,all",
    seeds: Annotated[int, typer.Option(metavar="N", help="Number of different splits.")] = 10,
    models: Annotated[
        str,
        typer.Option(
            metavar="NAME,…",
            help="Models to compare the two networks with; 'random' for none. Also, many times as "
            "slow: agreement, agreement_random, ladder; 'all' for every one.",
        ),
    ] = "logistic,boosting,svm,mlp,self_training,label_spreading",
    unlabeled: Annotated[
        str | None, typer.Option(metavar="FILE", help="More rows, which have no labels.")
    ] = None,
    sep: SepOption = None,
    decimal: DecimalOption = None,
    na_values: NaOption = None,
    parse_dates: DatesOption = None,
    categorical: CategoricalOption = None,
    drop: DropOption = None,
    keep: KeepOption = None,
    id: IdOption = None,
    test: Annotated[float, typer.Option(help="Share of rows that each seed is tested on.")] = 0.25,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A parameter of SDAEClassifier, or of SDAERegressor."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where results are saved. Default: in compare/."),
    ] = None,
    threads: ThreadsOption = None,
    quiet: QuietOption = False,
) -> None:
    """Compare a network pre-trained on all rows with the same network from random weights.

    Both are compared with other models, for several numbers of labelled rows, each with the same
    small tuning. If it is interrupted, give the command again to continue.

    Example: sdae compare flowers.csv --target species --labels 12,all --seeds 3
    """
    # Imported here, so that other commands do not wait for scikit-learn.
    from sdae.app.compare.result_cache import CELLS, CellCache
    from sdae.app.compare.result_table import table_lines
    from sdae.app.compare.study import Study, read_labels, read_models, read_network
    from sdae.app.compare.study_data import load_study_data
    from sdae.app.compare.study_files import (
        FILES,
        details,
        draw,
        verdict_of,
        verdict_with_agreement,
        write_table_and_verdict,
    )
    from sdae.app.compare.study_run import plan, run_study

    folder = out or Path("compare") / Path(data).name.split(".")[0]
    output_folder(folder)
    use_threads(threads)
    study = Study(
        labels=read_labels(labels),
        seeds=seeds,
        models=read_models(models),
        test=test,
        network=read_network(settings or []),
    )
    options = read_options(
        sep=sep,
        decimal=decimal,
        thousands=None,
        na_values=na_values,
        parse_dates=parse_dates,
        categorical=categorical,
        drop=drop,
        keep=keep,
        id=id,
    )
    rows = load_study_data(data, target, unlabeled, options, task.task)
    planned = plan(study, rows)
    console = new_console(quiet=quiet)
    _announce(console, planned, rows.name, len(rows.unlabelled), study.seeds)
    with translate_os_errors(folder, "write"):
        folder.mkdir(parents=True, exist_ok=True)
    for name in (CELLS, *FILES):
        output_file(folder / name, [data, unlabeled])
    with locked(folder):
        cache = CellCache(end_of(folder / CELLS))
        with _watching(console, folder) as watch:
            cells = run_study(study, rows, cache, watch)
        write_table_and_verdict(cells, folder)
        try:
            draw(cells, rows.name, folder)
        except MissingExtraError as missing:
            say_on(console, f"No picture: {missing}")
    if rows.variance is not None:
        say_on(console, "Errors are mean squared errors in % of the target's variance.")
    console.print(_shown(table_lines(cells), of_values=rows.variance is not None))
    lines = (*details(cells), *verdict_with_agreement(cells), f"Results written to {folder}")
    for line in lines:
        say_on(console, line)
    say(verdict_of(cells))


def _announce(console: Console, planned: "Plan", name: str, n_more: int, n_seeds: int) -> None:
    more = f" and {n_more:,} more without labels" if n_more else ""
    lines = [
        f"{name}: {planned.n_pool:,} training rows{more}, tested on other rows; {n_seeds} seeds, "
        f"{n_seeds * planned.n_models} results to compute.",
        *planned.notes,
    ]
    for line in lines:
        say_on(console, line)


class Watcher:
    """Shows each result: as a bar on a terminal, as a line elsewhere."""

    def __init__(self, console: Console) -> None:
        self.n_done = 0
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=12),
            TextColumn("{task.completed}/{task.total}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("Comparing", total=None)

    def __enter__(self) -> "Watcher":
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()

    def __call__(self, reached: "Reached") -> None:
        """Show a result."""
        cell, self.n_done = reached.cell, reached.done
        what = f"seed {cell.seed}, {cell.labels:,} labels, {cell.model}"
        if self._console.is_terminal:
            self._bar.update(
                self._task, completed=reached.done, total=reached.total, description=what
            )
            return
        found = "known" if reached.known else f"{cell.tuning_seconds + cell.fit_seconds:.1f} s"
        error = f"error {100 * cell.error:.2f} %"
        say_on(self._console, f"{reached.done}/{reached.total}  {what}: {error}, {found}")


@contextmanager
def _watching(console: Console, folder: Path) -> Iterator[Watcher]:
    """Show results; if interrupted, report what is saved and how to continue."""
    with Watcher(console) as watcher:
        try:
            yield watcher
        except BaseException as reason:
            if watcher.n_done:
                kept = f"{watcher.n_done} results are saved in {folder}"
                reason.add_note(f"{kept}. To continue, run the same command again.")
            raise


def _shown(lines: list["Line"], *, of_values: bool) -> Table:
    """Return the table for the terminal; errors of values are shares of their variance."""
    from sdae.app.compare.study import TITLES

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("labels", "model"):
        table.add_column(name, justify="right" if name == "labels" else "left")
    for name in ("error, %", "95 %", "fit, s", "tuning, s", "MiB"):
        table.add_column(name, justify="right", no_wrap=True)
    for place, line in enumerate(lines):
        error = line.error
        first = place == 0 or lines[place - 1].labels != line.labels
        last = place + 1 == len(lines) or lines[place + 1].labels != line.labels
        low, high = max(0.0, error.low), error.high if of_values else min(1.0, error.high)
        table.add_row(
            f"{'all ' if line.all_rows else ''}{line.labels:,}" if first else "",
            TITLES[line.model],
            f"{100 * error.mean:.2f}",
            f"{100 * low:.2f}–{100 * high:.2f}",
            f"{line.fit_seconds:.2f}",
            f"{line.tuning_seconds:.2f}",
            "–" if line.memory is None else f"{line.memory:.0f}",
            end_section=last,
        )
    return table
