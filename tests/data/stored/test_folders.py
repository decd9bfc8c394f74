"""Folders of files of rows: what belongs together, and what would be missed."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sdae.core.errors import DataError
from sdae.data import open_rows, open_table
from sdae.data.stored.dataset import stored_dataset
from tests.data.stored.files import write_columns, write_lists, write_table

X = np.random.default_rng(0).random((12, 2), dtype=np.float32)


def test_columns_in_another_order_are_named_by_the_user(tmp_path: Path) -> None:
    write_columns(tmp_path / "1.parquet", X)
    write_table(tmp_path / "2.parquet", pa.table({"c1": X[:, 1], "c0": X[:, 0]}), 4)
    problem = r"2\.parquet has the columns of 1\.parquet in another order.*: c0, c1\."
    with pytest.raises(DataError, match=problem):
        open_rows(tmp_path)
    rows = open_rows(tmp_path, columns=["c0", "c1"])
    assert np.array_equal(rows[:].in_memory(), np.concatenate([X, X]))


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        ([1, 2], ["a", "b"], r"2\.parquet has texts as labels, but 1\.parquet has numbers"),
        ([None, "a"], [1.5, None], r"2\.parquet has numbers as labels, but 1\.parquet has texts"),
        ([True, None], [0, 1], r"2\.parquet has numbers as labels, but 1.* truth values"),
    ],
)
def test_labels_of_another_type_than_in_the_first_file(
    tmp_path: Path, first: Any, second: Any, problem: str
) -> None:
    write_table(tmp_path / "0.parquet", pa.table({"x": [0.1, 0.2], "y": [None, None]}), 4)
    write_table(tmp_path / "1.parquet", pa.table({"x": [0.1, 0.2], "y": first}), 4)
    write_table(tmp_path / "2.parquet", pa.table({"x": [0.1, 0.2], "y": second}), 4)
    with pytest.raises(DataError, match=problem):
        open_rows(tmp_path, target="y")


def test_a_column_of_whole_rows_is_not_a_table(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_lists(path, np.ones((20, 3), "f4"), 5)
    with pytest.raises(DataError, match=r"whole rows of numbers.*sdae\.data\.open_rows"):
        open_table(path)


@pytest.mark.parametrize("opened", [open_rows, open_table])
@pytest.mark.parametrize("folder", ["y=1", "y=1/z=2", "b.parquet"])
def test_rows_in_folders_of_a_folder_are_not_missed(
    tmp_path: Path, opened: Any, folder: str
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    write_columns(tmp_path / folder / "1.parquet", X)
    problem = f"has a folder '{folder.split('/')[0]}' with files of rows.*a column of the files"
    with pytest.raises(DataError, match=problem):
        opened(tmp_path)
    write_columns(tmp_path / "1.parquet", X)
    with pytest.raises(DataError, match=problem):
        opened(tmp_path)


def test_folders_without_rows_and_copies_of_rows_are_left_out(tmp_path: Path) -> None:
    write_columns(tmp_path / "1.parquet", X)
    for name in ("notes/a.txt", "sdae-rows-x/a.npy", "_old/a.npy", ".git/a.npy", "a/_b.npy"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    assert open_rows(tmp_path).shape == (12, 2)


@pytest.mark.parametrize("opened", [open_rows, open_table])
def test_a_folder_of_csv_files(tmp_path: Path, opened: Any) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(DataError, match=r"has CSV files, which are only read one by one.*convert"):
        opened(tmp_path)


@pytest.mark.parametrize("kept", [(), ("c0",)])
@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_names_of_columns_that_are_no_text(tmp_path: Path, suffix: str, kept: Any) -> None:
    path = tmp_path / f"a{suffix}"
    write_columns(path, X)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"c0", b"\x800"))
    with pytest.raises(DataError, match="is damaged"):
        open_rows(path)
    with pytest.raises(DataError, match="is damaged"):
        stored_dataset(str(path), kept=kept, memory=50)


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
@pytest.mark.parametrize("kinds", [("float", "double"), ("double", "float"), ("int8", "int64")])
def test_the_first_column_of_another_type_is_named(
    tmp_path: Path, suffix: str, kinds: tuple[str, str]
) -> None:
    for number, kind in enumerate(kinds):
        columns = {"a": pa.array([1, 2], pa.int8()), "b": pa.array([1, 2]).cast(kind)}
        write_table(tmp_path / f"{number}{suffix}", pa.table(columns), 4)
    first, other = kinds
    problem = (
        rf"1\{suffix} has values of type {other} in column 'b', where 0\{suffix} has {first}\. .*"
        f"save the column as {first} there too"
    )
    with pytest.raises(DataError, match=problem):
        open_rows(tmp_path)


def test_arrays_of_another_type_are_named_with_both(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    np.save(tmp_path / "b.npy", X.astype(float))
    problem = r"b\.npy has numbers of type float64, but a\.npy has float32\. .*as float32 there too"
    with pytest.raises(DataError, match=problem):
        open_rows(tmp_path)
