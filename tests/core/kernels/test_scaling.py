"""Scaling by corrected reciprocals is dividing, to the last bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sdae.core.kernels.compiling import kernel
from sdae.core.kernels.scaling import scaled_in_runs
from tests.core.values import REPEATABLE

Flat = NDArray[Any]


@kernel
def _scale(x: Flat, start: int, scaling: Flat, period: int, out: Flat, n: int, end: float) -> None:
    scaled_in_runs(x, start, scaling, period, out, n, end)


def scaled(x: Flat, offset: Flat, scale: Flat, kind: Any = np.float32, start: int = 0) -> Flat:
    """Return what the kernel makes of numbers from a place on; nothing else is written."""
    n, period = len(x) - start, len(offset)
    out = np.full(n + 40, 7, kind)
    scaling = np.concatenate([offset, scale, 1 / scale])
    _scale(x, start, scaling, period, out, n, 1e18)
    assert (out[n:] == 7).all()
    return out[:n]


def divided(x: Flat, offset: Flat, scale: Flat) -> Flat:
    """Return the same by NumPy's division."""
    places = np.arange(len(x)) % len(offset)
    with np.errstate(over="ignore"):
        found = ((x.astype(float) - offset[places]) / scale[places]).astype(np.float32)
    return np.clip(found, np.float32(-1e18), np.float32(1e18))


@settings(REPEATABLE, max_examples=100)
@given(
    seed=st.integers(0, 1 << 30),
    n=st.integers(0, 300),
    period=st.integers(1, 70),
    spread=st.sampled_from([0.0, 1.0, 20.0, 300.0]),
    kinds=st.tuples(*[st.sampled_from([np.float32, np.float64])] * 2),
)
def test_numbers_of_all_sizes(
    seed: int, n: int, period: int, spread: float, kinds: tuple[Any, Any]
) -> None:
    rng = np.random.default_rng(seed)
    with np.errstate(over="ignore"):
        x = (rng.normal(size=n) * 10 ** rng.uniform(-spread, spread, n)).astype(kinds[0])
        x = np.nan_to_num(x)
    offset = rng.normal(size=period) * rng.integers(2, size=period)
    scale = rng.uniform(1, 2, period) * 10 ** rng.uniform(-spread / 4, spread / 4, period)
    assert np.array_equal(scaled(x, offset, scale, kinds[1]), divided(x, offset, scale))


def test_quotients_at_the_edge_between_two_numbers_of_float32() -> None:
    """Where the quotient lies halfway, the last bit of the float64 decides."""
    rng = np.random.default_rng(0)
    wanted = rng.uniform(1, 2, 100_000).astype(np.float32)
    half = wanted.astype(float) + np.spacing(wanted).astype(float) / 2
    scale = rng.uniform(1, 2, len(wanted))
    for nudge in (-2, -1, 0, 1, 2):
        x = half * scale
        x += nudge * np.spacing(x)
        assert np.array_equal(scaled(x, np.zeros_like(x), scale), divided(x, 0 * x, scale))


def test_a_run_may_begin_anywhere() -> None:
    x = np.random.default_rng(0).normal(size=90)
    offset, scale = np.full(30, 0.5), np.full(30, 3.0)
    wanted = divided(x, offset, scale)
    for start in (0, 30, 60):
        assert np.array_equal(scaled(x, offset, scale, start=start), wanted[start:])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_numbers_that_are_not_finite(kind: Any) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 3e38, 0.0] * 7, kind)
    found = scaled(x, np.zeros(35), np.ones(35))
    assert np.array_equal(found, divided(x, np.zeros(35), np.ones(35)), equal_nan=True)


@pytest.mark.parametrize("n", [5, 40])
def test_zeros_keep_their_signs(n: int) -> None:
    x = np.where(np.arange(n) % 2, 0.0, -0.0)
    zeros, ones = np.zeros(n), np.ones(n)
    assert scaled(x, zeros, ones).tobytes() == divided(x, zeros, ones).tobytes()
    assert np.signbit(scaled(x, zeros, ones)).any()
