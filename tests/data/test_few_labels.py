"""Keeping a few labels, as many of each class as possible."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sdae.core.errors import DataError, InvalidParameterError
from sdae.data.few_labels import balanced_labels, with_few_labels
from sdae.data.table import Table, checked_table

LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(4), [40, 30, 20, 3]))


def table(y: NDArray[np.int64] | NDArray[np.float64] | None) -> Table:
    return checked_table(np.arange(93.0)[:, None], y, "rows.npz")


@pytest.mark.parametrize(
    ("n", "counts"), [(4, [1, 1, 1, 1]), (12, [3, 3, 3, 3]), (30, [9, 9, 9, 3])]
)
def test_classes_have_equal_numbers_of_labels(n: int, counts: list[int]) -> None:
    chosen = balanced_labels(LABELS, n, seed=1)
    assert np.bincount(LABELS[chosen]).tolist() == counts


def test_numbers_differ_by_one_where_they_cannot_be_equal() -> None:
    counts = np.bincount(LABELS[balanced_labels(LABELS, 10, seed=1)])
    assert sorted(counts.tolist()) == [2, 2, 3, 3]


def test_places_are_different_and_in_order_and_follow_the_seed() -> None:
    chosen = balanced_labels(LABELS, 20, seed=1)
    assert chosen.dtype == np.int64
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(chosen, balanced_labels(LABELS, 20, seed=1))
    assert not np.array_equal(chosen, balanced_labels(LABELS, 20, seed=2))


def test_all_rows_may_be_chosen_and_fewer_are_among_more() -> None:
    before: set[int] = set()
    for n in (4, 5, 17, 60, 93):
        now = set(balanced_labels(LABELS, n, seed=3).tolist())
        assert len(now) == n
        assert before < now
        before = now


def test_labels_may_be_texts() -> None:
    names = np.array(["b", "a", "c", "a"])
    assert set(names[balanced_labels(names, 3, seed=0)]) == {"a", "b", "c"}


@pytest.mark.parametrize("n", [0, 3, 94])
def test_an_impossible_number_is_refused(n: int) -> None:
    with pytest.raises(InvalidParameterError, match="from 4, the number of classes, to 93"):
        balanced_labels(LABELS, n, seed=0)


def test_a_table_keeps_some_labels() -> None:
    kept, places = with_few_labels(table(LABELS), 12, seed=5)
    assert kept.y is not None
    np.testing.assert_array_equal(kept.x[:, 0], np.arange(93)[places])
    np.testing.assert_array_equal(kept.y, LABELS[places])
    assert kept.source == "rows.npz"


def test_without_a_number_a_table_is_unchanged() -> None:
    whole = table(LABELS)
    kept, places = with_few_labels(whole, None, seed=5)
    assert kept is whole
    assert np.arange(93)[places].tolist() == list(range(93))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"n": "x", "seed": 0}, "n parameter of balanced_labels must be an integer"),
        ({"n": 4.5, "seed": 0}, "n parameter of balanced_labels must be an integer"),
        ({"n": 1, "seed": 0}, "n parameter of balanced_labels must be from 4, the number of"),
        ({"n": 8, "seed": -1}, "seed parameter of balanced_labels must be an integer"),
    ],
)
def test_a_wrong_number_of_labels_or_seed_is_named(given: Any, words: str) -> None:
    with pytest.raises(InvalidParameterError, match=words):
        balanced_labels(LABELS, **given)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (None, "rows.npz has no labels, so --labels cannot hide any. Name their column"),
        (
            np.zeros((93, 1)),
            "the target of rows.npz is numbers. Leave --labels out, .* rows without labels",
        ),
        (np.zeros((93, 2), np.int64), "the target of rows.npz is several labels."),
        (LABELS, "--labels must be from 4, the number of classes, to 93, .* Got 94 instead."),
    ],
)
def test_what_has_no_classes_to_choose_from_is_refused(
    y: NDArray[np.int64] | None, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        with_few_labels(table(y), 94, seed=0)
