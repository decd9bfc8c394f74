"""Checks of output paths: writing must not destroy a run, an input or another output.

An output that is a link is written to its target. All paths are checked before any work starts.
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
    """Return where to write a file that the user names.

    Parameters
    ----------
    path : Path
    inputs : iterable of str, Path or None
        What the command reads; names that are not paths, such as ``mnist``, are ignored.

    Raises
    ------
    FileAccessError
        If the file cannot be written, is a file of a run, or is an input.
    """
    end = end_of(path)
    with translate_os_errors(path, "write"):
        check_kind(end)
        if not end.parent.is_dir():
            if end.parent.exists():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            through = f" (the target of {path})" if end != path else ""
            raise FileAccessError(f"Cannot write {path}: {end.parent}{through} does not exist.")
        if not os.access(end.parent, os.W_OK | os.X_OK):
            raise PermissionError
        if (run := _run_around(end)) and _is_of_run(end, run):
            raise FileAccessError(
                f"Cannot write {path}: it is a file of the run {run}, which would be damaged. "
                "Choose another path."
            )
        for each in _there(inputs):
            # Files of a folder, such as IDX files, are read by fixed names.
            if _same(end, each) or (each.is_dir() and end.exists() and _within(end, each)):
                raise _read_too(path, each)
    return end


def output_folder(path: Path) -> None:
    """Raise an error for an output folder that is a run, or is inside one.

    Raises
    ------
    FileAccessError
        If it is a run, or is inside one.
    """
    with translate_os_errors(path, "write"):
        if run := _run_around(path / "any"):
            raise FileAccessError(
                f"Cannot write into {path}: it belongs to the run {run}. Choose another folder."
            )


def check_apart(outputs: Sequence[Path]) -> None:
    """Raise an error if two outputs of a command are the same, or one is inside the other.

    Raises
    ------
    FileAccessError
        If two outputs are the same, or one is inside the other.
    """
    for one, other in combinations(outputs, 2):
        if _within(one, other) or _within(other, one):
            raise FileAccessError(
                f"Cannot write both {one} and {other}: one would overwrite the other. Choose "
                "another path for one of them."
            )


def check_new_run(path: Path, inputs: Inputs) -> None:
    """Raise an error if a new run would be inside another run, or would replace an input.

    Raises
    ------
    FileAccessError
        If it would.
    """
    with translate_os_errors(path, "write"):
        if run := _run_around(path):
            raise FileAccessError(
                f"Cannot create a run at {path}: it is inside the run {run}. Choose another --out."
            )
        for each in _there(inputs):
            if path.is_dir() and _within(each, path):
                raise _read_too(path, each)


def _run_around(path: Path) -> Path | None:
    """Return the run that contains a path, or None."""
    return next(filter(_is_run, _real(path).parents), None)


def _is_run(folder: Path) -> bool:
    """Return whether a folder is a run; other folders may have a recipe or checkpoints too."""
    if not (folder / RECIPE).is_file():
        return False
    if (folder / HISTORY).is_file() or (folder / CHECKPOINTS / BEGUN).is_file():
        return True
    try:
        return RECIPE in RunFolder(folder).manifest()
    except (FileAccessError, FileFormatError):
        return False


def _is_of_run(path: Path, run: Path) -> bool:
    """Return whether the package or the manifest names a path in a run."""
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
    """Return whether two paths are the same file, also by letter case or hard link."""
    if one.exists() and other.exists():
        return one.samefile(other)
    return _real(one) == _real(other)


def _within(path: Path, folder: Path) -> bool:
    """Return whether a path is a folder, or is inside it."""
    real = _real(path)
    return any(_same(each, folder) for each in (real, *real.parents))


def _real(path: Path) -> Path:
    """Return a path without links; a circular link stays as it is."""
    return Path(os.path.realpath(path))


def _read_too(path: Path, read: Path) -> FileAccessError:
    return FileAccessError(
        f"Cannot write {path}: this command reads {read}, which would be lost. Choose another path."
    )
