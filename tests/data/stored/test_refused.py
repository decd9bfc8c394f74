"""Files of rows that cannot be read, or are not what they were: one sentence that names them."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sdae.core.errors import (
    DataError,
    FileAccessError,
    FileFormatError,
    InvalidParameterError,
    MissingExtraError,
)
from sdae.data import DiskRows, convert, open_rows
from tests.data.npy_files import npy_of
from tests.data.stored.files import span, write_columns, write_lists

X = np.arange(24, dtype=np.float32).reshape(12, 2)


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (X[0], r"has shape \(2,\)\. Rows on a disk must have two dimensions"),
        (X[:0], r"is empty: it has shape \(0, 2\)\. Remove it, or save rows"),
        (np.asfortranarray(X), r"is stored column by column \(Fortran order\).*ascontiguousarray"),
        (X.astype(complex), r"has elements of type complex128\. .*astype\(numpy\.float32\)"),
        (X.astype(str), r"has elements of type <U32"),
    ],
)
def test_arrays_that_are_no_rows(tmp_path: Path, array: Any, problem: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=rf"a\.npy {problem}"):
        open_rows(tmp_path / "a.npy")


@pytest.mark.parametrize("keep", [5, 40, 130, -1])
def test_a_cut_file(tmp_path: Path, keep: int) -> None:
    np.save(tmp_path / "a.npy", X)
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content[:keep])
    with pytest.raises(FileFormatError, match=r"a\.npy is (truncated or )?damaged"):
        open_rows(tmp_path / "a.npy")


@pytest.mark.parametrize("shape", ["(99999999999, 9999)", "(-1, 2)", "(2**99, 2)", "(True, 2)"])
def test_a_header_that_claims_too_much(tmp_path: Path, shape: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    (tmp_path / "a.npy").write_bytes(npy_of(header, b"\0" * 8))
    with pytest.raises(DataError, match=r"a\.npy (is|has)"):
        open_rows(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (X[:, :1], r"b\.npy has 1 columns, but a\.npy has 2\. All files"),
        (X.astype("f8"), r"b\.npy has numbers of type float64, but a\.npy has float32"),
        (X[:0], r"b\.npy is empty"),
        (X[0], r"b\.npy has shape \(2,\)"),
    ],
)
def test_a_shard_unlike_the_first(tmp_path: Path, second: Any, problem: str) -> None:
    np.save(tmp_path / "a.npy", X)
    np.save(tmp_path / "b.npy", second)
    np.save(tmp_path / "c.npy", X)
    with pytest.raises(DataError, match=problem):
        open_rows(tmp_path)


def test_a_parquet_file_unlike_the_first(tmp_path: Path) -> None:
    write_columns(tmp_path / "a.parquet", X)
    pq.write_table(pa.table({"c0": X[:, 0], "c2": X[:, 1]}), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"b\.parquet has a column 'c2' where a\.parquet has 'c1'"):
        open_rows(tmp_path)
    with pytest.raises(DataError, match=r"b\.parquet has no column 'c1'\. Its columns are: c0, c2"):
        open_rows(tmp_path, columns=["c1"])
    write_columns(tmp_path / "b.parquet", X[:0])
    with pytest.raises(DataError, match=r"b\.parquet is empty: it has no rows"):
        open_rows(tmp_path)


def _table(**columns: Any) -> Callable[[Path], None]:
    return lambda path: pq.write_table(pa.table(columns), path)


LISTS = pa.array([[1.0, 2.0], [3.0]])
EMPTY = pa.array([[], []], pa.list_(pa.float32(), 0))
PAIRS = pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2))


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (_table(a=["x"]), "column 'a', has values of type string, but features must be numbers"),
        (_table(a=EMPTY), "column 'a', has lists without numbers"),
        (_table(a=LISTS), r"must be a fixed-size list of numbers: cast it to pyarrow\.list_"),
        (_table(a=PAIRS, b=[1, 2]), r"of fixed_size_list<.* beside others\. Name the one to read"),
        (
            _table(a=[1, 2], b=[{"c": 1}] * 2),
            r"column 'b', .* struct<.*Or leave the column out",
        ),
        (lambda path: path.write_bytes(b"PAR1 and no more"), "is not a Parquet file, or is dam"),
    ],
)
def test_parquet_files_that_hold_no_rows(tmp_path: Path, write: Any, problem: str) -> None:
    write(tmp_path / "a.parquet")
    has_labels = "no label" in problem
    with pytest.raises(DataError, match=problem):
        open_rows(tmp_path / "a.parquet", target="y" if has_labels else None)


def test_a_value_that_is_not_finite_in_npy_is_not_of_a_table(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[1.0, np.nan]]))
    with pytest.raises(DataError, match=r"Fill it in, or drop the row\.$"):
        open_rows(tmp_path / "a.npy")[:].in_memory()


def test_missing_numbers_of_parquet(tmp_path: Path) -> None:
    _table(a=PAIRS)(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="column 'a', has missing rows or numbers"):
        open_rows(tmp_path / "a.parquet").batch(span(0, 1))
    _table(a=[1.0, None])(tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"b\.parquet, row 1 .* missing, .* float32 in col.* 'a'"):
        open_rows(tmp_path / "b.parquet").batch(span(0, 2))


def test_a_row_group_larger_than_the_memory(tmp_path: Path) -> None:
    write_lists(tmp_path / "a.parquet", X, group=12)
    assert open_rows(tmp_path / "a.parquet", memory=96).shape == (12, 2)
    problem = r"a\.parquet has a row group of 12 rows, which takes 96 bytes, more than memory=95\. "
    with pytest.raises(DataError, match=problem + r".*sdae\.data\.convert\(path"):
        open_rows(tmp_path / "a.parquet", memory=95)
    problem = r"memory=7, and a row alone takes 8\. Raise memory"
    with pytest.raises(DataError, match=problem):
        open_rows(tmp_path / "a.parquet", memory=7)


@pytest.mark.parametrize("memory", [8, 95, 64 * 8 * 3, 64 * 8 * 3000])
def test_the_groups_that_the_error_proposes_fit_into_the_memory(
    tmp_path: Path, memory: int
) -> None:
    x = np.zeros((200_000, 2), np.float32)
    write_lists(tmp_path / "a.parquet", x, group=len(x))
    with pytest.raises(DataError, match="rows_per_group=") as error:
        open_rows(tmp_path / "a.parquet", memory=memory)
    (n_rows,) = set(re.findall(r"rows(?:_|-)per(?:_|-)group[= ](\d+)", str(error.value)))
    assert int(n_rows) == max(1, min(2048, memory // 64 // 8))
    convert(tmp_path / "a.parquet", tmp_path / "b.npy")
    np.save(tmp_path / "c.npy", np.load(tmp_path / "b.npy")[:5000])
    convert(tmp_path / "c.npy", tmp_path / "d.parquet", rows_per_group=int(n_rows))
    assert open_rows(tmp_path / "d.parquet", memory=memory).shape == (5000, 2)


def test_a_number_that_is_not_finite_is_named(tmp_path: Path) -> None:
    bad = X.copy()
    bad[3, 1] = np.nan
    np.save(tmp_path / "a.npy", X)
    np.save(tmp_path / "b.npy", bad)
    rows = open_rows(tmp_path)
    assert rows.batch(span(0, 12)).isfinite().all()
    with pytest.raises(DataError, match=r"b\.npy, row 3 \(counted from 0\), .* in column '1'"):
        rows.batch(span(10, 18))
    np.save(tmp_path / "c.npy", np.array([[1e300]]))
    wide = open_rows(tmp_path / "c.npy")
    assert wide.batch(span(0, 1)).item() == 1e300
    with pytest.raises(DataError, match=r"c\.npy, row 0"):
        wide.delivered_as(span_like()).batch(span(0, 1))


def span_like() -> Any:
    import torch

    return torch.zeros(1)


@pytest.mark.parametrize(
    ("columns", "target", "problem"),
    [
        ([5], None, "has columns 0 to 1, without names. Got 5 for a column"),
        ([True], None, "Got the column True: use its position"),
        (["a"], None, "Got the column 'a': use its position, from 0"),
        ([0, 0], None, r"different columns. Got \[0, 0\]"),
        ([], None, "has no column of rows"),
        (None, "y", "Got the column 'y': use its position"),
        ("ab", None, r"columns must be a list. Got 'ab': use \['ab'\]"),
        (3, None, r"columns must be a list. Got 3: use \[3\]"),
    ],
)
def test_columns_of_npy(tmp_path: Path, columns: Any, target: Any, problem: str) -> None:
    np.save(tmp_path / "a.npy", X)
    with pytest.raises(DataError, match=problem):
        open_rows(tmp_path / "a.npy", columns, target)


@pytest.mark.parametrize(
    ("columns", "target", "problem"),
    [
        (
            [0],
            None,
            "or Feather file have names. Got the column 0: use a text",
        ),
        (["c0", "c0"], None, "different columns"),
        ([], None, "has no column of rows. Name one or more"),
        (["c"], None, "has no column 'c'"),
        (None, "c11", "has no column 'c11'. Did you mean 'c1'"),
        (None, 1, "Got the column 1: use a text"),
    ],
)
def test_columns_of_parquet(tmp_path: Path, columns: Any, target: Any, problem: str) -> None:
    write_columns(tmp_path / "a.parquet", X)
    with pytest.raises(DataError, match=problem):
        open_rows(tmp_path / "a.parquet", columns, target)


def test_a_file_of_labels_alone_has_no_rows(tmp_path: Path) -> None:
    pq.write_table(pa.table({"y": [0, 1]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet has no column of rows"):
        open_rows(tmp_path / "a.parquet", target="y")


def test_paths_without_rows(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match=r"gone\.npy': it does not exist"):
        open_rows(tmp_path / "gone.npy")
    with pytest.raises(DataError, match=r"has no \.npy, \.parquet, \.feather, \.arrow files"):
        open_rows(tmp_path)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"is a CSV, .* sdae convert \S+a\.csv \S+a\.parquet"):
        open_rows(tmp_path / "a.csv")
    (tmp_path / "a.csv.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"sdae convert \S+a\.csv\.gz \S+a\.parquet \(with --tar"):
        open_rows(tmp_path / "a.csv.gz")
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(DataError, match=r"a\.json cannot be read row by row: open_rows takes"):
        open_rows(tmp_path / "a.json")
    np.save(tmp_path / "a.npy", X)
    write_columns(tmp_path / "b.parquet", X)
    with pytest.raises(DataError, match=r"several kinds, \.npy, \.parquet: a\.npy, b\.parquet"):
        open_rows(tmp_path)
    for name in ("pipe.npy", "pipe.parquet", "pipe.feather"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(DataError, match=f"{name} is a pipe"):
            open_rows(tmp_path / name)


@pytest.mark.parametrize("memory", [0, -1, 1.5, "many"])
def test_the_memory_must_be_a_number_of_bytes(tmp_path: Path, memory: Any) -> None:
    np.save(tmp_path / "a.npy", X)
    with pytest.raises(InvalidParameterError, match="must be an integer ≥ 1, a number of bytes"):
        open_rows(tmp_path / "a.npy", memory=memory)


def _opened(folder: Path, kind: str) -> tuple[DiskRows, Path]:
    for name in "ab":
        path = folder / f"{name}{kind}"
        np.save(path, X) if kind == ".npy" else write_lists(path, X)
    return open_rows(folder), folder / f"b{kind}"


@pytest.mark.parametrize("kind", [".npy", ".parquet", ".feather"])
@pytest.mark.parametrize("read_before", [False, True])
def test_a_file_that_changes_is_named_at_the_next_read(
    tmp_path: Path, kind: str, read_before: bool
) -> None:
    rows, second = _opened(tmp_path, kind)
    if read_before:
        rows.batch(span(0, 24))
    content = second.read_bytes()
    second.write_bytes(content[:-4])
    for _ in range(2):
        assert rows.batch(span(0, 12)).shape == (12, 2)
        with pytest.raises(
            FileFormatError, match=rf"b\{kind} changed after .*: it had [\d,]+ bytes"
        ):
            rows.batch(span(10, 14))
    second.write_bytes(content)
    os.utime(second, ns=(1, 1))
    with pytest.raises(FileFormatError, match=rf"b\{kind} changed .* written to or replaced"):
        rows.batch(span(10, 14))
    second.unlink()
    with pytest.raises(FileAccessError, match=rf"b\{kind}: it was there when it was opened"):
        rows.batch(span(10, 14))


def test_a_replaced_file_of_the_same_size_and_time_is_noticed(tmp_path: Path) -> None:
    rows, second = _opened(tmp_path, ".npy")
    status = second.stat()
    np.save(tmp_path / "new.tmp.npy", X + 1)
    (tmp_path / "new.tmp.npy").replace(second)
    os.utime(second, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(FileFormatError, match=r"b\.npy changed .* written to or replaced"):
        rows.batch(span(12, 13))


def test_a_damaged_page_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_lists(path, X, group=12)
    content = bytearray(path.read_bytes())
    content[10] ^= 255
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.parquet is not a Parquet file, or is damaged"):
        open_rows(path).batch(span(0, 2))


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_columns(tmp_path / "a.parquet", X)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"a\.parquet is a Parquet file.*sdae\[tables\]"):
        open_rows(tmp_path / "a.parquet")
