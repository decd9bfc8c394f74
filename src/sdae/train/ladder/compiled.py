"""The compiled engine of ladders: gradients by hand, products by PyTorch, the rest in kernels.

Every layer is cut by units into parts, at least one for each thread. A thread computes its own
units of a layer from all units of the layer before, so threads wait for each other once a layer.
The statistics of a unit need no other units, and neither does the gradient of its row of weights.

Axes: m updates of a slice, B labelled, and as many unlabelled, rows of an update, V columns.
"""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from sdae.core.kernels.compiling import is_cold
from sdae.core.kernels.team import Counter, Team, meet
from sdae.core.minibatches import Minibatch, Minibatches
from sdae.core.randomness import Stream
from sdae.core.small_numbers import rounded_to_zero
from sdae.train.engines.costs import SummedCosts
from sdae.train.engines.safeguard import Safeguard
from sdae.train.engines.slice_sizes import samples_between_looks
from sdae.train.kernels.ladder import up
from sdae.train.ladder.adam import LadderAdam
from sdae.train.ladder.memory import LadderMemory, Slice
from sdae.train.ladder.plan import LadderPlan, noise_starts
from sdae.train.ladder.task import LadderTask
from sdae.train.ladder.update import LadderUpdate

_SMALL = 1 << 17
_MOST_THREADS = 8


class CompiledLadder:
    """Train a ladder with the Gaussian combinator on the CPU, in float32."""

    name = "compiled"

    def __init__(self, task: LadderTask, plan: LadderPlan) -> None:
        network, parameters = task.network, list(task.network.parameters())
        n_parts, n_threads = _parts_and_threads(sum(p.numel() for p in parameters))
        self._task, self._plan = task, plan
        memory = LadderMemory(network, plan.batch_size, n_parts, clean=any(task.costs[1:]))
        self._n_parts = n_parts
        self._adam = LadderAdam(network)
        self._phases = LadderUpdate(network, memory, self._adam, task.costs).phases
        self._team = Team(n_threads, rounded_to_zero)
        self._safeguard = Safeguard(network)
        self._slice: Slice
        self.slice_samples = samples_between_looks(parameters, plan.batch_size)

    @cached_property
    def compiles(self) -> bool:
        """Whether the kernels must be compiled first."""
        return is_cold(up.normalise)

    @torch.no_grad()
    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> Tensor:  # noqa: ARG002 - the update says all
        """Do an update on each minibatch of unlabelled rows; return their summed cost, a scalar.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before the slice.
        """
        self._slice = self._gathered(minibatches)
        n_threads, costs = torch.get_num_threads(), SummedCosts(self._task.network.gain)
        with self._safeguard.slice(int(minibatches.joined.samples[-1])):
            try:
                self._team.run_steps(self._updates, len(minibatches))
            finally:
                torch.set_num_threads(n_threads)
            self._adam.n_updates += len(minibatches)
            each = torch.from_numpy(self._slice.costs.sum(axis=1)).float()
            for cost, minibatch in zip(each, minibatches, strict=True):
                costs.add(cost.expand(len(minibatch.samples)), minibatch)
            return costs.total()

    def state(self) -> dict[str, Tensor]:
        """Return the moments of the parameters."""
        return self._adam.state()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore the moments of the parameters."""
        self._adam.restore(state)

    def close(self) -> None:
        """End the threads."""
        self._team.close()

    def _updates(self, first: int, last: int, rank: int, n_workers: int, counter: Counter) -> None:
        """Do the share of a thread in all updates of a slice."""
        torch.set_num_threads(1)  # of PyTorch's products, in this thread
        met = 0
        for update in range(first, last):
            for phase in self._phases:
                for part in range(rank, self._n_parts, n_workers):
                    phase(self._slice, update, part)
                met += 1
                meet(counter, n_workers, met)

    def _gathered(self, minibatches: Minibatches) -> Slice:
        """Collect the rows of a slice, labelled and unlabelled, and the hashes of their noise."""
        task, plan, n = self._task, self._plan, self._plan.batch_size
        m, begun = len(minibatches), self._adam.n_updates
        labelled = [plan.labelled.minibatch(begun + update) for update in range(m)]
        chosen, passes = (np.concatenate(each) for each in zip(*labelled, strict=True))
        samples = minibatches.joined.samples
        x = np.empty((m, task.network.n_visible, 2 * n), np.float32)
        for place, source, wanted in (
            (0, task.labelled, Minibatch(chosen, None)),
            (n, task.unlabelled, minibatches.joined),
        ):
            found = source.batch(wanted).view(m, n, -1).transpose(1, 2)
            torch.from_numpy(x)[:, :, place : place + n] = found
        starts = np.empty((len(task.network.sizes), m, 2 * n), np.uint64)
        for depth in range(len(task.network.sizes)):
            for place, stream, rows, passes_of_rows in (
                (0, Stream.LADDER_LABELLED, chosen, passes),
                (n, Stream.LADDER_UNLABELLED, samples, plan.passes_of(begun, m)),
            ):
                hashes = noise_starts(plan.seed, stream, depth, rows, passes_of_rows)
                starts[depth, :, place : place + n] = hashes.reshape(m, n)
        index = torch.from_numpy(chosen)
        y = task.y[index]
        weights = None if task.weights is None else task.weights[index].view(m, n)
        return Slice(
            x=x,
            y=y.view(m, n, *y.shape[1:]),
            weights=weights,
            starts=starts,
            rates=np.array([plan.rate_of(begun + update) for update in range(m)]),
            costs=np.zeros((m, 1 + self._n_parts)),
        )


def _parts_and_threads(n_numbers: int) -> tuple[int, int]:
    """Return into how many parts to cut a layer, and how many of torch's threads to use.

    Narrow parts make slow products, so there are as few as threads; but two at least, so that one
    and two threads give the same bytes.
    """
    if n_numbers < _SMALL:
        return 1, 1
    n_threads = min(torch.get_num_threads(), _MOST_THREADS)
    return max(2, n_threads), n_threads
