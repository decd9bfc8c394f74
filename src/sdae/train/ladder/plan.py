"""The updates of a ladder: their rows, their noise and their rates, all functions of the place.

An update takes as many labelled as unlabelled rows. An epoch is a pass over the unlabelled ones;
what does not fill a minibatch is left out of it. Labelled rows come in passes of their own
(:mod:`sdae.train.two_orders`). Axes: n rows, B rows of a minibatch, d_k units at depth k.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdae.core.minibatches import Minibatches, minibatches, n_batches
from sdae.core.randomness import (
    NoiseKey,
    Stream,
    row_hashes,
    standard_normal,
    visiting_order,
)
from sdae.train.checkpoint_state import Extra
from sdae.train.epoch import Place
from sdae.train.ladder.task import LadderTask
from sdae.train.two_orders import EndlessPasses, late_decay

UPDATES = "n_updates"
"""Name of the number of updates in a checkpoint."""


@dataclass(frozen=True)
class LadderPlan:
    """The plan of the training of a ladder.

    Attributes
    ----------
    n_rows, n_labelled : int
        Unlabelled rows, the labelled among them; and labelled ones.
    n_updates : int
    batch_size : int
        B of both kinds; at most `n_rows`.
    initial_rate : float
    seed : int
    """

    n_rows: int
    n_labelled: int
    n_updates: int
    batch_size: int
    initial_rate: float
    seed: int
    layer: None = None

    @property
    def n_batches(self) -> int:
        """Updates of an epoch."""
        return n_batches(self.n_rows, self.batch_size, drop_last=True)

    @property
    def n_epochs(self) -> int:
        """Epochs, of which the last may be a part."""
        return -(-self.n_updates // self.n_batches)

    def rate(self, epoch: int) -> float:
        """Return the learning rate of the last update of an epoch."""
        return self.rate_of(min(epoch * self.n_batches, self.n_updates) - 1)

    def rate_of(self, update: int) -> float:
        """Return the learning rate of an update (from 0)."""
        return self.initial_rate * late_decay(update, self.n_updates)

    def minibatches(self, epoch: int) -> Minibatches:
        """Return the minibatches of unlabelled rows of an epoch, in the order of their visit."""
        key = NoiseKey(self.seed, Stream.UNLABELLED_ORDER, 0, epoch)
        order = visiting_order(key, self.n_rows)
        return minibatches(self.n_rows, self.batch_size, order=order, drop_last=True)

    @property
    def extra(self) -> Extra:
        """What a checkpoint saves of the plan."""
        return Extra({UPDATES: self.n_updates})

    @property
    def labelled(self) -> EndlessPasses:
        """The order of the labelled rows."""
        return EndlessPasses(self.n_labelled, self.batch_size, self.seed)

    def holds(self, place: Place) -> bool:
        """Return whether a place occurs in this training."""
        done = (place.epoch - 1) * self.n_batches + place.n_batches
        return (
            place.n_batches <= self.n_batches
            and done <= self.n_updates
            and place.n_samples == place.n_batches * self.batch_size
        )


def plan_of(task: LadderTask, n_updates: int, seed: int) -> LadderPlan:
    """Return the plan of some updates on the rows of a task."""
    return LadderPlan(
        n_rows=len(task.unlabelled),
        n_labelled=len(task.labelled),
        n_updates=n_updates,
        batch_size=task.batch_size,
        initial_rate=task.config.learning_rate,
        seed=seed,
    )


def noise_of(
    seed: int,
    stream: Stream,
    sizes: Sequence[int],
    samples: NDArray[np.int64],
    passes: NDArray[np.int64],
) -> list[NDArray[np.float64]]:
    """Draw standard normal noise for rows at every depth, (B, d_k).

    A row's noise depends on its number, (B,), the pass it is visited in, (B,), and the depth.
    """
    noise = []
    for depth, n_units in enumerate(sizes):
        drawn = np.empty((len(samples), n_units))
        for number in np.unique(passes):
            key, of_it = NoiseKey(seed, stream, depth, int(number)), passes == number
            drawn[of_it] = standard_normal(key, samples[of_it], n_units)
        noise.append(drawn)
    return noise


def noise_starts(
    seed: int,
    stream: Stream,
    depth: int,
    samples: NDArray[np.int64],
    passes: NDArray[np.int64],
) -> NDArray[np.uint64]:
    """Return the hashes from which the noise of rows at a depth follows, (B,)."""
    starts = np.empty(len(samples), np.uint64)
    for number in np.unique(passes):
        key, of_it = NoiseKey(seed, stream, depth, int(number)), passes == number
        starts[of_it] = row_hashes(key, samples[of_it])
    return starts
