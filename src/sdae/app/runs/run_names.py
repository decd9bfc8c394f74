"""Renaming the folders of runs, each time in one step.

A run is created under a hidden name, ``.NAME.partial``, and a run that it replaces is kept as
``.NAME.replaced``. Callers of these functions hold the lock of the name, so no other process works
on these folders.
"""

import os
from contextlib import suppress
from pathlib import Path

from sdae.app.runs.own_files import clear_checkpoints, clear_halves, hand_over, remove_own
from sdae.app.runs.run_folder import RECIPE, RunFolder
from sdae.core.errors import FileAccessError


def place_of(path: Path) -> Path:
    """Return the path of a run: a link is followed, and "." is made absolute."""
    return Path(os.path.realpath(path))


def partial(place: Path) -> Path:
    """Return the hidden path where a run, or its changed copy, is created."""
    return place.parent / f".{place.name}.partial"


def replaced(place: Path) -> Path:
    """Return the hidden path that keeps the run being replaced."""
    return place.parent / f".{place.name}.replaced"


def make_partial(place: Path) -> Path:
    """Create the folder in which a run is written.

    Raises
    ------
    FileAccessError
        If something else has its name.
    """
    folder = partial(place)
    if os.path.lexists(folder):
        raise FileAccessError(f"{folder} is in the way: sdae did not create it. Move or remove it.")
    folder.mkdir()
    return folder


def put_in_place(place: Path) -> None:
    """Give the new folder the name of the run; keep the old run under its hidden name."""
    if place.exists():
        place.rename(replaced(place))
    partial(place).rename(place)


def take_back(place: Path) -> None:
    """Remove a run that was started, and restore the run that it was to replace."""
    place.rename(begun := partial(place))
    restore(place)
    if begun.exists() and not place.exists():  # it holds files of a user
        begun.rename(place)


def restore(place: Path) -> None:
    """Restore the name of a run after a crash, and remove partial folders."""
    if not place.exists() and _can_go_back(replaced(place)):
        replaced(place).rename(place)
    if partial(place).is_dir():
        if place.is_dir():
            hand_over(partial(place), place)
        else:
            remove_own(partial(place))


def clean(place: Path) -> None:
    """Remove partial files of killed processes from a run, and the run that it has replaced."""
    if not (place / RECIPE).is_file():
        return
    clear_halves(place)
    if RunFolder(place).finished:
        clear_checkpoints(place)
    drop_replaced(place)


def drop_replaced(place: Path) -> None:
    """Remove the run that a finished one has replaced; a user's files in it move to the new run."""
    if replaced(place).is_dir() and RunFolder(place).finished:
        with suppress(OSError):  # the next process that locks the run tries again
            hand_over(replaced(place), place)


def _can_go_back(folder: Path) -> bool:
    """Return whether the replaced run is still complete: its recipe is removed first."""
    return folder.is_dir() and ((folder / RECIPE).is_file() or not any(folder.iterdir()))
