"""Where a command may write: nowhere that a run, its own input or another output would be lost.

An output that is a link is written where the link leads. All is looked at before any work is done.
"""

import errno
import os
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path

from sdae.app.runs.run_folder import (
    BEGUN,
    CHECKPOINTS,
    HISTORY,
    MANIFEST,
    MODEL,
    OWN_NAMES,
    PRETRAINED,
    RECIPE,
    RunFolder,
    SavedModel,
)
from sdae.core.errors import FileAccessError, FileFormatError
from sdae.core.files import check_kind, end_of, translate_os_errors
from sdae.train.checkpoints.lock import NAME as LOCK

_FILES = (RECIPE, MODEL, PRETRAINED, HISTORY, MANIFEST)
_OURS = {name.casefold() for name in (*OWN_NAMES, MANIFEST, LOCK, CHECKPOINTS)}

Inputs = Iterable[str | Path | None]


def files_of(run: RunFolder | SavedModel) -> list[Path]:
    """Return the files that a command reads of a run, or the model's file."""
    if isinstance(run, SavedModel):
        return [run.path]
    return [run.path / name for name in _FILES]


def output_file(path: Path, inputs: Inputs) -> Path:
    """Return where a file that the user names is to be written.

    Parameters
    ----------
    path : Path
    inputs : iterable of str, Path or None
        What the command reads: names that are no paths, such as ``mnist``, are passed over.

    Raises
    ------
    FileAccessError
        If it cannot be written, is a file of a run, or one of the inputs.
    """
    end = end_of(path)
    with translate_os_errors(path, "write"):
        check_kind(end)
        if not end.parent.is_dir():
            if end.parent.exists():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            through = f", where {path} leads," if end != path else ""
            raise FileAccessError(f"Cannot write {path}: {end.parent}{through} does not exist.")
        if not os.access(end.parent, os.W_OK | os.X_OK):
            raise PermissionError
        if (run := _run_around(end)) and _is_of_run(end, run):
            raise FileAccessError(
                f"Cannot write {path}: it is a file of the run {run}, which would be damaged. "
                "Choose another path."
            )
        for each in _there(inputs):
            # Files of a folder, such as those of IDX, are read by names that its reader knows.
            if _same(end, each) or (each.is_dir() and end.exists() and _within(end, each)):
                raise _read_too(path, each)
    return end


def output_folder(path: Path) -> None:
    """Refuse a folder to write into that is a run, or lies in one.

    Raises
    ------
    FileAccessError
        If it is, or does.
    """
    with translate_os_errors(path, "write"):
        if run := _run_around(path / "any"):
            raise FileAccessError(
                f"Cannot write into {path}: it belongs to the run {run}. Choose another folder."
            )


def check_apart(outputs: Sequence[Path]) -> None:
    """Refuse outputs of one command that are the same, or lie in one another.

    Raises
    ------
    FileAccessError
        If two do.
    """
    for one, other in combinations(outputs, 2):
        if _within(one, other) or _within(other, one):
            raise FileAccessError(
                f"Cannot write both {one} and {other}: they would take each other's place. Choose "
                "another path for one of them."
            )


def check_new_run(path: Path, inputs: Inputs) -> None:
    """Refuse a place for a new run that lies in another run, or holds what is read.

    Raises
    ------
    FileAccessError
        If it does.
    """
    with translate_os_errors(path, "write"):
        if run := _run_around(path):
            raise FileAccessError(
                f"Cannot make a run at {path}: it lies in the run {run}. Choose another --out."
            )
        for each in _there(inputs):
            if path.is_dir() and _within(each, path):
                raise _read_too(path, each)


def _run_around(path: Path) -> Path | None:
    """Return the run that a path lies in, if it does."""
    return next(filter(_is_run, _real(path).parents), None)


def _is_run(folder: Path) -> bool:
    """Return whether a folder is a run: any may have a recipe, or checkpoints."""
    if not (folder / RECIPE).is_file():
        return False
    if (folder / HISTORY).is_file() or (folder / CHECKPOINTS / BEGUN).is_file():
        return True
    try:
        return RECIPE in RunFolder(folder).manifest()
    except (FileAccessError, FileFormatError):
        return False


def _is_of_run(path: Path, run: Path) -> bool:
    """Return whether a path in a run is one that the package or the manifest names."""
    name = _real(path).relative_to(run).as_posix().casefold()
    if name in _OURS or name.split("/")[0] == CHECKPOINTS.casefold():
        return True
    try:
        return name in {each.casefold() for each in RunFolder(run).manifest()}
    except (FileAccessError, FileFormatError):
        return False


def _there(inputs: Inputs) -> list[Path]:
    """Return the inputs that are files or folders."""
    paths = (Path(each) for each in inputs if each is not None and "\0" not in str(each))
    return [path for path in paths if path.exists()]


def _same(one: Path, other: Path) -> bool:
    """Return whether two paths are one file, by another name, letter case or hard link too."""
    if one.exists() and other.exists():
        return one.samefile(other)
    return _real(one) == _real(other)


def _within(path: Path, folder: Path) -> bool:
    """Return whether a path is a folder, or lies in it."""
    real = _real(path)
    return any(_same(each, folder) for each in (real, *real.parents))


def _real(path: Path) -> Path:
    """Return a path without links; one that leads in a circle stays as it is."""
    return Path(os.path.realpath(path))


def _read_too(path: Path, read: Path) -> FileAccessError:
    return FileAccessError(
        f"Cannot write {path}: this command reads {read}, which would be lost. Choose another path."
    )
