"""Where compiled kernels are kept on the disk."""

import atexit
import hashlib
import os
import shutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile, mkdtemp


@cache
def name_of(room: Path) -> str:
    """Return the name of the folder for the kernels of a room, a package.

    It depends on the sources of the room, and on those that all kernels are made of.
    """
    here = Path(__file__).parent
    state = hashlib.sha256()
    for source in sorted({*here.rglob("*.py"), *room.rglob("*.py")}):
        state.update(source.read_bytes())
    return f"kernels-{state.hexdigest()[:16]}"


def writable_folder(name: str, room: Path, wished: str | None) -> Path | None:
    """Return the first folder `name` that can be written: where wished, in a room, with caches.

    Parameters
    ----------
    name : str
        Name of the folder; it is made.
    room : Path
        The package whose kernels are kept, in its ``__pycache__``.
    wished : str or None
        Where the user wishes compiled kernels to be.
    """
    return next(filter(can_be_written, _places(name, room, wished)), None)


def private_copy(name: str, room: Path, wished: str | None) -> Path | None:
    """Return a copy of the first folder `name` that holds machine code, for this process alone.

    Numba reads no folder that it cannot write. The copy is removed when the process ends. None: no
    folder holds machine code, or it cannot be copied. Parameters as of :func:`writable_folder`.
    """
    source = next(filter(_is_filled, _places(name, room, wished)), None)
    if source is None:
        return None
    try:
        copy = Path(mkdtemp(prefix="sdae-kernels-"))
    except OSError:
        return None
    atexit.register(_remove, copy, os.getpid())
    try:
        _copy_files(source, copy)
    except OSError:
        _remove(copy, os.getpid())
        return None
    return copy


def how_often(room: Path) -> str:
    """Return how often the kernels of a room are compiled, to be put into a sentence."""
    wished = os.environ.get("NUMBA_CACHE_DIR")
    if writable_folder(name_of(room), room, wished) is not None:
        return "once on this machine"
    return (
        "in every process, since no folder for machine code can be written (set NUMBA_CACHE_DIR to "
        "one that can)"
    )


def can_be_written(folder: Path) -> bool:
    """Test by creating a file, since Numba silently uses another folder if it cannot write."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _places(name: str, room: Path, wished: str | None) -> Iterable[Path]:
    """Return where a folder `name` may be, the best place first."""
    # Unlike Path.home, expanduser does not fail without a home folder.
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - as above
    parents = (*([Path(wished)] if wished else []), room / "__pycache__", Path(home) / "sdae")
    return [parent / name for parent in parents]


def _is_filled(folder: Path) -> bool:
    try:
        return any(folder.rglob("*.nbc"))
    except OSError:
        return False


def _copy_files(source: Path, copy: Path) -> None:
    """Copy Numba's files, but not their modes, which may forbid to write."""
    for file in source.rglob("*.nb[ci]"):
        target = copy / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def _remove(folder: Path, owner: int) -> None:
    """Remove a folder, unless this is a forked child of the process that made it."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
