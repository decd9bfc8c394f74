"""``sdae inspect``: look at a table before anything is trained."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sdae.app.cli.options import TargetOption
from sdae.app.cli.table_options import (
    CategoricalOption,
    DatesOption,
    DecimalOption,
    DropOption,
    IdOption,
    KeepOption,
    NaOption,
    SepOption,
    TableArgument,
    ThousandsOption,
    content_of,
    read_options,
)
from sdae.app.cli.terminal import cells, say, table_console
from sdae.app.inspection import Inspection, inspect_table
from sdae.app.inspection.target import Target
from sdae.core.errors import DataError, SdaeError
from sdae.core.wording import plain, quoted
from sdae.data.label_columns import names_of_targets
from sdae.data.stored.opening import holds_lists
from sdae.data.tables.formats import STANDARD_INPUT
from sdae.data.tables.reading import read_table
from sdae.data.task import Task

_MOST_CHARACTERS = 1000
_SEPARATORS = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "|"}


def inspect(
    table: TableArgument,
    target: TargetOption = None,
    sep: SepOption = None,
    decimal: DecimalOption = None,
    thousands: ThousandsOption = None,
    na_values: NaOption = None,
    parse_dates: DatesOption = None,
    categorical: CategoricalOption = None,
    drop: DropOption = None,
    keep: KeepOption = None,
    id: IdOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Look at a table: what each column is, what is done with it, and all that is suspect.

    Example: sdae inspect flowers.csv --target species
    """
    options = read_options(
        sep=sep,
        decimal=decimal,
        thousands=thousands,
        na_values=na_values,
        parse_dates=parse_dates,
        categorical=categorical,
        drop=drop,
        keep=keep,
        id=id,
    )
    targets = names_of_targets(target)
    if table != STANDARD_INPUT and _holds_lists(table):
        raise DataError(
            f"{table} holds its rows in one column of lists, as sdae convert writes them. Training "
            "reads it, but sdae inspect looks at tables: give it the file that was converted."
        )
    file = read_table(table, options, content=content_of(table), targets=targets, strict=False)
    found = inspect_table(file, targets, options)
    if as_json:
        for line in found.to_text().splitlines():
            say(line)
    else:
        _print(found)


def _holds_lists(table: str) -> bool:
    try:
        return holds_lists(Path(table))
    except (SdaeError, ValueError):  # reading it says what is wrong
        return False


def _print(found: Inspection) -> None:
    file = found.file
    written = ""
    if file.separator is not None:
        name = _SEPARATORS.get(file.separator, repr(file.separator))
        written = f"; separator {name}, decimal {'comma' if file.decimal == ',' else 'point'}"
    say(f"{file.source}: {found.n_rows:,} rows, {len(found.lines):,} columns{written}")
    for note in found.notes:
        say(plain(note.text, _MOST_CHARACTERS))
    table = Table(box=None, pad_edge=False)
    for name in ("column", "kind", "gaps", "values", "what is done with it", "suspect"):
        table.add_column(name, justify="right" if name == "gaps" else "left")
    for line in found.lines:
        suspect = ", ".join(kind.replace("_", " ") for kind in line.suspects)
        table.add_row(*cells(line.name, line.kind, line.gaps, line.values, line.treatment, suspect))
    table_console().print(table)
    if found.target is not None:
        say(_target_line(found.target))
    for problem in found.problems:
        settled = ""
        if problem.option:
            # Some sentences end with a line of Python, which is the other way.
            begin = " Settle it with" if problem.text.endswith(".") else ". Or settle it with"
            settled = f"{begin}: {problem.option}"
        label = "Stops training" if problem.stops else "Suspect"
        say(f"{label}: {plain(problem.text, _MOST_CHARACTERS)}{settled}")
    n_stopping = sum(problem.stops for problem in found.problems)
    if n_stopping:
        say(f"{n_stopping} of {len(found.problems)} problems would stop training.")
    else:
        n_suspect = len(found.problems)
        say(f"Nothing stops training; {n_suspect} suspect{'s' * (n_suspect != 1)}.")


def _target_line(target: Target) -> str:
    line = f"Target {', '.join(map(quoted, target.names))}: {target.task} ({target.reason})"
    majority = target.majority
    if majority is not None:
        line += f", {len(target.classes)} classes, {majority[1]:.1%} are {quoted(majority[0])}"
    if target.task is Task.REGRESSION and target.minimum is not None:
        line += f", {target.minimum:g} to {target.maximum:g}, mean {target.mean:g}"
    without = target.n_missing
    return f"{line}, {without:,} rows without it ({without / target.n_rows:.1%})"
