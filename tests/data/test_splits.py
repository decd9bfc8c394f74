"""Cutting validation and test rows from the training rows."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sdae.core.errors import DataError, InvalidParameterError
from sdae.data import Dataset, Table
from sdae.data.splits import split_dataset
from sdae.data.table import checked_table

LABELS = np.repeat(np.arange(4), [40, 30, 20, 10])


def table(y: NDArray[np.int64] | NDArray[np.str_] | None, n_rows: int = 100) -> Table:
    # Each row is its own number, so that a split tells which rows it took.
    return checked_table(np.arange(float(n_rows))[:, None], y, "rows.npz")


def rows(part: Table | None) -> list[int]:
    assert part is not None
    return [int(value) for value in part.x[:, 0]]


def labels(part: Table | None) -> NDArray[np.int64]:
    assert part is not None
    assert part.y is not None
    return part.y.astype(np.int64)


@pytest.mark.parametrize("y", [LABELS, None])
def test_every_row_is_in_one_part_in_the_order_of_the_source(y: NDArray[np.int64] | None) -> None:
    split = split_dataset(Dataset("d", table(y)), validation=0.1, test=0.2, seed=3)
    parts = [rows(split.train), rows(split.validation), rows(split.test)]
    assert [len(part) for part in parts] == [70, 10, 20]
    assert sorted(row for part in parts for row in part) == list(range(100))
    assert all(part == sorted(part) for part in parts)
    assert rows(split.test) != list(range(20))
    assert rows(split.test) != list(range(80, 100))


def test_each_part_has_the_classes_in_the_proportion_of_the_source() -> None:
    split = split_dataset(Dataset("d", table(LABELS)), validation=0.1, test=0.2, seed=3)
    assert np.bincount(labels(split.train)).tolist() == [28, 21, 14, 7]
    assert np.bincount(labels(split.validation)).tolist() == [4, 3, 2, 1]
    assert np.bincount(labels(split.test)).tolist() == [8, 6, 4, 2]
    for part in (split.train, split.validation, split.test):
        assert labels(part).tolist() == LABELS[rows(part)].tolist()


def test_the_split_is_a_function_of_the_seed() -> None:
    def cut(seed: int) -> list[int]:
        split = split_dataset(Dataset("d", table(LABELS)), validation=0.1, test=0.2, seed=seed)
        return rows(split.test) + rows(split.validation)

    np.random.default_rng().random()
    assert cut(5) == cut(5)
    assert cut(5) != cut(6)


def test_what_the_source_gives_is_not_cut_again() -> None:
    given = table(None, 7)
    split = split_dataset(
        Dataset("d", table(LABELS), None, given), validation=0.1, test=0.2, seed=0
    )
    assert split.test is given
    assert split.train.n_rows == 90
    split = split_dataset(
        Dataset("d", table(LABELS), given, given), validation=0.6, test=0.6, seed=0
    )
    assert split.train.n_rows == 100


def test_a_share_of_0_cuts_nothing() -> None:
    dataset = Dataset("d", table(LABELS))
    split = split_dataset(dataset, validation=0, test=0, seed=0)
    assert split.train is dataset.train
    assert split.validation is None
    assert split.test is None


def test_the_data_set_is_left_as_it_is() -> None:
    dataset = Dataset("d", table(LABELS))
    before = dataset.train.x.copy()
    split_dataset(dataset, validation=0.1, test=0.2, seed=3)
    assert np.array_equal(dataset.train.x, before)
    assert dataset.test is None


def test_a_class_of_one_row_is_named_with_the_remedy() -> None:
    y = np.array(["cat"] * 60 + ["dog"] * 39 + ["unicorn"])
    with pytest.raises(
        DataError, match=r"too few rows of class 'unicorn' .*test part.*: 1 left. .*drop the cl"
    ):
        split_dataset(Dataset("d", table(y)), validation=0, test=0.2, seed=0)


def test_a_class_of_fewer_rows_than_parts_is_named_before_anything_is_cut() -> None:
    y = np.array(["cat"] * 60 + ["dog"] * 38 + ["unicorn"] * 2)
    told = r"class 'unicorn' to cut a test part .*: 2 left\. The validation part and the training"
    for seed in range(20):
        with pytest.raises(DataError, match=told):
            split_dataset(Dataset("d", table(y)), validation=0.1, test=0.2, seed=seed)
        for validation, test in ((0.1, 0), (0, 0.2)):
            split = split_dataset(
                Dataset("d", table(y)), validation=validation, test=test, seed=seed
            )
            assert split.train.y is not None
            assert (split.train.y == "unicorn").sum() == 1


def test_a_part_smaller_than_the_number_of_classes_is_told() -> None:
    with pytest.raises(
        DataError,
        match=r"of 100 rows the validation part would take 3 and leave 97 for the training rows, "
        r"which need 4 and 4 for 4 classes",
    ):
        split_dataset(Dataset("d", table(LABELS)), validation=0.03, test=0, seed=0)
    few = np.repeat(["a", "b", "c", "d"], 3)
    with pytest.raises(
        DataError,
        match="of 12 rows the test part would take 6 and leave 6 for the validation part and the "
        "training rows, which need 4 and 8 for 4 classes",
    ):
        split_dataset(Dataset("d", table(few, 12)), validation=0.2, test=0.5, seed=0)


def test_too_few_rows_are_told() -> None:
    with pytest.raises(DataError, match=r"too few rows \(3\) to cut a test part of 0 from"):
        split_dataset(Dataset("d", table(None, 3)), validation=0, test=0.1, seed=0)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_outside_of_its_range_is_told(share: float) -> None:
    with pytest.raises(
        InvalidParameterError, match="test parameter of split_dataset must be a sha"
    ):
        split_dataset(Dataset("d", table(LABELS)), validation=0.1, test=share, seed=0)


def test_shares_that_leave_no_rows_to_train_on_are_told() -> None:
    with pytest.raises(InvalidParameterError, match=r"leave rows to train on. Got 0.5 instead"):
        split_dataset(Dataset("d", table(LABELS)), validation=0.5, test=0.5, seed=0)
