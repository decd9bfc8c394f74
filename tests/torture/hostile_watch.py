"""What loading a file must not do: an audit hook, switched on while a file is loaded.

A hook cannot be taken away again, so it lives in a process of its own.
"""

import ast
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Each runs something, or reaches out of the process.
_FORBIDDEN = (
    "builtins.input",
    "code.__new__",
    "cpython.",
    "ctypes.",
    "exec",
    "ftplib.",
    "http.",
    "imaplib.",
    "import",
    "marshal.",
    "os.exec",
    "os.fork",
    "os.kill",
    "os.posix_spawn",
    "os.setxattr",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pickle.find_class",
    "pty.spawn",
    "smtplib.",
    "socket.",
    "subprocess.",
    "sys.addaudithook",
    "sys.set",
    "urllib.",
    "webbrowser.",
)
# Each touches the path, or the two paths, that come first among its arguments.
_OF_PATHS = {
    "open": 1,
    "os.chdir": 1,
    "os.chmod": 1,
    "os.chown": 1,
    "os.link": 2,
    "os.mkdir": 1,
    "os.remove": 1,
    "os.rename": 2,
    "os.rmdir": 1,
    "os.symlink": 2,
    "os.truncate": 1,
    "os.utime": 1,
    "shutil.copyfile": 2,
    "shutil.copytree": 2,
    "shutil.move": 2,
    "shutil.rmtree": 1,
}
_ALLOWED = {"socket.gethostname": "the lock of a folder names the machine of its owner"}


class Watch:
    """Notes what must not happen.

    Attributes
    ----------
    events : list of str
        What happened of it while it watched; to be cleared by who reads it.
    """

    def __init__(self) -> None:
        self.events: list[str] = []
        self._folders: tuple[str, ...] | None = None
        sys.addaudithook(self._hear)

    @contextmanager
    def over(self, *folders: Path) -> Iterator[None]:
        """Watch; only files of `folders` may be touched."""
        self._folders = tuple(os.path.realpath(folder) for folder in folders)
        try:
            yield
        finally:
            self._folders = None

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._folders is None:
            return
        folders, self._folders = self._folders, None  # what the hook itself does is not heard
        try:
            if event in _OF_PATHS:
                for path in arguments[: _OF_PATHS[event]]:
                    if not _may_be_touched(path, event, arguments, folders):
                        self._note(event, path)
            elif event == "compile":
                if not _only_parses():
                    self._note(event, arguments[0])
            elif event.startswith(_FORBIDDEN) and event not in _ALLOWED:
                self._note(event, arguments[0] if arguments else "")
        finally:
            self._folders = folders

    def _note(self, event: str, detail: object) -> None:
        if len(self.events) < 20:
            self.events.append(f"{event} {str(detail)[:200]}")


def _may_be_touched(
    path: object, event: str, arguments: tuple[Any, ...], folders: tuple[str, ...]
) -> bool:
    if isinstance(path, int) or path is None:  # a descriptor: its opening was heard
        return True
    text = os.fsdecode(path) if isinstance(path, bytes) else str(path)
    if event in ("os.remove", "os.rmdir") and arguments[1] >= 0:  # a name in an open folder
        text = str(Path(f"/proc/self/fd/{arguments[1]}").readlink() / text)
    real = os.path.realpath(text)
    if event != "open" or arguments[2] & os.O_NOFOLLOW:  # the name is meant, not where it leads
        real = str(Path(os.path.realpath(Path(text).parent), Path(text).name))
    if any(real == folder or real.startswith(folder + os.sep) for folder in folders):
        return True
    # Checkpoints tell the versions of packages, for which importlib.metadata looks along the path.
    return event == "open" and (real.endswith(".dist-info/METADATA") or text in sys.path)


def _only_parses() -> bool:
    """Tell whether NumPy reads a header as a literal: it is parsed, and nothing of it is run."""
    frame = sys._getframe(2)
    code = frame.f_code
    return (code.co_filename, code.co_name) == (ast.__file__, "parse")
