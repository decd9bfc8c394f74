"""The commands put together, and what becomes of errors: one sentence and exit code 2."""

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import sdae
from sdae.cli import denoise, encode, evaluate, finetune, info, plot, predict, train
from sdae.errors import SdaeError


class Commands(TyperGroup):
    """The commands; a user's mistake is told in one sentence, never as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command and turn our own errors and Ctrl-C into a message and an exit code."""
        try:
            return super().invoke(ctx)
        except SdaeError as error:
            _say(f"Error: {error}")
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            _say("Interrupted. Nothing was written.")
            raise typer.Exit(130) from None
        except (MemoryError, RuntimeError) as error:
            if not isinstance(error, MemoryError) and not _tells_of_memory(error):
                raise
            _say("Error: not enough memory. Use fewer rows, or a smaller network.")
            raise typer.Exit(2) from None


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
        print(f"sdae {sdae.__version__}")
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


app.command("train")(train.train)
app.command("finetune")(finetune.finetune)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("encode")(encode.encode)
app.command("denoise")(denoise.denoise)
app.command("info")(info.info)
app.command("plot")(plot.plot)


def main() -> None:
    """Run the command line."""
    app()


def _tells_of_memory(error: RuntimeError) -> bool:
    """Tell whether torch ran out of memory, which on the CPU only the text says."""
    text = str(error)
    return "allocate memory" in text or "Storage size" in text or "out of memory" in text


def _say(message: str) -> None:
    print(message, file=sys.stderr)
