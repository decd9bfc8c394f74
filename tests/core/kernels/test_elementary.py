"""The polynomials of exp, sigmoid and tanh, compiled and as Python."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import erfc

from sdae.core.kernels import elementary
from sdae.core.kernels.compiling import kernel
from sdae.core.kernels.elementary import (
    GELU,
    RELU,
    SIGMOID,
    SILU,
    TANH,
    activate,
    activate_with_slopes,
    activated,
    exp_of_negative,
    slope,
)


@kernel
def _exp(v: NDArray[np.floating], out: NDArray[np.floating]) -> None:
    for i in range(len(v)):
        out[i] = exp_of_negative(v[i])


@kernel
def _activate(a: NDArray[np.floating], kind: int, out: NDArray[np.floating]) -> None:
    one = a.dtype.type(1)
    for i in range(len(a)):
        out[0, i] = activated(a[i], kind, one)
        out[1, i] = slope(out[0, i], kind, one)


@kernel
def _replace(values: NDArray[np.floating], kind: int) -> None:
    activate(values, kind)


@pytest.mark.parametrize(("kind", "lowest"), [(np.float32, -87.0), (np.float64, -708.0)])
def test_exp_is_right_to_two_ulp_and_stays_at_its_lowest(kind: Any, lowest: float) -> None:
    v = np.concatenate([np.linspace(lowest, 0, 20_001), -np.logspace(-40, 0, 500)]).astype(kind)
    found = np.empty_like(v)
    _exp(v, found)
    right = np.exp(v.astype(np.longdouble))
    assert (np.abs(found - right) <= 2 * np.spacing(right.astype(kind))).all()
    beyond = np.array([-1e4, -np.inf, np.nan], kind)
    found = np.empty_like(beyond)
    _exp(beyond, found)
    assert found[0] == found[1] == pytest.approx(math.exp(lowest), rel=1e-4)
    assert np.isnan(found[2])


@pytest.mark.parametrize(("kind", "zero"), [(np.float32, -104.0), (np.float64, -745.2)])
def test_sigmoids_become_as_small_as_numbers_can_be(kind: Any, zero: float) -> None:
    a = np.concatenate([np.linspace(zero, 40, 20_001), [-1e30, 1e30]]).astype(kind)
    found = a.copy()
    _replace(found, SIGMOID)
    right = np.exp(np.minimum(a, 0).astype(np.longdouble))
    right /= 1 + np.exp(-np.abs(a.astype(np.longdouble)))
    assert (np.abs(found - right) <= 4 * np.spacing(right.astype(kind))).all()
    assert found[-2:].tolist() == [0, 1]
    silu = a.copy()
    _replace(silu, SILU)
    exact = a * right
    rounding = 6 * np.spacing(np.abs(exact).astype(kind)) + np.abs(a) * np.spacing(kind(0))
    assert (np.abs(silu - exact) <= rounding).all()


@pytest.mark.parametrize("sign", [-1, 1])
def test_tanh_keeps_its_digits_near_zero_and_ends_at_one(sign: int) -> None:
    a = np.concatenate([np.linspace(0, 12, 400_001), np.logspace(-38, 0, 5001)])
    a = (sign * np.append(a, [1e30, np.inf])).astype(np.float32)
    found = a.copy()
    _replace(found, TANH)
    right = np.tanh(a.astype(np.float64))
    assert (np.abs(found - right) <= 5 * np.spacing(np.abs(right).astype(np.float32))).all()
    assert np.abs(found).max() == 1
    assert found[-2:].tolist() == [sign, sign]


@kernel
def _replace_alone(values: NDArray[np.floating], kind: int) -> None:
    for i in range(len(values)):
        activate(values[i : i + 1], kind)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("flag", [SIGMOID, TANH, RELU, SILU, GELU])
def test_a_value_does_not_depend_on_its_place(flag: int, kind: Any) -> None:
    a = np.random.default_rng(0).normal(0, 3, 50_001).astype(kind)
    together, alone = a.copy(), a.copy()
    _replace(together, flag)
    _replace_alone(alone, flag)
    assert together.tobytes() == alone.tobytes()


@kernel
def _replace_with_slopes(values: NDArray[np.floating], slopes: Any, kind: int) -> None:
    activate_with_slopes(values, slopes, kind)


@kernel
def _replace_alone_with_slopes(values: NDArray[np.floating], slopes: Any, kind: int) -> None:
    for i in range(len(values)):
        activate_with_slopes(values[i : i + 1], slopes[i : i + 1], kind)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("flag", [SILU, GELU])
def test_a_slope_does_not_depend_on_its_place(flag: int, kind: Any) -> None:
    a = np.random.default_rng(0).normal(0, 3, 50_001).astype(kind)
    together, alone = np.stack([a, a]), np.stack([a, a])
    _replace_with_slopes(together[0], together[1], flag)
    _replace_alone_with_slopes(alone[0], alone[1], flag)
    assert together.tobytes() == alone.tobytes()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_gelu_keeps_its_digits_in_the_tail(kind: Any) -> None:
    lowest = -13.0 if kind == np.float32 else -37.0
    a = np.concatenate([np.linspace(lowest, 10, 4001), -np.logspace(-30, 0, 300)]).astype(kind)
    tail = erfc(-a.astype(np.float64) * math.sqrt(0.5)) / 2
    bell = np.exp(-(a.astype(np.longdouble) ** 2) / 2) / math.sqrt(2 * math.pi)
    found, slopes = a.copy(), np.empty_like(a)
    _replace(found, GELU)
    # The square of a number is rounded before it is an exponent.
    relative = 8 * np.finfo(kind).eps * (1 + a.astype(np.float64) ** 2 / 2)
    assert (np.abs(found - a * tail) <= relative * np.abs(a * tail)).all()
    again = a.copy()
    _replace_with_slopes(again, slopes, GELU)
    assert np.abs(again - found).max() <= 4 * np.finfo(kind).eps
    assert np.abs(slopes - (tail + a * bell)).max() <= 8 * np.finfo(kind).eps


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_slopes_of_silu(kind: Any) -> None:
    a = np.linspace(-50, 50, 5001).astype(kind)
    found, slopes = a.copy(), np.empty_like(a)
    _replace_with_slopes(found, slopes, SILU)
    share = 1 / (1 + np.exp(-a.astype(np.longdouble)))
    rounding = np.finfo(kind).eps * (4 + np.abs(a))  # that of 1 − share is multiplied by a
    assert (np.abs(found - a * share) <= rounding).all()
    assert (np.abs(slopes - (share + a * share * (1 - share))) <= rounding).all()


@pytest.mark.parametrize("flag", [SILU, GELU])
def test_far_out_the_smooth_units_are_the_identity_or_zero(flag: int) -> None:
    a = np.array([-1e30, 1e30, np.nan], np.float32)
    found, slopes = a.copy(), np.empty_like(a)
    _replace_with_slopes(found, slopes, flag)
    smallest = 1e30 * np.spacing(np.float32(0))  # what a number can be, times a
    assert np.abs(found[:2] - [0, a[1]]).max() <= smallest
    assert np.abs(slopes[:2] - [0, 1]).max() <= smallest
    assert np.isnan(found[2])
    assert np.isnan(slopes[2])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_activations_and_slopes(kind: Any) -> None:
    a = np.concatenate([np.linspace(-50, 50, 5001), [-1e30, 1e30, 0]]).astype(kind)
    exact = a.astype(np.longdouble)
    tolerance = 4 * np.finfo(kind).eps
    clipped = np.clip(exact, -1000, 1000)
    expected = {
        SIGMOID: 1 / (1 + np.exp(-clipped)),
        TANH: np.tanh(exact),
        RELU: np.maximum(exact, 0),
    }
    for flag, right in expected.items():
        found = np.empty((2, len(a)), kind)
        _activate(a, flag, found)
        assert (np.abs(found[0] - right) <= tolerance * np.maximum(np.abs(right), 1)).all()
        slopes = {SIGMOID: right * (1 - right), TANH: 1 - right**2, RELU: exact > 0}[flag]
        assert np.abs(found[1] - slopes).max() <= 8 * np.finfo(kind).eps


@pytest.mark.parametrize("flag", [SIGMOID, TANH, RELU])
def test_what_is_not_a_number_stays_so(flag: int) -> None:
    found = np.empty((2, 1), np.float32)
    _activate(np.array([np.nan], np.float32), flag, found)
    assert np.isnan(found[0, 0])


@pytest.mark.parametrize("name", ["_exp_32", "_exp_64"])
def test_the_polynomials_are_right_as_python_too(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elementary, "_power_of_two", lambda n: 2.0 ** int(n))
    polynomial = getattr(elementary, name)
    kind = np.float32 if name == "_exp_32" else np.float64
    for v in (-80.0, -3.3, -0.7, -1e-3, 0.0):
        right = pytest.approx(math.exp(v), rel=float(4 * np.finfo(kind).eps))
        assert float(polynomial(kind(v))) == right
