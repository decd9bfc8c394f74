"""Which reader reads a source, and what importing the room costs."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdae.data
from sdae.core.errors import DataError, FileAccessError
from sdae.data import load_dataset


def test_the_room_offers_what_its_map_says() -> None:
    reading = ["Dataset", "Split", "Splits", "Table", "load_dataset", "load_mnist"]
    names = sorted([*reading, "DiskRows", "convert", "open_rows", "open_table"])
    assert sorted(sdae.data.__all__) == names
    assert all(hasattr(sdae.data, name) for name in names)


def test_importing_it_imports_no_heavy_library() -> None:
    heavy = "('sklearn', 'pyarrow', 'matplotlib', 'pandas')"
    code = f"import sys, sdae.data; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == "[]"


def test_a_name_with_capitals_is_read_by_its_suffix(tmp_path: Path) -> None:
    path = tmp_path / "ROWS.NPY"
    with path.open("wb") as file:
        np.save(file, np.ones((2, 3)))
    assert load_dataset(str(path)).train.x.shape == (2, 3)


def test_an_unknown_kind_is_told_with_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "rows.xlsx"
    path.write_bytes(b"")
    with pytest.raises(
        DataError,
        match=r"not a kind of file that sdae can read.*\.csv.*\.parquet.*\.npz.*\.pkl.*IDX.*mnist",
    ):
        load_dataset(path)


def test_a_missing_file_is_told_with_near_names(tmp_path: Path) -> None:
    (tmp_path / "digits.csv").write_text("a\n1\n")
    with pytest.raises(
        FileAccessError, match=r"digit.csv: it does not exist. Similar names: digits.csv"
    ):
        load_dataset(tmp_path / "digit.csv")
    with pytest.raises(FileAccessError, match=r"does not exist. Check the path"):
        load_dataset(tmp_path / "zebra.parquet")
    with pytest.raises(FileAccessError, match=r"folder .*nowhere does not exist either"):
        load_dataset(tmp_path / "nowhere" / "digits.csv")


def test_mnist_in_capitals_is_a_near_miss(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileAccessError, match="Did you mean mnist, the embedded set"):
        load_dataset("MNIST")


def test_the_word_mnist_means_the_embedded_set_whatever_is_in_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mnist").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_dataset("mnist").name == "MNIST"
    with pytest.raises(DataError, match="no IDX file"):
        load_dataset("./mnist")


def test_a_folder_takes_no_target(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").touch()
    with pytest.raises(
        DataError, match=r"has its own labels and no columns.*Leave the target 'y' out"
    ):
        load_dataset(tmp_path, target="y")


def test_a_folder_with_the_name_of_a_file_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").mkdir()
    with pytest.raises(DataError, match="no IDX file"):
        load_dataset(tmp_path / "rows.csv")


@pytest.mark.parametrize("target", [None, "y"])
def test_a_folder_of_other_files_is_told_so(tmp_path: Path, target: Any) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(DataError, match=r"no IDX file train-images-idx3-ubyte\. It has: a\.txt"):
        load_dataset(tmp_path, target=target)
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "a.parquet").touch()
    with pytest.raises(DataError, match="'part' with files of rows"):
        load_dataset(tmp_path, target=target)


def test_an_impossible_path_is_told(tmp_path: Path) -> None:
    for name in ("x" * 5000 + ".csv", "a\0b.csv"):
        with pytest.raises(FileAccessError, match="Cannot read"):
            load_dataset(tmp_path / name)
