"""One fused step is minus the rate times the slopes of the cost, by finite differences."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from tests.train.engines.engines import rows

RATE, STEP = 1e-3, 1e-5


def slopes(cost: Callable[[], Tensor], parameter: nn.Parameter) -> NDArray[np.float64]:
    """Central finite differences of `cost` by each entry of `parameter`."""
    values = parameter.detach().numpy()
    result = np.zeros_like(values)
    for place in np.ndindex(values.shape):
        middle = values[place]
        values[place] = middle + STEP
        above = float(cost().detach())
        values[place] = middle - STEP
        result[place] = (above - float(cost().detach())) / (2 * STEP)
        values[place] = middle
    return result


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("decoder", ["sigmoid", "linear"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_of_pretraining(activation: str, decoder: str, tied: bool) -> None:
    stack = StackedDenoisingAutoencoder(
        7, (5,), None, 0.0, activation=activation, decoder=decoder, tied=tied, dtype=torch.float64
    )
    x = rows(1, 7, torch.float64)
    autoencoder = stack.autoencoder(0)
    expected = {
        name: slopes(lambda: autoencoder.loss(torch.from_numpy(x)).sum(), parameter)
        for name, parameter in autoencoder.named_parameters()
    }
    before = {name: p.detach().clone() for name, p in autoencoder.named_parameters()}
    history = pretrain(stack, x, epochs=1, learning_rate=RATE, engine="fused")
    assert history.records[0].engine == "fused"
    for name, parameter in autoencoder.named_parameters():
        moved = ((before[name] - parameter) / RATE).detach().numpy()
        np.testing.assert_allclose(moved, expected[name], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_of_fine_tuning(activation: str) -> None:
    stack = StackedDenoisingAutoencoder(
        6, (5, 4), 3, activation=activation, seed=2, dtype=torch.float64
    )
    with torch.no_grad():
        stack.head.weight.normal_(generator=torch.Generator().manual_seed(0))
    x, y = rows(1, 6, torch.float64), np.array([2])
    expected = [
        slopes(lambda: stack.negative_log_likelihood(x, y), parameter)
        for parameter in stack.mlp.parameters()
    ]
    before = [p.detach().clone() for p in stack.mlp.parameters()]
    history = finetune(stack, (x, y), None, epochs=1, learning_rate=RATE, engine="fused")
    assert history.records[0].engine == "fused"
    for old, new, slope in zip(before, stack.mlp.parameters(), expected, strict=True):
        moved = ((old - new) / RATE).detach().numpy()
        np.testing.assert_allclose(moved, slope, rtol=1e-6, atol=1e-8)
