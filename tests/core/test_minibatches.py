"""An epoch's minibatches: every row once, whatever the sizes, in file order or the order given."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sdae.core.minibatches import minibatches, n_batches
from sdae.train.epoch import slices


@given(
    n=st.integers(1, 200),
    batch_size=st.integers(1, 250),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
)
def test_the_rows_come_once_each_in_minibatches_of_the_size_but_for_the_last(
    n: int, batch_size: int, shuffle: bool, drop_last: bool
) -> None:
    order = np.random.default_rng(n).permutation(n) if shuffle else None
    batches = list(minibatches(n, batch_size, order=order, drop_last=drop_last))
    expected = np.arange(n) if order is None else order
    if drop_last:
        expected = expected[: n - n % batch_size]
    assert len(batches) == n_batches(n, batch_size, drop_last)
    assert [row for b in batches for row in b.samples] == expected.tolist()
    assert all(len(b.samples) == batch_size for b in batches[:-1])
    assert all(len(b.samples) > 0 for b in batches)
    for b in batches:
        assert (b.span is None) == shuffle
        if b.span is not None:
            assert np.arange(n)[b.span].tolist() == b.samples.tolist()


@given(n=st.integers(0, 3000), batch_size=st.integers(1, 1100))
def test_slices_hold_all_minibatches_in_order_and_at_most_512_samples_or_one_minibatch(
    n: int, batch_size: int
) -> None:
    batches = minibatches(n, batch_size)
    cut = list(slices(batches, 512))
    parts = [part for part, _ in cut]
    for number, (_, left) in enumerate(cut, 1):
        assert len(left) == sum(map(len, parts[number:]))
    assert [row for part in parts for b in part for row in b.samples] == list(range(n))
    for part in parts:
        assert len(part) == 1 or sum(len(b.samples) for b in part) <= 512
    for part in parts[:-1]:
        assert sum(len(b.samples) for b in part) + batch_size > 512


@given(n=st.integers(1, 60), batch_size=st.integers(1, 20), shuffle=st.booleans(), data=st.data())
def test_some_minibatches_in_a_row_are_those_of_a_list_and_join_into_one(
    n: int, batch_size: int, shuffle: bool, data: st.DataObject
) -> None:
    order = np.random.default_rng(n).permutation(n) if shuffle else None
    all_of_them = minibatches(n, batch_size, order=order)
    start = data.draw(st.integers(0, len(all_of_them)))
    stop = data.draw(st.integers(start, len(all_of_them)))
    some, expected = all_of_them[start:stop], list(all_of_them)[start:stop]
    for ours, theirs in ((list(some), expected), ([some[i] for i in range(len(some))], expected)):
        assert [b.samples.tolist() for b in ours] == [b.samples.tolist() for b in theirs]
        assert [b.span for b in ours] == [b.span for b in theirs]
    joined = some.joined
    assert joined.samples.tolist() == [row for b in expected for row in b.samples]
    if not shuffle:
        assert np.arange(n)[joined.span].tolist() == joined.samples.tolist()
