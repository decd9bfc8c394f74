"""The application with all commands. Errors become one sentence and exit code 2."""

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sdae._version import __version__
from sdae.app.cli.command_list import COMMANDS, may_run
from sdae.app.cli.interrupts import handled
from sdae.app.cli.terminal import report_error, say
from sdae.core.errors import InvalidParameterError, RecipeError, SdaeError
from sdae.core.user_warnings import DataWarning, SlowReadingWarning

_WITH_LINES = (InvalidParameterError, RecipeError)  # each line is one problem


class ImportedLate(Mapping[str, Any]):
    """The commands by name; the file of each is imported when it is asked for."""

    def __init__(self) -> None:
        self._imported: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        if name not in self._imported:
            function = getattr(COMMANDS[name].file(), name)
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command(name)(function)
            self._imported[name] = typer.main.get_command(alone)
        return self._imported[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Commands(TyperGroup):
    """The commands; a user's mistake is reported in one sentence, never as a traceback."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        commands: Any = ImportedLate()
        self.commands = commands

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        """Write what each command does, without importing it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, listed.what) for name, listed in COMMANDS.items()])

    def invoke(self, ctx: Any) -> Any:
        """Run a command; turn the package's errors and signals into a message and an exit code."""
        try:
            with handled(), printed_warnings():
                return super().invoke(ctx)
        except SdaeError as error:
            message = " ".join([f"Error: {error}", *_notes(error)])
            report_error(message, lines=isinstance(error, _WITH_LINES))
            raise typer.Exit(2) from None
        except KeyboardInterrupt as interrupt:
            report_error(
                " ".join(["Interrupted.", *(_notes(interrupt) or ["Nothing was written."])])
            )
            raise typer.Exit(getattr(interrupt, "exit_code", 130)) from None
        except (MemoryError, RuntimeError) as error:
            if not isinstance(error, MemoryError) and not _is_out_of_memory(error):
                raise
            report_error("Error: not enough memory. Use fewer rows, or a smaller network.")
            raise typer.Exit(2) from None


@contextmanager
def printed_warnings() -> Iterator[None]:
    """Print the warnings of the package: those of its log, about data and about slow reading."""
    log, handler = logging.getLogger("sdae"), _WarningPrinter(logging.WARNING)
    log.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", DataWarning)
            warnings.simplefilter("always", SlowReadingWarning)
            warnings.showwarning = _printed_by(warnings.showwarning)
            yield
    finally:
        log.removeHandler(handler)


def _printed_by(others: Callable[..., None]) -> Callable[..., None]:
    """Return what prints a warning about data or reading as a line, and passes `others` on."""

    def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
        if isinstance(message, SlowReadingWarning):
            report_error(f"Warning: {message.in_commands}")
        elif issubclass(category, DataWarning):
            report_error(f"Warning: {message}")
        else:
            others(message, category, *where)

    return show


class _WarningPrinter(logging.Handler):
    """Prints warnings on the current standard error, which a live display may replace."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a warning."""
        report_error(f"Warning: {record.getMessage()}")


app = typer.Typer(
    name="sdae",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(asked: bool) -> None:
    if asked:
        say(f"sdae {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Stacked denoising autoencoders: pre-train on all rows, fine-tune on the labelled ones."""
    if not may_run(context.invoked_subcommand, os.environ):
        raise typer.Exit(2)


def import_named(words: list[str]) -> None:
    """Import the file of the command that a command line names, if it does."""
    name = next((word for word in words if not word.startswith("-")), None)
    if name in COMMANDS:
        COMMANDS[name].file()


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether torch ran out of memory; on the CPU only the text of the error says so."""
    text = str(error)
    return "allocate memory" in text or "Storage size" in text or "out of memory" in text


def _notes(error: BaseException) -> list[str]:
    return getattr(error, "__notes__", [])
