"""Packed files that would become too much, or take too long, before they are found to be wrong."""

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from sdae.core.errors import FileFormatError
from sdae.data import load_dataset
from sdae.data.bounds import check_room
from tests.data.memory import memory_below
from tests.data.npy_files import ROWS, npy, npy_of
from tests.data.pickle_samples import old
from tests.data.refusals import MIB, refused, soon, zipped


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a packed file become 4 MB, where it is 1 GiB."""
    monkeypatch.setattr("sdae.data.bounds._ALWAYS", 4_000_000)


@pytest.mark.usefixtures("little_room")
@pytest.mark.parametrize("name", ["rows.csv.gz", "mnist.pkl.gz"])
def test_a_stream_that_unpacks_beyond_measure_is_left_early(tmp_path: Path, name: str) -> None:
    content = gzip.compress(bytes(40 * MIB), 9)
    assert 64 * len(content) < 4_000_000
    with memory_below(8e6):
        refused(tmp_path / name, content, "unpacks to more than 1,000,000 bytes")


@pytest.mark.usefixtures("little_room")
def test_packed_images_and_their_labels_are_bounded_together(tmp_path: Path) -> None:
    n = 300_000
    images = tmp_path / "train-images-idx3-ubyte.gz"
    images.write_bytes(gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", n, 1, 1) + bytes(n)))
    assert load_dataset(tmp_path).train.n_rows == n
    labels = bytes([0, 0, 8, 1]) + struct.pack(">I", n) + bytes(n)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    with pytest.raises(
        FileFormatError, match=r"images.* says that it holds 4,200,000 bytes of rows and"
    ):
        load_dataset(tmp_path)


@pytest.mark.usefixtures("little_room")
def test_arrays_of_an_archive_are_bounded_together(tmp_path: Path) -> None:
    part = npy(np.zeros((1000, 300), np.uint8))
    path = tmp_path / "rows.npz"
    message = refused(path, zipped(x_train=part, x_val=part, x_test=part), "holds 4,500,000 bytes")
    assert "If you trust it, save it without compression" in message
    path.write_bytes(zipped(x_train=part, x_val=part))
    assert load_dataset(path).train.n_rows == 1000


def test_what_a_file_may_become_grows_with_it() -> None:
    check_room(1 << 30, 1, "a.npz")
    check_room(64 << 30, 1 << 30, "a.npz")
    for wanted, n_packed in (((1 << 30) + 1, 1), ((64 << 30) + 1, 1 << 30)):
        with pytest.raises(
            FileFormatError, match=r"a.npz says that it holds .* very strongly compressed"
        ):
            check_room(wanted, n_packed, "a.npz")


@pytest.mark.usefixtures("little_room")
def test_one_array_in_three_places_of_a_pickle_is_counted_three_times(tmp_path: Path) -> None:
    pair = (np.zeros((1000, 300), np.uint8), np.zeros(1000, np.uint8))
    for n_parts, claimed in ((1, ""), (3, "says that it holds 4,524,000 bytes of rows and labels")):
        parts = [pair] * n_parts + [(x[:1], y[:1]) for x, y in [pair] * (3 - n_parts)]
        content = old(pickle.dumps(tuple(parts), 2))
        path = tmp_path / "mnist.pkl.gz"
        if claimed:
            refused(path, gzip.compress(content), claimed)
        else:
            path.write_bytes(gzip.compress(content))
            assert load_dataset(path).train.n_rows == 1000


@pytest.mark.parametrize(
    "text",
    [
        b"X" + struct.pack("<I", 2 * MIB) + "Ā".encode() + b"x" * (2 * MIB - 2),
        b"\x8d" + struct.pack("<Q", 2 * MIB) + "😀".encode() + b"x" * (2 * MIB - 4),
        b"V" + b"x" * MIB + b"\\u0100" + b"x" * MIB + b"\n",
        b"V" + b"x" * MIB + b"\\U0001f600" + b"x" * MIB + b"\n",
    ],
)
def test_a_character_beyond_bytes_does_not_widen_a_text_of_a_pickle(
    tmp_path: Path, text: bytes
) -> None:
    with memory_below(3.5 * len(text)):
        refused(tmp_path / "m.pkl", text + b".", "a text with characters that are not bytes")


@pytest.mark.parametrize(
    "text",
    [
        b"X" + struct.pack("<I", 2 * MIB) + "é".encode() * MIB,
        b"V" + b"x" * MIB + b"\\u00e9\\U000000e9" + b"x" * MIB + b"\n",
        b"T" + struct.pack("<I", 2 * MIB) + b"\xff" * (2 * MIB),
    ],
)
def test_characters_that_stand_for_bytes_are_let_through(tmp_path: Path, text: bytes) -> None:
    refused(tmp_path / "m.pkl", text + b".", "must hold three pairs of arrays")


def test_an_archive_of_very_many_members_is_refused_soon(tmp_path: Path) -> None:
    content = zipped(x=npy(ROWS))
    directory, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    entries = content[directory:end] * 200_000
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65_535, 65_535, len(entries), directory, 0)
    with soon(2):
        refused(
            tmp_path / "rows.npz",
            content[:directory] + entries + tail,
            "about 200,000 members; sdae reads at most 10,000",
        )


def test_a_header_of_gigabytes_is_not_unpacked(tmp_path: Path) -> None:
    header = npy_of("x", version=2)[:8] + struct.pack("<I", 20 * MIB) + b" " * (20 * MIB)
    content = zipped(x=header)
    with memory_below(2e6):
        refused(tmp_path / "rows.npz", content, r"\(x\) is damaged: its NPY header")


def test_a_header_shorter_than_its_length_is_refused(tmp_path: Path) -> None:
    for content in (b"\x93NUMPY\1\0", b"\x93NUMPY\1\0v", b"\x93NUMPY\2\0v\0\0"):
        refused(tmp_path / "rows.npy", content, "its NPY header, from byte 0 on")
