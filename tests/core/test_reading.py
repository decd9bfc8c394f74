"""Reading a file: whole, within bounds, unpacked where it is compressed."""

import gzip
import hashlib
import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from sdae.core.errors import FileAccessError, FileFormatError
from sdae.core.files import MAX_BYTES, read_bytes, read_decompressed, sha256

CONTENT = bytes(range(256)) * 40


def read_or_refuse(path: Path) -> bytes:
    try:
        return read_decompressed(path)
    except FileFormatError:
        return b"refused"


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(CONTENT, mtime=0))
    return path


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    assert read_bytes(tmp_path / "a") == CONTENT
    assert read_bytes(str(tmp_path / "a"), len(CONTENT)) == CONTENT


def test_one_byte_past_the_limit_is_refused_with_both_numbers(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(1001))
    with pytest.raises(FileFormatError, match=r"a has 1,001 bytes; sdae reads at most 1,000\."):
        read_bytes(tmp_path / "a", 1000)


@pytest.mark.parametrize("read", [read_bytes, read_decompressed])
def test_a_file_past_4_gib_is_not_read(
    tmp_path: Path, read: Callable[[Path], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    monkeypatch.delattr(Path, "read_bytes")
    with pytest.raises(
        FileFormatError, match=r"has 4,294,967,297 bytes; sdae reads at most 4,294,967,296"
    ):
        read(path)


def test_gzip_is_told_by_its_bytes_not_by_its_name(packed: Path) -> None:
    assert read_decompressed(packed) == CONTENT
    assert read_decompressed(packed.rename(packed.with_name("rows.csv"))) == CONTENT
    packed.write_bytes(CONTENT)
    assert read_decompressed(packed) == CONTENT


def test_gzip_in_several_members_is_read_whole(packed: Path) -> None:
    packed.write_bytes(packed.read_bytes() * 3)
    assert read_decompressed(packed) == CONTENT * 3


@pytest.mark.parametrize("content", [b"", b"\x1f", b"x"])
def test_a_file_of_less_than_two_bytes_is_no_gzip(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.gz").write_bytes(content)
    assert read_decompressed(tmp_path / "a.gz") == content


def test_what_unpacks_to_the_limit_is_read_and_one_byte_more_is_not(packed: Path) -> None:
    assert read_decompressed(packed, len(CONTENT)) == CONTENT
    with pytest.raises(FileFormatError, match=r"csv.gz unpacks to more than 10,239 bytes\."):
        read_decompressed(packed, len(CONTENT) - 1)


def test_a_bomb_is_unpacked_no_further_than_the_limit(tmp_path: Path) -> None:
    squeeze = zlib.compressobj(9, wbits=31)
    bomb = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(64)) + squeeze.flush()
    (tmp_path / "bomb.gz").write_bytes(bomb)
    tracemalloc.start()
    with pytest.raises(FileFormatError, match="unpacks to more than 1,000,000 bytes"):
        read_decompressed(tmp_path / "bomb.gz", 1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6


def test_a_forged_size_in_the_trailer_allocates_nothing(packed: Path) -> None:
    packed.write_bytes(packed.read_bytes()[:-4] + struct.pack("<I", 2**32 - 1))
    tracemalloc.start()
    with pytest.raises(FileFormatError, match="gzip stream cannot be unpacked"):
        read_decompressed(packed)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6


@pytest.mark.parametrize("n_bytes", [2, 9, 10, 20, -9, -8, -4, -1])
def test_a_truncated_gzip_stream_is_refused(packed: Path, n_bytes: int) -> None:
    packed.write_bytes(packed.read_bytes()[:n_bytes])
    with pytest.raises(
        FileFormatError,
        match=r"is damaged: its gzip stream cannot be unpacked .*Download it again\.",
    ):
        read_decompressed(packed)


def test_any_altered_bit_of_a_gzip_stream_is_noticed_or_without_effect(packed: Path) -> None:
    good = packed.read_bytes()
    for place in random.Random(0).sample(range(8 * len(good)), 200):
        content = bytearray(good)
        content[place // 8] ^= 1 << place % 8
        packed.write_bytes(content)
        # Some bits of the header mean nothing, and without its first two bytes it is no gzip.
        assert read_or_refuse(packed) in (CONTENT, bytes(content), b"refused")


@pytest.mark.parametrize("read", [read_bytes, read_decompressed])
def test_what_is_no_readable_file_is_told(
    tmp_path: Path, read: Callable[[Path], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    with pytest.raises(FileAccessError, match=rf"^Cannot read {path}: {path} does not exist\.$"):
        read(path)
    with pytest.raises(FileAccessError, match=r"^Cannot read .*: it is a folder, not a file\.$"):
        read(tmp_path)
    path.write_bytes(b"x")
    with pytest.raises(FileAccessError, match=r"Cannot read .*below: Not a directory\.$"):
        read(path / "below")

    def deny(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", deny)
    with pytest.raises(FileAccessError, match=r"Cannot read .*: permission denied. Check who"):
        read(path)


def test_a_hash_is_that_of_the_standard() -> None:
    assert sha256(b"abc").startswith("ba7816bf8f01cfea414140de5dae2223b00361a396177a9c")
    assert sha256(CONTENT) == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs a device without an end")
def test_a_device_is_no_file() -> None:
    with pytest.raises(FileFormatError, match="/dev/zero is a pipe or a device"):
        read_bytes("/dev/zero")
