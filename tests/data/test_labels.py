"""Labels: what counts as a class, and its number."""

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.user_warnings import DataWarning
from sdae.data.labels import encode_labels, find_classes, read_labels, whole_numbers


def test_classes_are_sorted_and_unique() -> None:
    assert find_classes(np.array([9, 3, 3, 4]), "s") == (3, 4, 9)
    assert find_classes(np.array(["no", "yes", "no"]), "s") == ("no", "yes")


@pytest.mark.parametrize(
    "y",
    [[-1, 0, 1, 2], ["-1", "a", "b", "c"], [-1, -1, -1, 0, 1], ["a", "nan"], ["a", ""]],
    ids=str,
)
def test_a_class_that_looks_like_a_mark_of_no_label_is_warned_of(y: list[int] | list[str]) -> None:
    expected = tuple(np.unique(y).tolist())
    with pytest.warns(
        DataWarning, match="a.csv: .* the label ('?-1'?|'nan'|''), .*give it with --unlabeled"
    ):
        assert find_classes(np.array(y), "a.csv") == expected


@pytest.mark.parametrize("y", [[-1, -1, 1], [-1, 0, 1], [-2, -1, -1, -1, 0], [1, 2, 3, 4]], ids=str)
def test_other_classes_are_not_warned_of(y: list[int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_classes(np.array(y), "a.csv") == tuple(sorted(set(y)))


def test_one_class_is_not_enough() -> None:
    with pytest.raises(DataError, match=r"a.csv has only one class, 3.*Check the target"):
        find_classes(np.array([3, 3]), "a.csv")
    with pytest.raises(DataError, match=r"a.csv has no labels"):
        find_classes(np.array([], np.int64), "a.csv")


def test_labels_become_the_places_of_their_classes() -> None:
    numbers = encode_labels(np.array([4, 9, 3, 4]), (3, 4, 9), "s")
    assert numbers.dtype == np.int64
    assert numbers.tolist() == [1, 2, 0, 1]
    assert encode_labels(np.array(["b", "a"]), ("a", "b"), "s").tolist() == [1, 0]


def test_digits_are_the_same_label_as_text_and_as_number() -> None:
    assert encode_labels(np.array([2, 1]), ("1", "2", "other"), "s").tolist() == [1, 0]
    assert encode_labels(np.array(["2", "1"]), (1, 2), "s").tolist() == [1, 0]


@pytest.mark.parametrize(
    ("y", "classes", "unseen"),
    [
        (np.array([1, 2, 7]), (1, 2), "7"),
        (np.array([1, 2, 7]), ("1", "2"), "7"),
        (np.array(["3", "7x"]), (3, 4), "'7x'"),
    ],
)
def test_a_label_never_seen_in_training_is_named_with_the_known_ones(
    y: NDArray[np.int64], classes: tuple[int, ...], unseen: str
) -> None:
    known = ", ".join(str(label) for label in classes)
    with pytest.raises(DataError, match=f"a.csv has the label {unseen}, .*Known labels: {known}"):
        encode_labels(y, classes, "a.csv")


def test_a_long_list_of_known_labels_is_shortened_and_a_near_one_suggested() -> None:
    with pytest.raises(DataError, match=r"c0, c1, .*c9, …\. Did you mean 'c42'"):
        encode_labels(np.array(["c42x"]), tuple(f"c{i}" for i in range(100)), "a.csv")


def test_text_labels_are_numbers_if_all_are_written_as_whole_ones() -> None:
    assert read_labels(["1", " 2 ", "-3", "0"], "s").tolist() == [1, 2, -3, 0]


@pytest.mark.parametrize("other", ["007", "7.0", "7e0", "+7", "-0", "two", "1_0", "True"])
def test_labels_that_differ_as_texts_are_different_classes(other: str) -> None:
    assert read_labels(["7", other], "s").tolist() == ["7", other]


@pytest.mark.parametrize(
    ("label", "classes"),
    [
        ("7.0", (6, 7)),
        ("7.00", ("6", "7")),
        (7, ("6.0", "7.0")),
        ("true", ("False", "True")),
        ("True", (0, 1)),
        (1, ("false", "true")),
    ],
)
def test_one_class_may_be_written_in_several_ways_in_files(
    label: int | str, classes: tuple[int, ...] | tuple[str, ...]
) -> None:
    assert encode_labels(np.array([label]), classes, "s").tolist() == [1]


def test_where_two_classes_are_alike_each_is_written_as_in_training() -> None:
    classes = ("7", "7.0", "007")
    assert encode_labels(np.array(["007", "7.0", "7"]), classes, "s").tolist() == [2, 1, 0]
    with pytest.raises(DataError, match=r"label '7\.00'"):
        encode_labels(np.array(["7.00"]), classes, "s")


def test_a_text_too_long_to_be_a_class_is_told_with_its_row() -> None:
    assert read_labels(["x" * 1000, "y"], "s").tolist() == ["x" * 1000, "y"]
    with pytest.raises(DataError, match=r"a.csv must be classes.*1,001 characters in row 2"):
        read_labels(["ok", "x" * 1001], "a.csv")


def test_large_whole_numbers_keep_every_digit() -> None:
    big = 2**60 + 1
    assert whole_numbers(np.array([big, 1]), "s").tolist() == [big, 1]
    assert read_labels([str(big), "1"], "s").tolist() == [big, 1]
    assert read_labels(["9" * 30, "1"], "s").tolist() == ["9" * 30, "1"]
    with pytest.raises(DataError, match="too large for a signed 64-bit integer"):
        whole_numbers(np.array([2**63], np.uint64), "s")


def test_floats_that_are_whole_and_truth_values_become_integers() -> None:
    assert whole_numbers(np.array([1.0, 0.0]), "s").dtype == np.int64
    assert whole_numbers(np.array([True, False]), "s").tolist() == [1, 0]


@pytest.mark.parametrize("bad", [0.5, np.inf, 1e300])
def test_a_target_of_regression_is_refused(bad: float) -> None:
    with pytest.raises(DataError, match=r"labels of a.csv must be classes.*looks like.*regression"):
        whole_numbers(np.array([1.0, bad]), "a.csv")


def test_rows_without_labels_are_sent_to_a_file_of_their_own() -> None:
    with pytest.raises(DataError, match=r"1 row without a label, the first in row 2.*--unlabeled"):
        whole_numbers(np.array([1.0, np.nan]), "a.csv")
