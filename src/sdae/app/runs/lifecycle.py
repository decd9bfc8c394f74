"""Create, resume and change runs safely: neither a crash nor another process can lose one.

A run is at its final path from the start, with its recipe and its checkpoints; the manifest,
written last, marks it as finished. An older run that it replaces is kept in a hidden folder until
then.

A process that creates, resumes or changes a run holds the lock of its name from the first check to
the end. So two processes never work on the same run, and a process undoes only its own work.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, count
from pathlib import Path

import torch

from sdae.app.recipes.recipe import Recipe
from sdae.app.runs.own_files import clear_checkpoints, copy_own
from sdae.app.runs.run_folder import RECIPE, RunFolder, open_run
from sdae.app.runs.run_names import (
    clean,
    drop_replaced,
    make_partial,
    place_of,
    put_in_place,
    replaced,
    restore,
    take_back,
)
from sdae.core.errors import FileAccessError
from sdae.core.files import translate_os_errors
from sdae.train.checkpoints.lock import InUseError, locked_name

_MOST_ATTEMPTS = 100  # attempts to use a folder that another process removes after its run failed


@contextmanager
def new_run(
    path: Path, recipe: Recipe, *, force: bool = False, numbered: bool = False
) -> Iterator[RunFolder]:
    """Start a run and lock it; if the block fails before the first checkpoint, undo it.

    Parameters
    ----------
    path : Path
    recipe : Recipe
    force : bool
        Whether the run may replace another one. Files that a user put into the old run stay.
    numbered : bool
        Whether the run takes the first free name of ``path``, ``path-2``, ``path-3``, …

    Raises
    ------
    FileAccessError
        If something is at `path` already (with `force`: something that is not a run), another
        process works on it, or the folder above cannot be written.
    """
    made: list[Path] = []
    try:
        with ExitStack() as held:
            path = _take_name(path, held, made, force=force, numbered=numbered)
            run = RunFolder(_lasting(path))
            with _begun(path, recipe):
                yield run
    except BaseException:
        for folder in made:
            with suppress(OSError):  # another process has written into it
                folder.rmdir()
        raise


@contextmanager
def resumed_run(path: Path) -> Iterator[RunFolder]:
    """Lock an interrupted run.

    Raises
    ------
    FileAccessError
        If it does not exist or is finished, or another process works on it.
    FileFormatError
        If its checkpoints are in another place.
    """
    with _held(path):
        run = RunFolder(path)
        if not (path / RECIPE).is_file():
            open_run(path)  # its error says what is wrong
        if run.finished:
            raise FileAccessError(f"{path} is finished, so it cannot be resumed.")
        run.check_checkpoints()
        yield run
        drop_replaced(place_of(path))


@contextmanager
def held_run(path: Path) -> Iterator[RunFolder]:
    """Lock a finished run.

    Raises
    ------
    FileAccessError
        If it does not exist or is not finished, or another process works on it.
    """
    with _held(path):
        yield open_run(path)


def finish(run: RunFolder, data_hash: str | None = None) -> None:
    """Write the manifest of a run with all its files, and delete its checkpoints.

    `data_hash` is the hash of the data that it was trained on, if it is known.
    """
    run.seal(data_hash=data_hash)
    with suppress(OSError):  # they only take space
        clear_checkpoints(run.path)


@contextmanager
def changed_run(path: Path, data_hash: str | None = None) -> Iterator[RunFolder]:
    """Change several files of a finished run at once: yield a copy that replaces it at the end.

    The caller must hold the lock of the run. `data_hash` is the hash of its data from now on.

    Raises
    ------
    FileAccessError
        If it cannot be written; the run is then unchanged.
    """
    place = place_of(path)
    try:
        with translate_os_errors(path, "write"):
            copy = make_partial(place)
            copy_own(place, copy)
        run = RunFolder(copy)
        yield run
        run.seal(data_hash=data_hash)
        with translate_os_errors(path, "write"):
            put_in_place(place)
    except BaseException:
        with suppress(OSError):
            restore(place)
        raise
    drop_replaced(place)


def _take_name(
    path: Path, held: ExitStack, made: list[Path], *, force: bool, numbered: bool
) -> Path:
    """Lock a free name for a run and return it; folders created for it are added to `made`."""
    if not numbered:
        held.enter_context(_new_name(path, made))
        with translate_os_errors(path, "write"):
            _check_free(path, force=force)
        return path
    names = chain([path], (path.with_name(f"{path.name}-{number}") for number in count(2)))
    for name in names:
        if os.path.lexists(name):
            continue
        with ExitStack() as trial, suppress(InUseError):  # another process is taking that name
            trial.enter_context(_new_name(name, made))
            if not os.path.lexists(name):  # that is still so
                held.enter_context(trial.pop_all())
                return name
    raise AssertionError("unreachable")


@contextmanager
def _new_name(path: Path, made: list[Path]) -> Iterator[None]:
    """Lock a name; create its parent folders, again if another process removes them."""
    with translate_os_errors(path, "write"):
        place = place_of(path)
    with ExitStack() as held:
        for attempt in count(1):
            try:
                with translate_os_errors(path, "write"):
                    made[:0] = _make_parents(place.parent)
                held.enter_context(locked_name(path))
                break
            except FileAccessError as error:
                if isinstance(error, InUseError) or attempt == _MOST_ATTEMPTS:
                    raise
        with translate_os_errors(path, "write"):
            restore(place)
        yield


def _make_parents(folder: Path) -> list[Path]:
    """Create a folder and its parents; return those that this process created, deepest first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    made: list[Path] = []
    for new in reversed(missing):
        with suppress(FileExistsError):  # another process was quicker
            new.mkdir()
            made.insert(0, new)
    return made


def _check_free(path: Path, *, force: bool) -> None:
    place = place_of(path)
    if not place.exists():
        return
    is_run = (place / RECIPE).is_file()
    if not force:
        also = _RESUME.format(path) if is_run and not RunFolder(place).finished else ""
        raise FileAccessError(f"{path} already exists. Choose another --out, or use --force.{also}")
    if not place.is_dir() or not (is_run or not any(place.iterdir())):
        raise FileAccessError(f"{path} is not a run, so --force does not replace it.")
    clean(place)


_RESUME = " It is not finished; to continue it, run: sdae resume {}"


def _lasting(path: Path) -> Path:
    """Return `path`, made absolute if the working directory is in the run that is replaced."""
    with suppress(OSError):  # the working directory may not exist
        if Path.cwd().is_relative_to(place := place_of(path)):
            return place
    return path


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Lock the name of an existing run, and clean up what a killed process left."""
    with translate_os_errors(path, "read"):
        place = place_of(path)
        if not (place / RECIPE).is_file() and not replaced(place).is_dir():
            open_run(path)  # its error says what is wrong
    with locked_name(path):
        with translate_os_errors(path, "write"):
            restore(place)
            clean(place)
        yield


@contextmanager
def _begun(path: Path, recipe: Recipe) -> Iterator[None]:
    """Put a new run at its path; on failure without a checkpoint, restore the old run."""
    place = place_of(path)
    begun: os.stat_result | None = None
    try:
        with translate_os_errors(path, "write"):
            if replaced(place).is_dir() and place.exists():
                take_back(place)  # unfinished, so it must not replace the old run
            folder = make_partial(place)
            begun = folder.stat()
        RunFolder(folder).begin(recipe, torch.get_num_threads())
        with translate_os_errors(path, "write"):
            put_in_place(place)
        yield
    except BaseException:
        with suppress(OSError):
            _undo(place, begun)
        raise
    drop_replaced(place)


def _undo(place: Path, begun: os.stat_result | None) -> None:
    """Remove what this process started, unless it can be resumed or is finished."""
    restore(place)
    if begun is None or not place.exists() or not os.path.samestat(place.stat(), begun):
        return
    run = RunFolder(place)
    if run.finished:
        drop_replaced(place)
    elif not run.has_checkpoints():
        take_back(place)
