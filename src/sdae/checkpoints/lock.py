"""One process at a time on a folder: a lock that the system takes back when its owner dies."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sdae.errors import FileAccessError
from sdae.files import explaining
from sdae.wording import plain

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

NAME = "lock"
_MOST_BYTES = 4096


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of an existing folder; the file ``lock`` in it names the owner.

    A lock whose process is gone is taken over. One that names another machine is not, since this
    one cannot tell.

    Raises
    ------
    FileAccessError
        If another process holds it, or it cannot be written.
    """
    path = folder / NAME
    with explaining(path, "write"):
        descriptor = _acquire(path)
    try:
        yield
    finally:
        with suppress(OSError):  # the folder may have gone, or the run taken another name
            if _is_file(path, descriptor):
                path.unlink()
        os.close(descriptor)


def held(folder: Path) -> bool:
    """Tell whether a process holds the lock of a folder, without touching it."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _lock(descriptor)  # which closing takes back
    finally:
        os.close(descriptor)


def _acquire(path: Path) -> int:
    """Open and lock the file, and write into it who we are; return its descriptor."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        try:
            owner = _owner(descriptor)
            if not _lock(descriptor):
                raise _in_use(path, owner, "Wait until it has ended.")
            # Its owner may have removed the file between our opening it and locking it.
            if not _is_file(path, descriptor):
                os.close(descriptor)
                continue
            if owner and owner.get("host") not in (None, socket.gethostname()):
                raise _in_use(path, owner, f"If it has ended, delete {path}.")
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            text = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
            os.write(descriptor, text.encode())
        except BaseException:
            with suppress(OSError):
                os.close(descriptor)
            raise
        return descriptor


def _in_use(path: Path, owner: dict[str, object], remedy: str) -> FileAccessError:
    pid, host = (plain(str(owner.get(name, "?"))) for name in ("pid", "host"))
    return FileAccessError(f"{path.parent} is in use by process {pid} on {host}. {remedy}")


def _owner(descriptor: int) -> dict[str, object]:
    """Read who holds a lock; nothing where its file is empty or damaged."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        owner = json.loads(os.read(descriptor, _MOST_BYTES))
    except (ValueError, RecursionError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _is_file(path: Path, descriptor: int) -> bool:
    """Tell whether `path` is still the open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> bool:
    """Lock an open file, without waiting; tell whether that succeeded."""
    try:
        if sys.platform == "win32":
            # Past what is read and written, so that others can read who holds it.
            os.lseek(descriptor, 2 * _MOST_BYTES, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
