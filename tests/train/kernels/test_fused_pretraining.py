"""The fused engine of pre-training against autograd, given the same noise."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sdae import StackedDenoisingAutoencoder, pretrain
from sdae.core.kinds.activations import Activation
from sdae.core.minibatches import minibatches
from sdae.train.engines.safeguard import NotFiniteError
from sdae.train.epoch import slices
from tests.train.engines.engines import (
    LAYERS,
    NOISES,
    assert_same,
    assert_same_walk,
    pretraining_engines,
    rows,
)


def _twins(
    n_visible: int,
    n_hidden: int,
    dtype: torch.dtype,
    *,
    noise: str = "masking:0.3",
    tied: bool = True,
    activation: str = "sigmoid",
    decoder: str = "sigmoid",
    emphasis: str | None = None,
) -> list[StackedDenoisingAutoencoder]:
    return [
        StackedDenoisingAutoencoder(
            n_visible,
            (n_hidden,),
            corruption_levels=noise,
            tied=tied,
            activation=activation,
            decoder=decoder,
            emphasis=emphasis,
            dtype=dtype,
            seed=3,
        )
        for _ in range(2)
    ]


@LAYERS
def test_two_hundred_steps_agree(
    dtype: torch.dtype, tied: bool, activation: str, decoder: str, noise: str, emphasis: str | None
) -> None:
    stacks = _twins(
        19,
        7,
        dtype,
        noise=noise,
        tied=tied,
        activation=activation,
        decoder=decoder,
        emphasis=emphasis,
    )
    assert_same_walk(pretraining_engines(stacks, rows(200, 19, dtype)), stacks, 200)


@settings(max_examples=40, deadline=None)
@given(
    n_visible=st.integers(1, 70),
    n_hidden=st.integers(1, 40),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    tied=st.booleans(),
    activation=st.sampled_from(["sigmoid", "tanh", "relu"]),
)
@example(69, 1, torch.float32, True, "sigmoid")
def test_any_sizes_agree(
    n_visible: int, n_hidden: int, dtype: torch.dtype, tied: bool, activation: str
) -> None:
    stacks = _twins(n_visible, n_hidden, dtype, tied=tied, activation=activation)
    assert_same_walk(pretraining_engines(stacks, rows(40, n_visible, dtype)), stacks, 40)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("n_hidden", [300, 301])
def test_a_network_that_is_cut_into_parts_agrees(n_hidden: int, tied: bool) -> None:
    stacks = _twins(290, n_hidden, torch.float32, tied=tied)
    assert_same_walk(pretraining_engines(stacks, rows(60, 290, torch.float32)), stacks, 60)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_visible", [64, 512, 513, 1300])
def test_wide_rows_agree(n_visible: int, dtype: torch.dtype) -> None:
    stacks = _twins(n_visible, 5, dtype)
    assert_same_walk(pretraining_engines(stacks, rows(30, n_visible, dtype)), stacks, 30)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("decoder", ["sigmoid", "linear"])
def test_a_step_at_a_high_rate_agrees(activation: str, decoder: str) -> None:
    stacks = _twins(19, 7, torch.float64, activation=activation, decoder=decoder)
    stacks = [stack.float() for stack in stacks]
    engines = pretraining_engines(stacks, rows(50, 19, torch.float32))
    for step, _ in slices(minibatches(50, 1), 1):
        stacks[1].load_state_dict(stacks[0].state_dict())
        costs = [float(engine.train(step, 1, 0.1)) for engine in engines]
        assert costs[1] == pytest.approx(costs[0], rel=1e-5)
        assert_same(stacks[1], stacks[0], 1e-5)


def test_parameters_that_are_not_finite_afterwards_are_not_kept() -> None:
    stacks = _twins(6, 5, torch.float32, activation="relu", decoder="linear")
    _, engine = pretraining_engines(stacks, rows(30, 6, torch.float32))
    before = [p.detach().clone() for p in stacks[1].parameters()]
    batches = minibatches(30, 1)
    with pytest.raises(NotFiniteError) as caught:
        engine.train(batches[10:], 1, 1e20)
    assert 10 <= caught.value.sample < 20
    with pytest.raises(NotFiniteError) as caught:
        engine.train(batches[7:8], 1, float("inf"))
    assert caught.value.sample == 7
    assert all((p == b).all() for p, b in zip(stacks[1].parameters(), before, strict=True))


def test_the_first_sample_that_is_not_finite_is_named() -> None:
    stacks = _twins(6, 5, torch.float32, decoder="linear")
    x = rows(30, 6, torch.float32)
    x[17] = np.nan
    _, engine = pretraining_engines(stacks, x)
    with pytest.raises(NotFiniteError) as caught:
        engine.train(minibatches(30, 1), 1, 0.01)
    assert caught.value.sample == 17


def test_parameters_assigned_between_slices_are_honoured() -> None:
    stacks = _twins(12, 9, torch.float32)
    engines = pretraining_engines(stacks, rows(40, 12, torch.float32))
    batches = minibatches(40, 1)
    for engine, stack in zip(engines, stacks, strict=True):
        engine.train(batches[:20], 1, 0.01)
        with torch.no_grad():
            stack.autoencoder(0).weight.fill_(0.125)
            stack.autoencoder(0).visible_bias.fill_(-1)
    assert_same_walk(engines, stacks, 20)


def test_the_rows_are_left_as_they_are() -> None:
    x = rows(30, 6, torch.float32)
    before = x.copy()
    for noise in NOISES:
        _, engine = pretraining_engines(_twins(6, 5, torch.float32, noise=noise), x)
        engine.train(minibatches(30, 1), 1, 0.1)
    assert (x == before).all()


@pytest.mark.parametrize("codes", ["memory", "memmap", "recompute"])
def test_a_stack_of_two_layers_ends_as_with_autograd(codes: str) -> None:
    stacks = [StackedDenoisingAutoencoder(12, (9, 5), corruption_levels=0.2) for _ in range(2)]
    x = rows(60, 12, torch.float32)
    for stack, engine in zip(stacks, ("autograd", "fused"), strict=True):
        history = pretrain(
            stack, x, epochs=2, learning_rate=0.01, shuffle=True, codes=codes, engine=engine
        )
        assert {record.engine for record in history.records} == {engine}
    assert_same(stacks[1], stacks[0], 1e-5)


def test_a_slice_does_not_depend_on_the_activation_of_the_one_before() -> None:
    one, other = _twins(19, 40, torch.float32, activation="relu")
    x = rows(60, 19, torch.float32)
    first, second = (part for part, _ in slices(minibatches(60, 1), 30))
    _, engine = pretraining_engines((one, one), x)
    engine.train(first, 1, 0.01)  # leaves the rows of units that are zero last
    other.load_state_dict(one.state_dict())
    _, new_engine = pretraining_engines((other, other), x)
    for stack, trained_by in ((one, engine), (other, new_engine)):
        stack.autoencoder(0).activation = Activation.SIGMOID
        trained_by.train(second, 1, 0.01)
    assert all(map(torch.equal, one.parameters(), other.parameters()))
