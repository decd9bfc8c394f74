"""Rows in lists keep the names of their columns, and are picked by them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sdae.core.errors import DataError
from sdae.data import convert, open_rows
from tests.data.stored.files import lists_of, span, write_columns, write_lists, write_table

X = np.random.default_rng(0).random((20, 3), dtype=np.float32)


def all_of(rows: Any) -> Any:
    return rows.batch(span(0, len(rows))).numpy()


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_converted_rows_have_the_names_of_the_original(tmp_path: Path, suffix: str) -> None:
    write_columns(tmp_path / "a.parquet", X, y=np.arange(20))
    convert(tmp_path / "a.parquet", tmp_path / f"b{suffix}", target="y")
    rows = open_rows(tmp_path / f"b{suffix}", target="y")
    assert (rows.columns, rows.named) == (("c0", "c1", "c2"), True)
    some = open_rows(tmp_path / f"b{suffix}", ["c2", "c0"])
    assert some.columns == ("c2", "c0")
    assert np.array_equal(all_of(some), X[:, [2, 0]])
    assert np.array_equal(np.concatenate([*some.blocks(7)]), X[:, [2, 0]])
    assert np.array_equal(all_of(open_rows(tmp_path / f"b{suffix}", ["x"])), X)
    with pytest.raises(DataError, match=r"no column 'c3'.*Its columns are: c0, c1, c2"):
        open_rows(tmp_path / f"b{suffix}", ["c3"])
    with pytest.raises(DataError, match="different columns"):
        open_rows(tmp_path / f"b{suffix}", ["c0", "c0"])
    with pytest.raises(DataError, match=r"'c0' among the numbers of its rows.*sdae convert"):
        open_rows(tmp_path / f"b{suffix}", target="c0")


def test_columns_may_be_called_as_that_of_the_lists(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("w,x\n1,3\n2,4\n")
    convert(tmp_path / "a.csv", tmp_path / "a.parquet")
    assert all_of(open_rows(tmp_path / "a.parquet", ["x"])).tolist() == [[3], [4]]
    convert(tmp_path / "a.csv", tmp_path / "b.parquet", target="x")
    rows = open_rows(tmp_path / "b.parquet", target="x")
    assert rows.targets is not None
    assert rows.targets.tolist() == [3, 4]
    assert rows.columns == ("w",)


def test_positions_are_no_names(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    convert(tmp_path / "a.npy", tmp_path / "a.parquet")
    rows = open_rows(tmp_path / "a.parquet")
    assert (rows.columns, rows.named) == (("0", "1", "2"), False)
    write_lists(tmp_path / "b.parquet", X)
    rows = open_rows(tmp_path / "b.parquet")
    assert (rows.columns, rows.named) == (("rows.0", "rows.1", "rows.2"), False)


@pytest.mark.parametrize(
    "names", [b'["a", "b"]', b'["a", "a", "b"]', b"[1, 2, 3]", b'"abc"', b"{", b"\xff", b"[" * 9999]
)
def test_names_that_do_not_fit_are_not_believed(tmp_path: Path, names: bytes) -> None:
    table = lists_of(X).replace_schema_metadata({b"sdae.columns": names})
    pq.write_table(table, tmp_path / "a.parquet")
    assert open_rows(tmp_path / "a.parquet").columns == ("rows.0", "rows.1", "rows.2")


def test_the_target_is_not_among_the_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    pq.write_table(pa.table({"a": X[:, 0], "b": X[:, 1]}), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("a,b\n1,3\n2,4\n")
    with pytest.raises(DataError, match="without the target 1"):
        open_rows(tmp_path / "a.npy", [0, 1], 1)
    with pytest.raises(DataError, match="without the target 'b'"):
        open_rows(tmp_path / "a.parquet", ["a", "b"], "b")
    with pytest.raises(DataError, match="without the target 'b'"):
        convert(tmp_path / "a.csv", tmp_path / "b.parquet", ["a", "b"], "b")


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
@pytest.mark.parametrize("rows", [[8, 11], [11, 8]])
def test_a_missing_list_or_number_names_its_row(
    tmp_path: Path, suffix: str, rows: list[int]
) -> None:
    lists: list[Any] = [[1.0, 2.0] for _ in range(20)]
    lists[rows[0]], lists[rows[1]] = None, [1.0, None]
    table = pa.table({"a": pa.array(lists, pa.list_(pa.float32(), 2))})
    path = tmp_path / f"a{suffix}"
    write_table(path, table, 6)
    problem = r"column 'a', has missing rows or numbers, as in row 8 \(counted from 0\)\. Drop"
    with pytest.raises(DataError, match=problem):
        open_rows(path).batch(span(6, 12))
    with pytest.raises(DataError, match=problem):
        convert(path, tmp_path / "b.npy", rows_per_group=5)
