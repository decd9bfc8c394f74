"""A hostile file, and the ways into the package that must all refuse it."""

import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from typer.main import get_command

import sdae
from sdae.app.cli.typer_app import app
from sdae.app.recipes import load_recipe
from sdae.app.runs.run_folder import open_model, open_run
from sdae.core.errors import SdaeError
from sdae.core.model_file import load_model
from sdae.data import load_dataset

Way = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """One file or folder.

    Attributes
    ----------
    name : str
        Of its own.
    make : callable
        Writes it into an empty folder.
    ways : sequence of callables
        Each loads it from that folder, and must refuse it.
    """

    name: str
    make: Callable[[Path], object]
    ways: Sequence[Way]


MODEL = "model.safetensors"
_COMMANDS = get_command(app)


def content(name: str, made: Callable[[], bytes]) -> Callable[[Path], object]:
    """Return what writes one file; its content is made when it is needed."""
    return lambda folder: (folder / name).write_bytes(made())


def load(folder: Path) -> object:
    """Load an estimator."""
    return sdae.load(folder / MODEL)


def read_model(folder: Path) -> object:
    """Load a model."""
    return load_model(folder / MODEL)


def read_stack(folder: Path) -> object:
    """Load a stack."""
    return sdae.StackedDenoisingAutoencoder.load(folder / MODEL)


def open_file(folder: Path) -> object:
    """Open the file of a model as the command line does."""
    return open_model(folder / MODEL).model()


def data(name: str, target: str | None = None) -> Way:
    """Return what loads a data set."""

    def read(folder: Path) -> object:
        return load_dataset(folder / name, target)

    read.__name__ = f"load_dataset {name}"
    return read


def recipe(folder: Path) -> object:
    """Load a recipe."""
    return load_recipe(str(folder / "recipe.toml"))


def run_part(part: str) -> Way:
    """Return what opens a run and loads one of its files."""

    def read(folder: Path) -> object:
        return getattr(open_run(folder / "run"), part)()

    read.__name__ = f"open_run.{part}"
    return read


def command(*words: str, codes: Sequence[int] = (2,)) -> Way:
    """Return what runs a command; it is refused with one of `codes` and a message, no traceback.

    ``{}`` in a word stands for the folder.
    """

    def run(folder: Path) -> object:
        arguments = [word.format(folder) for word in words]
        output, errors, code = io.StringIO(), io.StringIO(), 0
        with redirect_stdout(output), redirect_stderr(errors):
            try:
                _COMMANDS.main(arguments, prog_name="sdae")
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
        said = errors.getvalue() if code == 2 else output.getvalue()
        if code not in codes or "Traceback" in said:
            return f"exit code {code}: {said}"
        raise SdaeError(said.strip())

    run.__name__ = f"sdae {words[0]}"
    return run


info = command("info", "{}/run")
verify = command("verify", "{}/run", codes=(1, 2))
verify_file = command("verify", "{}/" + MODEL, codes=(1, 2))
resume = command("resume", "{}/run", "--threads=1")

FILE = (load, read_model, read_stack, open_file)
