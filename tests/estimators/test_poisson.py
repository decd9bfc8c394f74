"""loss="poisson": counts, whose means the network gives by their logarithm."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_poisson_deviance

import sdae
from sdae import SDAERegressor
from sdae.core.errors import DataError, InvalidParameterError
from sdae.core.kinds.heads import Head
from tests.estimators.helpers import quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = rows()
COUNTS = np.random.default_rng(0).poisson(np.exp(0.5 * X[:, 0] + 2))
LINEAR = {"activation": "identity", "alpha": 0.0, "solver": "lbfgs", "max_iter": 2000, "tol": 1e-8}


def test_without_a_bend_it_finds_the_generalised_linear_model() -> None:
    x = np.random.default_rng(0).normal(size=(60, 3))
    y = np.random.default_rng(1).poisson(np.exp(0.5 * x[:, 0] + 2))
    model = quick(SDAERegressor, loss="poisson", **LINEAR).fit(x, y)
    linear = PoissonRegressor(alpha=0, tol=1e-9, max_iter=1000).fit(x, y)
    np.testing.assert_allclose(model.predict(x), linear.predict(x), rtol=1e-3)


def test_weights_count_and_the_unit_of_the_counts_is_nothing() -> None:
    weights = np.where(np.arange(60) % 2, 3.0, 1.0)
    x = np.random.default_rng(0).normal(size=(60, 3))
    model = quick(SDAERegressor, loss="poisson", **LINEAR).fit(x, COUNTS, weights)
    linear = PoissonRegressor(alpha=0, tol=1e-9, max_iter=1000).fit(x, COUNTS, weights)
    np.testing.assert_allclose(model.predict(x), linear.predict(x), rtol=1e-3)
    usual = quick(SDAERegressor, loss="poisson").fit(X, COUNTS)
    scaled = quick(SDAERegressor, loss="poisson").fit(X, COUNTS * 1024.0)
    np.testing.assert_allclose(scaled.predict(X), 1024 * usual.predict(X), rtol=1e-6)


def test_early_stopping_judges_by_the_deviance() -> None:
    model = quick(SDAERegressor, loss="poisson", early_stopping=True, max_iter=30).fit(X, COUNTS)
    assert all(score < 0 for score in model.validation_scores_)
    assert model.best_validation_score_ == max(model.validation_scores_)
    null = mean_poisson_deviance(COUNTS, np.full(60, COUNTS.mean())) / 2 / COUNTS.mean()
    assert -model.best_validation_score_ < null


def test_predictions_are_positive_and_of_each_column() -> None:
    several = np.stack([COUNTS, COUNTS[::-1], np.zeros(60)], axis=1)
    model = quick(SDAERegressor, loss="poisson", max_iter=20).fit(X, several)
    assert model.predict(X).shape == (60, 3)
    assert (model.predict(X) > 0).all()
    np.testing.assert_allclose(model.target_scaling_.scale, [COUNTS.mean(), COUNTS.mean(), 1.0])
    assert np.isfinite(model.predict(X[:1])).all()
    huge = quick(SDAERegressor, loss="poisson").fit(X, COUNTS * 1e306 / COUNTS.max())
    assert np.isfinite(huge.target_scaling_.scale).all()


def test_a_file_gives_it_back_and_holds_the_loss(tmp_path: Path) -> None:
    model = quick(SDAERegressor, loss="poisson", early_stopping=True).fit(X, COUNTS)
    model.save(tmp_path / "model")
    loaded: Any = sdae.load(tmp_path / "model")
    assert loaded.loss == "poisson"
    assert loaded.network_.head_kind is Head.POISSON
    assert loaded.predict(X).tobytes() == model.predict(X).tobytes()
    assert loaded.validation_scores_ == model.validation_scores_


def test_a_stream_goes_on_with_its_loss_alone() -> None:
    model = quick(SDAERegressor, loss="poisson").partial_fit(X, COUNTS).partial_fit(X, COUNTS)
    assert model.n_iter_ == 2
    message = r"loss parameter .* must be 'poisson' as in fit.* 'squared_error'"
    with pytest.raises(InvalidParameterError, match=message):
        model.set_params(loss="squared_error").partial_fit(X, COUNTS)


def test_negative_counts_and_other_losses_are_refused() -> None:
    with pytest.raises(DataError, match=r"must not be negative with loss='poisson'\. Got -3 "):
        quick(SDAERegressor, loss="poisson").fit(X, np.where(np.arange(60) == 5, -3, COUNTS))
    with pytest.raises(DataError, match="must not be negative"):
        quick(SDAERegressor, loss="poisson").partial_fit(X, COUNTS).partial_fit(X, COUNTS - 50)
    with pytest.raises(InvalidParameterError, match="one of 'squared_error', 'poisson'"):
        quick(SDAERegressor, loss="huber").fit(X, COUNTS)
