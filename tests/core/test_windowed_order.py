"""The order within windows: a permutation, any part of it alone, the full shuffle in the limit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdae.core.minibatches import minibatches
from sdae.core.randomness import NoiseKey, Stream, visiting_order
from sdae.core.windowed_order import BLOCKS_OF_A_WINDOW, WindowedOrder, block_of

KEY = NoiseKey(7, Stream.PRETRAINING_ORDER, 0, 3)
KEYS = st.builds(
    NoiseKey,
    st.integers(0, 2**64 - 1),
    st.sampled_from([Stream.PRETRAINING_ORDER, Stream.FINETUNING_ORDER]),
    st.integers(0, 3),
    st.integers(1, 5),
)


@given(KEYS, st.integers(1, 700), st.integers(1, 800))
def test_every_row_occurs_once(key: NoiseKey, n_rows: int, window: int) -> None:
    order = WindowedOrder(key, n_rows, window)
    assert len(order) == n_rows
    assert sorted(order.between(0, n_rows).tolist()) == list(range(n_rows))


@given(KEYS, st.integers(1, 700), st.integers(1, 800), st.data())
def test_any_part_is_that_part_of_the_whole(
    key: NoiseKey, n_rows: int, window: int, data: st.DataObject
) -> None:
    whole = WindowedOrder(key, n_rows, window).between(0, n_rows)
    start = data.draw(st.integers(0, n_rows))
    stop = data.draw(st.integers(start, n_rows + 3))
    alone = WindowedOrder(key, n_rows, window).between(start, stop)
    assert alone.tolist() == whole[start:stop].tolist()


@given(KEYS, st.integers(1, 300), st.integers(0, 100))
def test_a_window_of_all_rows_is_the_full_shuffle(key: NoiseKey, n_rows: int, more: int) -> None:
    order = WindowedOrder(key, n_rows, n_rows + more).between(0, n_rows)
    assert order.tolist() == visiting_order(key, n_rows).tolist()


@given(KEYS, st.integers(130, 5000), st.integers(128, 640))
def test_a_window_takes_a_few_whole_blocks_from_anywhere(
    key: NoiseKey, n_rows: int, window: int
) -> None:
    order, block = WindowedOrder(key, n_rows, window), block_of(window)
    rows = order.between(0, n_rows)
    per_window = window // block if window < n_rows else -(-n_rows // block)
    assert len(set((rows[: (per_window - 1) * block] // block).tolist())) <= per_window
    if window < n_rows // 2:
        assert rows[:window].max() - rows[:window].min() > window


def test_the_order_is_the_same_for_ever() -> None:
    order = WindowedOrder(KEY, 1000, 128)
    assert order.between(0, 8).tolist() == [98, 275, 641, 812, 441, 121, 541, 472]
    assert order.between(992, 1000).tolist() == [673, 553, 493, 557, 815, 954, 382, 552]


def test_epochs_and_windows_differ() -> None:
    n = 64 * 100
    first, second = (
        WindowedOrder(NoiseKey(0, Stream.PRETRAINING_ORDER, 0, epoch), n, 640).between(0, n)
        for epoch in (1, 2)
    )
    assert (first != second).any()
    places = [first[start : start + 640] for start in range(0, n, 640)]
    within = [np.argsort(np.argsort(place)).tolist() for place in places]
    assert len({tuple(order) for order in within}) == len(places)


def test_minibatches_of_an_order_are_those_of_its_rows() -> None:
    order = WindowedOrder(KEY, 101, 70)
    whole = order.between(0, 101)
    lazy, given_ = minibatches(101, 8, order=order), minibatches(101, 8, order=whole)
    assert len(lazy) == len(given_) == 13
    for ours, theirs in zip(lazy[3:], given_[3:], strict=True):
        assert ours.samples.tolist() == theirs.samples.tolist()
        assert ours.span is None
    assert lazy[12].samples.tolist() == whole[96:].tolist()


@pytest.mark.parametrize("window", [1, 63, 64, 65, 1000])
def test_a_block_is_a_64th_of_a_window(window: int) -> None:
    assert block_of(window) == max(1, window // BLOCKS_OF_A_WINDOW)


def test_an_order_of_many_rows_holds_blocks_and_one_window() -> None:
    order = WindowedOrder(KEY, 10**10, 64 * 10**5)
    rows = order.between(10**9, 10**9 + 5)
    assert len(set(rows.tolist())) == 5
    assert order.between(10**10 - 3, 10**10).max() < 10**10
