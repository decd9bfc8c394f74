"""Raw files: written atomically, read within bounds, with errors of one sentence."""

import errno
import gzip
import hashlib
import io
import os
import re
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sdae.core.errors import FileAccessError, FileFormatError

MAX_BYTES = 4 << 30
"""No file is read whole past this size (4 GiB), compressed or not. Not for tensors."""

_CHUNK = 1 << 18
_BEGINNING, _HALF = 32, ".partial"
_HALF_NAME = re.compile(rf"\.(.{{1,{_BEGINNING}}})\.[a-z0-9_]{{8}}\{_HALF}", re.DOTALL)
_MEMBER, _MAX_MEMBERS = b"\x1f\x8b\x08", 100_000


@contextmanager
def translate_os_errors(path: Path, action: str) -> Iterator[None]:
    """Turn an ``OSError`` while `action` ("read", "write") is done to `path` into our error."""
    try:
        yield
    except FileAccessError:
        raise
    except FileNotFoundError:
        missing = path if action == "read" else path.parent
        raise FileAccessError(f"Cannot {action} {path}: {missing} does not exist.") from None
    except IsADirectoryError:
        raise FileAccessError(f"Cannot {action} {path}: it is a folder, not a file.") from None
    except PermissionError:
        raise FileAccessError(
            f"Cannot {action} {path}: permission denied. Check who owns it, or choose another path."
        ) from None
    except OSError as error:
        raise FileAccessError(f"Cannot {action} {path}: {error.strerror or error}.") from None


def end_of(path: str | Path) -> Path:
    """Return where to write a file that a user names: the target of `path`, if it is a link.

    Written under the name of the link, the file would replace the link and leave its target
    unchanged.

    Raises
    ------
    FileAccessError
        If the links form a circle.
    """
    path = Path(path)
    with translate_os_errors(path, "write"):
        if not path.is_symlink():
            return path
        end = Path(os.path.realpath(path))
        if end.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return end


def check_kind(path: Path) -> None:
    """Raise an error if something other than a file is at `path`: a folder, a pipe, a device.

    Raises
    ------
    OSError
        If there is a folder, a pipe or a device.
    """
    if path.is_dir():
        raise IsADirectoryError
    if path.exists() and not path.is_file():
        raise FileAccessError(f"Cannot write {path}: it is a pipe or a device. Name a file.")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a new file to write to; it takes the name `path` when it is complete.

    After a crash there is the old file or the new one, never a partial one: the new file is written
    in a hidden folder beside the old one, flushed to the disk, and renamed in one step; the parent
    folder is flushed too. The hidden folder also holds temporary files of the writer, such as those
    of safetensors. The mode of an existing file is kept. If the block fails, nothing is left. A
    link is replaced: :func:`end_of` follows a link that a user names.

    Raises
    ------
    FileAccessError
        If the folder is missing or not writable, the disk is full, or `path` is not a regular file.
        The old file is intact.
    """
    path = Path(path)
    with translate_os_errors(path, "write"):
        check_kind(path)
        # Use only the beginning of a long name: the whole with a suffix might be too long for the
        # system.
        prefix = f".{path.name[:_BEGINNING]}."
        half = Path(tempfile.mkdtemp(prefix=prefix, suffix=_HALF, dir=path.parent))
        try:
            temporary = half / "new"
            yield temporary
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
            temporary.chmod(_mode_for(path))
            temporary.replace(path)
        finally:
            _remove(half)
        _flush_folder(path.parent)


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write `content` to `path`; a crash leaves the old file or the new one, never a partial one.

    Raises
    ------
    FileAccessError
        As :func:`replacing` does. The old file is intact.
    """
    with replacing(path) as new, new.open("wb") as file:
        file.write(content)


def remove_halves(folder: Path, ours: Callable[[str], bool]) -> None:
    """Remove partial files that :func:`replacing` left in a folder when its process was killed.

    Only those whose intended names `ours` accepts; it gets the first 32 characters of a name.
    """
    for path in folder.glob(f".*{_HALF}"):
        name = _HALF_NAME.fullmatch(path.name)
        if name is None or not ours(name[1]):
            continue
        if path.is_dir() and not path.is_symlink():
            _remove(path)
        elif regular_file(path):  # left by an older version
            path.unlink(missing_ok=True)


def _remove(half: Path) -> None:
    """Remove a hidden folder and the files in it, as far as that can be done."""
    with suppress(OSError):
        for path in half.iterdir():
            path.unlink()
        half.rmdir()


def read_bytes(path: str | Path, limit: int = MAX_BYTES) -> bytes:
    """Read a whole file of at most `limit` bytes.

    Raises
    ------
    FileAccessError
        If the file is missing or unreadable.
    FileFormatError
        If it is larger than `limit`.
    """
    path = Path(path)
    checked_size(path, limit)
    with translate_os_errors(path, "read"):
        return path.read_bytes()


def checked_size(path: Path, limit: int | None = None) -> int:
    """Return how many bytes a file has, after checking that it can be read to its end.

    Raises
    ------
    FileAccessError
        If the file is missing or unreadable.
    FileFormatError
        If it is larger than `limit`, or is a pipe or a device.
    """
    with translate_os_errors(path, "read"):
        status = path.stat()
        if limit is not None and status.st_size > limit:
            raise FileFormatError(
                f"{path} has {status.st_size:,} bytes; sdae reads at most {limit:,}."
            )
        # Pipes and devices may never end, or wait for a writer.
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise FileFormatError(
                f"{path} is a pipe or a device. Save its content as a file, and give that."
            )
    return status.st_size


def read_decompressed(path: str | Path, limit: int = MAX_BYTES) -> bytes:
    """Read a file of at most `limit` bytes, unpacking it if its first two bytes say gzip.

    Raises
    ------
    FileAccessError
        If the file is missing or unreadable.
    FileFormatError
        If the gzip stream is damaged or truncated, or the content is larger than `limit`.
    """
    content = read_bytes(path, limit)
    return unpack_gzip(content, str(path), limit) if content[:2] == b"\x1f\x8b" else content


def unpack_gzip(content: bytes, source: str, limit: int) -> bytes:
    """Unpack a gzip stream, or several, to at most `limit` bytes; `source` is for messages.

    Raises
    ------
    FileFormatError
        If it is damaged or truncated, or the unpacked content is larger than `limit`.
    """
    if content.count(_MEMBER) > _MAX_MEMBERS:
        raise FileFormatError(
            f"{source} has more than {_MAX_MEMBERS:,} gzip streams, one after the other. Unpack it "
            "with gunzip and pack it again."
        )
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            # One growing buffer: a forged size in the trailer has no effect on what is allocated.
            unpacked = io.BytesIO()
            while chunk := file.read(_CHUNK):
                unpacked.write(chunk)
                if unpacked.tell() > limit:
                    raise FileFormatError(
                        f"{source} unpacks to more than {limit:,} bytes. If you trust it, unpack "
                        "it with gunzip and give the unpacked file."
                    )
    except (OSError, EOFError, zlib.error) as error:
        raise FileFormatError(
            f"{source} is damaged: its gzip stream cannot be unpacked ({error}). Download it again."
        ) from None
    return unpacked.getvalue()  # the buffer itself, without a copy


def regular_file(path: Path) -> bool:
    """Return whether `path` is a regular file itself, not a link to one."""
    return path.is_file() and not path.is_symlink()


def hash_of(path: str | Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, taken a piece at a time.

    Raises
    ------
    FileAccessError
        If the file is missing or unreadable.
    FileFormatError
        If it is a pipe or a device.
    """
    path = Path(path)
    checked_size(path)
    with translate_os_errors(path, "read"), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _mode_for(path: Path) -> int:
    """Return the mode of the replaced file, or the mode that the umask gives a new one."""
    if path.exists():
        return path.stat().st_mode & 0o7777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def _flush_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, where the system can (Windows cannot)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
