"""The order of labelled rows, and the late fall of the rate."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sdae.train.two_orders import EndlessPasses, late_decay


@given(n_rows=st.integers(1, 40), batch_size=st.integers(1, 60), seed=st.integers(0, 5))
def test_every_pass_visits_each_row_once(n_rows: int, batch_size: int, seed: int) -> None:
    passes = EndlessPasses(n_rows, batch_size, seed)
    n_updates = -(-3 * n_rows // batch_size)
    parts = [passes.minibatch(update) for update in range(n_updates)]
    rows, numbers = (np.concatenate(each) for each in zip(*parts, strict=True))

    assert len(rows) == n_updates * batch_size
    for number in (1, 2, 3):
        assert sorted(rows[numbers == number]) == list(range(n_rows))


def test_passes_differ_and_follow_from_the_seed() -> None:
    rows = [EndlessPasses(50, 50, seed=7).minibatch(update)[0].tolist() for update in (0, 1)]

    assert rows[0] != rows[1]
    assert rows[1] == EndlessPasses(50, 50, seed=7).minibatch(1)[0].tolist()
    assert rows[0] != EndlessPasses(50, 50, seed=8).minibatch(0)[0].tolist()


def test_the_rate_falls_in_the_last_third() -> None:
    factors = [late_decay(update, 300) for update in range(300)]

    assert factors[:200] == [1.0] * 200
    assert np.allclose(factors[200:], np.arange(100, 0, -1) / 100)
