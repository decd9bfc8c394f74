"""Locks: the system decides who holds one; a name has one lock, wherever it is seen from."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from sdae.core.errors import FileAccessError
from sdae.train.checkpoints.checkpoint_folder import opened
from sdae.train.checkpoints.lock import locked, locked_name, name_is_locked
from tests.app.cli.samples import contents

Lock = Callable[[Path], AbstractContextManager[None]]
FILES: dict[str, tuple[Lock, str]] = {
    "a folder": (locked, "run/lock"),
    "a name": (locked_name, ".run.lock"),
    "checkpoints": (opened, "run/lock"),
}
each_lock = pytest.mark.parametrize(("lock", "file"), FILES.values(), ids=FILES)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder to be locked."""
    path = tmp_path / "run"
    path.mkdir()
    return path


def refused(lock: Lock, path: Path, match: str) -> None:
    with pytest.raises(FileAccessError, match=match):
        lock(path).__enter__()


@each_lock
def test_a_lock_names_its_owner_and_leaves_nothing(lock: Lock, file: str, run: Path) -> None:
    with lock(run):
        owner = json.loads((run.parent / file).read_text())
        assert owner == {"pid": os.getpid(), "host": socket.gethostname()}
        words = rf"^{run} is in use by process {os.getpid()} on {socket.gethostname()}\. Wait until"
        refused(lock, run, words)
    assert contents(run.parent) == {"run": None}
    with lock(run):
        pass


@each_lock
def test_the_name_of_another_host_in_a_free_lock_is_only_a_name(
    lock: Lock, file: str, run: Path
) -> None:
    for stale in ('{"pid": 1, "host": "another"}', "", "[" * 5000, "\0" * 10, '" {"pid": []'):
        (run.parent / file).write_text(stale)
        with lock(run):
            assert str(os.getpid()) in (run.parent / file).read_text()
        assert contents(run.parent) == {"run": None}


@each_lock
def test_a_lock_whose_owner_was_killed_is_free(lock: Lock, file: str, run: Path) -> None:
    program = (
        "import socket, sys, time; from pathlib import Path\n"
        "socket.gethostname = lambda: 'container'\n"
        "from sdae.train.checkpoints.checkpoint_folder import opened\n"
        "from sdae.train.checkpoints.lock import locked, locked_name\n"
        f"with {lock.__name__}(Path(sys.argv[1])): print(flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", program, str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        refused(lock, run, rf"in use by process {process.pid} on container\.")
        process.kill()
    assert (run.parent / file).exists()
    with lock(run):
        pass
    assert contents(run.parent) == {"run": None}


@each_lock
@pytest.mark.parametrize("kind", ["link", "link to nothing", "pipe", "folder"])
def test_what_is_no_lock_is_refused_and_stays(kind: str, lock: Lock, file: str, run: Path) -> None:
    path = run.parent / file
    (run.parent / "elsewhere").write_text("mine")
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case _:
            path.symlink_to(run.parent / ("elsewhere" if kind == "link" else "nowhere"))
    before = contents(run.parent)
    refused(lock, run, rf"^{path} is a link, a folder or a pipe, so {run} cannot be locked\. Remov")
    assert contents(run.parent) == before


@each_lock
def test_a_lock_that_somebody_else_put_in_its_place_stays(lock: Lock, file: str, run: Path) -> None:
    with lock(run):
        (run.parent / file).unlink()
        (run.parent / file).write_text("another's")
    assert (run.parent / file).read_text() == "another's"


def test_a_name_has_one_lock_wherever_it_is_seen_from(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run.parent / "links").mkdir()
    (run.parent / "links/other").symlink_to(run)
    (run.parent / "links/above").symlink_to(run.parent)
    (run / "inside").mkdir()
    monkeypatch.chdir(run)
    ways = (run, run / "../run", run.parent / "links/other", run.parent / "links/above/run")
    with locked_name(run):
        for path in (*ways, Path(), Path("../run"), Path("inside/..")):
            refused(locked_name, path, "in use by process")
            assert name_is_locked(path)
    for path in (*ways, Path(), Path("../run"), Path("inside/..")):
        with locked_name(path):
            assert name_is_locked(run)
    assert not name_is_locked(run)
    assert contents(run.parent).keys() == {
        "run",
        "run/inside",
        *(f"links{name}" for name in ("", "/above", "/other")),
    }


def test_a_name_without_a_folder_has_a_lock_too(tmp_path: Path) -> None:
    with locked_name(tmp_path / "new"):
        refused(locked_name, tmp_path / "new", "in use by process")
        with locked_name(tmp_path / "new-2"):
            pass
    assert contents(tmp_path) == {}


def test_where_the_folder_above_cannot_be_written_the_lock_lies_within(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access

    def read_only_above(path: Path, mode: int) -> bool:
        return path != run.parent and access(path, mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "access", read_only_above)
        with locked_name(run):
            assert (run / "lock").exists()
            refused(locked_name, run, "in use by process")
            patch.setattr(os, "access", access)  # another user, who may write there
            refused(locked_name, run, "in use by process")
            assert name_is_locked(run)
        with locked_name(run):
            patch.setattr(os, "access", read_only_above)
            refused(locked_name, run, "in use by process")
        (run / "lock").write_text('{"pid": 1, "host": "another"}')  # as a kill left it
        patch.setattr(os, "access", access)
        with locked_name(run):
            assert not (run / "lock").exists()
    assert contents(run.parent) == {"run": None}


@each_lock
def test_a_name_that_clears_the_screen_is_escaped(lock: Lock, file: str, run: Path) -> None:
    with lock(run):
        owner = json.dumps({"pid": [1], "host": "\x1b[2J" + "x" * 3000})
        (run.parent / file).write_text(owner)
        with pytest.raises(
            FileAccessError, match=r"in use by process \[1\] on \\x1b\[2Jxxx"
        ) as told:
            lock(run).__enter__()
    assert len(str(told.value)) < 500


def test_a_full_disk_does_not_keep_a_lock_from_being_held(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with locked_name(run):
        refused(locked_name, run, r"in use by process \? on \?\.")


def test_a_place_that_cannot_be_written_is_told_by_the_name_of_the_run(tmp_path: Path) -> None:
    refused(locked_name, Path("/proc/run"), "^Cannot write /proc/run: ")
    refused(locked_name, tmp_path / "no/run", f"^Cannot write {tmp_path}/no/run: {tmp_path}/no doe")
    assert not name_is_locked(tmp_path / "no/run")
