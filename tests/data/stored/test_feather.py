"""Rows of Feather files: any packing, only the columns that are asked for, and damaged files."""

import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest

from sdae.core.errors import DataError, FileFormatError, MissingExtraError
from sdae.data import convert, open_rows
from tests.data.memory import arrow_memory_below
from tests.data.stored.files import columns_of, lists_of, picked, span, write_lists, write_table

X = np.random.default_rng(0).random((90, 3)).astype("f4")


@pytest.mark.parametrize("packing", [None, "lz4", "zstd"])
@pytest.mark.parametrize("form", [columns_of, lists_of])
@pytest.mark.parametrize("suffix", [".feather", ".arrow"])
def test_packed_batches_give_the_rows_of_numpy(
    tmp_path: Path, packing: str | None, form: Any, suffix: str
) -> None:
    path = (tmp_path / "a").with_suffix(suffix)
    names = np.array(["a", "b", "ä"] * 30)
    write_table(path, form(X, y=names), 7, packing)
    rows = open_rows(path, target="y")
    assert np.array_equal(rows.batch(picked(80, 2, 41)).numpy(), X[[80, 2, 41]])
    assert np.array_equal(rows.batch(span(0, 90)).numpy(), X)
    assert rows.targets is not None
    assert rows.targets.tolist() == names.tolist()


def test_files_of_pandas_and_dictionaries_of_texts(tmp_path: Path) -> None:
    names = pa.array(["p", "q", None, "p"] * 20 + ["q"] * 10)
    table = columns_of(X, y=names.fill_null("r").dictionary_encode(), z=names.dictionary_encode())
    pyarrow.feather.write_feather(table, tmp_path / "a.feather", chunksize=20)
    rows = open_rows(tmp_path / "a.feather", ["c2", "c0"], "y")
    assert rows.targets is not None
    assert rows.targets.tolist() == names.fill_null("r").to_pylist()
    assert np.array_equal(rows.batch(span(30, 50)).numpy(), X[30:50][:, [2, 0]])
    some = open_rows(tmp_path / "a.feather", ["c0"], "z").targets
    assert some is not None
    assert some.tolist() == names.to_pylist()


def test_a_folder_of_both_names_of_the_format_is_one_source(tmp_path: Path) -> None:
    write_lists(tmp_path / "a.feather", X[:50])
    write_lists(tmp_path / "b.arrow", X[50:])
    assert np.array_equal(open_rows(tmp_path).batch(span(0, 90)).numpy(), X)
    convert(tmp_path, tmp_path / "c.parquet")
    assert np.array_equal(open_rows(tmp_path / "c.parquet").batch(span(0, 90)).numpy(), X)


@pytest.mark.parametrize("packing", [None, "lz4"])
def test_only_the_columns_of_a_batch_that_are_asked_for_are_read(
    tmp_path: Path, packing: str | None
) -> None:
    x = np.random.default_rng(0).random((1000, 200))
    write_table(tmp_path / "a.feather", columns_of(x), 500, packing)  # 800 kB each
    rows = open_rows(tmp_path / "a.feather", ["c5", "c3"], memory=8000)
    with arrow_memory_below(60e3):
        assert np.array_equal(rows.batch(picked(999, 0)).numpy(), x[[999, 0]][:, [5, 3]])


def test_a_batch_of_columns_takes_little_more_than_its_rows(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((1000, 1000))
    write_table(tmp_path / "a.feather", columns_of(x), 1000, None)  # 8 MB
    rows = open_rows(tmp_path / "a.feather")
    with arrow_memory_below(1e6):
        assert np.array_equal(rows.batch(picked(999, 0)).numpy(), x[[999, 0]])


def test_files_that_are_not_feather(tmp_path: Path) -> None:
    path = tmp_path / "a.feather"
    for content in (b"", b"ARROW1", b"ARROW1\0\0" + bytes(20), b"PAR1" * 9, b"FEA1" * 9):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=r"a\.feather is not a Feather .* or is damaged"):
            open_rows(path)
    write_table(path, columns_of(X[:0]), 4)
    with pytest.raises(DataError, match=r"a\.feather is empty: it has no rows"):
        open_rows(path)
    write_table(path, columns_of(X), 90)
    with pytest.raises(DataError, match="a record batch of 90 rows, which takes 1,080 bytes, more"):
        open_rows(path, memory=1079)


@pytest.mark.parametrize("form", [columns_of, lists_of])
@pytest.mark.parametrize("packing", [None, "lz4"])
def test_damaged_files_are_refused_or_read(tmp_path: Path, packing: str | None, form: Any) -> None:
    path = tmp_path / "a.feather"
    write_table(path, form(X, y=np.arange(90).astype(str)), 40, packing)
    content, chosen = path.read_bytes(), random.Random(0)
    n_refused = 0
    for _ in range(400):
        damaged = bytearray(content)
        if chosen.random() < 0.2:
            del damaged[chosen.randrange(len(damaged)) :]
        else:
            for _ in range(chosen.randint(1, 4)):
                damaged[chosen.randrange(len(damaged))] = chosen.choice([0, 1, 127, 128, 255])
        path.write_bytes(damaged)
        try:
            open_rows(path, target="y").batch(span(0, 90))
        except DataError:
            n_refused += 1
    assert n_refused > 100


def test_a_batch_that_claims_to_unpack_to_any_amount_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.feather"
    write_table(path, columns_of(np.zeros((5000, 1))), 5000, "lz4")
    content = path.read_bytes()
    claim = struct.pack("<q", 5000 * 8)
    assert content.count(claim) == 1
    path.write_bytes(content.replace(claim, struct.pack("<q", 1 << 40)))
    rows = open_rows(path)
    with pytest.raises(FileFormatError, match="says that it holds 1,099,511,627,776 bytes"):
        rows.batch(span(0, 1))


def test_feather_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lists(tmp_path / "a.feather", X)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"a\.feather is a Feather .*sdae\[tables\]"):
        open_rows(tmp_path / "a.feather")
