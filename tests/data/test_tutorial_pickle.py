"""The tutorials' pickle: three pairs of arrays, by any Python and in any protocol."""

import gzip
import io
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from sdae.core.errors import DataError, FileFormatError
from sdae.data import Dataset, load_dataset
from tests.data.damage import FUZZ, damaged, load_or_refuse
from tests.data.pickle_samples import PARTS, PROTOCOL_0, PROTOCOL_2, X, Y, old


def load(tmp_path: Path, content: bytes) -> Dataset:
    path = tmp_path / "mnist.pkl.gz"
    path.write_bytes(content)
    return load_dataset(path)


def check_parts(dataset: Dataset) -> None:
    for table, (x, y) in zip((dataset.train, dataset.validation, dataset.test), PARTS, strict=True):
        assert table is not None
        assert table.y is not None
        assert table.x.dtype == np.float32
        assert table.x.tolist() == x.tolist()
        assert table.y.tolist() == y.tolist()


@pytest.mark.parametrize("content", [PROTOCOL_0, PROTOCOL_2])
def test_a_pickle_by_python_2_is_read(tmp_path: Path, content: bytes) -> None:
    check_parts(load(tmp_path, gzip.compress(content)))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("age", [bytes, old])
def test_a_pickle_by_python_3_is_read_in_any_protocol(
    tmp_path: Path, protocol: int, age: Callable[[bytes], bytes]
) -> None:
    check_parts(load(tmp_path, age(pickle.dumps(PARTS, protocol))))


def test_the_old_and_the_new_names_of_numpys_modules_are_both_met() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        content = old(pickle.dumps(PARTS, protocol))
        assert b"numpy.core.multiarray" in content or b"numpy.core.numeric" in content
        assert b"numpy._core" not in content


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", [">f4", ">f8", "<f2", "u1", "?", ">i2"])
def test_types_and_orders_of_bytes_and_of_axes_are_kept(
    tmp_path: Path, protocol: int, dtype: str
) -> None:
    x = np.asfortranarray(np.array([[0, 1, 1], [1, 0, 1]], dtype))
    dataset = load(tmp_path, pickle.dumps([[x, Y[:2].astype(">i8")]] * 3, protocol))
    assert dataset.train.x.tolist() == [[0, 1, 1], [1, 0, 1]]
    assert dataset.train.y is not None
    assert dataset.train.y.tolist() == [5, 0]


def test_reading_leaves_numpys_own_types_as_they_are(tmp_path: Path) -> None:
    load(tmp_path, pickle.dumps(((X.astype(">f4"), Y),) * 3))
    assert np.dtype("f4").isnative
    assert np.dtype("f4").str[0] in "<>"
    assert np.ones(1, "f4").tolist() == [1]


def test_rows_of_784_pixels_are_images(tmp_path: Path) -> None:
    pair = (np.zeros((2, 784), np.float32), np.array([0, 1]))
    assert load(tmp_path, pickle.dumps((pair,) * 3)).train.image_shape == (28, 28)
    assert load(tmp_path, pickle.dumps(PARTS)).train.image_shape is None


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(PARTS)[:-40],
        b"not a pickle",
        PROTOCOL_2.replace(b"U\x01<", b"U\x01?"),
        PROTOCOL_2.replace(b"U\x02f4", b"U\x02O8"),
        pickle.dumps(PARTS, 2).replace(b"latin1", b"utf-16"),
    ],
)
def test_a_damaged_pickle_is_told(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(
        FileFormatError, match=r"damaged|truncated.*not a pickle of arrays.*Download it again"
    ):
        load(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (X, "not hold three things"),
        (PARTS[:2], "not hold three things"),
        ((X, X, X), "train part is not a pair"),
        ((*PARTS[:2], (X, "labels")), "test part is not a pair of arrays"),
        (((X, [1, 2, 3]), *PARTS[1:]), "train part is not a pair of arrays"),
        ((PARTS[0], (Y, X), PARTS[2]), r"validation part has shapes \(3,\) and \(3, 2\)"),
        ((*PARTS[:2], (X[:, :1], Y)), "different numbers of columns"),
    ],
)
def test_another_structure_is_told(tmp_path: Path, content: object, reason: str) -> None:
    with pytest.raises(FileFormatError, match=f"must hold three pairs.*but .*{reason}.*savez"):
        load(tmp_path, pickle.dumps(content))


def test_rows_and_labels_are_checked(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\(train\) has 1 value missing.*row 3, column 2 "):
        load(tmp_path, pickle.dumps(((np.where(X > 0.6, np.nan, X), Y), *PARTS[1:])))
    with pytest.raises(DataError, match="regression"):
        load(tmp_path, pickle.dumps(((X, Y + 0.5), *PARTS[1:])))
    with pytest.raises(DataError, match="3 rows but 1 labels"):
        load(tmp_path, pickle.dumps(((X, Y[:1]), *PARTS[1:])))


def test_what_it_unpacks_to_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdae.data.tutorial_pickle._LIMIT", 1 << 20)
    with pytest.raises(FileFormatError, match="unpacks to more than 1,048,576 bytes"):
        load(tmp_path, gzip.compress(bytes(2 << 20)))


def test_a_target_cannot_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(PARTS))
    with pytest.raises(
        DataError, match=r"a.pickle has its own labels and no columns.*Leave the target 'y' out"
    ):
        load_dataset(tmp_path / "a.pickle", target="y")


def test_the_samples_of_python_2_are_true_pickles() -> None:
    for content in (PROTOCOL_0, PROTOCOL_2):
        parts = pickle.Unpickler(io.BytesIO(content), encoding="latin1").load()
        assert [[a.tolist() for a in pair] for pair in parts] == [
            [a.tolist() for a in pair] for pair in PARTS
        ]


@FUZZ
@given(
    text=damaged(PROTOCOL_0),
    two=damaged(PROTOCOL_2),
    three=damaged(pickle.dumps(PARTS, 3)),
    five=damaged(pickle.dumps(PARTS, 5)),
)
def test_damaged_pickles_are_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, text: bytes, two: bytes, three: bytes, five: bytes
) -> None:
    path = tmp_path_factory.mktemp("pickle") / "mnist.pkl"
    for content in (text, two, three, five):
        path.write_bytes(content)
        load_or_refuse(path)
