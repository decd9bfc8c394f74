"""Writing a file: the old one or the new one, never half."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdae.core.errors import FileAccessError
from sdae.core.files import end_of, write_atomically


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.sdae"
    path.write_bytes(b"old")
    return path


@pytest.fixture
def umask() -> Iterator[int]:
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def check_old_file_alone(file: Path) -> None:
    assert file.read_bytes() == b"old"
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("content", [b"", b"new", bytes(range(256)) * 5000])
def test_the_bytes_arrive_and_nothing_else_is_left(file: Path, content: bytes) -> None:
    write_atomically(file, content)
    write_atomically(str(file.with_name("other")), content)
    assert file.read_bytes() == file.with_name("other").read_bytes() == content
    assert sorted(path.name for path in file.parent.iterdir()) == ["model.sdae", "other"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444])
def test_the_mode_of_a_file_that_is_replaced_is_kept(file: Path, mode: int) -> None:
    file.chmod(mode)
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_a_new_file_has_the_mode_that_the_umask_grants(tmp_path: Path, umask: int) -> None:
    write_atomically(tmp_path / "new", b"new")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert os.umask(umask) == umask


def test_who_has_the_old_file_open_goes_on_reading_it(file: Path) -> None:
    with file.open("rb") as reader:
        write_atomically(file, b"new")
        assert reader.read() == b"old"


def test_the_content_is_flushed_before_the_name_changes_and_the_folder_after(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, bytes]] = []
    flush = os.fsync

    def watch(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        flushed.append((kind, file.read_bytes()))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    write_atomically(file, b"new")
    assert flushed == [("file", b"old"), ("folder", b"new")]


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.chmod"])
def test_a_full_disk_is_told_and_leaves_the_old_file_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(step, no_space)
    with pytest.raises(FileAccessError, match=r"Cannot write .*model.sdae: No space left"):
        write_atomically(file, b"new")
    check_old_file_alone(file)


def test_an_interruption_leaves_the_old_file_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(file, b"new")
    check_old_file_alone(file)


def test_a_failure_leaves_no_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(FileAccessError):
        write_atomically(tmp_path / "new", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_written_is_told_with_the_remedy(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(**_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.mkdtemp", deny)
    with pytest.raises(
        FileAccessError, match=r"Cannot write .*: permission denied. Check who owns it, or choose"
    ):
        write_atomically(file, b"new")
    check_old_file_alone(file)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "model.sdae"
    with pytest.raises(FileAccessError) as told:
        write_atomically(path, b"new")
    assert str(told.value) == f"Cannot write {path}: {path.parent} does not exist."
    assert not path.parent.exists()


def test_a_path_below_a_file_is_told(file: Path) -> None:
    with pytest.raises(FileAccessError, match=r"Cannot write .*below: Not a directory\.$"):
        write_atomically(file / "below", b"new")
    check_old_file_alone(file)


def test_a_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    with pytest.raises(FileAccessError, match=r"Cannot write .*runs: it is a folder, not a file"):
        write_atomically(tmp_path / "runs", b"new")
    assert (tmp_path / "runs").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "." * 3 + "x" * 200])
def test_a_name_of_any_length_that_the_system_allows_is_written(tmp_path: Path, name: str) -> None:
    write_atomically(tmp_path / name, b"new")
    assert (tmp_path / name).read_bytes() == b"new"


def test_a_link_that_a_user_names_is_followed_and_one_of_a_run_is_replaced(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file.name)
    assert end_of(link) == file.resolve()
    assert end_of(file) == file
    write_atomically(end_of(link), b"new")
    assert (link.is_symlink(), file.read_bytes()) == (True, b"new")
    write_atomically(link, b"newer")
    assert (link.is_symlink(), file.read_bytes()) == (False, b"new")


def test_a_link_in_a_circle_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(FileAccessError, match="Too many levels of symbolic links"):
        end_of(tmp_path / "a")


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileAccessError, match="it is a pipe or a device"):
        write_atomically(tmp_path / "pipe", b"new")
    assert (tmp_path / "pipe").is_fifo()
