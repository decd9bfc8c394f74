"""Rows of a large array, scaled as they are delivered: the bytes of a scaled copy of all."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sdae.core import array_rows
from sdae.core.array_rows import ArrayRows, copied, is_large, picked
from sdae.core.donors import RowDonors
from sdae.core.errors import DataError
from sdae.core.minibatches import Minibatch, minibatches
from sdae.core.preprocessing import Scaling, fit_scaling
from sdae.core.rows import RowSource, TensorRows, row_source
from sdae.train.engines.asked_rows import rows_of
from tests.core.values import REPEATABLE

KINDS = (np.float32, np.float64)
LIKE = torch.empty(0)


def numbers(n: int, n_columns: int, kind: Any, seed: int = 0) -> NDArray[Any]:
    """Return rows of columns in very different units, with zeros of both signs."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, n_columns)) * 10.0 ** rng.integers(-9, 9, n_columns)
    x[rng.random(x.shape) < 0.1] = 0.0
    x[rng.random(x.shape) < 0.1] = -0.0
    return x.astype(kind)


def scaled_copy(x: NDArray[Any], scaling: Scaling | None) -> NDArray[np.float32]:
    """Return all rows as the network takes them."""
    return x.astype(np.float32) if scaling is None else scaling.apply(x)


@pytest.mark.parametrize("compiled", [True, False])
@settings(REPEATABLE, max_examples=40)
@given(
    n=st.integers(1, 300),
    n_columns=st.integers(1, 90),
    kind=st.sampled_from(KINDS),
    scale=st.sampled_from(["none", "minmax", "standard"]),
    seed=st.integers(0, 1 << 30),
)
def test_every_minibatch_has_the_bytes_of_a_scaled_copy(
    compiled: bool, n: int, n_columns: int, kind: Any, scale: str, seed: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(array_rows, "_NUMBERS_AT_ONCE", 1 << 10)  # several parts
        if not compiled:
            patch.setattr(array_rows, "numba_fault", lambda: "there is none")
        x = numbers(n, n_columns, kind, seed)
        scaling = fit_scaling(x, scale)
        found, wanted = ArrayRows(x, scaling), scaled_copy(x, scaling)
    order = np.random.default_rng(seed).permutation(n)
    for minibatch in (*minibatches(n, 7), *minibatches(n, 64, order=order)):
        part = found.array(minibatch)
        assert part.tobytes() == wanted[minibatch.samples].tobytes()
        assert found.batch(minibatch).numpy().tobytes() == part.tobytes()
        like = torch.zeros(1, x.shape[1])
        assert rows_of(found, minibatch, like).tobytes() == part.tobytes()
    assert found.delivered().tobytes() == wanted.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_can_be_picked_again_and_again(kind: Any) -> None:
    x = numbers(50, 6, kind)
    scaling = fit_scaling(x, "standard")
    mask, places = np.arange(50) % 3 > 0, np.array([4, 1, 4, 30])
    found, wanted = ArrayRows(x)[mask][places].scaled(scaling), x[mask][places]
    assert (len(found), found.shape) == (4, (4, 6))
    assert found.delivered().tobytes() == scaled_copy(wanted, scaling).tobytes()
    assert found.copied().tobytes() == wanted.tobytes()
    assert found.copied().dtype == kind


def test_the_array_is_neither_copied_nor_changed() -> None:
    x = numbers(40, 3, np.float64)
    x.flags.writeable = False
    before = x.tobytes()
    rows = ArrayRows(x, fit_scaling(x, "standard"))
    assert rows.copied() is x
    rows.batch(Minibatch(np.array([3, 2]), None)).zero_()
    assert x.tobytes() == before


def test_scales_at_the_limits_of_float64_are_divided_by_as_numpy_does() -> None:
    x = np.array([[3e-310, 1e200], [0.0, -1e200], [5e-310, 7e199]])
    scaling = Scaling("standard", np.zeros(2), np.array([1e-310, 3e199]))
    assert ArrayRows(x, scaling).delivered().tobytes() == scaling.apply(x).tobytes()


def test_rows_that_there_are_not_are_an_error() -> None:
    x = numbers(40, 3, np.float32)
    with pytest.raises(IndexError):
        ArrayRows(x, fit_scaling(x, "standard")).array(Minibatch(np.array([40]), None))


@pytest.mark.parametrize("picks", [False, True])
def test_noises_get_the_values_of_other_rows(picks: bool) -> None:
    x = numbers(30, 4, np.float64)
    scaling = fit_scaling(x, "standard")
    rows: RowSource = ArrayRows(x, scaling)
    wanted = scaled_copy(x, scaling)
    if picks:
        places = np.arange(29, 9, -1)
        rows, wanted = ArrayRows(x, scaling)[places], wanted[places]
    which = torch.from_numpy(np.random.default_rng(0).integers(0, len(rows), (9, 4)))
    found = RowDonors(rows).values(which)
    assert found.equal(RowDonors(TensorRows(torch.from_numpy(wanted))).values(which))


@pytest.mark.parametrize("scale", ["none", "standard"])
def test_rows_that_are_not_finite_are_an_error_that_names_them(scale: str) -> None:
    x = numbers(9000, 3, np.float64)
    scaling = fit_scaling(x, scale)
    x[8500, 1] = 1e300
    rows = ArrayRows(x, scaling)
    with pytest.raises(DataError, match=r"x has values that are not finite .* rows 8192 to 8999"):
        row_source(rows, 3, LIKE, "x")
    assert not rows.are_finite
    fine = ArrayRows(x, scaling)[np.arange(8500)]
    assert row_source(fine, 3, LIKE, "x") is fine
    assert fine.are_finite


def test_large_arrays_in_c_order_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert array_rows.FEW_NUMBERS == 2**20
    monkeypatch.setattr(array_rows, "FEW_NUMBERS", 30)
    x = numbers(10, 3, np.float64)
    assert is_large(x)
    assert isinstance(picked(x, np.arange(10)), ArrayRows)
    others: list[Any] = [
        x[:9],
        np.asfortranarray(x),
        x[:, ::2],
        x.astype(">f8"),
        np.ones((10, 3), np.int64),
        x.tolist(),
    ]
    assert not any(map(is_large, others))
    mask = np.arange(10) < 9
    assert copied(picked(x, mask)).tobytes() == x[mask].tobytes()
    assert isinstance(picked(x, mask), np.ndarray)  # too few are left
