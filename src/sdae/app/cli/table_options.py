"""Options of commands that read a table, and standard input as a file."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from sdae.core.errors import FileAccessError, FileFormatError
from sdae.core.files import MAX_BYTES, read_bytes
from sdae.data.tables.formats import STANDARD_INPUT, check_format
from sdae.data.tables.options import ReadOptions

TableArgument = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="A .csv, .tsv or .txt (also .gz, .bz2, .xz, .zip), .parquet, .feather or .arrow file; "
        "- reads standard input.",
    ),
]
SepOption = Annotated[
    str | None, typer.Option("--sep", help="Character between fields, or tab. Default: found.")
]
DecimalOption = Annotated[
    str | None, typer.Option(help="Decimal character: . or a comma. Default: found.")
]
ThousandsOption = Annotated[
    str | None, typer.Option(help="Character between groups of three digits. Default: found.")
]
NaOption = Annotated[
    list[str] | None,
    typer.Option("--na-values", help="Word that means a missing value; several times for more."),
]
DatesOption = Annotated[
    list[str] | None, typer.Option("--parse-dates", help="Column of dates (ISO 8601).")
]
CategoricalOption = Annotated[
    list[str] | None, typer.Option(help="Column of categories, whatever it holds.")
]
DropOption = Annotated[list[str] | None, typer.Option(help="Column to leave out.")]
KeepOption = Annotated[
    list[str] | None,
    typer.Option(help="Column to read, beside the target; others are left out."),
]
IdOption = Annotated[
    list[str] | None,
    typer.Option("--id", help="Column that names rows: copied to predictions, not a feature."),
]


def read_options(
    *,
    sep: str | None,
    decimal: str | None,
    thousands: str | None,
    na_values: Sequence[str] | None,
    parse_dates: Sequence[str] | None,
    categorical: Sequence[str] | None,
    drop: Sequence[str] | None,
    keep: Sequence[str] | None,
    id: Sequence[str] | None,
) -> ReadOptions:
    """Return how to read a table, from the options of a command.

    Raises
    ------
    InvalidParameterError
        If one of them has a value that is not allowed.
    """
    return ReadOptions(
        separator=sep,
        decimal=decimal,
        thousands=thousands,
        na_values=frozenset(na_values or ()),
        parse_dates=frozenset(parse_dates or ()),
        categorical=frozenset(categorical or ()),
        drop=frozenset(drop or ()),
        keep=frozenset(keep or ()),
        id=tuple(id or ()),
    )


def bytes_of(table: str) -> bytes:
    """Return the bytes of a file of a table, or of standard input.

    Raises
    ------
    FileAccessError, FileFormatError
        If it cannot be read, or is too large.
    DataError
        If it is of a format that is not read here.
    """
    content = content_of(table)
    if content is None:
        check_format(Path(table))
        content = read_bytes(table)
    return content


def content_of(table: str) -> bytes | None:
    """Return the bytes of standard input if the table is "-", otherwise None.

    Raises
    ------
    FileAccessError
        If standard input is closed, or is a terminal.
    FileFormatError
        If it holds too much.
    """
    if table != STANDARD_INPUT:
        return None
    if sys.stdin is None:
        raise FileAccessError("Cannot read standard input: it is closed. Name a file.")
    if sys.stdin.isatty():
        raise FileAccessError(
            "Standard input is this terminal. Pipe a table into the command, or name a file (of "
            "sdae resume with --data)."
        )
    try:
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise FileAccessError(f"Cannot read standard input: {error}. Name a file.") from None
    if len(content) > MAX_BYTES:
        raise FileFormatError(f"Standard input is longer than {MAX_BYTES:,} bytes. Name a file.")
    return content
