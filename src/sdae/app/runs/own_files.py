"""Which files in the folder of a run the package may copy and remove.

The package owns files with the names that it gives, or that the manifest lists. All other files
belong to the user: they stay, or move to the folder that replaces the run.
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
    """Remove partial files, under hidden names, that a killed process left in a run."""
    names = {Path(name).name for name in (*OWN_NAMES, MANIFEST)}
    for part in (folder, folder / PLOTS):
        if _is_folder(part):
            remove_halves(part, names.__contains__)


def clear_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a run."""
    if _is_folder(folder / CHECKPOINTS):
        remove_checkpoints(folder / CHECKPOINTS, STAGES, BEGUN, DATA)


def copy_own(source: Path, target: Path) -> None:
    """Copy the files of a run into an empty folder, with the same permissions."""
    shutil.copystat(source, target)
    for path in _own(source):
        if regular_file(path):
            copy = target / path.relative_to(source)
            copy.parent.mkdir(exist_ok=True)
            shutil.copy2(path, copy)


def hand_over(source: Path, target: Path) -> None:
    """Remove a run; a user's files in its folder move to another one without replacing any."""
    for path in _own(source):
        if not _is_folder(path):
            path.unlink(missing_ok=True)
    clear_halves(source)
    clear_checkpoints(source)
    with suppress(OSError):  # other files are in it
        (source / PLOTS).rmdir()
    _merge(source, target)


def remove_own(folder: Path) -> None:
    """Remove a run, and its folder too unless it holds a user's files."""
    hand_over(folder, folder)


def _own(folder: Path) -> Iterator[Path]:
    """Yield the paths of the files of a run, except its checkpoints; the recipe first."""
    for name in (RECIPE, *RunFolder(folder).own_names(), MANIFEST):
        if _is_folder((folder / name).parent):
            yield folder / name


def _merge(source: Path, target: Path) -> None:
    """Move the content of a folder into another, and remove the folder if it is then empty."""
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
    """Return whether `path` is a folder itself, not a link to one."""
    return path.is_dir() and not path.is_symlink()
