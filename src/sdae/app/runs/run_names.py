"""How the folder of a run gets its name and gives it back, each time in one step.

A run is made under a hidden name, ``.NAME.partial``, and one that it replaces waits under another,
``.NAME.replaced``. Whoever calls these functions holds the lock of the name, so that nobody else is
at work on what lies under them.
"""

import os
from contextlib import suppress
from pathlib import Path

from sdae.app.runs.own_files import clear_checkpoints, clear_halves, hand_over, remove_own
from sdae.app.runs.run_folder import RECIPE, RunFolder
from sdae.core.errors import FileAccessError


def place_of(path: Path) -> Path:
    """Return where a run is: of a link where it leads, and of "." a name that can be taken away."""
    return Path(os.path.realpath(path))


def partial(place: Path) -> Path:
    """Return where a run, or its changed copy, is made."""
    return place.parent / f".{place.name}.partial"


def replaced(place: Path) -> Path:
    """Return where the run waits that another one replaces."""
    return place.parent / f".{place.name}.replaced"


def make_partial(place: Path) -> Path:
    """Make the folder in which a run is made.

    Raises
    ------
    FileAccessError
        If something that is not ours has its name.
    """
    folder = partial(place)
    if os.path.lexists(folder):
        raise FileAccessError(f"{folder} is in the way: it is not of sdae. Move or remove it.")
    folder.mkdir()
    return folder


def put_in_place(place: Path) -> None:
    """Give what was made the name of the run; what had it until now waits."""
    if place.exists():
        place.rename(replaced(place))
    partial(place).rename(place)


def take_back(place: Path) -> None:
    """Remove a run that was begun and what belongs to it; what it was to replace is back."""
    place.rename(begun := partial(place))
    restore(place)
    if begun.exists() and not place.exists():  # it holds what is not ours
        begun.rename(place)


def restore(place: Path) -> None:
    """Give a run back the name that a crash took, and remove what was only half made."""
    if not place.exists() and _can_go_back(replaced(place)):
        replaced(place).rename(place)
    if partial(place).is_dir():
        if place.is_dir():
            hand_over(partial(place), place)
        else:
            remove_own(partial(place))


def clean(place: Path) -> None:
    """Remove what a kill left in a run beside its own files, and the run that it has replaced."""
    if not (place / RECIPE).is_file():
        return
    clear_halves(place)
    if RunFolder(place).finished:
        clear_checkpoints(place)
    drop_replaced(place)


def drop_replaced(place: Path) -> None:
    """Remove the run that a finished one has replaced; what is not ours in it moves there."""
    if replaced(place).is_dir() and RunFolder(place).finished:
        with suppress(OSError):  # the next one that holds the run tries again
            hand_over(replaced(place), place)


def _can_go_back(folder: Path) -> bool:
    """Return whether what was replaced is still whole: its recipe is the first that is removed."""
    return folder.is_dir() and ((folder / RECIPE).is_file() or not any(folder.iterdir()))
