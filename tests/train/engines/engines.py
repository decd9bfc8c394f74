"""Training the same network by two engines, and how far apart they end."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae import StackedDenoisingAutoencoder
from sdae.core.minibatches import minibatches
from sdae.core.rows import TensorRows
from sdae.train.engines.autograd import AutogradFinetuning, AutogradPretraining
from sdae.train.engines.choice import Engine
from sdae.train.engines.closed_form import ClosedFormFinetuning, ClosedFormPretraining
from sdae.train.engines.fused_finetuning import FusedFinetuning
from sdae.train.engines.fused_pretraining import FusedPretraining
from sdae.train.epoch import slices
from sdae.train.settings import FinetuningConfig, PretrainingConfig
from tests.train.combinations import all_of

Rows = NDArray[np.floating]
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
_STEP = 0.01  # the usual rate of the tests
KINDS = {torch.float32: np.float32, torch.float64: np.float64}
_ACTIVATIONS = ("sigmoid", "tanh", "relu")
NOISES = ("masking:0.3", "masking:0.3:exact", "salt_and_pepper:0.3:low=-1", "gaussian:0.2")
_EMPHASISED = [
    *itertools.product(NOISES[:3], (None, "double", "full")),
    *((NOISES[3], None), ("masking:0", None)),  # emphasis goes with no Gaussian noise
]
LAYERS = pytest.mark.parametrize(
    ("dtype", "tied", "activation", "decoder", "noise", "emphasis"),
    [
        pytest.param(*each.values[:-1], *each.values[-1], marks=each.marks)
        for each in all_of(
            list(KINDS), (True, False), _ACTIVATIONS, ("sigmoid", "linear"), _EMPHASISED
        )
    ],
    ids=str,
)
NETWORKS = pytest.mark.parametrize(
    ("dtype", "sizes", "activation", "dropout", "input_dropout"),
    all_of(list(KINDS), [(5,), (40, 33), (17, 3, 20)], _ACTIVATIONS, (0.0, 0.5), (0.0, 0.2)),
    ids=str,
)


def rows(n: int, n_columns: int, dtype: torch.dtype, seed: int = 0) -> Rows:
    """Return rows in [0, 1], a third of it zeros."""
    x = np.random.default_rng(seed).random((n, n_columns))
    x[x < 0.33] = 0
    return x.astype(KINDS[dtype])


def pretraining_engines(
    stacks: Sequence[StackedDenoisingAutoencoder], x: Rows, seed: int = 9, batch_size: int = 1
) -> tuple[Engine, Engine]:
    """Return autograd on the first stack and a faster engine on the second, for layer 0.

    The fused one for one sample a step, else the closed form.
    """
    data = TensorRows(torch.from_numpy(x))
    one, other = (stack.autoencoder(0) for stack in stacks)
    config = PretrainingConfig(batch_size=batch_size)
    faster: Engine = (
        FusedPretraining(other, data, other.corruption, seed)
        if batch_size == 1
        else ClosedFormPretraining(other, data, other.corruption, batch_size, seed)
    )
    return AutogradPretraining(one, data, one.corruption, config, seed), faster


def finetuning_engines(
    stacks: Sequence[StackedDenoisingAutoencoder],
    x: Rows,
    y: NDArray[np.int64],
    config: FinetuningConfig,
    seed: int = 9,
) -> tuple[Engine, Engine]:
    """Return autograd on the first stack and a faster engine on the second.

    The fused one for one sample a step, else the closed form.
    """
    data, labels = TensorRows(torch.from_numpy(x)), torch.from_numpy(y)
    one, other = stacks
    faster = FusedFinetuning if config.batch_size == 1 else ClosedFormFinetuning
    return (
        AutogradFinetuning(one, data, labels, config, seed),
        faster(other, data, labels, config, seed),
    )


def assert_same_walk(
    engines: Sequence[Engine],
    stacks: Sequence[StackedDenoisingAutoencoder],
    n: int,
    *,
    rate: float = 0.01,
    slice_samples: int = 70,
    shuffle: bool = True,
    batch_size: int = 1,
) -> None:
    """Train both on n samples in slices, and hold costs and every parameter against each other."""
    tolerance = TOLERANCE[stacks[0].autoencoder(0).weight.dtype]
    order = np.random.default_rng(1).permutation(n) if shuffle else None
    batches = minibatches(n, batch_size, order=order)
    for part, _ in slices(batches, slice_samples):
        costs = [float(engine.train(part, 2, rate)) for engine in engines]
        assert abs(costs[1] - costs[0]) <= tolerance * abs(costs[0])
    for engine in engines:
        engine.close()
    assert_same(stacks[1], stacks[0], tolerance)


def assert_same(
    one: StackedDenoisingAutoencoder, other: StackedDenoisingAutoencoder, tolerance: float
) -> None:
    """Hold every parameter of one stack against the other's."""
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        scale = float(theirs.detach().abs().max())
        if theirs.numel() == 1:
            # The bias of a single unit may come to lie near zero: a step is the scale then.
            scale = max(scale, _STEP)
        assert distance(ours, theirs) <= tolerance * scale


def distance(one: Tensor, other: Tensor) -> float:
    """Return the largest difference of two tensors."""
    return float((one.detach() - other.detach()).abs().max())


def combinations(*axes: Sequence[object]) -> list[tuple[object, ...]]:
    """Return the product of all axes as a list."""
    return list(itertools.product(*axes))
