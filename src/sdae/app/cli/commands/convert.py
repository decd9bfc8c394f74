"""``sdae convert``: rewrite rows, so that training can read them from the disk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sdae.app.cli.terminal import new_console, say
from sdae.app.runs.output_paths import output_file
from sdae.core.errors import FileAccessError, invalid_parameter
from sdae.core.wording import plain
from sdae.data.stored.converting import converted
from sdae.data.stored.paths import NPY, kind_of
from sdae.data.stored.shard import ROWS_PER_GROUP


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="A .csv, .csv.gz, .npy, .parquet, .feather or .arrow file of numbers, or a folder "
            "of one of these kinds, except CSV.",
        ),
    ],
    destination: Annotated[
        Path,
        typer.Argument(metavar="FILE", help=".parquet, .feather, .arrow or .npy file to write."),
    ],
    target: Annotated[
        str | None,
        typer.Option(help="Column that holds the labels, which may be texts. Not for .npy."),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns",
            metavar="NAME",
            help="Column to write; give it several times for several, in their order. Default: all "
            "but the target.",
        ),
    ] = None,
    rows_per_group: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Rows that are decoded together later."),
    ] = ROWS_PER_GROUP,
    float32: Annotated[
        bool,
        typer.Option(
            "--float32",
            help="Round numbers to 32 bits, which take half the room. Default: only where all are "
            "exact.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Rewrite rows into one file, some at a time: they may be more than the memory holds.

    Without names, as in .npy, a column is its position, from 0. Training reads the new file from
    the disk, by sdae.data.open_rows.

    Example: sdae convert big.csv big.parquet --target species
    """
    end = output_file(destination, [source])
    if end.exists() and not force:
        raise FileAccessError(
            f"{destination} already exists. Choose another name, or use --force to replace it."
        )
    picked: list[str] | list[int] | None = columns or None
    label: str | int | None = target
    if kind_of(source) == NPY:
        picked = [_place(column, "--columns") for column in columns] if columns else None
        label = None if target is None else _place(target, "--target")
    with _progress(source) as done:
        written = converted(
            source,
            end,
            picked,
            label,
            rows_per_group=rows_per_group,
            float32=float32,
            done=done,
        )
    rows, columns_ = (
        f"{number:,} {word}{'s' * (number != 1)}"
        for number, word in ((written.n_rows, "row"), (written.n_columns, "column"))
    )
    say(f"{rows} of {columns_}, {written.n_bytes:,} bytes, written to {destination}")


def _place(column: str, option: str) -> int:
    """Return the position of a column that does not have a name."""
    if column.isascii() and column.isdigit():
        return int(column)
    wanted = "the position of a column, from 0, since columns of .npy files do not have names"
    raise invalid_parameter(option, "sdae convert", wanted, column)


@contextmanager
def _progress(source: Path) -> Iterator[Callable[[float], None]]:
    """Yield what shows which share of the source has been read, on a terminal."""
    console = new_console()
    if not console.is_terminal:
        yield lambda _: None
        return
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:.0f} %"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=console,
    ) as progress:
        task = progress.add_task(plain(source.name, 32), total=1.0)
        yield lambda share: progress.update(task, completed=share)
