"""NPY files."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from sdae.core.errors import DataError, FileFormatError
from sdae.data import Dataset, load_dataset
from tests.data.damage import FUZZ, damaged, load_or_refuse
from tests.data.memory import memory_below
from tests.data.npy_files import ROWS, npy, npy_of
from tests.data.pickle_samples import Call


def load(tmp_path: Path, content: bytes, target: str | None = None) -> Dataset:
    path = tmp_path / "rows.npy"
    path.write_bytes(content)
    return load_dataset(path, target)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", ">f8", "u1", "i8", "u8", "?"])
def test_rows_of_numbers_are_cast_as_they_are(tmp_path: Path, dtype: str) -> None:
    rows = ROWS.astype(dtype)
    dataset = load(tmp_path, npy(rows))
    assert dataset.train.x.dtype == np.float32
    assert dataset.train.x.tolist() == rows.tolist()
    assert dataset.train.feature_names == ("0", "1", "2")
    assert dataset.train.y is None


def test_fortran_order_is_kept_in_mind(tmp_path: Path) -> None:
    assert load(tmp_path, npy(np.asfortranarray(ROWS))).train.x.tolist() == ROWS.tolist()


@pytest.mark.parametrize("target", ["2", "-1"])
def test_a_column_is_picked_as_labels_by_its_place(tmp_path: Path, target: str) -> None:
    train = load(tmp_path, npy(ROWS), target).train
    assert train.x.tolist() == ROWS[:, :2].tolist()
    assert train.y is not None
    assert train.y.tolist() == [2, 5, 1]
    assert train.feature_names == ("0", "1")


def test_a_column_in_the_middle_leaves_the_names_of_the_others(tmp_path: Path) -> None:
    whole = np.array([[1.0, 0, 2], [3, 1, 4]])
    train = load(tmp_path, npy(whole), "1").train
    assert train.feature_names == ("0", "2")
    assert train.x.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("target", ["3", "-4", "label", ""])
def test_a_target_that_is_no_column_is_refused(tmp_path: Path, target: str) -> None:
    with pytest.raises(
        DataError, match=f"number of a column, from 0 to 2,.*as -1 does. Got '{target}' instead"
    ):
        load(tmp_path, npy(ROWS), target)


def test_images_of_bytes_are_divided_by_256_and_others_are_not(tmp_path: Path) -> None:
    images = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    train = load(tmp_path, npy(images)).train
    assert train.x.tolist() == (images.reshape(1, 12) / 256).tolist()
    assert train.image_shape == (3, 4)
    assert load(tmp_path, npy(images.astype("f4"))).train.x.max() == 11


def test_a_target_has_no_place_among_images(tmp_path: Path) -> None:
    message = r"shape \(1, 3, 4\), so it does not have columns.*Leave the target out"
    with pytest.raises(DataError, match=message):
        load(tmp_path, npy(np.zeros((1, 3, 4))), "0")


@pytest.mark.parametrize("shape", [(), (3,), (2, 2, 2, 2)])
def test_other_shapes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"must have shape \(n, V\).*Got shape \("):
        load(tmp_path, npy(np.ones(shape)))


@pytest.mark.parametrize(
    ("array", "remedy"),
    [
        (np.array([[{}]], object), "Objects are never loaded.*astype"),
        (np.array([(1, 2)], "i4,i4"), "structured_to_unstructured"),
        (np.ones((2, 2), complex), "real and the imaginary parts"),
        (np.array([[b"a"]]), "bytes as texts"),
        (np.array([["a"]]), "must be numbers. Got texts instead.*get_dummies"),
        (np.array([["2020-01-01"]], "M8[D]"), "times as numbers"),
    ],
)
def test_elements_that_are_no_numbers_are_refused(
    tmp_path: Path, array: NDArray[np.generic], remedy: str
) -> None:
    with pytest.raises(DataError, match=remedy):
        load(tmp_path, npy(array, allow_pickle=True))


def test_texts_with_a_target_column_are_refused_as_features(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must be numbers\. Got texts instead"):
        load(tmp_path, npy(np.array([["1", "cat"], ["2", "dog"]])), "-1")


def test_a_number_too_large_for_float32_is_an_error(tmp_path: Path) -> None:
    complaint = "too large for float32, the first in row 1 .*column named '1'"
    with pytest.raises(DataError, match=complaint):
        load(tmp_path, npy(np.array([[0, 1e300]])))


def test_a_pickle_of_objects_is_refused_without_running_it(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    content = npy(np.array([[Call(os.mkdir, str(trace))]], object), allow_pickle=True)
    assert b"mkdir" in content
    with pytest.raises(DataError, match="Objects are never loaded"):
        load(tmp_path, content)
    assert not trace.exists()


@pytest.mark.parametrize("descr", ["|V999999999", "<U999999999", "('<f4', (9999, 9999))", "|O"])
def test_elements_that_claim_gigabytes_allocate_nothing(tmp_path: Path, descr: str) -> None:
    written = descr if descr.startswith("(") else repr(descr)
    header = f"{{'descr': {written}, 'fortran_order': False, 'shape': (1, 1)}}"
    with memory_below(1e6), pytest.raises(DataError, match=r"header says|not numbers|header"):
        load(tmp_path, npy_of(header, bytes(4)))


@pytest.mark.parametrize("change", [-1, 1])
def test_missing_and_trailing_bytes_are_counted(tmp_path: Path, change: int) -> None:
    content = npy(ROWS)
    content = content[:-1] if change < 0 else content + b"\0"
    with pytest.raises(FileFormatError, match=f"says 72 bytes.*the file has {72 + change}"):
        load(tmp_path, content)


@pytest.mark.parametrize(
    ("shape", "error"),
    [
        (f"({10**9}, {10**9})", "header says"),
        (f"(0, {10**30})", "is empty"),
        ("(-1, -1)", "says|damaged"),
        (str((1,) * 40), "40 dimensions"),
        ("'ab'", "header"),
        ("(1.5, 2)", "header"),
    ],
)
def test_impossible_shapes_allocate_nothing(tmp_path: Path, shape: str, error: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"
    with memory_below(1e6), pytest.raises(DataError, match=error):
        load(tmp_path, npy_of(header, bytes(4)))


@pytest.mark.parametrize(
    "content",
    [b"", b"\x93NUMPY", npy_of("{" * 5000), npy_of("import os"), npy_of("{}", version=1)],
)
def test_headers_that_cannot_be_read_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileFormatError, match="its NPY header, from byte 0 on, cannot be read"):
        load(tmp_path, content)


def test_an_unknown_version_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"unknown NPY version \(9, 0\)"):
        load(tmp_path, npy_of("{}", version=9))


def test_a_header_by_python_2_is_read_without_a_warning(tmp_path: Path) -> None:
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1L, 1L)}"
    assert load(tmp_path, npy_of(header, bytes(4))).train.x.tolist() == [[0]]


@FUZZ
@given(content=damaged(npy(ROWS)))
def test_damaged_npy_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("npy") / "rows.npy"
    path.write_bytes(content)
    load_or_refuse(path)
    load_or_refuse(path, "-1")
