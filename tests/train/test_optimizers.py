"""Optimisers, weight decay and schedules do to the parameters what their formulas say."""

import copy
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.kinds.schedules import Schedule
from tests.train.helpers import classes, small_stack, unit_rows

N, BATCH, EPOCHS, RATE = 10, 4, 3, 0.02
OPTIONS: dict[str, dict[str, object]] = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "nesterov": {"momentum": 0.8, "nesterov": True},
    "adam": {"optimizer": "adam"},
    "adamw": {"optimizer": "adamw"},
    "sgd with decay": {"weight_decay": 0.3},
    "momentum with decay": {"momentum": 0.9, "weight_decay": 0.3},
    "adam with decay": {"optimizer": "adam", "weight_decay": 0.3},
    "adamw with decay": {"optimizer": "adamw", "weight_decay": 0.3},
    "nadam": {"optimizer": "nadam"},
    "nadam with decay": {"optimizer": "nadam", "weight_decay": 0.3},
    "rmsprop": {"optimizer": "rmsprop"},
    "rmsprop with decay and momentum": {
        "optimizer": "rmsprop",
        "weight_decay": 0.3,
        "momentum": 0.7,
    },
}
State = dict[str, Tensor]


def _update(p: Tensor, g: Tensor, state: State, rate: float, options: dict[str, object]) -> Tensor:
    """Return the parameter after one step, by the published formulas."""
    decay = float(str(options.get("weight_decay", 0.0))) if p.ndim == 2 else 0.0
    if options.get("optimizer", "sgd") == "sgd":
        mu = float(str(options.get("momentum", 0.0)))
        g = g + decay * p
        state["v"] = mu * state.get("v", torch.zeros_like(p)) + g
        return p - rate * (g + mu * state["v"] if options.get("nesterov") else state["v"])
    if options["optimizer"] == "adamw":
        p = p - rate * decay * p
    else:
        g = g + decay * p
    if options["optimizer"] == "rmsprop":
        state["s"] = 0.99 * state.get("s", torch.zeros_like(p)) + 0.01 * g * g
        mu, step = float(str(options.get("momentum", 0.0))), g / (state["s"].sqrt() + 1e-8)
        state["b"] = mu * state.get("b", torch.zeros_like(p)) + step
        return p - rate * state["b"]
    t = float(state.get("t", torch.zeros(())) + 1)
    state["t"] = torch.tensor(t)
    state["m"] = 0.9 * state.get("m", torch.zeros_like(p)) + 0.1 * g
    state["v"] = 0.999 * state.get("v", torch.zeros_like(p)) + 0.001 * g * g
    if options["optimizer"] == "nadam":  # with the momentum of Dozat's equation (3.2)
        mu, following = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * step)) for step in (t, t + 1))
        state["product"] = state.get("product", torch.ones(())) * mu  # PyTorch keeps it in float32
        product = float(state["product"])
        mean = following / (1 - product * following) * state["m"] + (1 - mu) / (1 - product) * g
        return torch.addcdiv(p, mean, (state["v"] / (1 - 0.999**t)).sqrt() + 1e-8, value=-rate)
    m, v = state["m"] / (1 - 0.9**t), state["v"] / (1 - 0.999**t)
    return torch.addcdiv(p, m, v.sqrt() + 1e-8, value=-rate)


def _walk(
    module: nn.Module,
    cost: Callable[[Tensor, Tensor], Tensor],
    options: dict[str, object],
    rates: list[float],
) -> None:
    x, y = torch.from_numpy(unit_rows(N)).double(), torch.from_numpy(classes(N))
    states: list[State] = [{} for _ in module.parameters()]
    for rate in rates:
        for start in range(0, N, BATCH):
            chosen = slice(start, start + BATCH)
            gradients = torch.autograd.grad(cost(x[chosen], y[chosen]), list(module.parameters()))
            with torch.no_grad():
                for p, g, state in zip(module.parameters(), gradients, states, strict=True):
                    p.copy_(_update(p, g, state, rate, options))


def _stack() -> StackedDenoisingAutoencoder:
    stack = small_stack(sizes=(6,), noise=0.0, dtype=torch.float64)
    rng = np.random.default_rng(0)
    with torch.no_grad():  # biases that a decay would move
        for p in stack.parameters():
            p.add_(torch.from_numpy(rng.normal(size=tuple(p.shape))))
    return stack


def _assert_close(own: nn.Module, twin: nn.Module) -> None:
    for name, p in own.named_parameters():
        torch.testing.assert_close(p, twin.get_parameter(name), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", OPTIONS)
def test_pretraining_updates_by_the_formulas(name: str) -> None:
    stack = _stack()
    twin = copy.deepcopy(stack)
    pretrain(
        stack,
        unit_rows(N),
        epochs=EPOCHS,
        learning_rate=RATE,
        batch_size=BATCH,
        **OPTIONS[name],  # type: ignore[arg-type]
    )
    alone = twin.autoencoder(0)
    _walk(alone, lambda x, _: alone.loss(x).mean(), OPTIONS[name], [RATE] * EPOCHS)
    _assert_close(stack, twin)


@pytest.mark.parametrize("name", OPTIONS)
def test_finetuning_updates_by_the_formulas(name: str) -> None:
    stack = _stack()
    twin = copy.deepcopy(stack)
    finetune(
        stack,
        (unit_rows(N), classes(N)),
        None,
        epochs=EPOCHS,
        learning_rate=RATE,
        batch_size=BATCH,
        **OPTIONS[name],  # type: ignore[arg-type]
    )
    cost = lambda x, y: F.cross_entropy(twin.mlp(x), y)  # noqa: E731
    _walk(twin.mlp, cost, OPTIONS[name], [RATE] * EPOCHS)
    _assert_close(stack, twin)


def test_the_cost_is_without_the_penalty_of_weight_decay() -> None:
    decayed, plain = _stack(), _stack()
    x = unit_rows(N)
    for stage in ("pretraining", "finetuning"):
        costs = []
        for stack, decay in ((decayed, 5.0), (plain, 0.0)):
            if stage == "pretraining":
                history = pretrain(
                    stack, x, epochs=1, learning_rate=0.0, batch_size=N, weight_decay=decay
                )
            else:
                history = finetune(
                    stack,
                    (x, classes(N)),
                    None,
                    epochs=1,
                    learning_rate=0.0,
                    batch_size=N,
                    weight_decay=decay,
                )
            costs.append(history.records[0].cost)
        assert costs[0] == costs[1]


SCHEDULES: dict[str | Schedule, list[float]] = {
    "constant": [1, 1, 1, 1, 1],
    "linear": [1, 0.8, 0.6, 0.4, 0.2],
    "inverse_time:0.5": [1, 1 / 1.5, 1 / 2, 1 / 2.5, 1 / 3],
    "cosine": [(1 + math.cos(math.pi * e / 5)) / 2 for e in range(5)],
    "step:2:0.1": [1, 1, 0.1, 0.1, 0.01],
    Schedule("step", (3, 0.5)): [1, 1, 1, 0.5, 0.5],
}


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_a_schedule_sets_the_rate_of_each_epoch(schedule: str | Schedule) -> None:
    factors = SCHEDULES[schedule]
    rates = [0.2 * factor for factor in factors]
    x, y = unit_rows(N), classes(N)

    stack = _stack()
    twin = copy.deepcopy(stack)
    history = pretrain(stack, x, epochs=5, learning_rate=0.2, batch_size=BATCH, schedule=schedule)
    assert [r.learning_rate for r in history.records] == pytest.approx(rates)
    alone = twin.autoencoder(0)
    _walk(alone, lambda x, _: alone.loss(x).mean(), {}, rates)
    _assert_close(stack, twin)

    history = finetune(
        stack, (x, y), None, epochs=5, learning_rate=0.2, batch_size=BATCH, schedule=schedule
    )
    assert [r.learning_rate for r in history.records] == pytest.approx(rates)
    _walk(twin.mlp, lambda x, y: F.cross_entropy(twin.mlp(x), y), {}, rates)
    _assert_close(stack, twin)


def test_a_schedule_starts_again_with_each_layer_and_spans_its_epochs() -> None:
    history = pretrain(
        small_stack(), unit_rows(N), epochs=(2, 4), learning_rate=(0.1, 0.2), schedule="linear"
    )
    rates = [r.learning_rate for r in history.records]
    assert rates == pytest.approx([0.1, 0.05, 0.2, 0.15, 0.1, 0.05])


def test_momentum_is_forgotten_between_layers_and_calls() -> None:
    x = unit_rows(N)
    once, twice = small_stack(), small_stack()
    pretrain(once, x, epochs=1, momentum=0.9)
    pretrain(twice, x, epochs=(1, 0), momentum=0.9)
    pretrain(twice, x, epochs=(0, 1), momentum=0.9)
    _assert_close(once, twice)
