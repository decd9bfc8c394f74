"""Rows of a source that can be picked as those of an array are."""

from typing import Any

import numpy as np
import pytest
import torch

from sdae.core.errors import DataError
from sdae.core.minibatches import Minibatch
from sdae.core.preprocessing import Scaling
from sdae.core.source_rows import SourceRows, at_hand, read

X = np.random.default_rng(0).random((40, 3)).astype(np.float32)


class Source:
    """Rows that count how often they are read."""

    window = 10

    def __init__(self) -> None:
        self.reads = 0

    def __len__(self) -> int:
        return len(X)

    def batch(self, minibatch: Minibatch) -> torch.Tensor:
        self.reads += 1
        return torch.from_numpy(X[minibatch.samples])


class Told(Source):
    """Rows that say their shape and type."""

    shape, dtype = X.shape, X.dtype


PICKS: list[Any] = [
    slice(None),
    slice(5, 30),
    slice(None, None, -2),
    np.arange(40) % 3 == 1,
    np.array([7, 7, 1]),
    [2, 9],
    (np.array([3, 2]), Ellipsis),
    slice(0, 0),
]


@pytest.mark.parametrize("pick", PICKS, ids=str)
def test_any_pick_is_that_of_an_array_also_of_some_rows(pick: Any) -> None:
    source = Told()
    rows = SourceRows(source)
    picked = rows[pick]
    again = picked[::2][1:]
    assert source.reads == 0
    assert picked.shape == X[pick].shape
    for found, wanted in ((picked, X[pick]), (again, X[pick][::2][1:])):
        assert found.dtype == wanted.dtype
        assert np.array_equal(found.in_memory(), wanted)
    assert rows.shape == X.shape


def test_a_source_that_does_not_say_its_form_shows_its_first_row_once() -> None:
    source = Source()
    rows = SourceRows(source)
    _ = rows[3:7], rows[np.array([1, 2])], rows.delivered_as(torch.zeros(1))
    assert source.reads == 1
    assert (rows.shape, rows.dtype) == (X.shape, X.dtype)


def test_scaled_rows_are_those_of_the_scaling() -> None:
    scaling = Scaling("standard", np.array([0.1, 0.2, 0.3]), np.array([2.0, 3.0, 4.0]))
    rows = SourceRows(Told())[4:9].scaled(scaling, torch.zeros(1))
    assert np.array_equal(rows.in_memory(), scaling.apply(X[4:9]))


def test_few_rows_are_read_at_hand() -> None:
    rows = SourceRows(Told())
    assert at_hand(rows) is rows
    assert np.array_equal(at_hand(rows[:10]), X[:10])
    assert np.array_equal(read(rows), X)
    assert at_hand(X) is read(X) is X


@pytest.mark.parametrize("pick", [3, (slice(None), 0), np.zeros((2, 2), int)], ids=str)
def test_other_picks_are_refused(pick: Any) -> None:
    with pytest.raises(DataError, match=r"picked by a slice, a mask or a list of numbers"):
        SourceRows(Told())[pick]
