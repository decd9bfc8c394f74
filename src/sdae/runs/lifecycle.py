"""How a run comes to be, goes on and changes, so that a crash at any instant loses nothing.

A run is in its place from the beginning, with its recipe and its checkpoints; the manifest, written
last, says that it is finished. An older run that it replaces waits in a hidden folder until then.
Only one process at a time works on a run.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from sdae.checkpoints.lock import NAME as LOCK
from sdae.checkpoints.lock import locked
from sdae.config.recipe import Recipe
from sdae.errors import FileAccessError
from sdae.files import explaining
from sdae.runs.folder import MANIFEST, PLOTS, RECIPE, RunFolder, open_run


@contextmanager
def new_run(path: Path, recipe: Recipe, *, force: bool = False) -> Iterator[RunFolder]:
    """Begin a run and hold it; if what happens inside fails before a checkpoint, undo it.

    Raises
    ------
    FileAccessError
        If something is at `path` already (with `force`: something that is not a run, or is in use),
        or the folder above cannot be written.
    """
    with explaining(path, "write"):
        restore_replaced(path)
        _check_free(path, force=force)
        made = _make_parents(path.parent)
    run = RunFolder(path)
    try:
        _begin(path, recipe)
        with locked(path):
            _clear_halves(path)
            yield run
    except BaseException:
        if not run.has_checkpoints():
            _undo(path, made)
        raise
    shutil.rmtree(_replaced(path), ignore_errors=True)


@contextmanager
def resumed_run(path: Path) -> Iterator[RunFolder]:
    """Hold a run that was cut short.

    Raises
    ------
    FileAccessError
        If there is none, it is finished, or another process works on it.
    FileFormatError
        If its checkpoints are elsewhere.
    """
    with explaining(path, "read"):
        restore_replaced(path)
        run = RunFolder(path)
        if not (path / RECIPE).is_file():
            open_run(path)  # which says what is wrong
        if run.finished:
            with locked(path):  # clear what a crash at the very end left
                _clear_halves(path)
                shutil.rmtree(run.checkpoints, ignore_errors=True)
                shutil.rmtree(_replaced(path), ignore_errors=True)
            raise FileAccessError(f"{path} is finished, so there is nothing to resume.")
    run.check_checkpoints()
    with locked(path):
        _clear_halves(path)
        yield run
    shutil.rmtree(_replaced(path), ignore_errors=True)


def finish(run: RunFolder) -> None:
    """Write the manifest of a run whose files are there, and drop its checkpoints."""
    run.seal()
    shutil.rmtree(run.checkpoints, ignore_errors=True)


@contextmanager
def changed_run(path: Path) -> Iterator[RunFolder]:
    """Change several files of a finished run at once: yield a copy that takes its place at the end.

    The caller holds the lock.

    Raises
    ------
    FileAccessError
        If it cannot be written; the run is then as it was.
    """
    path = path.resolve()  # of a link, and of ".", which cannot be renamed
    staging = _staging(path)
    with explaining(path, "write"):
        for leftover in path.parent.glob(f".{path.name}.partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        staging.mkdir()
    try:
        with explaining(path, "write"):
            ignored = shutil.ignore_patterns(LOCK)
            shutil.copytree(path, staging, dirs_exist_ok=True, ignore=ignored)
        run = RunFolder(staging)
        yield run
        run.seal()
        with explaining(path, "write"):
            _take_name(staging, path)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    shutil.rmtree(_replaced(path), ignore_errors=True)


def restore_replaced(path: Path) -> None:
    """Give a run its name back, if a crash came between taking it away and giving it to another."""
    if not path.exists() and _replaced(path).is_dir():
        _replaced(path).rename(path)


def _clear_halves(path: Path) -> None:
    """Remove what a kill left half-written, under the hidden names it has until it is whole.

    The caller holds the lock, so nobody else is making this run.
    """
    for folder in path.parent.glob(f".{path.name}.partial-*"):
        shutil.rmtree(folder, ignore_errors=True)
    for half in [*path.glob(".*"), *(path / PLOTS).glob(".*")]:
        if half.is_file():
            half.unlink(missing_ok=True)


def _begin(path: Path, recipe: Recipe) -> None:
    """Put a begun run in its place; what was there waits in a hidden folder."""
    staging = _staging(path)
    try:
        with explaining(path, "write"):
            staging.mkdir()
        RunFolder(staging).begin(recipe, torch.get_num_threads())
        with explaining(path, "write"):
            _take_name(staging, path)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _undo(path: Path, made: list[Path]) -> None:
    """Take a begun run away; what it replaced is back, and folders made for it are gone."""
    if not (path / MANIFEST).exists():
        shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        restore_replaced(path)
    for new in made:
        with suppress(OSError):  # something else has come into it meanwhile
            new.rmdir()


def _check_free(path: Path, *, force: bool) -> None:
    if not path.exists():
        return
    if not force:
        also = "" if RunFolder(path).finished or not (path / RECIPE).is_file() else _RESUME
        raise FileAccessError(
            f"{path} exists already. Choose another --out, or use --force.{also.format(path)}"
        )
    if not path.is_dir() or (any(path.iterdir()) and not (path / RECIPE).is_file()):
        raise FileAccessError(f"{path} is not a run, so --force does not replace it.")
    with locked(path):  # it is not in use
        pass


_RESUME = " It is not finished: to go on with it, use: sdae resume {}"


def _take_name(staging: Path, path: Path) -> None:
    """Give a folder the name of a run, whose own folder waits under a hidden name."""
    old = _replaced(path)
    if path.exists():
        if old.exists() and not RunFolder(path).finished:
            shutil.rmtree(path)  # an unfinished run that itself replaces the one that waits
        else:
            shutil.rmtree(old, ignore_errors=True)
            path.rename(old)
    try:
        staging.rename(path)
    except BaseException:
        restore_replaced(path)
        raise


def _staging(path: Path) -> Path:
    return path.parent / f".{path.name}.partial-{os.getpid()}"


def _replaced(path: Path) -> Path:
    return path.parent / f".{path.name}.replaced"


def _make_parents(folder: Path) -> list[Path]:
    """Make a folder and those above it; return the new ones, the deepest first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir()
    return missing
