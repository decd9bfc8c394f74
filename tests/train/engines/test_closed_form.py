"""The closed-form engine against autograd, given the same noise and the same minibatches."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import TrainingDivergedError
from sdae.core.minibatches import minibatches
from sdae.train.engines.safeguard import NotFiniteError
from sdae.train.settings import FinetuningConfig
from tests.train.engines.engines import (
    LAYERS,
    NETWORKS,
    assert_same_walk,
    finetuning_engines,
    pretraining_engines,
    rows,
)


def _twins(
    n_visible: int,
    sizes: tuple[int, ...],
    dtype: torch.dtype,
    *,
    noise: str = "masking:0.3",
    tied: bool = True,
    activation: str = "sigmoid",
    decoder: str = "sigmoid",
    emphasis: str | None = None,
) -> list[StackedDenoisingAutoencoder]:
    stacks = [
        StackedDenoisingAutoencoder(
            n_visible,
            sizes,
            3,
            noise,
            tied=tied,
            activation=activation,
            decoder=decoder,
            emphasis=emphasis,
            dtype=dtype,
            seed=3,
        )
        for _ in range(2)
    ]
    for stack in stacks:
        with torch.no_grad():
            # A head of zeros would leave most of the backward pass unproved.
            torch.linspace(-0.5, 0.5, stack.head.weight.numel(), out=stack.head.weight.view(-1))
    return stacks


def _classes(n: int) -> NDArray[np.int64]:
    return np.random.default_rng(5).integers(3, size=n)


@LAYERS
def test_pretraining_agrees(
    dtype: torch.dtype, tied: bool, activation: str, decoder: str, noise: str, emphasis: str | None
) -> None:
    stacks = _twins(
        19,
        (7,),
        dtype,
        noise=noise,
        tied=tied,
        activation=activation,
        decoder=decoder,
        emphasis=emphasis,
    )
    engines = pretraining_engines(stacks, rows(500, 19, dtype), batch_size=8)
    # The last minibatch has four samples, and some slices end in one that is not their last.
    assert_same_walk(engines, stacks, 500, batch_size=8)


@NETWORKS
def test_finetuning_agrees(
    dtype: torch.dtype,
    sizes: tuple[int, ...],
    activation: str,
    dropout: float,
    input_dropout: float,
) -> None:
    stacks = _twins(19, sizes, dtype, activation=activation)
    config = FinetuningConfig(batch_size=8, dropout=dropout, input_dropout=input_dropout)
    engines = finetuning_engines(stacks, rows(500, 19, dtype), _classes(500), config)
    assert_same_walk(engines, stacks, 500, batch_size=8)


@settings(max_examples=40, deadline=None)
@given(
    n_visible=st.integers(1, 40),
    n_hidden=st.integers(1, 40),
    n_rows=st.integers(1, 30),
    batch_size=st.integers(2, 50),
    tied=st.booleans(),
)
def test_any_sizes_agree(
    n_visible: int, n_hidden: int, n_rows: int, batch_size: int, tied: bool
) -> None:
    stacks = _twins(n_visible, (n_hidden,), torch.float64, tied=tied)
    x, y = rows(n_rows, n_visible, torch.float64), _classes(n_rows)
    engines = pretraining_engines(stacks, x, batch_size=batch_size)
    assert_same_walk(engines, stacks, n_rows, batch_size=batch_size)
    config = FinetuningConfig(batch_size=batch_size)
    engines = finetuning_engines(stacks, x, y, config)
    assert_same_walk(engines, stacks, n_rows, batch_size=batch_size)


def test_the_first_sample_that_is_not_finite_is_named_and_nothing_kept() -> None:
    stacks = _twins(6, (5,), torch.float32, activation="relu")
    x = rows(30, 6, torch.float32)
    x[17] = np.inf
    before = {name: value.clone() for name, value in stacks[1].state_dict().items()}
    config = FinetuningConfig(batch_size=4)
    for engine in (
        pretraining_engines(stacks, x, batch_size=4)[1],
        finetuning_engines(stacks, x, _classes(30), config)[1],
    ):
        with pytest.raises(NotFiniteError) as caught:
            engine.train(minibatches(30, 4), 1, 0.01)
        assert caught.value.sample == 17
        after = stacks[1].state_dict()
        assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("rate", [1e39, 1e300])
def test_a_rate_beyond_all_bounds_ends_in_words(rate: float) -> None:
    stack, x = _twins(6, (5,), torch.float32)[0], rows(30, 6, torch.float32)
    with pytest.raises(TrainingDivergedError, match="Lower the learning rate"):
        pretrain(stack, x, epochs=1, batch_size=4, learning_rate=rate, engine="closed_form")
    with pytest.raises(TrainingDivergedError, match="Lower the learning rate"):
        finetune(
            stack,
            (x, _classes(30)),
            None,
            epochs=1,
            batch_size=4,
            learning_rate=rate,
            engine="closed_form",
        )


def test_no_rows_and_no_gradients_are_left_changed() -> None:
    stack, x = _twins(6, (5,), torch.float32, noise="masking:0")[0], rows(30, 6, torch.float32)
    clean = x.copy()
    pretrain(stack, x, epochs=1, batch_size=4, engine="closed_form")
    finetune(stack, (x, _classes(30)), None, epochs=1, batch_size=4, engine="closed_form")
    assert np.array_equal(x, clean)
    assert all(p.requires_grad and p.grad is None for p in stack.parameters())
