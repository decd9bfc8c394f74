"""The folder of a run: ``recipe.toml``, two models, ``history.jsonl``, ``plots/``.

``model.safetensors`` is the model at the end; ``pretrained.safetensors`` is the one before
fine-tuning, which moves the encoders away from what the decoders undo: rows are denoised with it.

A new run is made in a hidden folder beside its place and takes its name when it is complete: a
crash or Ctrl-C leaves nothing half-written, and with ``force`` the old run stays until then.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sdae.config.recipe import Recipe, parse_recipe, write_recipe
from sdae.errors import FileAccessError, FileFormatError
from sdae.files import explaining, read_bytes, write_atomically
from sdae.model_file import Model, load_model, save_model
from sdae.training.history import EpochRecord, History

RECIPE = "recipe.toml"
MODEL = "model.safetensors"
PRETRAINED = "pretrained.safetensors"
HISTORY = "history.jsonl"
PLOTS = "plots"


@dataclass(frozen=True)
class SavedModel:
    """The file of a model, which an estimator's ``save`` wrote, for one: no run, but it answers."""

    path: Path

    def model(self) -> Model:
        """Load the model."""
        return load_model(self.path)

    def pretrained(self) -> Model:
        """Load the model: what it was before fine-tuning is not kept."""
        return self.model()

    def target(self) -> str | None:
        """Return None: a model does not know the column of labels."""
        return None


@dataclass(frozen=True)
class RunFolder:
    """The files of one run."""

    path: Path

    def model(self) -> Model:
        """Load the model as it is at the end of the run."""
        return load_model(self.path / MODEL)

    def pretrained(self) -> Model:
        """Load the model as it was before fine-tuning; without fine-tuning that is the model."""
        path = self.path / PRETRAINED
        return load_model(path) if path.exists() else self.model()

    def recipe(self) -> Recipe:
        """Load the resolved recipe."""
        path = self.path / RECIPE
        try:
            content = read_bytes(path, limit=1 << 20).decode("utf-8")
        except UnicodeDecodeError:
            raise FileFormatError(f"{path} is damaged: it is not UTF-8 text.") from None
        return parse_recipe(content, str(path))

    def target(self) -> str | None:
        """Return the column of labels that the run was trained on."""
        return self.recipe().data.target

    def records(self) -> list[EpochRecord]:
        """Load the history."""
        path = self.path / HISTORY
        lines = read_bytes(path, limit=1 << 28).splitlines()
        return [_record(line, number, path) for number, line in enumerate(lines, start=1)]

    def save_model(self, model: Model) -> None:
        """Write the model."""
        save_model(model, self.path / MODEL)

    def save_pretrained(self, model: Model) -> None:
        """Write the model before fine-tuning."""
        save_model(model, self.path / PRETRAINED)

    def save_recipe(self, recipe: Recipe) -> None:
        """Write the resolved recipe."""
        write_atomically(self.path / RECIPE, write_recipe(recipe).encode())

    def save_history(self, *histories: History) -> None:
        """Append the records of `histories` to the run's."""
        path = self.path / HISTORY
        old = read_bytes(path) if path.exists() else b""
        new = "".join(history.to_jsonl() for history in histories)
        write_atomically(path, old + new.encode())

    def plots(self) -> Path:
        """Return the folder of the pictures, made if need be."""
        folder = self.path / PLOTS
        with explaining(folder, "write"):
            folder.mkdir(exist_ok=True)
        return folder


def open_run(path: Path) -> RunFolder:
    """Return an existing run.

    Raises
    ------
    FileAccessError
        If there is no folder of a run at `path`.
    """
    with explaining(path, "read"):
        if not path.is_dir():
            raise FileAccessError(
                f"There is no run at {path}. Train one with: sdae train --out {path}"
            )
        if not (path / MODEL).is_file():
            raise FileAccessError(f"{path} is not a run: it has no {MODEL}.")
    return RunFolder(path)


def open_model(path: Path) -> RunFolder | SavedModel:
    """Return an existing run, or the model of a single file, whose name ends in .safetensors.

    Raises
    ------
    FileAccessError
        If there is neither at `path`.
    """
    with explaining(path, "read"):
        is_model = path.suffix == Path(MODEL).suffix and path.is_file()
    return SavedModel(path) if is_model else open_run(path)


def free_run_path(stem: str, parent: Path = Path("runs")) -> Path:
    """Return ``runs/stem``, or with the first number that makes it a new one: ``runs/stem-2``."""
    path = parent / stem
    number = 2
    while path.exists():
        path = parent / f"{stem}-{number}"
        number += 1
    return path


@contextmanager
def new_run(path: Path, *, force: bool = False) -> Iterator[RunFolder]:
    """Make a run: yield a hidden folder to fill, which takes its name in the end.

    Raises
    ------
    FileAccessError
        If something is at `path` already (with `force`: something that is not a run), or the
        folder above cannot be written.
    """
    with explaining(path, "write"):
        _check_free(path, force=force)
        made = _make_parents(path.parent)
    try:
        with _staged(path) as folder:
            yield folder
    except BaseException:
        for new in made:
            with suppress(OSError):  # something else has come into it meanwhile
                new.rmdir()
        raise


@contextmanager
def changed_run(path: Path) -> Iterator[RunFolder]:
    """Change several files of a run at once: yield a copy, which takes the run's place in the end.

    Raises
    ------
    FileAccessError
        If it cannot be written; the run is then as it was.
    """
    path = path.resolve()  # of a link, and of ".", which cannot be renamed
    with _staged(path) as folder:
        with explaining(path, "write"):
            shutil.copytree(path, folder.path, dirs_exist_ok=True)
        yield folder


@contextmanager
def _staged(path: Path) -> Iterator[RunFolder]:
    """Yield a hidden folder beside `path` that takes its name if all goes well."""
    staging = path.parent / f".{path.name}.partial-{os.getpid()}"
    with explaining(path, "write"):
        staging.mkdir()
    try:
        yield RunFolder(staging)
        with explaining(path, "write"):
            _take_name(staging, path)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _check_free(path: Path, *, force: bool) -> None:
    if not path.exists():
        return
    if not force:
        raise FileAccessError(f"{path} exists already. Choose another --out, or use --force.")
    if not path.is_dir() or (any(path.iterdir()) and not (path / RECIPE).is_file()):
        raise FileAccessError(f"{path} is not a run, so --force does not replace it.")


def _take_name(staging: Path, path: Path) -> None:
    """Give the finished run its name; an old one of that name goes only now."""
    old = path.parent / f".{path.name}.old-{os.getpid()}"
    replaced = path.exists()
    if replaced:
        path.rename(old)
    try:
        staging.rename(path)
    except BaseException:
        if replaced:
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _make_parents(folder: Path) -> list[Path]:
    """Make a folder and those above it; return the new ones, the deepest first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir()
    return missing


def _record(line: bytes, number: int, path: Path) -> EpochRecord:
    try:
        return EpochRecord.from_values(json.loads(line))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise FileFormatError(f"{path}, line {number}, is no record of an epoch.") from None
