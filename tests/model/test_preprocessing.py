"""Scaling of columns, and the choice of scaling and decoder from the range of the data."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from sdae.errors import DataError
from sdae.preprocessing import Scaling, choose, fit_scaling, within_unit_interval
from sdae.specs import Decoder
from tests.ground.values import REPEATABLE

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
    assert within_unit_interval(scaled)


@REPEATABLE
@given(matrices, st.sampled_from(["minmax", "standard"]))
def test_undoing_a_scaling_gives_the_rows_back(x: Rows, kind: str) -> None:
    scaling, before = _fit(x, kind), x.copy()
    back = scaling.undo(scaling.apply(x))
    assert (x == before).all()
    assert back.dtype == np.float32
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
    assert choose(x, scale, decoder, "rows.csv") == expected


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
    assert within_unit_interval(np.array([[0.5, value]], dtype=np.float32)) is inside
