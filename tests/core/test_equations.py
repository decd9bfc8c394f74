"""The equations' hand-made gradients are the slopes of the equations' costs."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from sdae.core.kinds.activations import Activation
from tests.core.equations import Array, Autoencoder, Network, component_weights

B, V, H, C = 5, 7, 4, 3


def _slopes(cost: Callable[[], float], parameter: Array) -> Array:
    """Central finite differences of `cost` by each entry of `parameter`."""
    step, slopes = 1e-5, np.zeros_like(parameter)
    for place in np.ndindex(parameter.shape):
        middle = parameter[place]
        parameter[place] = middle + step
        above = cost()
        parameter[place] = middle - step
        slopes[place] = (above - cost()) / (2 * step)
        parameter[place] = middle
    return slopes


def _assert_slopes(gradient: Array, cost: Callable[[], float], parameter: Array) -> None:
    slopes = _slopes(cost, parameter)
    assert np.abs(gradient - slopes).max() <= 1e-8 * max(1.0, np.abs(slopes).max())


@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 0.5), (2.0, 0.0)], ids=str)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("decoder", ["sigmoid", "linear"])
@pytest.mark.parametrize("activation", Activation)
def test_gradients_of_the_autoencoder_are_finite_differences(
    activation: str, decoder: str, tied: bool, weights: tuple[float, float]
) -> None:
    rng = np.random.default_rng(3)
    model = Autoencoder(
        activation,
        decoder,
        rng.normal(size=(H, V)),
        rng.normal(size=H),
        rng.normal(size=V),
        None if tied else rng.normal(size=(V, H)),
    )
    x, drawn = rng.random((B, V)), rng.random((B, V)) < 0.4
    x_tilde, omega = np.where(drawn, 0.0, x), component_weights(drawn, *weights)
    gradients = model.gradients(x, x_tilde, omega)
    assert gradients.keys() == model.parameters().keys()
    for name, parameter in model.parameters().items():
        _assert_slopes(gradients[name], lambda: model.cost(x, x_tilde, omega), parameter)


@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("hidden", [(H,), (H, 6, 5)], ids=str)
def test_gradients_of_the_network_are_finite_differences(
    activation: str, hidden: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(4)
    sizes = (V, *hidden, C)
    network = Network(
        activation,
        [rng.normal(size=(out, n)) for n, out in itertools.pairwise(sizes)],
        [rng.normal(size=n) for n in sizes[1:]],
    )
    x, y = rng.random((B, V)), rng.integers(C, size=B)
    by_weights, by_biases = network.gradients(x, y)
    for gradient, parameter in zip(
        by_weights + by_biases, network.weights + network.biases, strict=True
    ):
        _assert_slopes(gradient, lambda: network.cost(x, y), parameter)
