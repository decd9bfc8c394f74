"""Steps of gradient descent on minibatches: whole, shared by processes, or in fixed shares.

A minibatch is always that of all processes. Each computes the gradient of its own share of the
samples, divided by the number of all samples, so the sum over the processes is the gradient of the
mean cost, however unequal the shares are. All gradients and the summed cost go in one buffer: many
small sums would take longer.

Axes: B samples of a minibatch, P trained numbers, N numbers of a buffer.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn

from sdae.core.conversions import widened
from sdae.core.minibatches import Minibatch
from sdae.train.engines.costs import SummedCosts
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

    def take(self, minibatch: Minibatch, losses_of: Losses, costs: SummedCosts) -> None:
        """Do a step on a minibatch, and add the costs of its samples to `costs`."""
        rank, size = self._processes.rank, self._processes.size
        share, n_samples = share_of(minibatch, rank, size), len(minibatch.samples)
        losses = self._gradients.compute(share, n_samples, losses_of, self._buffer)
        self._processes.add_up(self._buffer)
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


class FlatGradients:
    """The gradients of parameters in one buffer, with the summed cost of the samples.

    It also holds for each parameter how many shares gave it a gradient: one without any must not
    be updated, not even by its weight decay. Numbers are those of the parameters' type, or float32
    where that is narrower.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self._parameters = [each for each in parameters if each.requires_grad]
        sizes = [each.numel() for each in self._parameters]
        self._ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
        self._given: list[bool] | None = None  # known after the first step
        self._kind = max((widened(each[:0]).dtype for each in self._parameters), key=_width)

    def room(self) -> Tensor:
        """Return a new buffer, (N,)."""
        n_numbers = self._ends[-1] + 1 + len(self._parameters)
        device = self._parameters[0].device
        return torch.zeros(n_numbers, dtype=self._kind, device=device)

    def compute(
        self, share: Minibatch, n_samples: int, losses_of: Losses, buffer: Tensor
    ) -> Tensor | None:
        """Write the gradients of a share of `n_samples` samples into a buffer; return its losses.

        A share without samples has no losses, and its gradients are zeros.
        """
        if not len(share.samples):
            buffer.zero_()
            return None
        for parameter in self._parameters:
            parameter.grad = None
        losses = losses_of(share)
        summed = losses.sum()
        (summed / n_samples).backward()
        cost_at = self._ends[-1]
        for place, parameter in enumerate(self._parameters):
            part = self._part(place, buffer)
            gradient = parameter.grad
            buffer[cost_at + 1 + place] = float(gradient is not None)
            if gradient is None:
                part.zero_()
            else:
                part.view_as(parameter).copy_(gradient)
        losses = losses.detach()
        buffer[cost_at] = summed.detach()
        return losses

    def cost(self, buffer: Tensor) -> Tensor:
        """Return the summed cost, a scalar."""
        return buffer[self._ends[-1]].clone()

    def give(self, buffer: Tensor) -> None:
        """Give the parameters their gradients from a buffer."""
        if self._given is None:
            self._given = [n_shares > 0 for n_shares in buffer[self._ends[-1] + 1 :].tolist()]
        for place, parameter in enumerate(self._parameters):
            if self._given[place]:
                part = self._part(place, buffer).view_as(parameter)
                parameter.grad = part.to(parameter.dtype)
            else:
                parameter.grad = None

    def _part(self, place: int, buffer: Tensor) -> Tensor:
        end = self._ends[place]
        return buffer[end - self._parameters[place].numel() : end]


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


def _width(kind: torch.dtype) -> int:
    return torch.finfo(kind).bits
