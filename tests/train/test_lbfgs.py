"""L-BFGS follows the exact gradient of the mean cost, and leaves a network of the type it was."""

from typing import Any

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder
from sdae.core.errors import TrainingDivergedError
from sdae.train.beforehand import check_finetuning
from sdae.train.callbacks import EpochEnded, Event
from sdae.train.lbfgs import _Objective, minimise
from sdae.train.settings import FinetuningConfig

RNG = np.random.default_rng(0)
X = RNG.random((50, 6), dtype=np.float32)
CLASSES = X[:, :3].argmax(axis=1)
VALUES = np.stack([X[:, 0] - X[:, 1], X[:, 2] ** 2], axis=1)


def network(regresses: bool = False) -> StackedDenoisingAutoencoder:
    head: dict[str, Any] = {"n_targets": 2} if regresses else {"n_classes": 3}
    return StackedDenoisingAutoencoder(6, (5, 4), activation="tanh", seed=1, **head)


def task(stack: StackedDenoisingAutoencoder, weights: Any = None, x: Any = X) -> Any:
    y = CLASSES if stack.n_targets is None else VALUES
    return check_finetuning(stack, (x, y), None, None, FinetuningConfig(), weights)


def settings(**changed: Any) -> dict[str, Any]:
    usual = {"max_iterations": 200, "max_evaluations": 1000, "tolerance": 1e-6, "penalty": 1e-4}
    return usual | changed


@pytest.mark.parametrize("regresses", [False, True])
@pytest.mark.parametrize("weights", [None, np.linspace(0.1, 2, 50)])
def test_the_gradient_is_that_of_the_cost_with_its_penalty(regresses: bool, weights: Any) -> None:
    stack = network(regresses)
    objective = _Objective(stack, task(stack, weights), penalty=0.3)
    point = np.random.default_rng(2).normal(size=objective.start().shape)
    _, gradient = objective(point)
    for place in range(0, len(point), 3):
        step = np.zeros(len(point))
        step[place] = 1e-5
        slope = (objective(point + step)[0] - objective(point - step)[0]) / 2e-5
        assert gradient[place] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_the_penalty_is_half_the_sum_of_squares_of_weights_alone() -> None:
    stack = network()
    without, with_it = (_Objective(stack, task(stack), penalty) for penalty in (0.0, 0.5))
    point = np.random.default_rng(2).normal(size=without.start().shape)
    rest, squares = point, 0.0
    for parameter in stack.mlp.parameters():
        own, rest = rest[: parameter.numel()], rest[parameter.numel() :]
        squares += float((own**2).sum()) if parameter.ndim == 2 else 0.0
    assert with_it(point)[0] - without(point)[0] == pytest.approx(0.25 * squares)
    assert with_it.cost_at(point) == without.cost_at(point)


def test_rows_come_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = network()
    objective = _Objective(stack, task(stack, np.linspace(0.1, 2, 50)), penalty=0.1)
    whole, gradient = objective(objective.start() + 0.1)
    monkeypatch.setattr("sdae.train.lbfgs._ROWS_AT_A_TIME", 7)
    parts, of_parts = objective(objective.start() + 0.1)
    assert parts == pytest.approx(whole, rel=1e-12)
    np.testing.assert_allclose(of_parts, gradient, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("regresses", [False, True])
def test_the_cost_falls_and_the_network_keeps_its_type_and_its_facades(regresses: bool) -> None:
    stack = network(regresses)
    costs: list[float] = []

    def watch(event: Event) -> None:
        if isinstance(event, EpochEnded):
            costs.append(event.record.cost)

    end = minimise(stack, task(stack), **settings(penalty=0.0, tolerance=1e-3), callbacks=[watch])
    assert end.converged
    assert end.n_iterations == len(costs) > 5
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < costs[0] / 10
    assert {p.dtype for p in stack.parameters()} == {torch.float32}
    stack.check_facades()
    last = _Objective(stack, task(stack), 0.0)
    assert last.cost_at(last.start()) == pytest.approx(costs[-1], rel=1e-3, abs=1e-6)


def test_frozen_parameters_stay_as_they_are() -> None:
    stack = network()
    frozen = stack.autoencoder(0).weight
    frozen.requires_grad_(False)
    before = frozen.clone()
    minimise(stack, task(stack), **settings())
    assert torch.equal(frozen, before)
    assert stack.head.weight.any()


def test_limits_end_it_unconverged() -> None:
    stack = network()
    end = minimise(stack, task(stack), **settings(max_iterations=3))
    assert (end.n_iterations, end.converged) == (3, False)
    assert "ITERATIONS" in end.reason
    end = minimise(stack, task(stack), **settings(max_evaluations=4))
    assert not end.converged
    assert end.n_iterations <= 4


def test_a_start_that_is_the_best_already_leaves_one_record() -> None:
    stack = network()
    minimise(stack, task(stack), **settings(tolerance=1e-3))
    before = [p.clone() for p in stack.parameters()]
    events: list[Event] = []
    end = minimise(stack, task(stack), **settings(tolerance=1e-1), callbacks=[events.append])
    assert end.n_iterations == 0
    assert sum(isinstance(event, EpochEnded) for event in events) == 1
    assert all(map(torch.equal, before, stack.parameters()))


def test_ctrl_c_leaves_it_at_the_last_iteration() -> None:
    def interrupt(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.record.epoch == 3:
            raise KeyboardInterrupt

    stack, other = network(), network()
    with pytest.raises(KeyboardInterrupt):
        minimise(stack, task(stack), **settings(), callbacks=[interrupt])
    minimise(other, task(other), **settings(max_iterations=3))
    assert all(map(torch.equal, stack.parameters(), other.parameters()))


def test_a_cost_that_is_not_finite_is_an_error_and_changes_nothing() -> None:
    stack = StackedDenoisingAutoencoder(6, (5,) * 9, n_targets=2, activation="identity")
    with torch.no_grad():
        for parameter in stack.mlp.parameters():
            parameter.fill_(1e35)
    before = [p.clone() for p in stack.parameters()]
    with pytest.raises(TrainingDivergedError, match="lbfgs"):
        minimise(stack, task(stack), **settings())
    assert all(map(torch.equal, before, stack.parameters()))
