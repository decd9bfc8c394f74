"""Locks on a folder or on its name, held by the operating system: one process at a time.

Only the operating system decides whether a lock is held, and releases it when its owner ends for
any reason. The number and the host of the owner are written into the file for the message.

filelock provides the call of each system. The rest is here, because its ``FileLock`` leaves its
file behind, does not name the owner and, on file systems without locks, uses a lock that stays
after its owner has ended.
"""

import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import lock_descriptor

from sdae.core.errors import FileAccessError
from sdae.core.files import regular_file, translate_os_errors
from sdae.core.wording import plain

NAME = "lock"
_MOST_BYTES = 4096
_OWNER_AT = 1 if os.name == "nt" else 0  # Windows locks byte 0: other processes cannot read it then
_LOOKS, _SECONDS_APART = 5, 0.02  # checking whether a lock is held takes it for a moment
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class InUseError(FileAccessError):
    """Another process holds the lock."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock an existing folder; its file ``lock`` names the owner.

    Raises
    ------
    FileAccessError
        If another process holds the lock, or the file cannot be written.
    """
    with _holding(folder / NAME, folder):
        yield


@contextmanager
def locked_name(path: Path) -> Iterator[None]:
    """Lock the name of a folder, which may not exist, by a file ``.NAME.lock`` next to it.

    So the folder can be created, renamed and replaced under one lock. If the folder cannot be
    renamed, the lock file is inside it. Links are followed, so a folder has only one lock.

    Raises
    ------
    FileAccessError
        If another process holds the lock, or the file cannot be written.
    """
    with translate_os_errors(path, "write"):
        file, other = _places(path)
    with _holding(file, path):
        if _is_locked(other):  # by a process with other permissions
            raise _in_use(path, other)
        if _owner(other).keys() == {"pid", "host"}:  # left by a killed process
            with suppress(OSError):
                other.unlink()
        yield


def name_is_locked(path: Path) -> bool:
    """Return whether a process has locked the name of a folder; no file is created or changed."""
    return any(_is_locked(file) for file in _places(path))


def _places(path: Path) -> tuple[Path, Path]:
    """Return the lock file of a name for this process, and the one for other permissions."""
    place = Path(os.path.realpath(path))
    beside, inside = place.parent / f".{place.name}.lock", place / NAME
    fixed = os.path.ismount(place) or not os.access(place.parent, os.W_OK | os.X_OK)
    return (inside, beside) if fixed and place.is_dir() else (beside, inside)


@contextmanager
def _holding(file: Path, shown: Path) -> Iterator[None]:
    with translate_os_errors(shown, "write"):
        descriptor = _acquire(file, shown)
    try:
        yield
    finally:
        _release(file, descriptor)


def _acquire(file: Path, shown: Path) -> int:
    """Open and lock the file, and write the owner into it; return its descriptor."""
    while True:
        descriptor = _open(file, shown)
        try:
            if not _lock(descriptor):
                raise _in_use(shown, file)
            # Its owner may have removed the file after we opened it and before we locked it.
            if _is_file(file, descriptor):
                _write_owner(descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _open(file: Path, shown: Path) -> int:
    try:
        descriptor = os.open(file, _FLAGS, 0o666)
    except OSError:
        if os.path.lexists(file) and not regular_file(file):
            raise _no_lock(file, shown) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _no_lock(file, shown)
    return descriptor


def _release(file: Path, descriptor: int) -> None:
    """Remove the file and release the lock; the order protects files of other processes."""
    with suppress(OSError):  # the folder may be gone
        if os.name == "nt":  # Windows cannot remove open files
            os.close(descriptor)
            file.unlink()
            return
        if _is_file(file, descriptor):
            file.unlink()
    os.close(descriptor)


def _is_locked(file: Path) -> bool:
    """Return whether a process holds a lock."""
    if not regular_file(file):
        return False
    try:
        descriptor = os.open(file, os.O_RDWR if os.access(file, os.W_OK) else os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _lock(descriptor)  # closing the file releases the lock
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock an open file; return whether that succeeded."""
    for look in range(_LOOKS):
        if lock_descriptor(descriptor, blocking=False):
            return True
        if look < _LOOKS - 1:
            time.sleep(_SECONDS_APART)
    return False


def _in_use(shown: Path, file: Path) -> InUseError:
    owner = _owner(file)
    pid, host = (plain(str(owner.get(name, "?"))) for name in ("pid", "host"))
    return InUseError(f"{shown} is in use by process {pid} on {host}. Wait until it has ended.")


def _no_lock(file: Path, shown: Path) -> FileAccessError:
    return FileAccessError(
        f"{file} is a link, a folder or a pipe, so {shown} cannot be locked. Remove {file}."
    )


def _write_owner(descriptor: int) -> None:
    text = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
    with suppress(OSError):  # on a full disk the lock is still held
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, b" " * _OWNER_AT + text.encode())


def _owner(file: Path) -> dict[str, object]:
    """Read the owner of a lock; nothing if the file is empty or damaged."""
    if not regular_file(file):
        return {}
    try:
        with file.open("rb", buffering=0) as content:
            content.seek(_OWNER_AT)
            owner = json.loads(content.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _is_file(file: Path, descriptor: int) -> bool:
    """Return whether `file` is still the open one."""
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
