"""Scaling of columns, and the choice of scaling and decoder from the range of the data."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import sparse

from sdae.core import column_statistics
from sdae.core.errors import DataError
from sdae.core.kinds.decoders import Decoder
from sdae.core.preprocessing import (
    Scaling,
    choose,
    fit_scaling,
    fit_scaling_sparse,
)
from tests.core.values import REPEATABLE

Rows = NDArray[np.float32]
UNIT = np.array([[0.0, 0.5], [1.0, 0.25]], dtype=np.float32)
WIDE = np.array([[-3.0, 0.5], [7.0, 0.25]], dtype=np.float32)

matrices = arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 4)),
    elements=st.floats(-(2.0**20), 2.0**20, width=32),
)


def _fit(x: Rows, kind: str) -> Scaling:
    scaling = fit_scaling(x, kind)
    assert scaling is not None
    assert scaling.kind == kind
    return scaling


def test_minmax_brings_the_columns_to_0_and_1() -> None:
    x = np.array([[2, -1, 5], [4, -1, 6], [3, -1, 9]], dtype=np.float32)
    scaling = _fit(x, "minmax")
    assert scaling.offset.tolist() == [2, -1, 5]
    assert scaling.scale.tolist() == [2, 1, 4]
    assert scaling.apply(x).tolist() == [[0, 0, 0], [1, 0, 0.25], [0.5, 0, 1]]


def test_standard_gives_zero_mean_and_unit_variance() -> None:
    x = np.array([[1, 7], [3, 7], [5, 7], [7, 7]], dtype=np.float32)
    scaling = _fit(x, "standard")
    assert scaling.offset.tolist() == [4, 7]
    assert scaling.scale.tolist() == pytest.approx([5**0.5, 1])
    assert scaling.apply(x)[:, 0].tolist() == pytest.approx(
        [-3 / 5**0.5, -1 / 5**0.5, 1 / 5**0.5, 3 / 5**0.5]
    )
    assert not scaling.apply(x)[:, 1].any()


def test_without_a_scaling_there_is_none() -> None:
    assert fit_scaling(WIDE, "none") is None


@REPEATABLE
@given(matrices)
def test_scaled_training_rows_lie_in_the_unit_interval(x: Rows) -> None:
    scaled = _fit(x, "minmax").apply(x)
    assert scaled.dtype == np.float32
    assert scaled.min() >= 0
    assert scaled.max() <= 1


@REPEATABLE
@given(matrices, st.sampled_from(["minmax", "standard"]))
def test_undoing_a_scaling_gives_the_rows_back(x: Rows, kind: str) -> None:
    scaling, before = _fit(x, kind), x.copy()
    back = scaling.undo(scaling.apply(x))
    assert (x == before).all()
    assert back.dtype == np.float64
    reach = np.abs(x).max(axis=0) + scaling.scale * np.abs(scaling.apply(x)).max(axis=0)
    assert (np.abs(back - x) <= 1e-6 * reach).all()


def test_a_large_column_is_standardised_without_losing_its_spread() -> None:
    x = (1e6 + np.arange(10_000) % 7).astype(np.float32).reshape(-1, 1)
    scaled = _fit(x, "standard").apply(x)
    assert scaled.mean(dtype=np.float64) == pytest.approx(0, abs=1e-4)
    assert scaled.std(dtype=np.float64) == pytest.approx(1, abs=1e-4)


def test_the_variance_counts_every_row_of_a_long_table() -> None:
    x = np.random.default_rng(0).normal(3, 2, size=(9001, 2)).astype(np.float32)
    x[8500:] *= 10
    scaling = _fit(x, "standard")
    assert scaling.offset.tolist() == pytest.approx(x.mean(axis=0, dtype=np.float64).tolist())
    assert scaling.scale.tolist() == pytest.approx(x.std(axis=0, dtype=np.float64).tolist())


def test_a_constant_column_is_not_blown_up_by_rounding() -> None:
    x = np.ones((1000, 1), dtype=np.float32)
    x[::2] = np.nextafter(np.float32(1), np.float32(2))
    assert _fit(x, "standard").scale.tolist() == [1]
    assert np.abs(_fit(x, "standard").apply(x)).max() < 1e-6


def test_new_rows_are_scaled_by_the_training_rows() -> None:
    scaling = _fit(WIDE, "minmax")
    assert scaling.apply(np.array([[17.0, 0.0]], dtype=np.float32)).tolist() == [[2.0, -1.0]]


@REPEATABLE
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(1, 4)),
        elements=st.one_of(st.just(0.0), st.floats(-1024, 1024, width=32)),
    ),
    st.sampled_from(["csr_array", "csc_matrix", "coo_array", "lil_array"]),
)
def test_a_sparse_matrix_is_scaled_like_a_dense_one(x: Rows, form: str) -> None:
    matrix = getattr(sparse, form)(x)
    dense, own = _fit(x, "minmax"), fit_scaling_sparse(matrix, "minmax")
    assert own is not None
    assert own.kind == "minmax"
    assert own.offset.tolist() == dense.offset.tolist()
    assert own.scale.tolist() == dense.scale.tolist()
    dense, own = _fit(x, "standard"), fit_scaling_sparse(matrix, "standard")
    assert own is not None
    assert own.kind == "standard"
    assert own.offset.tolist() == pytest.approx(dense.offset.tolist(), rel=1e-12, abs=1e-12)
    assert own.scale.tolist() == pytest.approx(dense.scale.tolist(), rel=1e-9)
    assert fit_scaling_sparse(matrix, "none") is None
    assert (matrix.toarray() == x).all()


def test_elements_stored_twice_count_once_with_their_sum() -> None:
    columns, starts = np.array([0, 0, 1]), np.array([0, 2, 3, 3])
    matrix = sparse.csr_array((np.array([1.0, 4.0, -2.0]), columns, starts), shape=(3, 2))
    scaling = fit_scaling_sparse(matrix, "minmax")
    assert scaling is not None
    assert (scaling.offset.tolist(), scaling.scale.tolist()) == ([0, -2], [5, 2])
    assert matrix.data.tolist() == [1, 4, -2]


def test_a_huge_sparse_matrix_is_scaled_from_what_it_stores() -> None:
    n, v = 1_000_000, 100_000  # 400 GB with its zeros
    rows, columns = np.array([0, 7, 999_999]), np.array([5, 5, 99_999])
    matrix = sparse.csr_array((np.array([3.0, -1.0, 2.0]), (rows, columns)), shape=(n, v))
    scaling = fit_scaling_sparse(matrix, "standard")
    assert scaling is not None
    assert scaling.offset[[0, 5, -1]].tolist() == pytest.approx([0, 2 / n, 2 / n])
    deviation = [1, (10 / n - (2 / n) ** 2) ** 0.5, (4 / n - (2 / n) ** 2) ** 0.5]
    assert scaling.scale[[0, 5, -1]].tolist() == pytest.approx(deviation)


def test_many_stored_values_are_taken_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).integers(-1, 2, size=(40, 7)).astype(np.float32)
    whole = [fit_scaling_sparse(sparse.csr_array(x), kind) for kind in ("minmax", "standard")]
    monkeypatch.setattr(column_statistics, "_CHUNK_VALUES", 10)
    parts = [fit_scaling_sparse(sparse.csr_array(x), kind) for kind in ("minmax", "standard")]
    for one, other in zip(whole, parts, strict=True):
        assert one is not None
        assert other is not None
        np.testing.assert_allclose(one.offset, other.offset, rtol=1e-14)
        np.testing.assert_allclose(one.scale, other.scale, rtol=1e-14)


AUTO, SIGMOID, LINEAR = Decoder.AUTO, Decoder.SIGMOID, Decoder.LINEAR


@pytest.mark.parametrize(
    ("x", "scale", "decoder", "expected"),
    [
        (UNIT, "auto", AUTO, ("none", SIGMOID)),
        (UNIT, "auto", SIGMOID, ("none", SIGMOID)),
        (UNIT, "auto", LINEAR, ("none", LINEAR)),
        (UNIT, "none", AUTO, ("none", SIGMOID)),
        (UNIT, "minmax", AUTO, ("minmax", SIGMOID)),
        (UNIT, "standard", AUTO, ("standard", LINEAR)),
        (WIDE, "auto", AUTO, ("standard", LINEAR)),
        (WIDE, "auto", SIGMOID, ("minmax", SIGMOID)),
        (WIDE, "auto", LINEAR, ("standard", LINEAR)),
        (WIDE, "none", AUTO, ("none", LINEAR)),
        (WIDE, "none", LINEAR, ("none", LINEAR)),
        (WIDE, "minmax", AUTO, ("minmax", SIGMOID)),
        (WIDE, "minmax", SIGMOID, ("minmax", SIGMOID)),
        (WIDE, "minmax", LINEAR, ("minmax", LINEAR)),
        (WIDE, "standard", AUTO, ("standard", LINEAR)),
    ],
)
def test_auto_is_settled_by_the_range_of_the_data(
    x: Rows, scale: str, decoder: Decoder, expected: tuple[str, Decoder]
) -> None:
    assert choose(x, scale, decoder, "rows.csv")[:2] == expected


@pytest.mark.parametrize("scale", ["none", "standard"])
def test_cross_entropy_is_refused_for_data_outside_the_unit_interval(scale: str) -> None:
    text = (
        f"rows.csv has values outside [0, 1] (from -3 to 7) with scale = '{scale}', but the sigmoid"
    )
    with pytest.raises(DataError, match=re.escape(text)) as caught:
        choose(WIDE, scale, SIGMOID, "rows.csv")
    assert str(caught.value).endswith("Set data.scale to minmax, or model.decoder to linear.")


def test_cross_entropy_is_refused_for_standardised_data() -> None:
    with pytest.raises(DataError, match=r"scale = 'standard'"):
        choose(UNIT, "standard", SIGMOID, "rows.csv")


@pytest.mark.parametrize(
    ("value", "inside"), [(0.0, True), (1.0, True), (-1e-6, False), (1.000001, False)]
)
def test_the_unit_interval_is_closed(value: float, inside: bool) -> None:
    x = np.array([[0.5, value], [0.5, 0.5]], dtype=np.float32)
    assert (choose(x, "auto", Decoder.AUTO, "x").scale == "none") is inside


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("size", [1e-310, 1e-200, 3e-162, 1e-161, 1e-150, 1e-100])
def test_a_column_of_tiny_numbers_is_standardised(size: float, kind: str) -> None:
    z = np.random.default_rng(0).normal(size=(200, 2))
    z[::3] = 0
    x = z * [size, 1]
    matrix = sparse.csr_array(x)
    scaling = (
        fit_scaling(x, "standard") if kind == "dense" else fit_scaling_sparse(matrix, "standard")
    )
    assert scaling is not None
    exact = (z - z.mean(axis=0)) / z.std(axis=0)
    tolerance = 1e-6 if size > 1e-307 else 1e-3  # subnormal numbers have fewer digits
    np.testing.assert_allclose(scaling.apply(x), exact, rtol=tolerance, atol=tolerance)


def test_auto_does_not_scale_a_single_row() -> None:
    assert choose(np.array([[2.0, 50.0]]), "auto", Decoder.AUTO, "x")[:2] == (
        "none",
        Decoder.LINEAR,
    )
    assert choose(np.array([[0.2, 0.5]]), "auto", Decoder.AUTO, "x")[:2] == ("none", Decoder.LINEAR)
    assert choose(np.array([[2.0, 101.0]]), "auto", Decoder.AUTO, "x").scale == "standard"
    assert choose(np.array([[2.0]]), "auto", Decoder.SIGMOID, "x").scale == "minmax"
    assert choose(np.array([[2.0]]), "standard", Decoder.AUTO, "x").scale == "standard"
    assert choose(np.array([[2.0], [3.0]]), "auto", Decoder.AUTO, "x").scale == "standard"
