"""Small data, small ladders, and engines side by side."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdae.core.ladder.network import LadderNetwork
from sdae.train.engines.choice import Engine
from sdae.train.ladder.plan import LadderPlan, plan_of
from sdae.train.ladder.settings import LadderConfig
from sdae.train.ladder.task import LadderTask, check_task

V, C = 9, 3


def data(
    n_labelled: int = 40, n: int = 200, seed: int = 0, width: int = V
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
    """Return labelled rows, classes that depend on them, and rows without labels."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(0, 1.5, (C, width))
    y = rng.integers(C, size=n)
    x = (centres[y] + rng.normal(size=(n, width))).astype(np.float32)
    return x[:n_labelled], y[:n_labelled], x[n_labelled:]


def a_ladder(sizes: tuple[int, ...] = (12, 8), seed: int = 1, **changed: Any) -> LadderNetwork:
    """Return a ladder of `V` inputs and `C` classes whose parameters are all moved from 0."""
    given = {"n_classes": C, **changed}
    network = LadderNetwork(given.pop("n_visible", V), sizes, seed=seed, **given)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.add_(0.1 * noise)
    return network


def a_task(
    network: LadderNetwork, *, weights: Any = None, y: Any = None, **settings: Any
) -> LadderTask:
    """Return the task of training a ladder on :func:`data`."""
    x, classes, more = data(width=network.n_visible)
    config = LadderConfig.read({"batch_size": 25, **settings}, "a test")
    return check_task(network, (x, classes if y is None else y), more, config, weights)


def a_plan(task: LadderTask, seed: int = 3) -> LadderPlan:
    """Return the plan of a task."""
    return plan_of(task, task.config.n_updates, seed)


def trained_by(
    engine: Callable[[LadderTask, LadderPlan], Engine], task: LadderTask, n_updates: int
) -> tuple[LadderNetwork, Engine, list[float]]:
    """Train a copy of the network; return it, the engine, and the mean cost of each epoch."""
    own = LadderTask(**{**vars(task), "network": copy.deepcopy(task.network)})
    plan, costs, epoch = a_plan(own), list[float](), 0
    worker, left = engine(own, plan), n_updates
    while left:
        epoch += 1
        some = plan.minibatches(epoch)[:left]
        costs.append(float(worker.train(some, epoch, 0.0)) / len(some.joined.samples))
        left -= len(some)
    worker.close()
    return own.network, worker, costs
