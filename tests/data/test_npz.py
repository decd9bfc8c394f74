"""NPZ files."""

import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from sdae.core.errors import DataError, FileFormatError
from sdae.data import Dataset, load_dataset
from sdae.data.label_columns import find_head
from tests.data.damage import FUZZ, damaged, load_or_refuse
from tests.data.memory import memory_below
from tests.data.npy_files import ROWS, npy, npy_of
from tests.data.pickle_samples import Call


def load(tmp_path: Path, target: str | None = None, /, **arrays: NDArray[np.generic]) -> Dataset:
    path = tmp_path / "rows.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", npy(array, allow_pickle=True))
    return load_dataset(path, target)


@pytest.mark.parametrize(("x", "y"), [("x", "y"), ("X", "target"), ("data", "labels")])
def test_rows_and_labels_are_found_by_their_usual_names(tmp_path: Path, x: str, y: str) -> None:
    train = load(tmp_path, None, **{x: ROWS, y: np.array([1, 0, 1])}).train
    assert train.x.tolist() == ROWS.tolist()
    assert train.y is not None
    assert train.y.tolist() == [1, 0, 1]


def test_the_target_names_the_labels(tmp_path: Path) -> None:
    arrays = {"x": ROWS, "y": np.array([1, 0, 1]), "animal": np.array(["cat", "dog", "cat"])}
    train = load(tmp_path, "animal", **arrays).train
    assert train.y is not None
    assert train.y.tolist() == ["cat", "dog", "cat"]
    with pytest.raises(DataError, match=r"no array 'anima'.*mean 'animal'.*It has: animal, x, y"):
        load(tmp_path, "anima", **arrays)


@pytest.mark.parametrize("name", ["x_validation", "x_valid", "x_val"])
def test_given_parts_are_used(tmp_path: Path, name: str) -> None:
    y = np.array([1, 0, 1])
    dataset = load(
        tmp_path,
        None,
        **{"x_train": ROWS, "y_train": y, name: ROWS[:2], "x_test": ROWS[:1], "y_test": y[:1]},
    )
    assert dataset.train.n_rows == 3
    assert dataset.validation is not None
    assert dataset.validation.y is None
    assert dataset.test is not None
    assert dataset.test.y is not None
    assert dataset.test.y.tolist() == [1]


@pytest.mark.parametrize("target", ["y", "y_train"])
def test_the_labels_of_training_rows_are_no_other_parts(tmp_path: Path, target: str) -> None:
    arrays = {"x_train": ROWS, "y_train": np.array([1, 0, 1]), "x_test": ROWS}
    dataset = load(tmp_path, target, **arrays)
    assert dataset.train.y is not None
    assert dataset.test is not None
    assert dataset.test.y is None
    dataset = load(tmp_path, target, **arrays, y_test=np.array([0, 0, 1]))
    assert dataset.test is not None
    assert dataset.test.y is not None
    assert dataset.test.y.tolist() == [0, 0, 1]


def test_arrays_that_are_not_needed_are_not_read(tmp_path: Path) -> None:
    dataset = load(tmp_path, None, x=ROWS, notes=np.array([{}], object))
    assert dataset.train.n_rows == 3


def test_an_archive_without_rows_tells_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no array of rows: name it x.*It has: a, b"):
        load(tmp_path, None, a=ROWS, b=ROWS)


@pytest.mark.parametrize("order", "<>")
def test_characters_that_do_not_exist_are_refused(tmp_path: Path, order: str) -> None:
    texts = np.array(["cat", "dog", "cat"], f"{order}U3")
    train = load(tmp_path, x=ROWS, y=texts).train
    assert train.y is not None
    assert train.y.tolist() == ["cat", "dog", "cat"]
    code_points = texts.view(f"{order}u4").copy()
    code_points[4] = 0x110000
    with pytest.raises(FileFormatError, match="labels have characters that do not exist"):
        load(tmp_path, x=ROWS, y=code_points.view(texts.dtype))


def test_labels_must_be_one_per_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 3 rows but 2 labels"):
        load(tmp_path, None, x=ROWS, y=np.array([0, 1]))
    classes = load(tmp_path, None, x=ROWS, y=np.eye(3)).train
    with pytest.raises(DataError, match=r"labels of .* must have shape \(n,\). Got shape \(3, 3\)"):
        find_head(classes)


def test_a_member_larger_than_its_header_says_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy(ROWS) + bytes(50_000_000))
    refused = pytest.raises(
        FileFormatError, match="says 72 bytes of data, but the file has 50,000,072"
    )
    with memory_below(2e6), refused:
        load_dataset(path)


def test_a_directory_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", npy(ROWS))
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\1\2")
    content[directory + 24 : directory + 28] = struct.pack("<I", 3 << 30)
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="unpacks to 3,221,225,472 bytes; sdae reads at most"):
        load_dataset(path)


def test_a_header_and_a_directory_that_claim_gigabytes_together_allocate_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bomb.npz"
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (20000, 90000)}"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", npy_of(header, b"few"))
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\1\2")
    claim = struct.pack("<I", 20_000 * 90_000 + len(npy_of(header)))
    content[directory + 24 : directory + 28] = claim
    path.write_bytes(content)
    with memory_below(2e6), pytest.raises(FileFormatError, match=r"truncated|damaged"):
        load_dataset(path)


def test_a_bomb_that_is_not_asked_for_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy(ROWS))
        archive.writestr("notes.npy", npy(np.zeros(50_000_000, np.uint8)))
    with memory_below(2e6):
        assert load_dataset(path).train.n_rows == 3


@pytest.mark.parametrize("name", ["x", "y"])
def test_a_pickle_of_objects_is_refused_without_running_it(tmp_path: Path, name: str) -> None:
    trace = tmp_path / "trace"
    arrays = {"x": ROWS, name: np.array([Call(os.mkdir, str(trace))] * 3, object)}
    with pytest.raises(DataError, match=rf"rows.npz \({name}\).*Objects are never loaded"):
        load(tmp_path, None, **arrays)
    assert not trace.exists()


def test_texts_in_an_array_of_objects_can_be_saved_as_the_error_says(tmp_path: Path) -> None:
    y = np.array(["yes", None, "no"], object)
    with pytest.raises(DataError, match=r"or texts, as from array.astype\(str\)"):
        load(tmp_path, None, x=ROWS, y=y)
    dataset = load(tmp_path, None, x=ROWS, y=y.astype(str))
    assert (dataset.train.n_rows, len(dataset.unlabelled)) == (2, 1)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", npy(ROWS))
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"rows.npz is damaged: .*encrypted.* Save it again"):
        load_dataset(path)


@pytest.mark.parametrize("n_bytes", [0, 4, 30, 200, -1])
def test_a_truncated_archive_is_refused(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "rows.npz"
    path.write_bytes(packed()[:n_bytes])
    with pytest.raises(FileFormatError, match=r"rows.npz is damaged: .*zip.* Save it again"):
        load_dataset(path)


def test_images_and_their_labels_are_read(tmp_path: Path) -> None:
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    train = load(tmp_path, x=images, y=np.array([True, False])).train
    assert train.image_shape == (3, 4)
    assert train.x.tolist() == (images.reshape(2, 12) / 256).tolist()
    assert train.y is not None
    assert train.y.tolist() == [1, 0]


def test_unusual_packing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", npy(ROWS))
    with pytest.raises(FileFormatError, match=r"packed in a way that NumPy does not use.*savez"):
        load_dataset(path)


def test_a_flipped_bit_fails_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, x=ROWS)
    content = path.read_bytes()
    value = ROWS.tobytes()
    path.write_bytes(content.replace(value, bytes([value[0] ^ 1]) + value[1:]))
    with pytest.raises(FileFormatError, match="damaged: Bad CRC-32"):
        load_dataset(path)


def packed() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in (("x", ROWS), ("y", np.array(["a", "b", "a"]))):
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), npy(array))
    return stream.getvalue()


@FUZZ
@given(content=damaged(packed()))
def test_damaged_npz_is_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("npz") / "rows.npz"
    path.write_bytes(content)
    load_or_refuse(path)
    load_or_refuse(path, "y")


@FUZZ
@given(content=damaged(npy(np.array(["cat", "dog", "cat"]))))
def test_damaged_text_labels_are_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("npz") / "rows.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", npy(ROWS))
        archive.writestr("y.npy", content)
    load_or_refuse(path)
