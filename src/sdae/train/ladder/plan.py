"""The updates of a ladder: their rows, their noise and their rates, all functions of the place.

An update takes as many labelled as unlabelled rows. The unlabelled ones come in passes; what does
not fill a minibatch is left out of a pass. An epoch is a pass, or several where there would be more
than two hundred: small tables have passes of one update. Labelled rows come in passes of their own
(:mod:`sdae.train.two_orders`).

Axes: n rows, B rows of a minibatch, d_k units at depth k, m updates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from sdae.train.checkpoint_state import Extra, Extras, Kept, malformed
from sdae.train.epoch import Place
from sdae.train.ladder.task import LadderTask
from sdae.train.two_orders import EndlessPasses, late_decay

UPDATES, PASSES = "n_updates", "passes_per_epoch"
"""Names in a checkpoint. Those of earlier versions do not have the second: it is 1."""

_FEW_EPOCHS = 100


@dataclass(frozen=True)
class LadderPlan:
    """The plan of the training of a ladder.

    Attributes
    ----------
    n_unlabelled, n_labelled : int
        Unlabelled rows, the labelled among them; and labelled ones.
    n_updates : int
    batch_size : int
        B of both kinds; at most `n_unlabelled`.
    initial_rate : float
    seed : int
    passes : int
        Passes over the unlabelled rows in an epoch.
    """

    n_unlabelled: int
    n_labelled: int
    n_updates: int
    batch_size: int
    initial_rate: float
    seed: int
    passes: int = 1
    layer: None = None

    @property
    def n_batches(self) -> int:
        """Updates of an epoch."""
        return self.passes * self.updates_of_a_pass

    @property
    def n_rows(self) -> int:
        """Rows of an epoch; those of every pass count."""
        return self.n_batches * self.batch_size

    @property
    def updates_of_a_pass(self) -> int:
        """Updates of a pass over the unlabelled rows."""
        return n_batches(self.n_unlabelled, self.batch_size, drop_last=True)

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
        last, n_visited = epoch * self.passes, self.updates_of_a_pass * self.batch_size
        orders = [
            visiting_order(self._order_of(number), self.n_unlabelled)[:n_visited]
            for number in range(last - self.passes + 1, last + 1)
        ]
        return minibatches(self.n_rows, self.batch_size, order=np.concatenate(orders))

    def pass_of(self, update: int) -> int:
        """Return the pass over the unlabelled rows, from 1, that an update (from 0) is of."""
        return update // self.updates_of_a_pass + 1

    def passes_of(self, first: int, n_updates: int) -> NDArray[np.int64]:
        """Return the pass of each unlabelled row of some updates, (m B,)."""
        updates = np.arange(first, first + n_updates)
        return np.repeat(updates // self.updates_of_a_pass + 1, self.batch_size)

    @property
    def extra(self) -> Extra:
        """What a checkpoint saves of the plan."""
        return Extra({UPDATES: self.n_updates, PASSES: self.passes})

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

    def _order_of(self, number: int) -> NoiseKey:
        """Return the key of the order of a pass, from 1."""
        return NoiseKey(self.seed, Stream.UNLABELLED_ORDER, 0, number)


def plan_of(task: LadderTask, n_updates: int, seed: int, kept: Kept | None = None) -> LadderPlan:
    """Return the plan of some updates on the rows of a task; its epochs are those of a checkpoint.

    Raises
    ------
    FileFormatError
        If the checkpoint does not have such epochs.
    """
    one_pass = LadderPlan(
        n_unlabelled=len(task.unlabelled),
        n_labelled=len(task.labelled),
        n_updates=n_updates,
        batch_size=task.batch_size,
        initial_rate=task.config.learning_rate,
        seed=seed,
    )
    passes = max(1, one_pass.n_epochs // _FEW_EPOCHS)
    if kept is not None:
        before = Extras(kept).whole(PASSES) if PASSES in kept.extra else 1
        if before not in (1, passes):
            raise malformed(ValueError(f"it has {before} passes in an epoch"))
        passes = before
    return replace(one_pass, passes=passes)


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
