"""Steps of gradient descent on minibatches: whole, shared by processes, or in fixed shares.

A minibatch is always that of all processes. Each computes the gradient of its own share of the
samples, divided by the number of all samples, so the sum over the processes is the gradient of the
mean cost, however unequal the shares are. All gradients and the summed cost lie in one buffer: many
small sums would take longer.

Axes: B samples of a minibatch, P trained numbers, N numbers of a buffer.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn

from sdae.core.minibatches import Minibatch
from sdae.train.engines.costs import SummedCosts
from sdae.train.engines.flat_gradients import FlatGradients
from sdae.train.engines.sums_on_the_way import SumsOnTheWay
from sdae.train.processes.shares import share_of, start_of
from sdae.train.processes.together import Processes

N_SHARES = 8
"""Shares of a minibatch with ``deterministic``: as many processes at most."""

Losses = Callable[[Minibatch], Tensor]
"""The loss of each sample of a minibatch, (B,)."""


class Steps(Protocol):
    """How steps are taken."""

    def take(self, minibatch: Minibatch, losses_of: Losses, costs: SummedCosts) -> None:
        """Do a step on a minibatch, and add the costs of its samples to `costs`.

        Raises
        ------
        NotFiniteError
            If a cost is not finite.
        """
        ...


def steps_of(
    optimizer: torch.optim.Optimizer,
    parameters: Iterable[nn.Parameter],
    processes: Processes,
    *,
    fixed: bool,
) -> Steps:
    """Return how the steps of an optimiser are taken; `fixed` is for the same bytes anywhere."""
    if fixed:
        return FixedShareSteps(optimizer, parameters, processes)
    if processes.size > 1:
        return SharedSteps(optimizer, parameters, processes)
    return WholeSteps(optimizer)


class WholeSteps:
    """Steps of one process on whole minibatches."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer

    def take(self, minibatch: Minibatch, losses_of: Losses, costs: SummedCosts) -> None:
        """Do a step on a minibatch, and add the costs of its samples to `costs`."""
        losses = losses_of(minibatch)  # (B,)
        costs.add(losses, minibatch)
        descend(self._optimizer, losses.mean())


class SharedSteps:
    """Steps of several processes: each takes its share of a minibatch."""

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        parameters: Iterable[nn.Parameter],
        processes: Processes,
    ) -> None:
        self._optimizer = optimizer
        self._processes = processes
        self._gradients = FlatGradients(parameters)
        self._buffer = self._gradients.room()
        self._sums = SumsOnTheWay(processes, self._gradients.parts, self._buffer)
        self._given = self._sums.given if self._sums.several else None

    def take(self, minibatch: Minibatch, losses_of: Losses, costs: SummedCosts) -> None:
        """Do a step on a minibatch, and add the costs of its samples to `costs`."""
        rank, size = self._processes.rank, self._processes.size
        share, n_samples = share_of(minibatch, rank, size), len(minibatch.samples)
        losses = self._gradients.compute(share, n_samples, losses_of, self._buffer, self._given)
        self._sums.finish()
        own = {start_of(minibatch, rank, size): losses}
        costs.add_sum(
            self._gradients.cost(self._buffer),
            lambda: _first_of_all(own, minibatch, self._processes),
        )
        self._gradients.give(self._buffer)
        self._optimizer.step()


class FixedShareSteps:
    """Steps with the same bytes for any number of processes up to the number of shares.

    A minibatch is always cut into the same shares. Each process computes the gradients of some of
    them; all processes add up all of them in their order.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        parameters: Iterable[nn.Parameter],
        processes: Processes,
    ) -> None:
        self._optimizer = optimizer
        self._processes = processes
        self._gradients = FlatGradients(parameters)
        bounds = [place * N_SHARES // processes.size for place in range(processes.size + 1)]
        self._of_each = [range(a, b) for a, b in pairwise(bounds)]
        most = max(map(len, self._of_each))
        self._own = torch.stack([self._gradients.room() for _ in range(most)])  # (most, N)
        self._buffer = self._gradients.room()

    def take(self, minibatch: Minibatch, losses_of: Losses, costs: SummedCosts) -> None:
        """Do a step on a minibatch, and add the costs of its samples to `costs`."""
        own: dict[int, Tensor | None] = {}
        n_samples = len(minibatch.samples)
        for place, number in enumerate(self._of_each[self._processes.rank]):
            share = share_of(minibatch, number, N_SHARES)
            losses = self._gradients.compute(share, n_samples, losses_of, self._own[place])
            own[start_of(minibatch, number, N_SHARES)] = losses
        every = self._processes.collect(self._own)  # (size, most, N)
        self._buffer.zero_()
        for rank, numbers in enumerate(self._of_each):
            for place in range(len(numbers)):
                self._buffer += every[rank, place]
        costs.add_sum(
            self._gradients.cost(self._buffer),
            lambda: _first_of_all(own, minibatch, self._processes),
        )
        self._gradients.give(self._buffer)
        self._optimizer.step()


def descend(optimizer: torch.optim.Optimizer, cost: Tensor) -> None:
    """Do one step of gradient descent on a scalar cost."""
    optimizer.zero_grad(set_to_none=True)
    cost.backward()
    optimizer.step()


def _first_of_all(
    own: dict[int, Tensor | None], minibatch: Minibatch, processes: Processes
) -> int | None:
    """Return the first sample of all shares whose cost is not finite, or None.

    `own` has the losses of this process's shares by the place at which they start.
    """
    first = len(minibatch.samples)
    for start, losses in own.items():
        if losses is not None and not bool((finite := losses.isfinite()).all()):
            first = min(first, start + int(finite.int().argmin()))
    first = processes.least(first)
    return None if first == len(minibatch.samples) else int(minibatch.samples[first])
