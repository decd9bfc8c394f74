"""An epoch's minibatches: every row once, whatever the sizes, in file order or the order given."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sdae.rows import minibatches, n_batches
from sdae.training.epoch import slices


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
    batches = list(minibatches(n, batch_size))
    parts = slices(batches, batch_size, 512)
    assert [id(b) for part in parts for b in part] == [id(b) for b in batches]
    for part in parts:
        assert len(part) == 1 or sum(len(b.samples) for b in part) <= 512
    for part in parts[:-1]:
        assert sum(len(b.samples) for b in part) + batch_size > 512
