"""A hash of the files of data, by which a run finds whether they changed since its training."""

from contextlib import suppress
from pathlib import Path

from sdae.core.errors import SdaeError
from sdae.core.files import hash_of, sha256, translate_os_errors
from sdae.data.idx import is_named_idx
from sdae.data.stored.paths import files_at, kind_of


def hash_of_data(source: str) -> str | None:
    """Return the SHA-256 of a file, or of the files of a folder; None where it cannot be taken.

    That is so for data without a file, such as the embedded MNIST or standard input.
    """
    with suppress(SdaeError, ValueError):  # a path with a zero byte is a ValueError
        path = Path(source)
        with translate_os_errors(path, "read"):
            if path.is_dir():
                return sha256("\n".join(map(hash_of, _files_in(path))).encode())
            return hash_of(path) if source != "mnist" and path.is_file() else None
    return None


def _files_in(folder: Path) -> list[Path]:
    """Return the files of a folder that hold rows or images, sorted by name."""
    if kind_of(folder) is not None:
        return files_at(folder)
    return sorted(path for path in folder.iterdir() if is_named_idx(path))
