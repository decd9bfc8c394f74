"""Statistics of rows that are read once are those of rows in memory, however they are cut."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sdae.core.column_statistics import ColumnStatistics, moments, statistics_of
from sdae.core.kinds.decoders import Decoder
from sdae.core.preprocessing import choose, fit_scaling


def rows_of(n: int, seed: int, kind: str = "f8") -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    units = np.array([1e-3, 1.0, 1e5, 1.0, 1.0])
    x = rng.normal(size=(n, 5)) * units + np.array([0, 1e9, -1e5, 0, 3])
    x[:, 3] = rng.random(n) < 0.1
    x[:, 4] = 3  # constant
    return np.asarray(x, kind)


def cut(x: NDArray[Any], sizes: list[int]) -> list[NDArray[Any]]:
    places = np.cumsum(sizes)
    return [part for part in np.split(x, places[places < len(x)]) if len(part)]


def exact(x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    wide = x.astype(np.longdouble)
    mean = wide.mean(axis=0)
    return mean.astype(np.float64), np.square(wide - mean).mean(axis=0).astype(np.float64)


@given(
    st.integers(1, 300),
    st.integers(0, 99),
    st.sampled_from(["f4", "f8"]),
    st.lists(st.integers(1, 90), min_size=1, max_size=9),
)
def test_any_cut_gives_the_same_to_12_digits(
    n: int, seed: int, kind: str, sizes: list[int]
) -> None:
    x = rows_of(n, seed, kind)
    found, whole = statistics_of(cut(x, sizes)), statistics_of([x])
    mean, variance = exact(x)
    deviation = np.sqrt(variance)
    for columns in (found, whole):
        assert columns.shape == x.shape
        assert (columns.low == x.min(axis=0)).all()
        assert (columns.high == x.max(axis=0)).all()
        np.testing.assert_array_less(np.abs(columns.mean - mean), 1e-14 * np.abs(mean) + 1e-12)
        np.testing.assert_allclose(np.sqrt(columns.variance), deviation, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.variance, whole.variance, rtol=1e-12, atol=1e-24)


def test_many_blocks_do_not_add_up_errors() -> None:
    x = np.random.default_rng(0).normal(1e6, 1e-2, size=(300_000, 2))
    mean, variance = exact(x)
    found = statistics_of(np.split(x, 3000))
    np.testing.assert_allclose(found.mean, mean, rtol=1e-15)
    np.testing.assert_allclose(found.variance, variance, rtol=1e-12)


def test_rows_are_asked_for_once() -> None:
    blocks = iter(np.split(rows_of(100, 0), 10))
    assert statistics_of(blocks).shape == (100, 5)
    assert not list(blocks)


@pytest.mark.parametrize("kind", ["none", "minmax", "standard"])
@pytest.mark.parametrize("numbers", ["f4", "f8"])
def test_the_scaling_is_that_of_rows_in_memory(kind: str, numbers: str) -> None:
    x = rows_of(5000, 3, numbers)
    whole, read = fit_scaling(x, kind), fit_scaling(statistics_of(cut(x, [7, 999])), kind)
    if whole is None or read is None:
        assert whole is read
        return
    assert read.kind == whole.kind
    np.testing.assert_allclose(read.offset, whole.offset, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(read.scale, whole.scale, rtol=1e-12)


def test_columns_whose_squares_underflow_have_a_scale() -> None:
    x = np.array([[1e-170], [3e-170], [2e-170]])
    read = fit_scaling(statistics_of([x]), "standard")
    assert read is not None
    assert read.scale.tolist() == pytest.approx([1e-170], rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, -0.5, 4.0])
@pytest.mark.parametrize("spread", [1.0, 1e-2])
def test_the_choice_is_that_of_rows_in_memory(shift: float, spread: float) -> None:
    x = (np.random.default_rng(0).random((500, 3)) * spread + shift).astype(np.float32)
    read: ColumnStatistics = statistics_of([x[:100], x[100:]])
    assert choose(read, "auto", Decoder.AUTO, "x") == choose(x, "auto", Decoder.AUTO, "x")


@pytest.mark.parametrize("n_columns", [1, 2, 3, 63, 64, 65, 129, 200])
@pytest.mark.parametrize("order", ["C", "F"])
def test_columns_are_summed_in_parts_with_the_bytes_of_all_at_once(
    order: Any, n_columns: int
) -> None:
    rng = np.random.default_rng(n_columns)
    x = rng.normal(3.0, 2.0, (5000, n_columns)).astype(np.float32)
    mean, squares = x.mean(axis=0, dtype=np.float64), np.zeros(n_columns)
    for start in range(0, 5000, 4096):
        squares += np.square(x[start : start + 4096] - mean).sum(axis=0)
    found = moments(np.asarray(x, order=order))
    assert found[0].tobytes() == mean.tobytes()
    assert found[1].tobytes() == (squares / 5000).tobytes()
