"""Splits are stratified, seeded and disjoint; label sets are nested."""

from itertools import pairwise

import numpy as np
import pytest

from sdae.app.compare.label_splits import cut, stratified_order
from sdae.core.errors import DataError
from tests.app.compare.problems import blobs, made

Y = np.repeat([0, 1, 2], [120, 60, 20])


def test_every_beginning_of_the_order_has_the_shares_of_the_classes() -> None:
    order = stratified_order(Y, 7, 2)
    assert sorted(order.tolist()) == list(range(200))
    for k in range(1, 201):
        counts = np.bincount(Y[order[:k]], minlength=3)
        assert np.abs(counts - k * np.array([0.6, 0.3, 0.1])).max() <= 1


def test_the_numbers_of_each_class_do_not_depend_on_the_seed_but_the_rows_do() -> None:
    one, other = (stratified_order(Y, seed, 2) for seed in (0, 1))
    np.testing.assert_array_equal(Y[one], Y[other])
    assert (one != other).mean() > 0.9
    np.testing.assert_array_equal(one, stratified_order(Y, 0, 2))
    assert (one != stratified_order(Y, 0, 3)).any()


def test_the_two_parts_are_disjoint_and_are_all_there_is() -> None:
    data = blobs(120)
    pool, held_out = cut(data, 0.25, 3)
    assert len(held_out.y) == 30
    rows = np.concatenate([pool.rows, held_out.x])
    assert {row.tobytes() for row in rows} == {row.tobytes() for row in data.x}
    assert len(rows) == 120
    of_row = {row.tobytes(): label for row, label in zip(data.x, data.y, strict=True)}
    assert [of_row[row.tobytes()] for row in pool.rows] == pool.y.tolist()
    assert [of_row[row.tobytes()] for row in held_out.x] == held_out.y.tolist()
    assert np.bincount(held_out.y).tolist() == [10, 10, 10]


def test_more_labels_are_the_same_ones_and_others() -> None:
    pool, _ = cut(blobs(120), 0.25, 0)
    sets = [{row.tobytes() for row in pool.labelled(n)[0]} for n in (6, 30, 60, 90)]
    assert [len(each) for each in sets] == [6, 30, 60, 90]
    assert all(few < more for few, more in pairwise(sets))
    x, y = pool.labelled(6)
    assert np.bincount(y).tolist() == [2, 2, 2]
    first = pool.first_of_each_class()
    assert pool.y[first].tolist() == [0, 1, 2]
    assert {row.tobytes() for row in pool.rows[first]} < {row.tobytes() for row in x}


def test_rows_without_labels_are_in_the_pool_of_every_seed_and_never_tested_on() -> None:
    data = blobs(40)
    more = np.full((5, 5), 9, np.float32)
    data = type(data)(data.name, data.x, data.y, data.classes, more)
    for seed in range(3):
        pool, held_out = cut(data, 0.25, seed)
        assert pool.rows.shape == (35, 5)
        assert len(pool.y) == len(pool.order) == 30
        assert (pool.rows[30:] == 9).all()
        assert (held_out.x != 9).all()
        assert (pool.labelled(30)[0] != 9).all()


@pytest.mark.parametrize(
    ("counts", "test", "of_test", "of_pool"),
    [
        ((100, 4), 0.1, [9, 1], [91, 3]),
        ((60, 3), 0.9, [56, 1], [4, 2]),
        ((50, 10, 3), 0.1, [4, 1, 1], [46, 9, 2]),
        ((100, 2), 0.1, [10, 0], [90, 2]),  # two rows are needed to choose a setting
        ((4, 4, 4), 0.75, [3, 3, 3], [1, 1, 1]),
    ],
)
def test_a_rare_class_is_on_both_sides_where_there_is_room(
    counts: tuple[int, ...], test: float, of_test: list[int], of_pool: list[int]
) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    pools = set()
    for seed in range(10):
        pool, held_out = cut(made("rare", np.arange(float(len(y)))[:, None], y), test, seed)
        assert np.bincount(held_out.y, minlength=len(counts)).tolist() == of_test
        assert np.bincount(pool.y, minlength=len(counts)).tolist() == of_pool
        assert sorted([*pool.rows[:, 0], *held_out.x[:, 0]]) == list(range(len(y)))
        pools.add(pool.rows.tobytes())
    assert len(pools) == 10


@pytest.mark.parametrize("seed", range(20))
def test_a_split_with_every_class_on_both_sides_is_that_of_the_order_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(4), rng.integers(2, 30, 4)))
    test = (0.1, 0.25, 0.5, 0.75)[seed % 4]
    pool, held_out = cut(made("any", np.arange(float(len(y)))[:, None], y), test, seed)
    order = stratified_order(y, seed, 2)
    tested = np.sort(order[: round(test * len(y))])
    if all(len(np.unique(part)) == 4 for part in (y[tested], np.delete(y, tested))):
        np.testing.assert_array_equal(held_out.x[:, 0], tested)
    else:
        assert len(held_out.y) == len(tested)
    assert len(np.unique(pool.y)) == 4


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(DataError, match=r"too few rows \(3\) to test on a share of 0.1. Change"):
        cut(made("tiny", np.eye(3), np.arange(3)), 0.1, 0)
