"""Packed tables, unpacked within bounds, and files of other formats."""

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdae.core.errors import DataError, FileAccessError, FileFormatError
from sdae.data.tables import read_table
from tests.data.damage import FUZZ, damaged
from tests.data.memory import memory_below
from tests.data.raw_columns import columns, outcome, read
from tests.data.refusals import MIB, soon

TEXT = b"a,b\n1,x\n2,y\n"
FOUND = {"a": ("number", [1, 2]), "b": ("text", ["x", "y"])}


def zipped(*names: str, content: bytes = TEXT, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name in names:
            archive.writestr(name, content)
    return stream.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zip": lambda content: zipped("t.csv", content=content),
}
packers = pytest.mark.parametrize(("suffix", "pack"), PACKERS.items(), ids=list(PACKERS))


@packers
def test_a_packed_table_is_read(
    suffix: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    assert columns(read(pack(TEXT), tmp_path, f"t.csv{suffix}").table) == FOUND
    assert columns(read(pack(TEXT), tmp_path, "t.csv").table) == FOUND  # its bytes say it
    half = len(TEXT) // 2
    if suffix != ".zip":  # several streams, one after the other
        assert columns(read(pack(TEXT[:half]) + pack(TEXT[half:]), tmp_path).table) == FOUND


@packers
def test_a_file_that_unpacks_beyond_measure_is_left_early(
    suffix: str,
    pack: Callable[[bytes], bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sdae.data.bounds._ALWAYS", 4_000_000)
    content = pack(bytes(40 * MIB))
    assert 64 * len(content) < 4_000_000
    refused = pytest.raises(FileFormatError, match="unpacks to more than 1,000,000 bytes")
    with memory_below(12e6), refused:
        read(content, tmp_path, f"t.csv{suffix}")


@packers
def test_a_truncated_file_is_reported(
    suffix: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    with pytest.raises(FileFormatError, match=r"t.csv.* is damaged: .*Download it again"):
        read(pack(TEXT * 99)[:-9], tmp_path, f"t.csv{suffix}")


@FUZZ
@given(data=st.data())
def test_a_damaged_file_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("packed")
    for suffix, pack in PACKERS.items():
        content = gzip.compress(TEXT, mtime=0) if suffix == ".gz" else pack(TEXT)
        found = outcome(data.draw(damaged(content)), folder, f"t.csv{suffix}")
        if isinstance(found, str):
            assert str(folder) in found
            assert "\n" not in found
        else:
            assert len(found.table)


def test_an_xz_file_cannot_ask_for_gigabytes(tmp_path: Path) -> None:
    packer = lzma.LZMACompressor(filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}])
    content = bytearray(packer.compress(TEXT) + packer.flush())
    place = content.index(b"\x21\x01") + 2  # of the size of the dictionary, in one byte
    content[place] = 38  # 2 GiB
    header = content[12 : 12 + 4 * (content[12] + 1) - 4]
    content[12 + len(header) : 12 + len(header) + 4] = struct.pack("<I", zlib.crc32(header))
    with pytest.raises(FileFormatError, match=r"cannot be unpacked \(Memory usage limit"):
        read(bytes(content), tmp_path, "t.csv.xz")


def test_very_many_streams_are_refused_soon(tmp_path: Path) -> None:
    with soon(2), pytest.raises(FileFormatError, match=r"more than 100,000 packed streams"):
        read(bz2.compress(b"") * 100_001, tmp_path, "t.csv.bz2")


def test_an_archive_must_hold_one_file(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"holds 2 files: a.csv, b.csv. Unpack it"):
        read(zipped("a.csv", "b.csv"), tmp_path, "t.zip")
    with pytest.raises(FileFormatError, match=r"holds 0 files. Unpack it"):
        read(zipped("folder/"), tmp_path, "t.zip")
    notes = zipped("folder/", "folder/t.csv", "__MACOSX/t.csv", "folder/.DS_Store")
    assert columns(read(notes, tmp_path, "t.zip").table) == FOUND


def test_an_archive_of_a_rare_method_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="packed by a rare method"):
        read(zipped("t.csv", method=zipfile.ZIP_LZMA), tmp_path, "t.zip")


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped("t.csv"))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(FileFormatError, match="is encrypted"):
        read(bytes(content), tmp_path, "t.zip")


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("t.xlsx", "read_excel"),
        ("t.xls", "read_excel"),
        ("t.ods", "read_excel"),
        ("t.json", "read_json"),
        ("t.sav", "read_spss"),
        ("t.dta", "read_stata"),
        ("t.pkl", "read_pickle"),
        ("t.PKL.gz", "read_pickle"),
    ],
)
def test_other_formats_get_the_line_that_converts_them(
    name: str, function: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    with pytest.raises(
        DataError, match=rf"which sdae does not read.*pandas.{function}\('"
    ) as caught:
        read_table(path)
    assert str(caught.value).count(". ") == 1


def test_a_suffix_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is not a table that sdae can read. It reads .csv"):
        read(TEXT, tmp_path, "t.log")
    assert columns(read(TEXT, tmp_path, "table").table) == FOUND


def test_a_path_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="does not exist"):
        read_table(tmp_path / "t.csv")
    with pytest.raises(FileAccessError, match="zero bytes"):
        read_table("t\0.csv")
