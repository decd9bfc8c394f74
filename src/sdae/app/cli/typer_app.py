"""The application with all commands. Errors become one sentence and exit code 2."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sdae._version import __version__
from sdae.app.cli.commands import (
    compare,
    denoise,
    doctor,
    encode,
    evaluate,
    export,
    finetune,
    impute,
    info,
    inspect,
    plot,
    predict,
    report,
    resume,
    runs,
    train,
    verify,
    watch,
)
from sdae.app.cli.interrupts import handled
from sdae.app.cli.terminal import report_error, say
from sdae.core.errors import InvalidParameterError, RecipeError, SdaeError
from sdae.core.user_warnings import DataWarning

_WITH_LINES = (InvalidParameterError, RecipeError)  # each line is one problem


class Commands(TyperGroup):
    """The commands; a user's mistake is reported in one sentence, never as a traceback."""

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
    """Print the warnings of the package, those of its log and those about data."""
    log, handler = logging.getLogger("sdae"), _WarningPrinter(logging.WARNING)
    log.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", DataWarning)
            warnings.showwarning = _printed_by(warnings.showwarning)
            yield
    finally:
        log.removeHandler(handler)


def _printed_by(others: Callable[..., None]) -> Callable[..., None]:
    """Return what prints a warning about data as a line, and passes `others` on."""

    def show(message: Warning | str, category: type[Warning], *where: Any) -> None:
        if issubclass(category, DataWarning):
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
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Stacked denoising autoencoders: pre-train on all rows, fine-tune on the labelled ones."""


app.command("inspect")(inspect.inspect)
app.command("train")(train.train)
app.command("resume")(resume.resume)
app.command("finetune")(finetune.finetune)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("encode")(encode.encode)
app.command("denoise")(denoise.denoise)
app.command("impute")(impute.impute)
app.command("info")(info.info)
app.command("plot")(plot.plot)
app.command("doctor")(doctor.doctor)
app.command("report")(report.report)
app.command("export")(export.export)
app.command("verify")(verify.verify)
app.command("compare")(compare.compare)
app.command("runs")(runs.runs)
app.command("diff")(runs.diff)
app.command("watch")(watch.watch)


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether torch ran out of memory; on the CPU only the text of the error says so."""
    text = str(error)
    return "allocate memory" in text or "Storage size" in text or "out of memory" in text


def _notes(error: BaseException) -> list[str]:
    return getattr(error, "__notes__", [])
