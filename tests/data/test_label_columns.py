"""Several columns of labels: zeros and ones, from every kind of file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdae.core.errors import DataError
from sdae.core.kinds.heads import Head
from sdae.data import Dataset, load_dataset
from sdae.data.label_columns import encode_targets, find_head
from sdae.data.splits import split_dataset
from sdae.data.table import checked_table

TEXT = "a,red,big,b\n1,0,true,5\n2,1,False,6\n3,1.0,TRUE,7\n4,0,0,8\n"
Y = [[0, 1], [1, 0], [1, 1], [0, 0]]


def written(folder: Path, form: str) -> Path:
    """Write the same table in some form."""
    path = folder / f"things.{form}"
    if form == "csv":
        path.write_text(TEXT)
    elif form == "parquet":
        pa = pytest.importorskip("pyarrow")
        import pyarrow.parquet as pq

        red, big = (pa.array(column) for column in zip(*Y, strict=True))
        columns = {"a": [1, 2, 3, 4], "red": red, "big": big.cast(pa.bool_()), "b": [5, 6, 7, 8]}
        pq.write_table(pa.table(columns), path)
    elif form == "npy":
        np.save(path, [[1, 0, 1, 5], [2, 1, 0, 6], [3, 1, 1, 7], [4, 0, 0, 8]])
    else:
        np.savez(path, x=[[1, 5], [2, 6], [3, 7], [4, 8]], y=Y)
    return path


@pytest.mark.parametrize(
    ("form", "target", "names"),
    [
        ("csv", ["red", "big"], ("red", "big")),
        ("parquet", ("red", "big"), ("red", "big")),
        ("npy", ["1", "2"], ("1", "2")),
        ("npz", None, None),
        ("npz", "y", None),
    ],
)
def test_every_form_has_the_same_labels(
    form: str, target: Any, names: tuple[str, ...] | None, tmp_path: Path
) -> None:
    train = load_dataset(written(tmp_path, form), target).train
    assert train.y is not None
    assert train.y.dtype == np.int64
    assert train.y.tolist() == Y
    assert train.label_names == names
    assert train.x.tolist() == [[1, 5], [2, 6], [3, 7], [4, 8]]
    head, outputs = find_head(train)
    assert head is Head.MULTILABEL
    assert outputs == (names or (0, 1))


def test_the_order_is_that_of_the_targets(tmp_path: Path) -> None:
    train = load_dataset(written(tmp_path, "csv"), ["big", "red"]).train
    assert train.label_names == ("big", "red")
    assert train.y is not None
    assert train.y.tolist() == [row[::-1] for row in Y]


def test_one_name_in_a_list_is_a_column_of_classes(tmp_path: Path) -> None:
    train = load_dataset(written(tmp_path, "npy"), ["1"]).train
    assert train.y is not None
    assert train.y.tolist() == [0, 1, 1, 0]
    assert train.label_names is None


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (["red", "red"], "The target 'red' is named twice"),
        (["big", "a"], "'2' in row 2 of the label 'a'.* each must hold 0 and 1, or false and true"),
        (["red", "blue"], "no column 'blue'"),
    ],
)
def test_columns_that_are_not_labels_are_refused(
    target: list[str], text: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=text):
        load_dataset(written(tmp_path, "csv"), target)


ARRAYS: list[Any] = [
    ([1, np.nan, 0, np.nan], [1, 0]),
    ([2.5, np.nan, 0.5, np.nan], [[2.5], [0.5]]),
    (["b", "", "a", "NA"], ["b", "a"]),
    ([[0, 1], [np.nan, 1], [1, 1], [0, np.nan]], [[0, 1], [1, 1]]),
]


@pytest.mark.parametrize(("y", "known"), ARRAYS)
def test_rows_of_an_npz_without_a_label_come_apart(y: Any, known: Any, tmp_path: Path) -> None:
    x = np.arange(8.0).reshape(4, 2)
    np.savez(tmp_path / "d.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    dataset = load_dataset(tmp_path / "d.npz")
    for part in (dataset.train, dataset.test):
        assert part is not None
        assert part.y is not None
        assert part.y.tolist() == known
        assert part.x.tolist() == x[[0, 2]].tolist()
    assert dataset.unlabelled.tolist() == x[[1, 3]].tolist()
    none = np.full(4, np.nan)
    np.savez(tmp_path / "d.npz", x=x, y=none)
    assert load_dataset(tmp_path / "d.npz").train.y is None
    with pytest.raises(DataError, match=r"has no label in array 'y'\. Name another target"):
        load_dataset(tmp_path / "d.npz", "y")
    np.savez(tmp_path / "d.npz", x_train=x, y_train=y, x_test=x, y_test=none)
    dataset = load_dataset(tmp_path / "d.npz")
    assert dataset.train.y is not None
    assert dataset.test is not None
    assert dataset.test.y is None


@pytest.mark.parametrize("y", [[[0, 2]] * 4, [[0.5, 1]] * 4, [["a", "b"]] * 4])
def test_an_array_of_other_values_is_refused(y: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros((4, 2)), y=y)
    with pytest.raises(DataError, match="each must hold 0 and 1"):
        load_dataset(tmp_path / "d.npz")


def test_classes_as_columns_are_no_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros((3, 2)), y=np.eye(3))
    train = load_dataset(tmp_path / "d.npz").train
    with pytest.raises(DataError, match=r"Got shape \(3, 3\) .*single 1 in every row.*argmax"):
        find_head(train)
    assert encode_targets(train, Head.MULTILABEL, ("a", "b", "c")).tolist() == np.eye(3).tolist()


def test_names_are_compared_as_texts() -> None:
    found = encode_targets(labelled(("1", "0")), Head.MULTILABEL, (0, 1))
    assert found.tolist() == [row[::-1] for row in Y]


def test_a_column_of_an_array_is_one_label_by_whatever_number(tmp_path: Path) -> None:
    path = written(tmp_path, "npy")
    with pytest.raises(DataError, match="'3' is named twice"):
        load_dataset(path, ["3", "-1"])
    np.save(path, [[1, 0, 1], [2, 1, 0]])
    assert load_dataset(path, ["1", "-1"]).train.label_names == ("1", "2")


def test_parts_with_other_labels_are_refused(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "p.npz", x_train=np.zeros((4, 2)), y_train=Y, x_test=np.zeros((2, 2)),
        y_test=[0, 1],
    )  # fmt: skip
    with pytest.raises(
        DataError,
        match="2 columns of labels in its train part, but one label per row in its test part",
    ):
        load_dataset(tmp_path / "p.npz")


def test_an_npz_has_one_array_of_labels(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"one array of labels.* 2 targets are named"):
        load_dataset(written(tmp_path, "npz"), ["x", "y"])


def labelled(names: tuple[str, ...] | None, y: Any = Y) -> Any:
    return checked_table(np.zeros((4, 1)), np.array(y), "rows", label_names=names)


def test_labels_are_put_in_the_order_of_the_model() -> None:
    found = encode_targets(labelled(("big", "red")), Head.MULTILABEL, ("red", "big"))
    assert found.tolist() == [row[::-1] for row in Y]
    unnamed = encode_targets(labelled(None), Head.MULTILABEL, ("red", "big"))
    assert unnamed.tolist() == Y


@pytest.mark.parametrize(
    ("table", "head", "classes", "text"),
    [
        (labelled(("a", "b")), Head.MULTILABEL, ("a", "c"), "has the labels a, b.*has a, c"),
        (labelled(None), Head.MULTILABEL, (0, 1, 2), "has the labels 0, 1.*has 0, 1, 2"),
        (labelled(None, [0, 1, 1, 0]), Head.MULTILABEL, ("a", "c"), "one column of labels.*a, c"),
        (labelled(("a", "b")), Head.CLASSES, (0, 1, 2), "2 columns of labels.*3 classes"),
    ],
)
def test_labels_of_another_model_are_refused(
    table: Any, head: Head, classes: Any, text: str
) -> None:
    with pytest.raises(DataError, match=text):
        encode_targets(table, head, classes)


def test_parts_are_cut_by_chance_and_hold_all_rows() -> None:
    y = np.random.default_rng(0).integers(2, size=(40, 3))
    table = checked_table(np.arange(40.0)[:, None], y, "rows", label_names=("a", "b", "c"))
    parts = split_dataset(Dataset("d", table), validation=0.2, test=0.25, seed=1)
    assert parts.validation is not None
    assert parts.test is not None
    tables = (parts.train, parts.validation, parts.test)
    assert [part.n_rows for part in tables] == [22, 8, 10]
    for part in tables:
        assert part.y is not None
        assert part.y.tolist() == y[part.x[:, 0].astype(int)].tolist()
        assert part.label_names == ("a", "b", "c")
