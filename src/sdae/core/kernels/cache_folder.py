"""Where compiled kernels are kept on the disk."""

import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile


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
    # Unlike Path.home, expanduser does not fail without a home folder.
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - as above
    parents: Iterable[Path] = (
        *([Path(wished)] if wished else []),
        room / "__pycache__",
        Path(home) / "sdae",
    )
    return next((parent / name for parent in parents if can_be_written(parent / name)), None)


def can_be_written(folder: Path) -> bool:
    """Test by creating a file, since Numba silently uses another folder if it cannot write."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
