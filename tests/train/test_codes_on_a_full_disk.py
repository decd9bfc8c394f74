"""Codes of trained layers on a disk that turns out too small, or that cannot reserve room."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock, patch

import pytest
import torch
from torch import Tensor

from sdae import pretrain
from sdae.core.errors import FileAccessError
from sdae.core.minibatches import Minibatch
from sdae.core.rows import MappedRows, TensorRows
from sdae.train import codes as codes_module
from sdae.train.codes import codes_of
from tests.train.helpers import small_stack, state_bytes, unit_rows

N = 2500  # of 8 codes of 4 bytes: 80,000


def pretrained(codes: str, scratch: Path) -> bytes:
    """Pre-train two layers, and return their parameters; no files stay."""
    stack = small_stack()
    try:
        pretrain(
            stack,
            unit_rows(N),
            epochs=2,
            learning_rate=0.1,
            batch_size=100,
            codes=codes,
            scratch=scratch,
        )
    finally:
        assert list(scratch.iterdir()) == []
    return state_bytes(stack)


def failing(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@contextmanager
def files_of_at_most(n_bytes: int) -> Iterator[None]:
    """Let larger files be errors, as on a disk without room."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def full_disk(found: str) -> Iterator[None]:
    """Let a disk have no room for codes, which is found in one of the ways there are."""
    number = errno.ENOSPC if found == "before they are written" else errno.EOPNOTSUPP
    with patch.object(os, "posix_fallocate", side_effect=failing(number), create=True):
        if found == "before they are written":
            yield
            return
        with files_of_at_most(50_000):
            yield


FOUND = pytest.mark.parametrize("found", ["before they are written", "while they are written"])


@FOUND
def test_a_full_disk_is_an_error_and_leaves_nothing(found: str, tmp_path: Path) -> None:
    with (
        full_disk(found),
        pytest.raises(
            FileAccessError, match=r"Cannot write 80,000 bytes of codes .*TMPDIR.*'recompute'"
        ),
    ):
        pretrained("memmap", tmp_path)


@FOUND
def test_codes_are_computed_again_if_the_disk_turns_out_too_small(
    found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    memory = pretrained("memory", tmp_path)
    monkeypatch.setattr(codes_module, "MEMORY_LIMIT", 0)
    monkeypatch.setattr(codes_module, "FEW_BYTES", 1 << 30)
    with full_disk(found), caplog.at_level("INFO", "sdae"):
        assert pretrained("auto", tmp_path) == memory
    assert "layer 0 would take 80,000 bytes, more than the disk has" in caplog.text


@FOUND
def test_the_part_that_was_written_is_removed_at_once(found: str, tmp_path: Path) -> None:
    rows = TensorRows(torch.from_numpy(unit_rows(N)))
    with full_disk(found), pytest.raises(FileAccessError):
        codes_of(rows, small_stack().autoencoder(0), "memmap", lambda: tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_codes_are_not_written_by_way_of_memory(tmp_path: Path) -> None:
    """A page that a full disk has no room for kills the process that writes it."""
    rows = TensorRows(torch.from_numpy(unit_rows(N)))
    found = codes_of(rows, small_stack().autoencoder(0), "memmap", lambda: tmp_path)
    assert isinstance(found, MappedRows)
    assert not found.rows.flags.writeable


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL, None])
def test_a_disk_that_cannot_reserve_room_stores_codes(
    number: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = pretrained("memory", tmp_path)
    if number is None:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    else:
        reserve = Mock(side_effect=failing(number))
        monkeypatch.setattr(os, "posix_fallocate", reserve, raising=False)
    assert pretrained("memmap", tmp_path) == memory


def test_an_error_of_the_rows_is_not_one_of_the_disk(tmp_path: Path) -> None:
    class Unreadable(TensorRows):
        def batch(self, minibatch: Minibatch) -> Tensor:
            raise FileAccessError(f"Cannot read row {minibatch.samples[0]}.")

    rows = Unreadable(torch.from_numpy(unit_rows(N)))
    with pytest.raises(FileAccessError, match=r"^Cannot read row 0\.$"):
        codes_of(rows, small_stack().autoencoder(0), "memmap", lambda: tmp_path)
    assert list(tmp_path.iterdir()) == []
