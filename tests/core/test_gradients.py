"""Costs and gradients of the torch model are those of the equations, in every combination."""

import itertools

import numpy as np
import pytest
import torch

from sdae import DenoisingAutoencoder, StackedDenoisingAutoencoder
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.decoders import Emphasis
from tests.core import equations
from tests.core.equations import Array

B, V, H, C = 6, 11, 7, 4
TOLERANCES = {torch.float64: 1e-10, torch.float32: 1e-5}
ACTIVATIONS = tuple(Activation)
NOISES = ("masking:0.3", "masking:0.4:exact", "salt_and_pepper:0.3", "gaussian:0.2", "masking:0.0")
EMPHASES = (None, Emphasis(1.0, 0.5), Emphasis(1.5, 0.0))
CORRUPTED_LOSSES = [
    (noise, emphasis)
    for noise, emphasis in itertools.product(NOISES, EMPHASES)
    if emphasis is None or not noise.startswith("gaussian")
]


def _assert_close(ours: torch.Tensor, theirs: Array, tolerance: float) -> None:
    assert ours.shape == theirs.shape
    difference = np.abs(ours.detach().double().numpy() - theirs).max()
    assert difference <= tolerance * np.abs(theirs).max()


def _array(tensor: torch.Tensor) -> Array:
    return tensor.detach().double().numpy().copy()


def _randomise(module: torch.nn.Module, seed: int) -> None:
    """Set every parameter in place: biases too, which are zero at first."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(0, 0.5, size=parameter.shape)))


def _twin(model: DenoisingAutoencoder) -> equations.Autoencoder:
    return equations.Autoencoder(
        str(model.activation),
        str(model.decoder),
        _array(model.weight),
        _array(model.hidden_bias),
        _array(model.visible_bias),
        None if model.tied else _array(model.decoder_weight),
    )


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize(("noise", "emphasis"), CORRUPTED_LOSSES, ids=str)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("decoder", ["sigmoid", "linear"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_loss_and_gradients_of_an_autoencoder_are_those_of_the_equations(
    activation: str,
    decoder: str,
    tied: bool,
    noise: str,
    emphasis: Emphasis | None,
    dtype: torch.dtype,
) -> None:
    model = DenoisingAutoencoder(
        V,
        H,
        corruption=noise,
        tied=tied,
        activation=activation,
        decoder=decoder,
        emphasis=emphasis,
        dtype=dtype,
    )
    _randomise(model, 1)
    x = torch.from_numpy(np.random.default_rng(2).random((B, V))).to(dtype)
    corrupted = model.corrupt_with_mask(x)
    drawn = torch.zeros(B, V, dtype=torch.bool) if corrupted.drawn is None else corrupted.drawn
    alpha, beta = (1.0, 1.0) if emphasis is None else (emphasis.alpha, emphasis.beta)
    omega = equations.component_weights(drawn.numpy(), alpha, beta)
    batch = (_array(x), _array(corrupted.x_tilde), omega)
    twin, tolerance = _twin(model), TOLERANCES[dtype]

    loss = model.loss_of(x, corrupted)
    _assert_close(loss, twin.loss(*batch), tolerance)
    _assert_close(model.loss(x, corrupted.x_tilde, corrupted.drawn), twin.loss(*batch), tolerance)
    cost = loss.mean()
    assert cost.item() == pytest.approx(twin.cost(*batch), rel=tolerance)
    cost.backward()
    gradients = twin.gradients(*batch)
    assert {name for name, _ in model.named_parameters()} == gradients.keys()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        _assert_close(parameter.grad, gradients[name], tolerance)


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize("hidden", [(H,), (9, 6, H)], ids=str)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_negative_log_likelihood_and_its_gradients_are_those_of_the_equations(
    activation: str, hidden: tuple[int, ...], dtype: torch.dtype
) -> None:
    stack = StackedDenoisingAutoencoder(V, hidden, C, activation=activation, dtype=dtype)
    _randomise(stack, 5)
    layers = [layer for layer in stack.mlp if isinstance(layer, torch.nn.Linear)]
    twin = equations.Network(
        activation,
        [_array(layer.weight) for layer in layers],
        [_array(layer.bias) for layer in layers],
    )
    rng = np.random.default_rng(6)
    x, y = rng.random((B, V)).astype(str(dtype).removeprefix("torch.")), rng.integers(C, size=B)
    x64, tolerance = x.astype(np.float64), TOLERANCES[dtype]

    cost = stack.negative_log_likelihood(x, y)
    assert cost.item() == pytest.approx(twin.cost(x64, y), rel=tolerance)
    _assert_close(stack.predict_proba(x), twin.probabilities(x64), tolerance)
    cost.backward()
    for layer, by_weight, by_bias in zip(layers, *twin.gradients(x64, y), strict=True):
        assert layer.weight.grad is not None
        assert layer.bias.grad is not None
        _assert_close(layer.weight.grad, by_weight, tolerance)
        _assert_close(layer.bias.grad, by_bias, tolerance)
    assert all(stack.autoencoder(k).visible_bias.grad is None for k in range(len(hidden)))
