"""Faults at each system call of the writers: what was there stays, and one sentence tells of it.

``python -m tests.torture.faults`` lets each call fail in turn while a file is written, one is
replaced, and a checkpoint is saved; then it fills disks that are really full.
"""

import errno
import itertools
import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import save_file

from sdae.core.errors import FileAccessError
from sdae.core.files import write_atomically
from sdae.train.checkpoints.checkpoint_folder import StageCheckpoints

CALLS = (
    *("create", "write", "close", "sync file", "chmod", "replace"),
    *("open folder", "sync folder"),
)
ERRORS = ("ENOSPC", "EIO", "EROFS", "EACCES")
_VANISHES = "the folder vanishes"
_RENAMED = ("open folder", "sync folder")  # calls after which the new file has its name
_SUPPRESSED = ("list", "unlink")  # while old checkpoints are dropped, which only take room
_SMALL_DISK = 64 << 10

_open, _path_open, _save_file = os.open, Path.open, save_file


class Fault:
    """What goes wrong at one call of a kind, the `number`-th."""

    def __init__(self, call: str, error: str, number: int, folder: Path) -> None:
        self._call = call
        self._error = error
        self._left = number
        self._folder = folder
        self.hit = False

    def at(self, call: str) -> None:
        """Be called before a system call; fail if it is our turn."""
        self._left -= call == self._call
        if self.hit or self._left:
            return
        self.hit = True
        if self._error == _VANISHES:
            shutil.rmtree(self._folder)
        else:
            number = getattr(errno, self._error)
            raise OSError(number, os.strerror(number))

    @contextmanager
    def injected(self) -> Iterator[None]:
        """Stand before every system call of the writers."""
        places: Mapping[str, Callable[..., Any]] = {
            "tempfile.mkdtemp": self._before("create", tempfile.mkdtemp),
            "pathlib.Path.open": lambda *arguments: self._open_file(*arguments),
            "sdae.core.tensor_file.save_file": self._save_tensors,
            "os.fsync": self._fsync,
            "os.open": self._open_folder,
            "pathlib.Path.chmod": self._before("chmod", Path.chmod),
            "pathlib.Path.replace": self._before("replace", Path.replace),
            "pathlib.Path.glob": self._before("list", Path.glob),
            "pathlib.Path.unlink": self._before("unlink", Path.unlink),
        }
        with ExitStack() as stack:
            for place, function in places.items():
                stack.enter_context(patch(place, function))
            yield

    def _before(self, call: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **named: Any) -> Any:
            self.at(call)
            return function(*arguments, **named)

        return called

    def _fsync(self, descriptor: int) -> None:
        # Nothing is flushed: hundreds of faults would take minutes.
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        self.at("sync folder" if folder else "sync file")

    def _open_file(self, path: Path, mode: str = "r", **named: Any) -> Any:
        file = _path_open(path, mode, **named)
        return _File(file, self) if mode == "wb" else file

    def _save_tensors(self, tensors: Any, path: Path, *arguments: Any) -> None:
        """Write a half, and all of it if nothing fails in between."""
        _save_file(tensors, path, *arguments)
        whole = path.stat().st_size
        os.truncate(path, whole // 2)
        self.at("write")
        _save_file(tensors, path, *arguments)

    def _open_folder(self, path: Any, *arguments: Any, **named: Any) -> int:
        if Path(path).is_dir():
            self.at("open folder")
        return _open(path, *arguments, **named)


class _File:
    """An open file with a fault before each of its calls."""

    def __init__(self, file: Any, fault: Fault) -> None:
        self._file = file
        self._at = fault.at

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._at("close")

    def write(self, content: bytes) -> None:
        """Write a half, and the other half if nothing fails in between."""
        half = len(content) // 2
        self._file.write(content[:half])
        self._file.flush()
        self._at("write")
        self._file.write(content[half:])


def save(folder: Path, number: int, n_values: int = 1000) -> None:
    """Save a checkpoint that is full of its number."""
    tensors = {"part": torch.full((n_values,), float(number))}
    StageCheckpoints(folder, "torture", 3).save({"number": number}, tensors)


def newest(folder: Path) -> tuple[int, list[float]]:
    """Return the number of the newest checkpoint, and its values."""
    found = StageCheckpoints(folder, "torture", 3).newest()
    assert found is not None
    return int(found[0]["number"]), found[1]["part"].unique().tolist()


def _write(folder: Path) -> None:
    write_atomically(folder / "file", b"new" * 3000)


def _a_file(folder: Path) -> None:
    write_atomically(folder / "file", b"old" * 1000)


def _checkpoints(folder: Path) -> None:
    for number in range(1, 5):
        save(folder, number)


Step = Callable[[Path], None]
SCENARIOS: Mapping[str, tuple[Step, Step, tuple[str, ...]]] = {
    "a new file": (lambda _: None, _write, CALLS),
    "a file replaced": (_a_file, _write, CALLS),
    "a checkpoint": (_checkpoints, lambda folder: save(folder, 5), (*CALLS, "list", "unlink")),
}


def faults() -> dict[str, Any]:
    """Let each call of each writer fail in each way; return counts and failures."""
    n_injected: Counter[str] = Counter()
    failures: list[str] = []
    for (name, scenario), error in itertools.product(SCENARIOS.items(), (*ERRORS, _VANISHES)):
        for call in scenario[2]:
            for number in itertools.count(1):
                problems = _fault(scenario, call, error, number)
                if problems is None:  # there is no such call any more
                    if number == 1:
                        failures.append(f"{name}: there is no call to {call}")
                    break
                n_injected[name] += 1
                failures += [f"{name}, {error} at {call} {number}: {text}" for text in problems]
    return {"faults injected": dict(n_injected), "failures": failures} | full_disks(failures)


def _fault(
    scenario: tuple[Step, Step, tuple[str, ...]], call: str, error: str, number: int
) -> list[str] | None:
    """Inject one fault; return what is wrong after it, or None where it did not come."""
    prepare, act, _ = scenario
    with tempfile.TemporaryDirectory() as made, patch("os.fsync", lambda _: None):
        folder, unharmed = Path(made) / "run", Path(made) / "unharmed"
        for place in (folder, unharmed):
            place.mkdir()
            prepare(place)
        before = contents(folder)
        act(unharmed)
        after = contents(unharmed)
        fault = Fault(call, error, number, folder)
        message: str | None = None
        problems = []
        try:
            with fault.injected():
                act(folder)
        except FileAccessError as told:
            message = str(told)
            if not message.startswith("Cannot ") or message[-1] != "." or "\n" in message:
                problems.append(f"it says {message!r}")
        except Exception as raised:
            problems.append(f"it raises {raised!r}")
            message = ""
        if not fault.hit:
            return None
        if error == _VANISHES:
            told_of = message is not None or call in (*_RENAMED, *_SUPPRESSED)
            return problems if told_of else [*problems, "no error"]
        if message is None and call not in _SUPPRESSED:
            problems.append("no error")
        found = contents(folder)
        allowed = [before, after] if message is None or call in _RENAMED else [before]
        for path in before.keys() | found.keys():
            if path not in before and found[path] != after.get(path):
                problems.append(f"{path} is left behind, or not whole")
            if path in before and found.get(path) not in [state.get(path) for state in allowed]:
                problems.append(f"{path} is not what it was")
        if before and "file" not in before and newest(folder)[0] not in (4, 5):
            problems.append(f"the newest checkpoint is {newest(folder)}")
        act(folder)
        left = len(contents(folder)) - len(after)
        if left or any(path.startswith(".") for path in contents(folder)):
            problems.append("what was interrupted cannot be done again")
        return problems


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def full_disks(failures: list[str]) -> dict[str, bool]:
    """Fill a small file system, and files to the largest size allowed; tell what could be tried."""
    with tempfile.TemporaryDirectory() as folder:
        options = ("-t", "tmpfs", "-o", f"size={_SMALL_DISK}", "tmpfs", folder)
        mounts = shutil.which("mount") is not None
        mounted = mounts and not subprocess.run(["mount", *options], capture_output=True).returncode
        if mounted:
            try:
                failures += _overfill(Path(folder), "No space left on device")
            finally:
                subprocess.run(["umount", folder], check=True)
    with tempfile.TemporaryDirectory() as folder:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (_SMALL_DISK, hard))
        try:
            failures += _overfill(Path(folder), "File too large")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    return {"a full disk": mounted, "a limit of file sizes": True}


def _overfill(folder: Path, reason: str) -> list[str]:
    """Write too much, then save checkpoints of growing size until one does not fit."""
    _a_file(folder)
    _checkpoints(folder)
    problems = []
    too_much: list[Step] = [
        lambda folder: write_atomically(folder / "file", bytes(2 * _SMALL_DISK)),
        lambda folder: save(folder, 5, _SMALL_DISK),
    ]
    for act in too_much:
        before = contents(folder)
        try:
            act(folder)
            problems.append(f"{reason}: no error")
        except FileAccessError as error:
            if reason not in str(error):
                problems.append(f"{reason}: it says {error}")
        if contents(folder) != before or newest(folder) != (4, [4.0]):
            problems.append(f"{reason}: something has changed")
    try:
        save(folder, 5)
    except FileAccessError as error:
        return [*problems, f"{reason}, and nothing fits any more: {error}"]
    return problems if newest(folder) == (5, [5.0]) else [*problems, f"{reason}: not saved"]


def main() -> None:
    """Run from the command line; the status is 1 if anything failed."""
    result = faults()
    print(json.dumps(result, indent=1))
    sys.exit(bool(result["failures"]))


if __name__ == "__main__":
    main()
