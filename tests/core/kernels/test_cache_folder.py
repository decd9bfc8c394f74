"""Where machine code is kept, and what is done where no folder can be written."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from sdae.core.kernels import cache_folder, compiling

READ_ONLY = 0o555


def _doubled(x: Any) -> Any:
    return x + x


def _filled(tmp_path: Path) -> Path:
    """Return a folder that contains a folder "kernels" of machine code, which cannot be written."""
    inside = tmp_path / "kept" / "kernels" / "sources"
    inside.mkdir(parents=True)
    for name in ("step.nbc", "step.nbi"):
        (inside / name).write_bytes(name.encode())
        (inside / name).chmod(0o444)
    for folder in (inside, inside.parent):
        folder.chmod(READ_ONLY)
    return tmp_path / "kept"


def _copy_of(kept: Path, tmp_path: Path) -> Path | None:
    """Return a private copy, where no other place holds anything."""
    return cache_folder.private_copy("kernels", tmp_path / "room", str(kept))


@pytest.fixture
def at_exit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """Return what is called at the end of the process; temporary files lie in ``temporary``."""
    calls: list[Callable[[], None]] = []
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(
        cache_folder.atexit,  # type: ignore[attr-defined]
        "register",
        lambda call, *values: calls.append(lambda: call(*values)),
    )
    return calls


def test_a_copy_has_the_same_files_and_can_be_written(
    tmp_path: Path, at_exit: list[Callable[[], None]]
) -> None:
    copy = _copy_of(_filled(tmp_path), tmp_path)
    assert copy is not None
    assert copy.parent == tmp_path / "temporary"
    files = {path.relative_to(copy): path.read_bytes() for path in copy.rglob("*.*")}
    assert files == {Path("sources", name): name.encode() for name in ("step.nbc", "step.nbi")}
    assert all(path.stat().st_mode & 0o200 for path in (copy, *copy.rglob("*")))
    assert copy.stat().st_mode & 0o77 == 0  # no other user can put machine code there
    assert len(at_exit) == 1


def test_a_copy_is_removed_at_the_end_of_its_own_process(
    tmp_path: Path, at_exit: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = _filled(tmp_path)
    copy = _copy_of(kept, tmp_path)
    assert copy is not None
    own = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: own + 1)  # as in a forked child
    at_exit[0]()
    assert copy.exists()
    monkeypatch.setattr(os, "getpid", lambda: own)
    at_exit[0]()
    assert not copy.exists()
    assert len(list(kept.rglob("step.nb?"))) == 2


@pytest.mark.usefixtures("at_exit")
def test_an_empty_folder_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "kept" / "kernels").mkdir(parents=True)
    assert _copy_of(tmp_path / "kept", tmp_path) is None
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.usefixtures("at_exit")
@pytest.mark.parametrize("fails", ["mkdtemp", "shutil.copyfile"])
def test_without_room_for_a_copy_there_is_none(
    tmp_path: Path, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_values: object, **_names: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"sdae.core.kernels.cache_folder.{fails}", full)
    assert _copy_of(_filled(tmp_path), tmp_path) is None
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.usefixtures("at_exit")
def test_a_kernel_is_loaded_from_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unremembered = compiling._cache_folder.__wrapped__
    monkeypatch.setattr(compiling, "_cache_folder", unremembered)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "kept"))
    first: Any = compiling.kernel(_doubled)
    first(np.ones(3))
    assert first.stats.cache_path.startswith(str(tmp_path / "kept"))
    monkeypatch.setattr(cache_folder, "can_be_written", lambda _folder: False)
    later: Any = compiling.kernel(_doubled)
    assert later.stats.cache_path.startswith(str(tmp_path / "temporary"))
    assert not compiling.is_cold(later)
    assert later(np.ones(3)).tolist() == [2, 2, 2]
    assert (later.stats.cache_hits.total(), later.stats.cache_misses.total()) == (1, 0)


def test_how_often_kernels_are_compiled_depends_on_whether_a_folder_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []

    def none_can(folder: Path) -> bool:
        asked.append(folder)
        return False

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    room = Path(cache_folder.__file__).parent
    assert cache_folder.how_often(room) == "once on this machine"
    monkeypatch.setattr(cache_folder, "can_be_written", none_can)
    assert cache_folder.how_often(room) == (
        "in every process, since no folder for machine code can be written (set NUMBA_CACHE_DIR to "
        "one that can)"
    )
    assert asked[0] == tmp_path / cache_folder.name_of(room)
