"""The autograd engine of ladders: it defines an update, for every ladder and on any device.

Axes: B rows of a minibatch, V columns, d_k units at depth k.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.minibatches import Minibatch, Minibatches
from sdae.core.randomness import Stream
from sdae.train.engines.autograd import set_rate
from sdae.train.engines.costs import SummedCosts
from sdae.train.engines.optimizer_state import give_state, state_of
from sdae.train.engines.safeguard import Safeguard
from sdae.train.engines.slice_sizes import samples_between_looks
from sdae.train.engines.steps import descend
from sdae.train.ladder.costs import cost_of_labels, cost_of_reconstruction
from sdae.train.ladder.plan import LadderPlan, noise_of
from sdae.train.ladder.task import LadderTask

ADAM_STATE = frozenset({"step", "exp_avg", "exp_avg_sq"})


class AutogradLadder:
    """Train a ladder by automatic gradients."""

    name = "autograd"
    compiles = False

    def __init__(self, task: LadderTask, plan: LadderPlan) -> None:
        network = task.network
        self._task = task
        self._plan = plan
        parameters = list(network.parameters())
        fused = parameters[0].device.type in ("cpu", "cuda")
        self._optimizer = torch.optim.Adam(parameters, lr=0.0, fused=fused)
        self._safeguard = Safeguard(network)
        self.slice_samples = samples_between_looks(parameters, plan.batch_size)

    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> Tensor:  # noqa: ARG002 - the update says all
        """Do an update on each minibatch of unlabelled rows; return their summed cost, a scalar.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before the slice.
        """
        costs = SummedCosts(self._task.network.gain)
        with self._safeguard.slice(int(minibatches.joined.samples[-1])):
            for minibatch in minibatches:
                update = self._n_updates
                set_rate(self._optimizer, self._plan.rate_of(update))
                cost = self._cost(minibatch, update)
                costs.add(cost.expand(len(minibatch.samples)), minibatch)
                descend(self._optimizer, cost)
            return costs.total()

    def state(self) -> dict[str, Tensor]:
        """Return the state of the optimiser."""
        return state_of(self._optimizer)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state of the optimiser."""
        give_state(self._optimizer, state, ADAM_STATE)

    def close(self) -> None:
        """Do nothing: there are no threads."""

    @property
    def _n_updates(self) -> int:
        """The number of updates done, which Adam counts."""
        step = self._optimizer.state.get(self._task.network.gain, {}).get("step", 0)
        return int(step)

    def _cost(self, minibatch: Minibatch, update: int) -> Tensor:
        task, network = self._task, self._task.network
        chosen, passes = self._plan.labelled.minibatch(update)
        x = task.labelled.batch(Minibatch(chosen, None))
        index = torch.from_numpy(chosen).to(task.y.device)
        weights = None if task.weights is None else task.weights[index]
        noise = self._noise(Stream.LADDER_LABELLED, chosen, passes)
        cost = cost_of_labels(network, x, task.y[index], noise, weights)
        samples = minibatch.samples
        passes = np.full_like(samples, self._plan.pass_of(update))
        noise = self._noise(Stream.LADDER_UNLABELLED, samples, passes)
        rows = task.unlabelled.batch(minibatch)
        return cost + cost_of_reconstruction(network, rows, noise, task.costs)

    def _noise(
        self, stream: Stream, samples: NDArray[np.int64], passes: NDArray[np.int64]
    ) -> list[Tensor]:
        network = self._task.network
        drawn = noise_of(self._plan.seed, stream, network.sizes, samples, passes)
        return [torch.from_numpy(each).to(network.gain) for each in drawn]
