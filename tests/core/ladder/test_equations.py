"""The ladder's costs against the equations, and their gradients against differences of costs."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdae.core.ladder.network import LadderNetwork
from sdae.train.ladder.costs import cost_of_labels, cost_of_reconstruction
from tests.core.ladder.equations import labels_cost, reconstruction_cost

Data = dict[str, Any]


def a_case(sizes: list[int], seed: int, n_rows: int) -> tuple[LadderNetwork, Data]:
    rng = np.random.default_rng(seed)
    network = LadderNetwork(
        sizes[0],
        sizes[1:-1],
        n_classes=sizes[-1],
        input_noise=0.7,
        hidden_noise=0.2,
        seed=seed,
        dtype=torch.float64,
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.from_numpy(rng.normal(0, 0.3, parameter.shape)))
    data = {
        "x": rng.normal(size=(n_rows, sizes[0])),
        "y": rng.integers(sizes[-1], size=n_rows),
        "noise": [rng.normal(size=(n_rows, n)) for n in sizes],
        "weights": rng.uniform(0.5, 2, n_rows),
        "factors": rng.uniform(0.1, 3, len(sizes)).tolist(),
    }
    return network, data


def our_costs(network: LadderNetwork, data: Data) -> tuple[torch.Tensor, torch.Tensor]:
    x, y, weights = (torch.from_numpy(data[name]) for name in ("x", "y", "weights"))
    noise = [torch.from_numpy(each) for each in data["noise"]]
    return (
        cost_of_labels(network, x, y, noise, weights),
        cost_of_reconstruction(network, x, noise, data["factors"]),
    )


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(2, 7), min_size=3, max_size=5),
    seed=st.integers(0, 100),
    n_rows=st.integers(2, 9),
)
def test_costs_are_those_of_the_equations(sizes: list[int], seed: int, n_rows: int) -> None:
    network, data = a_case(sizes, seed, n_rows)
    p = {name: value.detach().numpy() for name, value in network.named_state()}
    sigmas = [network.noise_at(depth) for depth in range(len(network.sizes))]
    x, y, noise = data["x"], data["y"], data["noise"]

    labels, reconstruction = (float(cost.detach()) for cost in our_costs(network, data))

    expected = labels_cost(p, x, y, noise, sigmas, data["weights"])
    assert labels == pytest.approx(expected, rel=1e-10)
    expected = reconstruction_cost(p, x, noise, sigmas, data["factors"])
    assert reconstruction == pytest.approx(expected, rel=1e-10)


def test_gradients_are_those_of_the_costs() -> None:
    network, data = a_case([5, 4, 3, 3], seed=3, n_rows=8)
    sum(our_costs(network, data)).backward()  # type: ignore[union-attr]  # not the integer 0
    rng, step = np.random.default_rng(0), 1e-6
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        place = tuple(int(rng.integers(n)) for n in parameter.shape)
        with torch.no_grad():
            parameter[place] += step
            above = float(sum(our_costs(network, data)))
            parameter[place] -= 2 * step
            below = float(sum(our_costs(network, data)))
            parameter[place] += step
        slope = (above - below) / (2 * step)
        assert float(parameter.grad[place]) == pytest.approx(slope, rel=1e-4, abs=1e-6), name
