"""The fused engine of fine-tuning against autograd, given the same dropout."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sdae import StackedDenoisingAutoencoder
from sdae.core.minibatches import minibatches
from sdae.train.engines.safeguard import NotFiniteError
from sdae.train.epoch import slices
from sdae.train.settings import FinetuningConfig
from tests.train.engines.engines import (
    NETWORKS,
    assert_same,
    assert_same_walk,
    finetuning_engines,
    rows,
)


def _twins(
    n_visible: int,
    sizes: tuple[int, ...],
    dtype: torch.dtype,
    activation: str = "sigmoid",
    n_classes: int = 3,
) -> list[StackedDenoisingAutoencoder]:
    stacks = [
        StackedDenoisingAutoencoder(
            n_visible, sizes, n_classes, activation=activation, dtype=dtype, seed=3
        )
        for _ in range(2)
    ]
    for stack in stacks:
        with torch.no_grad():
            # A head of zeros would leave most of the backward pass unproved.
            stack.head.weight.copy_(
                torch.linspace(-0.5, 0.5, stack.head.weight.numel()).view_as(stack.head.weight)
            )
    return stacks


def _classes(n: int, n_classes: int = 3) -> NDArray[np.int64]:
    return np.random.default_rng(5).integers(n_classes, size=n)


@NETWORKS
def test_two_hundred_steps_agree(
    dtype: torch.dtype,
    sizes: tuple[int, ...],
    activation: str,
    dropout: float,
    input_dropout: float,
) -> None:
    stacks = _twins(19, sizes, dtype, activation)
    config = FinetuningConfig(dropout=dropout, input_dropout=input_dropout)
    engines = finetuning_engines(stacks, rows(200, 19, dtype), _classes(200), config)
    assert_same_walk(engines, stacks, 200)


@settings(max_examples=40, deadline=None)
@given(
    n_visible=st.integers(1, 40),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    n_classes=st.integers(2, 20),
    activation=st.sampled_from(["sigmoid", "tanh", "relu"]),
)
def test_any_sizes_and_depths_agree(
    n_visible: int, sizes: list[int], n_classes: int, activation: str
) -> None:
    stacks = _twins(n_visible, tuple(sizes), torch.float64, activation, n_classes)
    x, y = rows(40, n_visible, torch.float64), _classes(40, n_classes)
    assert_same_walk(finetuning_engines(stacks, x, y, FinetuningConfig()), stacks, 40)


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_a_network_that_is_cut_into_parts_agrees(activation: str) -> None:
    stacks = _twins(150, (257, 200), torch.float32, activation)
    x, y = rows(60, 150, torch.float32), _classes(60)
    config = FinetuningConfig(dropout=0.3)
    assert_same_walk(finetuning_engines(stacks, x, y, config), stacks, 60)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_a_step_at_a_high_rate_agrees(activation: str) -> None:
    stacks = _twins(19, (7, 6), torch.float32, activation)
    x, y = rows(50, 19, torch.float32), _classes(50)
    engines = finetuning_engines(stacks, x, y, FinetuningConfig())
    for step, _ in slices(minibatches(50, 1), 1):
        stacks[1].load_state_dict(stacks[0].state_dict())
        costs = [float(engine.train(step, 1, 0.1)) for engine in engines]
        assert costs[1] == pytest.approx(costs[0], rel=1e-5, abs=1e-6)
        assert_same(stacks[1], stacks[0], 1e-5)


def test_what_is_not_finite_is_named_and_not_kept() -> None:
    stacks = _twins(6, (5, 4), torch.float32, "relu")
    x = rows(30, 6, torch.float32)
    x[17] = np.inf
    _, engine = finetuning_engines(stacks, x, _classes(30), FinetuningConfig())
    before = [p.detach().clone() for p in stacks[1].parameters()]
    with pytest.raises(NotFiniteError) as caught:
        engine.train(minibatches(30, 1), 1, 0.01)
    assert caught.value.sample == 17
    assert all((p == b).all() for p, b in zip(stacks[1].parameters(), before, strict=True))


def test_parameters_assigned_between_slices_are_honoured() -> None:
    stacks = _twins(12, (9, 8), torch.float32)
    x, y = rows(40, 12, torch.float32), _classes(40)
    engines = finetuning_engines(stacks, x, y, FinetuningConfig())
    for engine, stack in zip(engines, stacks, strict=True):
        engine.train(minibatches(40, 1), 1, 0.01)
        with torch.no_grad():
            stack.autoencoder(1).weight.fill_(0.125)
            stack.head.bias.copy_(torch.tensor([1.0, 0, -1]))
    assert_same_walk(engines, stacks, 20)
