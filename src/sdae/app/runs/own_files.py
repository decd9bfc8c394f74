"""What in the folder of a run is the package's own, to be copied and removed; the rest is not.

A file is ours by its name: one that the package gives, or that the manifest has. Whatever else lies
in the folder, somebody put there: it stays, or moves to the folder that takes the run's place.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

from sdae.app.runs.run_folder import (
    BEGUN,
    CHECKPOINTS,
    DATA,
    MANIFEST,
    OWN_NAMES,
    PLOTS,
    RECIPE,
    STAGES,
    RunFolder,
)
from sdae.core.files import regular_file, remove_halves
from sdae.train.checkpoints.checkpoint_folder import remove_checkpoints


def clear_halves(folder: Path) -> None:
    """Remove what a kill left half-written in a run, under the hidden names it has till then."""
    names = {Path(name).name for name in (*OWN_NAMES, MANIFEST)}
    for part in (folder, folder / PLOTS):
        if _is_folder(part):
            remove_halves(part, names.__contains__)


def clear_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a run."""
    if _is_folder(folder / CHECKPOINTS):
        remove_checkpoints(folder / CHECKPOINTS, STAGES, BEGUN, DATA)


def copy_own(source: Path, target: Path) -> None:
    """Copy the files of a run into an empty folder, which gets the same permissions."""
    shutil.copystat(source, target)
    for path in _own(source):
        if regular_file(path):
            copy = target / path.relative_to(source)
            copy.parent.mkdir(exist_ok=True)
            shutil.copy2(path, copy)


def hand_over(source: Path, target: Path) -> None:
    """Remove a run; what is not ours in its folder moves into another, where nothing is lost."""
    for path in _own(source):
        if not _is_folder(path):
            path.unlink(missing_ok=True)
    clear_halves(source)
    clear_checkpoints(source)
    with suppress(OSError):  # something else is in it
        (source / PLOTS).rmdir()
    _merge(source, target)


def remove_own(folder: Path) -> None:
    """Remove a run, and its folder too unless something that is not ours is in it."""
    hand_over(folder, folder)


def _own(folder: Path) -> Iterator[Path]:
    """Yield where the files of a run may be, but for its checkpoints; the recipe first."""
    for name in (RECIPE, *RunFolder(folder).own_names(), MANIFEST):
        if _is_folder((folder / name).parent):
            yield folder / name


def _merge(source: Path, target: Path) -> None:
    """Move all that a folder holds into another, and remove it if it is then empty."""
    for path in sorted(source.iterdir()) if source != target else []:
        goal = target / path.name
        if _is_folder(path) and _is_folder(goal):
            _merge(path, goal)
            continue
        numbered = (target / f"{path.name}.{number}" for number in count(2))
        while os.path.lexists(goal):
            goal = next(numbered)
        path.rename(goal)
    with suppress(OSError):
        source.rmdir()


def _is_folder(path: Path) -> bool:
    """Return whether `path` is a folder itself, and no link to one that may lie anywhere."""
    return path.is_dir() and not path.is_symlink()
