"""Targets too large, or too small, for the arithmetic: an error, never a silent NaN."""

from typing import Any

import numpy as np
import pytest

from sdae import SDAERegressor
from sdae.core.errors import DataError
from sdae.core.target_scaling import fit_target_scaling
from tests.estimators.helpers import quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = rows()


def with_one(value: float, n_columns: int = 1) -> Any:
    y = np.tile(X[:, :1], n_columns)
    y[7, -1] = value
    return y[:, 0] if n_columns == 1 else y


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (with_one(1.7e308), r"too large to scale \(from -[0-9.]+ to 1.7e\+308\). Divide it by a c"),
        (with_one(-1.7e308), r"too large to scale \(from -1.7e\+308 to "),
        (with_one(1e200, 3), r"too large to scale \(from .* to 1e\+200\)"),
        (1e160 * X[:, 0], "too large to scale"),
        (np.where(np.arange(60) % 2, 1.7e308, -1.7e308), "too large to scale"),
        (1.7e308 - 1e300 * np.arange(60), "too large to scale"),
        (1e-200 * X[:, 0], r"too small to scale \(from .*e-200 to .*\). Multiply it by a constant"),
    ],
)
@pytest.mark.parametrize("way", ["fit", "partial_fit", "weighted"])
def test_a_spread_beyond_float64_is_refused_and_nothing_is_changed(
    y: Any, text: str, way: str
) -> None:
    model = quick(SDAERegressor)
    more = (1.0 + np.arange(60) % 2,) if way == "weighted" else ()
    with pytest.raises(DataError, match=f"y parameter of SDAERegressor has a column .*{text}"):
        (model.partial_fit if way == "partial_fit" else model.fit)(X, y, *more)
    assert not hasattr(model, "network_")


@pytest.mark.parametrize(
    "y",
    [
        np.array([10**400] + [1] * 59, object),
        np.array(["1e400"] + ["1"] * 59).astype(np.longdouble),
    ],
    ids=["integer", "wide float"],
)
def test_a_number_beyond_float64_is_refused(y: Any) -> None:
    with pytest.raises(ValueError, match="too large for "):
        quick(SDAERegressor).fit(X, y)


@pytest.mark.parametrize("value", [1e100, -1e140, 1e-150])
def test_large_and_small_targets_that_can_be_scaled_are_learned(value: float) -> None:
    y = value * X[:, 0]
    model = quick(SDAERegressor, max_iter=60).fit(X, y)
    assert np.corrcoef(model.predict(X) / value, X[:, 0])[0, 1] > 0.9
    assert all(np.isfinite(model.loss_curve_))


@pytest.mark.parametrize("value", [0.0, 5.0, 1e200, -1.7e308])
def test_a_constant_target_is_given_back(value: float) -> None:
    said = quick(SDAERegressor).fit(X, np.full(60, value)).predict(X)
    np.testing.assert_allclose(said, value, rtol=1e-12, atol=2)


def test_rounding_of_a_large_constant_is_not_made_larger() -> None:
    noisy = 1e30 * (1 + 1e-15 * np.arange(60.0) % 3)[:, None]
    scaling = fit_target_scaling(noisy, None, "caller")
    assert np.abs((noisy - scaling.offset) / scaling.scale).max() < 10


@pytest.mark.parametrize("way", ["partial_fit", "fit"])
@pytest.mark.parametrize("value", [1e300, -1.7e308, 1e30])
def test_targets_far_from_those_of_the_first_fit_are_refused(way: str, value: float) -> None:
    model = quick(SDAERegressor, warm_start=True).fit(X, X[:, 0])
    before = model.predict(X)
    with pytest.raises(DataError, match=r"has the value .*e\+\d+, too far from the targets of the"):
        getattr(model, way)(X, with_one(value))
    np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("offset", "spread"), [(0, 1), (1.7e9, 1e-4), (-1.7e9, 1e-3), (1e6, 1e-7), (1e3, 1e-10)]
)
def test_a_small_spread_on_a_large_offset_is_learned(
    offset: float, spread: float, weighted: bool
) -> None:
    y = offset + spread * (X @ np.arange(1.0, X.shape[1] + 1))
    weights = 1.0 + np.arange(60) % 2 if weighted else None
    model = quick(SDAERegressor, max_iter=60, learning_rate_init=0.05).fit(X, y, weights)
    expected = np.sqrt(
        np.average((y - y[0]) ** 2, weights=weights) - np.average(y - y[0], weights=weights) ** 2
    )
    assert model.target_scaling_.scale[0] == pytest.approx(expected, rel=1e-3)
    assert model.score(X, y) > 0.8


def test_predictions_are_float32_for_float32_rows_where_no_digits_are_lost() -> None:
    single = X.astype(np.float32)
    y = X[:, 0].astype(np.float64)

    def type_of(targets: Any, rows: Any) -> str:
        return str(quick(SDAERegressor).fit(single, targets).predict(rows).dtype)

    assert type_of(y, single) == "float32"
    assert type_of(y, X.astype(np.float64)) == "float64"
    assert type_of(y + 1000, single) == "float64"
    assert type_of(y * 1e35, single) == "float64"
    assert type_of(np.stack([y, y + 1000], axis=1), single) == "float64"
