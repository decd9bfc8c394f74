"""Files of tensors of any size: read as far as they are there, never held twice, never damaged."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdae import SDAETransformer
from sdae.app.runs.verification import verify
from sdae.core import tensor_file
from sdae.core.errors import DataError, FileAccessError, FileFormatError
from sdae.core.files import MAX_BYTES
from sdae.core.tensor_file import read_tensors, write_tensors
from sdae.estimators import estimator_file
from sdae.train.checkpoints.checkpoint_folder import StageCheckpoints
from tests.data.memory import memory_below

FORMAT = {"format": 1}


def sparse_file(path: Path, n_bytes: int, entry: dict[str, Any]) -> Path:
    """Write a file of one tensor of bytes that are a hole, with an entry, or skip the test."""
    tensor = {"dtype": "U8", "shape": [n_bytes], "data_offsets": [0, n_bytes]}
    header = json.dumps({"__metadata__": {"sdae": json.dumps(entry)}, "a": tensor}).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        try:
            file.truncate(8 + len(header) + n_bytes)
        except OSError:
            pytest.skip("the file system has no files that large")
    return path


def no_room(*_: object, **__: object) -> None:
    raise RuntimeError("[enforce fail at alloc_cpu.cpp:124] can't allocate memory")


def test_a_file_past_4_gib_is_read_from_its_header_on(tmp_path: Path) -> None:
    path = sparse_file(tmp_path / "m.safetensors", MAX_BYTES + 1, {"format": 2})
    with pytest.raises(FileFormatError, match="has format 2; this version of sdae reads format 1"):
        read_tensors(path, "model file", 1)


def test_a_file_larger_than_the_memory_is_not_called_damaged(tmp_path: Path) -> None:
    path = sparse_file(tmp_path / "m.safetensors", 1 << 43, FORMAT)
    text = r"^Cannot read .*: its 8,796,093,022,\d+ bytes do not fit in memory\. Use a"
    with pytest.raises(FileAccessError, match=text):
        read_tensors(path, "model file", 1)
    (verdict,) = verify(path)
    assert verdict.problem is not None
    assert "do not fit in memory" in verdict.problem


def test_a_checkpoint_larger_than_the_memory_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = StageCheckpoints(tmp_path, "pretraining", 3)
    for number in range(2):
        files.save({}, {"a": torch.full((3,), float(number))})
    monkeypatch.setattr(torch, "empty", no_room)
    with pytest.raises(
        FileAccessError, match=r"000002.safetensors: its .* bytes do not fit in mem"
    ):
        files.newest()


@pytest.mark.parametrize("n_claimed", [1 << 30, 1 << 50])
def test_a_header_that_claims_more_than_is_there_allocates_nothing(
    tmp_path: Path, n_claimed: int
) -> None:
    path = tmp_path / "m.safetensors"
    tensor = {"dtype": "U8", "shape": [n_claimed], "data_offsets": [0, n_claimed]}
    header = json.dumps({"__metadata__": {"sdae": json.dumps(FORMAT)}, "a": tensor}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(100))
    with memory_below(2e6), pytest.raises(FileFormatError, match="is damaged"):
        read_tensors(path, "model file", 1)


def test_the_numbers_are_never_held_a_second_time(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(5_000_000.0), "b": torch.ones(3)}
    n_bytes = 20_000_000
    path, files = tmp_path / "m.safetensors", StageCheckpoints(tmp_path, "finetuning", 1)
    with memory_below(0.1 * n_bytes):
        write_tensors(path, tensors, FORMAT)
        files.save({}, tensors)
    with memory_below(1.1 * n_bytes):
        found = read_tensors(path, "model file", 1)[1]
    with memory_below(1.1 * n_bytes):
        kept = files.newest()
    assert kept is not None
    for other in (found, kept[1]):
        assert all(bool((other[name] == tensor).all()) for name, tensor in tensors.items())


def test_what_was_read_does_not_change_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    write_tensors(path, {"a": torch.arange(1000.0)}, FORMAT)
    found = read_tensors(path, "model file", 1)[1]["a"]
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    assert found.tolist() == list(range(1000))


def test_as_many_tensors_as_may_be_written_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensor_file, "_MOST_TENSORS", 3)
    path = tmp_path / "m.safetensors"
    write_tensors(path, {name: torch.ones(1) for name in "abc"}, FORMAT)
    assert set(read_tensors(path, "model file", 1)[1]) == set("abc")
    with pytest.raises(DataError, match="cannot be written: it has 4 tensors"):
        write_tensors(path, {name: torch.ones(1) for name in "abcd"}, FORMAT)
    assert set(read_tensors(path, "model file", 1)[1]) == set("abc")


def test_an_estimator_with_a_longer_parameter_than_is_read_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(0).random((12, 2))
    model = SDAETransformer((2, 2, 2, 2), pretrain_epochs=1, random_state=0).fit(x)
    model.save(tmp_path / "m.safetensors")
    monkeypatch.setattr(estimator_file, "MOST_VALUES", 3)
    with pytest.raises(
        DataError, match=r"hidden_layer_sizes parameter must have at most 3 values .* Got 4"
    ):
        model.save(tmp_path / "m.safetensors")


@pytest.mark.parametrize("header", [b"[]", b"5", b'"x"', b"null", b"{}"])
def test_a_header_that_names_no_tensors_is_refused(header: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(
        FileFormatError, match="is not a model file of sdae, or its header is damaged"
    ):
        read_tensors(path, "model file", 1)


@pytest.mark.slow
def test_more_than_4_gib_are_written_and_read(tmp_path: Path) -> None:
    """Takes some 4.5 GB of memory, and of disk."""
    n = (MAX_BYTES >> 2) + 1000
    path = tmp_path / "m.safetensors"
    write_tensors(path, {"a": torch.ones(n)}, FORMAT)
    assert path.stat().st_size > MAX_BYTES
    assert bool((read_tensors(path, "model file", 1)[1]["a"] == 1).all())
