"""Groups that are too large for the memory: copied to a folder, and removed from it again."""

import errno
import gc
import logging
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdae.core.errors import DataError, FileAccessError, FileFormatError
from sdae.data import open_rows
from sdae.data.stored.dataset import stored_dataset
from sdae.data.stored.npy_writing import NpyWriter
from sdae.data.table import NotNumbers
from tests.data.memory import arrow_memory_below, memory_below
from tests.data.stored.files import picked, span, write_columns, write_lists

X = np.random.default_rng(0).random((90, 3)).astype("f4")
TOO_SMALL = 50 * 12


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("write", [write_columns, write_lists])
@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_rows_of_groups_that_do_not_fit_are_those_of_the_file(
    tmp_path: Path, scratch: Path, write: Any, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    names = np.array(["a", "b", "ä"] * 30)
    write(folder / f"a{suffix}", X[:60], 60, y=names[:60])
    write(folder / f"b{suffix}", X[60:], 10, y=names[60:])
    with caplog.at_level(logging.WARNING, "sdae"):
        rows = open_rows(folder, target="y", memory=TOO_SMALL, scratch=scratch)
    (said,) = caplog.messages
    word = "row group" if suffix == ".parquet" else "record batch"
    assert f"a{suffix} has a {word} of 60 rows, which takes 720 bytes, more than memory=600" in said
    assert f"rewritten to {scratch}, where they take 720 bytes" in said
    assert len(list(scratch.iterdir())) == 1
    assert np.array_equal(rows.batch(picked(80, 2, 41)).numpy(), X[[80, 2, 41]])
    assert np.array_equal(rows.batch(span(0, 90)).numpy(), X)
    assert rows.targets is not None
    assert rows.targets.tolist() == names.tolist()
    with_memory = open_rows(folder, target="y")
    assert rows.columns == with_memory.columns
    assert repr(rows) == repr(with_memory)


def test_nothing_is_written_where_groups_fit(tmp_path: Path, scratch: Path) -> None:
    write_lists(tmp_path / "a.parquet", X, 50)
    rows = open_rows(tmp_path / "a.parquet", memory=TOO_SMALL, scratch=scratch)
    assert np.array_equal(rows.batch(span(0, 90)).numpy(), X)
    assert list(scratch.iterdir()) == []


def test_the_copy_is_removed_with_the_rows(tmp_path: Path, scratch: Path) -> None:
    write_lists(tmp_path / "a.parquet", X, 60)
    rows = open_rows(tmp_path / "a.parquet", memory=TOO_SMALL, scratch=scratch)
    delivered = rows.delivered_as(torch.zeros(1, dtype=torch.float64))
    del rows
    gc.collect()
    assert np.array_equal(delivered.batch(span(0, 90)).numpy(), X)
    del delivered
    gc.collect()
    assert list(scratch.iterdir()) == []
    with open_rows(tmp_path / "a.parquet", memory=TOO_SMALL, scratch=scratch) as rows:
        assert len(list(scratch.iterdir())) == 1
        other = pickle.loads(pickle.dumps(rows))
        assert np.array_equal(other.batch(span(0, 90)).numpy(), X)
        del other
        gc.collect()
        assert np.array_equal(rows.batch(span(0, 90)).numpy(), X)
    assert list(scratch.iterdir()) == []
    with pytest.raises(FileAccessError, match="it was there when it was opened, and is not"):
        rows.batch(span(0, 2))
    rows.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_the_copy_is_removed_at_the_end_by_its_own_process_alone(
    tmp_path: Path, scratch: Path
) -> None:
    write_lists(tmp_path / "a.parquet", X, 60)
    program = (
        "import os, sys; from pathlib import Path; from sdae.data import open_rows\n"
        f"rows = open_rows({str(tmp_path / 'a.parquet')!r}, memory={TOO_SMALL}, "
        f"scratch={str(scratch)!r})\n"
        "if os.fork() == 0: sys.exit()\n"
        "os.wait()\n"
        f"print(len(os.listdir({str(scratch)!r})))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "1\n", done.stderr
    assert list(scratch.iterdir()) == []


def test_rewriting_takes_no_more_memory_than_a_part_of_a_group(
    tmp_path: Path, scratch: Path
) -> None:
    path = tmp_path / "a.parquet"
    write_lists(path, np.random.default_rng(0).random((100_000, 50)), 100_000)  # 40 MB
    with memory_below(4e6), arrow_memory_below(12e6):
        rows = open_rows(path, memory=4 << 20, scratch=scratch)
        assert rows.batch(picked(99_999, 0)).shape == (2, 50)


def test_a_value_that_is_missing_is_named_in_the_file_itself(tmp_path: Path, scratch: Path) -> None:
    bad = X.copy()
    bad[70, 1] = np.nan
    write_columns(tmp_path / "a.parquet", bad, 90)
    rows = open_rows(tmp_path / "a.parquet", memory=TOO_SMALL, scratch=scratch)
    assert np.array_equal(rows.batch(span(0, 60)).numpy(), X[:60])
    with pytest.raises(DataError, match=r"a\.parquet, row 70 .* in column 'c1'"):
        rows.batch(span(60, 80))


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lists(tmp_path / "a.parquet", X, 60)
    added: list[Any] = []

    def full(_writer: NpyWriter, block: Any) -> None:
        if added:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        added.append(block)

    with monkeypatch.context() as patched:
        patched.setattr(NpyWriter, "add", full)
        with pytest.raises(FileAccessError, match=r"Cannot write .*scratch.*: No space left"):
            open_rows(tmp_path / "a.parquet", memory=TOO_SMALL, scratch=scratch)
    assert added
    assert list(scratch.iterdir()) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 1, 1079))
    with pytest.raises(DataError, match=r"take 1,080 bytes, but the disk of .* has 1,079 by"):
        open_rows(tmp_path / "a.parquet", memory=TOO_SMALL, scratch=scratch)
    assert list(scratch.iterdir()) == []


def test_a_damaged_file_leaves_nothing(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "a.parquet"
    write_lists(path, X, 60)
    content = bytearray(path.read_bytes())
    content[10] ^= 255
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.parquet is not a Parquet file, or is damaged"):
        open_rows(path, memory=TOO_SMALL, scratch=scratch)
    assert list(scratch.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    write_lists(tmp_path / "a.parquet", X, 60)
    for wrong in (tmp_path / "gone", tmp_path / "a.parquet"):
        with pytest.raises(FileAccessError, match="scratch parameter of open_rows must be"):
            open_rows(tmp_path / "a.parquet", memory=TOO_SMALL, scratch=wrong)
    with pytest.raises(DataError, match=r"convert\(path, .*, let open_rows .* scratch=FOLDER"):
        open_rows(tmp_path / "a.parquet", memory=TOO_SMALL)


def test_the_first_gap_ends_the_copying_where_gaps_are_not_wanted(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = X.copy()
    bad[30, 2] = np.nan
    write_columns(tmp_path / "a.parquet", bad, 90)
    copied: list[int] = []
    add = NpyWriter.add

    def counted(writer: NpyWriter, block: Any) -> None:
        copied.append(len(block))
        add(writer, block)

    monkeypatch.setattr(NpyWriter, "add", counted)
    with pytest.raises(NotNumbers, match=r"a\.parquet, row 30 .* in column 'c2'.*open_table"):
        stored_dataset(str(tmp_path / "a.parquet"), memory=TOO_SMALL, scratch=scratch)
    assert 0 < sum(copied) <= 30
    assert list(scratch.iterdir()) == []


def test_of_groups_that_are_too_large_only_columns_may_be_a_table(tmp_path: Path) -> None:
    write_lists(tmp_path / "a.parquet", X, group=12)
    write_columns(tmp_path / "b.parquet", X, group=12)
    with pytest.raises(DataError, match=r"or raise memory\.$"):
        open_rows(tmp_path / "a.parquet", memory=95)
    with pytest.raises(DataError, match=r"A file with gaps is opened with sdae\.data\.open_table"):
        open_rows(tmp_path / "b.parquet", memory=95)
