"""The compiled engine of ladders against autograd, which defines an update."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdae.core.errors import InvalidParameterError
from sdae.core.ladder.network import LadderNetwork
from sdae.train.ladder.autograd import AutogradLadder
from sdae.train.ladder.choice import ladder_engine
from sdae.train.ladder.compiled import CompiledLadder
from tests.train.ladder.helpers import C, a_ladder, a_plan, a_task, data, trained_by

EVERY_DEPTH = (3.0, 0.5, 0.2, 0.1)


def assert_same_gradients(task: Any, n_updates: int = 1) -> None:
    """Compare Adam's first moment, which is a tenth of the gradient after one update."""
    _, one, costs = trained_by(AutogradLadder, task, n_updates)
    _, other, others = trained_by(CompiledLadder, task, n_updates)
    assert costs == pytest.approx(others, rel=1e-5)
    ours, theirs = one.state(), other.state()
    assert ours.keys() == theirs.keys()
    for kind in ("exp_avg", "exp_avg_sq"):
        largest = max(float(ours[name].abs().max()) for name in ours if name.endswith(kind))
        for name in ours:
            if name.endswith(kind):
                torch.testing.assert_close(
                    theirs[name], ours[name], rtol=1e-4, atol=1e-5 * largest, msg=name
                )


@pytest.mark.parametrize("costs", [(0.0,), (20.0,), EVERY_DEPTH, (0.0, 0.0, 0.0, 1.0)])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_agree(costs: tuple[float, ...], weighted: bool) -> None:
    weights = np.arange(40) % 3 + 0.5 if weighted else None

    assert_same_gradients(a_task(a_ladder(), denoising_costs=costs, weights=weights))


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    n_visible=st.integers(1, 35),
    batch_size=st.integers(3, 40),
    seed=st.integers(0, 50),
)
def test_gradients_agree_for_odd_sizes(
    sizes: list[int], n_visible: int, batch_size: int, seed: int
) -> None:
    network = a_ladder(tuple(sizes), seed=seed, n_visible=n_visible)
    costs = [2.0, *[0.3] * (len(sizes) + 1)]

    assert_same_gradients(a_task(network, denoising_costs=costs, batch_size=batch_size))


@pytest.mark.parametrize(
    ("head", "y"),
    [
        ({"n_classes": None, "n_targets": 2}, np.random.default_rng(0).normal(size=(40, 2))),
        ({"n_classes": None, "n_labels": 4}, np.random.default_rng(0).integers(2, size=(40, 4))),
        (
            {"n_classes": None, "n_targets": 1, "head": "poisson"},
            np.random.default_rng(0).poisson(2.0, size=(40, 1)),
        ),
        ({"n_classes": 300}, np.arange(40)),
    ],
)
def test_gradients_agree_for_every_head(head: dict[str, Any], y: Any) -> None:
    assert_same_gradients(a_task(a_ladder(**head), y=y, denoising_costs=EVERY_DEPTH))


def test_long_runs_stay_together() -> None:
    task = a_task(a_ladder(), denoising_costs=EVERY_DEPTH, n_updates=120)
    one, _, costs = trained_by(AutogradLadder, task, 120)
    other, _, others = trained_by(CompiledLadder, task, 120)

    assert others == pytest.approx(costs, rel=1e-3)
    for (name, ours), (_, theirs) in zip(one.named_state(), other.named_state(), strict=True):
        torch.testing.assert_close(theirs, ours, rtol=1e-2, atol=2e-3, msg=name)


def test_threads_do_not_change_the_result() -> None:
    task = a_task(
        a_ladder((300, 200), n_visible=400), denoising_costs=(5.0, 1.0, 0.1, 0.1), n_updates=6
    )
    results = []
    before = torch.get_num_threads()
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        try:
            network, _, _ = trained_by(CompiledLadder, task, 6)
        finally:
            assert torch.get_num_threads() == n_threads
            torch.set_num_threads(before)
        results.append(network)

    for (name, one), (_, other) in zip(*(n.named_state() for n in results), strict=True):
        assert torch.equal(one, other), name


def test_auto_takes_the_compiled_engine_where_it_can() -> None:
    def name_of(network: LadderNetwork, **chosen: Any) -> str:
        task = a_task(network, **chosen)
        return ladder_engine(task, a_plan(task)).name

    assert name_of(a_ladder()) == "compiled"
    assert name_of(a_ladder(), engine="autograd") == "autograd"
    assert name_of(a_ladder(combinator="augmented_mlp")) == "autograd"
    assert name_of(a_ladder(dtype=torch.float64)) == "autograd"
    frozen = a_ladder()
    frozen.gain.requires_grad_(False)
    assert name_of(frozen) == "autograd"
    with pytest.raises(InvalidParameterError, match="no kernel for the combinator"):
        name_of(a_ladder(combinator="augmented_mlp"), engine="compiled")


@pytest.mark.parametrize("engine", [AutogradLadder, CompiledLadder])
def test_numbers_that_are_not_finite_leave_the_network_as_it_was(engine: Any) -> None:
    from sdae.train.engines.safeguard import NotFiniteError

    network = a_ladder()
    task = a_task(network, denoising_costs=1e39, n_updates=10)
    before = {name: value.clone() for name, value in network.named_state()}
    plan = a_plan(task)
    worker = engine(task, plan)
    with pytest.raises(NotFiniteError):
        worker.train(plan.minibatches(1), 1, 0.0)
    worker.close()

    for name, value in network.named_state():
        assert torch.equal(value, before[name]), name


def test_the_data_of_these_tests_have_all_classes() -> None:
    assert set(data()[1].tolist()) == set(range(C))
