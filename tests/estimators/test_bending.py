"""Layer 0 is bent before the first fine-tuning of an estimator, where its units are lines."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.datasets import make_circles

from sdae import SDAEClassifier, SDAERegressor, SDAETransformer, StackedDenoisingAutoencoder
from sdae.core.rows import TensorRows
from sdae.estimators import fitting
from sdae.estimators.bending import (
    BIAS_BOUND,
    MOST_ENLARGED,
    SPREAD_FOR_CLASSES,
    SPREAD_FOR_VALUES,
    bend_first_layer,
)
from tests.train.helpers import state_bytes

Rows = NDArray[np.float32]
N_UNITS = 40


def _standardised(n_columns: int) -> Rows:
    return np.random.default_rng(0).standard_normal((200, n_columns)).astype(np.float32)


def _network(
    n_visible: int, activation: str = "tanh", units: tuple[int, ...] = (N_UNITS,)
) -> StackedDenoisingAutoencoder:
    return StackedDenoisingAutoencoder(
        n_visible, units, 2, activation=activation, decoder="linear", seed=3
    )


def _bent(x: Rows, seed: int = 0, activation: str = "tanh") -> StackedDenoisingAutoencoder:
    network = _network(x.shape[1], activation)
    bend_first_layer(network, TensorRows(torch.from_numpy(x)), seed)
    return network


def _weights(network: StackedDenoisingAutoencoder) -> tuple[Rows, Rows]:
    layer = network.autoencoder(0)
    return layer.weight.detach().numpy(), layer.hidden_bias.detach().numpy()


def _spread(x: Rows, network: StackedDenoisingAutoencoder) -> float:
    """Return the root of the mean variance of the units' pre-activations, plainly."""
    weight, bias = _weights(network)
    return float(np.sqrt((x.astype(float) @ weight.T + bias).var(axis=0).mean()))


@pytest.mark.parametrize("n_columns", [2, 4, 10])
def test_pre_activations_of_few_columns_get_a_spread_and_biases(n_columns: int) -> None:
    x = _standardised(n_columns)
    network, before = _bent(x), _network(n_columns)
    weight, bias = _weights(network)
    assert _spread(x, before) < SPREAD_FOR_CLASSES
    assert _spread(x, network) == pytest.approx(SPREAD_FOR_CLASSES, rel=1e-5)
    assert weight == pytest.approx(
        _weights(before)[0] * (SPREAD_FOR_CLASSES / _spread(x, before)), rel=1e-5
    )
    assert BIAS_BOUND / 2 < np.abs(bias).max() <= BIAS_BOUND
    assert bias.min() < 0 < bias.max()


def test_a_regression_gets_a_smaller_spread() -> None:
    x = _standardised(3)
    network = StackedDenoisingAutoencoder(
        3, (N_UNITS,), activation="tanh", decoder="linear", n_targets=1, seed=3
    )
    bend_first_layer(network, TensorRows(torch.from_numpy(x)), 0)
    assert _spread(x, network) == pytest.approx(SPREAD_FOR_VALUES, rel=1e-5)


def test_rows_that_hardly_spread_enlarge_weights_five_times_at_most() -> None:
    x = 0.01 * _standardised(3)
    assert _weights(_bent(x))[0] == pytest.approx(MOST_ENLARGED * _weights(_network(3))[0])


def test_many_columns_get_biases_alone() -> None:
    x = _standardised(300)
    network = _bent(x)
    assert np.array_equal(_weights(network)[0], _weights(_network(300))[0])
    assert np.abs(_weights(network)[1]).max() > BIAS_BOUND / 2


def test_rows_like_images_are_left_alone() -> None:
    x = np.random.default_rng(0).random((200, 300), np.float32)
    assert _spread(x, _network(300)) < SPREAD_FOR_CLASSES
    assert state_bytes(_bent(x)) == state_bytes(_network(300))


@pytest.mark.parametrize("activation", ["relu", "gelu", "sigmoid"])
def test_other_activations_are_left_alone(activation: str) -> None:
    network = _network(2, activation)
    before = state_bytes(network)
    bend_first_layer(network, TensorRows(torch.from_numpy(_standardised(2))), 0)
    assert state_bytes(network) == before


def test_constant_rows_leave_the_weights() -> None:
    weight, bias = _weights(_bent(np.ones((60, 3), np.float32)))
    assert np.array_equal(weight, _weights(_network(3))[0])
    assert np.isfinite(bias).all()


def test_the_seed_alone_decides_the_biases() -> None:
    x = _standardised(2)
    assert state_bytes(_bent(x, seed=5)) == state_bytes(_bent(x, seed=5))
    assert not np.array_equal(_weights(_bent(x, seed=5))[1], _weights(_bent(x, seed=6))[1])


# -- in a fit -------------------------------------------------------------------------------------


def _wave() -> tuple[Rows, Rows]:
    x = np.random.default_rng(0).uniform(-3, 3, (900, 1)).astype(np.float32)
    return x, np.sin(2 * x[:, 0])


def test_a_wave_is_learned_and_would_not_be_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _wave()
    assert SDAERegressor(random_state=0).fit(x[:400], y[:400]).score(x[400:], y[400:]) > 0.8
    monkeypatch.setattr(fitting, "bend_first_layer", lambda *_: None)
    assert SDAERegressor(random_state=0).fit(x[:400], y[:400]).score(x[400:], y[400:]) < 0.3


def test_circles_are_learned_and_would_not_be_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = make_circles(1060, noise=0.1, factor=0.5, random_state=0)
    assert SDAEClassifier(random_state=0).fit(x[:60], y[:60]).score(x[60:], y[60:]) > 0.8
    monkeypatch.setattr(fitting, "bend_first_layer", lambda *_: None)
    assert SDAEClassifier(random_state=0).fit(x[:60], y[:60]).score(x[60:], y[60:]) < 0.6


def test_it_is_done_once_before_the_first_fine_tuning_of_a_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []

    def note(_network: object, rows: TensorRows, _seed: int) -> None:
        calls.append(len(rows))

    monkeypatch.setattr(fitting, "bend_first_layer", note)
    x, y = _wave()
    x, y = x[:90], y[:90]
    quick: dict[str, Any] = {
        "random_state": 7,
        "max_iter": 3,
        "learning_rate_init": 0,
        "n_iter_no_change": 1,
    }
    model = SDAERegressor(**quick, pretrain_epochs=1, warm_start=True)
    model.fit(x, y)
    assert calls == [90]
    model.fit(x, y)  # goes on with the same network
    assert calls == [90]
    SDAERegressor(**quick, pretrain_epochs=0).fit(x[:80], y[:80])
    assert calls == [90, 80]
    SDAERegressor(random_state=7).partial_fit(x, y)
    SDAETransformer(random_state=7, pretrain_epochs=1).fit(x)
    assert calls == [90, 80]


def test_upper_layers_keep_what_pretraining_gave_them(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _wave()
    model = SDAERegressor((6, 5), learning_rate_init=0, alpha=0, random_state=0)
    bent = clone(model).fit(x, y)
    monkeypatch.setattr(fitting, "bend_first_layer", lambda *_: None)
    straight = clone(model).fit(x, y)
    layers = [m.network_.autoencoder(1).weight for m in (bent, straight)]
    assert torch.equal(*layers)
    firsts = [m.network_.autoencoder(0).weight for m in (bent, straight)]
    assert not torch.equal(*firsts)
