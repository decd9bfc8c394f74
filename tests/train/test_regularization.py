"""Dropout and the limited norm of fine-tuning do what their formulas say."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sdae import StackedDenoisingAutoencoder, finetune
from sdae.core.randomness import NoiseKey, Stream, random_bits, threshold
from tests.train.helpers import SIZES, C, V, classes, small_stack, state_bytes, unit_rows

N, BATCH, EPOCHS, RATE, SEED = 10, 4, 3, 0.2, 31


def _stack(activation: str = "sigmoid") -> StackedDenoisingAutoencoder:
    stack = small_stack(activation=activation, dtype=torch.float64)
    with torch.no_grad():
        stack.head.weight.copy_(torch.linspace(-2, 2, C * SIZES[-1]).reshape(C, -1))
    return stack


def _kept(level: float, depth: int, epoch: int, samples: NDArray[np.int64], width: int) -> Tensor:
    bits = random_bits(NoiseKey(SEED, Stream.DROPOUT, depth, epoch), samples, width)
    return torch.from_numpy(bits >= threshold(level)).double() / (1 - level)


@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize(
    ("dropout", "input_dropout"), [(0.5, 0.0), (0.0, 0.2), (0.5, 0.2), (0.99, 0.99)]
)
def test_dropout_leaves_units_out_and_scales_up_the_others(
    dropout: float, input_dropout: float, activation: str
) -> None:
    stack = _stack(activation)
    twin = copy.deepcopy(stack)
    x, y = unit_rows(N), classes(N)
    history = finetune(
        stack,
        (x, y),
        None,
        epochs=EPOCHS,
        learning_rate=RATE,
        batch_size=BATCH,
        dropout=dropout,
        input_dropout=input_dropout,
        seed=SEED,
    )
    rows, labels = torch.from_numpy(x).double(), torch.from_numpy(y)
    costs = []
    for epoch in range(1, EPOCHS + 1):
        total = 0.0
        for start in range(0, N, BATCH):
            samples = np.arange(start, min(start + BATCH, N))
            h = rows[samples] * _kept(input_dropout, 0, epoch, samples, V)
            for k, width in enumerate(SIZES):
                h = twin.autoencoder(k).encode(h) * _kept(dropout, k + 1, epoch, samples, width)
            cost = F.cross_entropy(twin.head(h), labels[samples])
            total += len(samples) * cost.item()
            gradients = torch.autograd.grad(cost, list(twin.mlp.parameters()))
            with torch.no_grad():
                for p, g in zip(twin.mlp.parameters(), gradients, strict=True):
                    p.sub_(RATE * g)
        costs.append(total / N)
    for name, p in stack.named_parameters():
        torch.testing.assert_close(p, twin.get_parameter(name), rtol=1e-9, atol=1e-11)
    assert history.costs() == pytest.approx(costs, rel=1e-10)


def test_dropout_is_only_for_training() -> None:
    stack, pair = _stack(), (unit_rows(60), classes(60))
    history = finetune(
        stack, pair, pair, pair, epochs=2, dropout=0.5, input_dropout=0.5, restore_best=True
    )
    error = float(stack.errors(*pair))
    assert history.best_validation_error == history.test_error == error


def test_dropout_is_drawn_anew_for_each_seed_and_epoch() -> None:
    x, y = unit_rows(N), classes(N)
    results = set()
    for seed in (1, 2):
        stack = _stack()
        history = finetune(stack, (x, y), None, epochs=3, learning_rate=0.0, dropout=0.5, seed=seed)
        assert len(set(history.costs())) == 3
        results.add(tuple(history.costs()))
    assert len(results) == 2


@pytest.mark.parametrize("max_norm", [0.3, 1.5, 4.0])
def test_no_hidden_unit_s_incoming_weights_exceed_the_norm(max_norm: float) -> None:
    stack = _stack()
    head = stack.head.weight.detach().norm(dim=1)
    finetune(
        stack,
        (unit_rows(N), classes(N)),
        None,
        epochs=EPOCHS,
        learning_rate=RATE,
        batch_size=BATCH,
        max_norm=max_norm,
    )
    for k in range(2):
        norms = stack.autoencoder(k).weight.detach().norm(dim=1)
        assert norms.max() <= max_norm * (1 + 1e-6)
    assert head.max() > 1.5
    assert stack.head.weight.detach().norm(dim=1).max() > 1.5


def test_each_step_scales_down_the_rows_that_are_too_long_and_no_others() -> None:
    stack, limit = _stack(), 3.0
    twin = copy.deepcopy(stack)
    rows, labels = torch.from_numpy(unit_rows(N)).double(), torch.from_numpy(classes(N))
    finetune(
        stack,
        (unit_rows(N), classes(N)),
        None,
        epochs=2,
        learning_rate=RATE,
        batch_size=BATCH,
        max_norm=limit,
    )
    scaled = untouched = 0
    for _ in range(2):
        for start in range(0, N, BATCH):
            chosen = slice(start, start + BATCH)
            cost = F.cross_entropy(twin.mlp(rows[chosen]), labels[chosen])
            gradients = torch.autograd.grad(cost, list(twin.mlp.parameters()))
            with torch.no_grad():
                for p, g in zip(twin.mlp.parameters(), gradients, strict=True):
                    p.sub_(RATE * g)
                for k in range(2):
                    weight = twin.autoencoder(k).weight
                    for row in weight:
                        if row.norm() > limit:
                            row.mul_(limit / row.norm())
                            scaled += 1
                        else:
                            untouched += 1
    assert scaled > 0
    assert untouched > 0
    for name, p in stack.named_parameters():
        torch.testing.assert_close(p, twin.get_parameter(name), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("engine", ["autograd", "compiled"])
def test_a_norm_that_nothing_reaches_changes_nothing(engine: str) -> None:
    pair = (unit_rows(N), classes(N))
    plain, limited = _stack(), _stack()
    finetune(plain, pair, None, epochs=2, engine=engine)
    finetune(limited, pair, None, epochs=2, max_norm=1e6, engine=engine)
    assert state_bytes(plain) == state_bytes(limited)
