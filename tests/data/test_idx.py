"""IDX bytes, and folders of IDX files."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from sdae.core.errors import DataError, FileAccessError, FileFormatError
from sdae.data import load_dataset
from sdae.data.idx import load_idx_folder, parse_idx
from tests.data.damage import FUZZ, damaged, load_or_refuse
from tests.data.memory import memory_below

CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def idx(values: object, dtype: str = "u1") -> bytes:
    array = np.array(values, dtype)
    head = bytes([0, 0, CODES[dtype], array.ndim])
    return head + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


IMAGES = idx(np.arange(24).reshape(2, 3, 4) * 10)
LABELS = idx([7, 3])


def write(folder: Path, **files: bytes) -> Path:
    for name, content in files.items():
        (folder / f"{name.replace('_', '-')}-ubyte").write_bytes(content)
    return folder


@pytest.mark.parametrize("dtype", CODES)
def test_each_type_is_read_big_endian(dtype: str) -> None:
    values = [[1, 2, 3], [4, 5, 100]]
    assert parse_idx(idx(values, dtype), "a").tolist() == values


@pytest.mark.parametrize("content", [b"", b"\0\0", b"PK\3\4....", b"\0\0\x0a\1\0\0\0\1x"])
def test_bytes_that_are_no_idx_are_refused(content: bytes) -> None:
    with pytest.raises(FileFormatError, match="a is not an IDX file: it begins with"):
        parse_idx(content, "a")


@pytest.mark.parametrize("content", [IMAGES[:-1], IMAGES + b"\0"])
def test_missing_and_trailing_bytes_are_counted(content: bytes) -> None:
    with pytest.raises(FileFormatError, match=rf"says 24 bytes.*the file has {len(content) - 16}"):
        parse_idx(content, "a")


@pytest.mark.parametrize("n_dimensions", [0, 3, 9, 255])
def test_a_header_with_impossible_dimensions_is_refused(n_dimensions: int) -> None:
    with pytest.raises(FileFormatError, match=f"byte 3 says {n_dimensions} dimensions"):
        parse_idx(bytes([0, 0, 8, n_dimensions, 0, 0, 0, 1]), "a")


def test_a_header_that_claims_exabytes_allocates_nothing() -> None:
    claim = bytes([0, 0, 14, 4]) + struct.pack(">4I", *[2**32 - 1] * 4)
    with memory_below(1e6), pytest.raises(FileFormatError, match="header says"):
        parse_idx(claim, "a")
    with memory_below(1e6), pytest.raises(FileFormatError, match="a is empty"):
        parse_idx(bytes([0, 0, 8, 4]) + struct.pack(">4I", 0, *[2**32 - 1] * 3), "a")


def test_a_folder_gives_its_parts_with_pixels_divided_by_256(tmp_path: Path) -> None:
    write(
        tmp_path,
        train_images_idx3=IMAGES,
        train_labels_idx1=LABELS,
        validation_images_idx3=IMAGES,
        t10k_images_idx3=IMAGES,
        t10k_labels_idx1=LABELS,
    )
    dataset = load_dataset(tmp_path)
    assert dataset.train.x.tolist() == (np.arange(24).reshape(2, 12) * 10 / 256).tolist()
    assert dataset.train.image_shape == (3, 4)
    assert dataset.train.y is not None
    assert dataset.train.y.tolist() == [7, 3]
    assert dataset.validation is not None
    assert dataset.validation.y is None
    assert dataset.test is not None
    assert dataset.test.y is not None


def test_dots_gzip_and_test_are_accepted_in_names(tmp_path: Path) -> None:
    (tmp_path / "train-images.idx3-ubyte.gz").write_bytes(gzip.compress(IMAGES))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(LABELS)
    (tmp_path / "test-images-idx3-ubyte").write_bytes(IMAGES)
    dataset = load_idx_folder(tmp_path)
    assert dataset.train.y is not None
    assert dataset.test is not None
    assert dataset.validation is None


def test_a_plain_file_goes_before_gz_and_half_fetched_ones_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, train_images_idx3=IMAGES)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"damaged")
    (tmp_path / "train-images-idx3-ubyte.gz.part").write_bytes(b"half")
    assert load_idx_folder(tmp_path).train.n_rows == 2


@pytest.mark.parametrize("damage", [slice(0, -9), slice(0, 11), slice(0, 20)])
def test_a_damaged_gzip_stream_is_told_with_the_file(tmp_path: Path, damage: slice) -> None:
    write(tmp_path, train_labels_idx1=LABELS)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(IMAGES)[damage])
    with pytest.raises(FileFormatError, match=rf"{path} is damaged: its gzip stream"):
        load_idx_folder(tmp_path)


def test_a_damaged_file_is_told_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, train_images_idx3=IMAGES, train_labels_idx1=LABELS[:-1])
    with pytest.raises(FileFormatError, match=r"train-labels-idx1-ubyte is truncated or damaged"):
        load_idx_folder(tmp_path)


def test_labels_with_a_fraction_are_refused(tmp_path: Path) -> None:
    write(tmp_path, train_images_idx3=IMAGES, train_labels_idx1=idx([0.5, 1], ">f4"))
    with pytest.raises(DataError, match=r"must be classes.*Got 0.5 instead, .*regression"):
        load_idx_folder(tmp_path)


def test_numbers_other_than_bytes_are_taken_as_they_are(tmp_path: Path) -> None:
    write(tmp_path, train_images_idx2=idx([[0.5, 300]], ">f4"))
    table = load_idx_folder(tmp_path).train
    assert table.x.tolist() == [[0.5, 300]]
    assert table.image_shape is None


def test_colours_are_flattened_and_are_no_plain_image(tmp_path: Path) -> None:
    table = load_idx_folder(write(tmp_path, train_images_idx4=idx(np.zeros((2, 3, 4, 3))))).train
    assert table.x.shape == (2, 36)
    assert table.image_shape is None


def test_missing_images_are_told_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match=r"no IDX file train-images-idx3-ubyte.*no files"):
        load_idx_folder(tmp_path)
    write(tmp_path, train_labels_idx1=LABELS)
    with pytest.raises(FileAccessError, match=r"train-images.*It has: train-labels-idx1-ubyte"):
        load_idx_folder(tmp_path)
    write(tmp_path, train_images_idx3=IMAGES, validation_labels_idx1=LABELS)
    with pytest.raises(FileAccessError, match="no IDX file validation-images"):
        load_idx_folder(tmp_path)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="does not exist"):
        load_idx_folder(tmp_path / "nowhere")


def test_images_and_labels_of_different_number_are_refused(tmp_path: Path) -> None:
    write(tmp_path, train_images_idx3=IMAGES, train_labels_idx1=idx([1, 2, 3]))
    with pytest.raises(DataError, match="has 2 rows but 3 labels"):
        load_idx_folder(tmp_path)


def test_images_without_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="one row or one image per sample"):
        load_idx_folder(write(tmp_path, train_images_idx1=LABELS))


@FUZZ
@given(content=damaged(gzip.compress(IMAGES, mtime=0)), plain=damaged(IMAGES))
def test_damaged_files_are_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, plain: bytes
) -> None:
    folder = tmp_path_factory.mktemp("idx")
    for damage in (content, plain):
        write(folder, train_images_idx3=damage)
        load_or_refuse(folder)


@FUZZ
@given(content=damaged(LABELS))
def test_damaged_labels_are_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = write(tmp_path_factory.mktemp("idx"), train_images_idx3=IMAGES)
    load_or_refuse(write(folder, train_labels_idx1=content))
