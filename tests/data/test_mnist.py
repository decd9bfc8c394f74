"""The embedded MNIST."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

import sdae.data.mnist
from sdae.core.errors import DataError, FileFormatError
from sdae.data import Splits, load_dataset, load_mnist

FILES = Path(sdae.data.__file__).parent / "mnist"


@pytest.fixture(scope="module")
def splits() -> Splits:
    return load_mnist()


def test_the_parts_are_the_tutorials(splits: Splits) -> None:
    assert [len(part.x) for part in splits] == [50_000, 10_000, 10_000]
    for x, y in splits:
        assert x.dtype == np.float32
        assert x.shape == (len(y), 784)
        assert y.dtype == np.int64
        assert y.ndim == 1


def test_pixels_are_divided_by_256(splits: Splits) -> None:
    assert splits.train.x.min() == 0
    assert splits.train.x.max() == np.float32(255 / 256)
    assert np.array_equal(splits.test.x * 256, np.round(splits.test.x * 256))


def test_labels_are_those_of_the_files(splits: Splits) -> None:
    assert splits.train.y[:5].tolist() == [5, 0, 4, 1, 9]
    assert splits.test.y[:5].tolist() == [7, 2, 1, 0, 4]
    both = np.concatenate([splits.train.y, splits.validation.y])
    histogram = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(both).tolist() == histogram
    histogram = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(splits.test.y).tolist() == histogram


def test_each_part_has_its_own_count_of_every_digit(splits: Splits) -> None:
    assert np.bincount(splits.train.y).tolist() == [
        *(4932, 5678, 4968, 5101, 4859, 4506, 4951, 5175, 4842, 4988)
    ]
    assert np.bincount(splits.validation.y).tolist() == [
        *(991, 1064, 990, 1030, 983, 915, 967, 1090, 1009, 961)
    ]


def test_as_a_data_set_rows_are_images_with_labels(splits: Splits) -> None:
    dataset = load_dataset("mnist")
    for table, part in zip((dataset.train, dataset.validation, dataset.test), splits, strict=True):
        assert table is not None
        assert table.y is not None
        assert table.image_shape == (28, 28)
        assert np.array_equal(table.x, part.x)
        assert np.array_equal(table.y, part.y)


def test_a_target_cannot_be_chosen() -> None:
    with pytest.raises(
        DataError, match=r"MNIST has its own labels and no columns.*Leave the target 'y' out"
    ):
        load_dataset("mnist", target="y")


@pytest.mark.parametrize("part", ["train", "t10k"])
@pytest.mark.parametrize("kind", ["labels-idx1-ubyte", "images-idx3-ubyte"])
def test_an_altered_byte_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, kind: str
) -> None:
    shutil.copytree(FILES, tmp_path / "mnist")
    file = tmp_path / "mnist" / f"{part}-{kind}.gz"
    content = bytearray(gzip.decompress(file.read_bytes()))
    content[-1] ^= 1
    file.write_bytes(gzip.compress(bytes(content), 1))
    monkeypatch.setattr(sdae.data.mnist, "files", lambda _: tmp_path)
    with pytest.raises(FileFormatError, match=rf"{part}-{kind}.gz is not the one.*Reinstall"):
        load_mnist()


def test_a_damaged_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(FILES, tmp_path / "mnist")
    file = tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-100])
    monkeypatch.setattr(sdae.data.mnist, "files", lambda _: tmp_path)
    with pytest.raises(FileFormatError, match="gzip stream cannot be unpacked"):
        load_mnist()


def test_a_missing_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdae.data.mnist, "files", lambda _: tmp_path)
    with pytest.raises(OSError, match="does not exist"):
        load_mnist()


def test_the_read_me_lists_the_hashes_that_are_verified() -> None:
    read_me = (FILES / "README.md").read_text(encoding="utf-8")
    for name, digest in sdae.data.mnist._SHA256.items():
        assert f"| {name} | `{digest}` |" in read_me


def test_the_module_goes_before_the_folder_of_the_same_name() -> None:
    assert Path(str(sdae.data.mnist.__file__)).name == "mnist.py"
