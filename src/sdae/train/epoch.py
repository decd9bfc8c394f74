"""The epochs of a layer or of the network: their minibatches, learning rates and places.

Axes: n rows, B rows of a minibatch.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdae.core.minibatches import Minibatches, Order, minibatches, n_batches
from sdae.core.randomness import NoiseKey, Stream, visiting_order
from sdae.core.windowed_order import WindowedOrder
from sdae.train.settings import FinetuningConfig, PretrainingConfig
from sdae.train.two_orders import late_decay


@dataclass(frozen=True)
class Place:
    """The progress of training a layer, or the network (`layer` is None).

    Attributes
    ----------
    epoch : int
        Number of the epoch, from 1.
    n_batches, n_samples : int
        Minibatches and samples done in this epoch.
    total : float
        The summed cost of those samples.
    seconds : float
        Time that they took.
    """

    layer: int | None
    epoch: int = 1
    n_batches: int = 0
    n_samples: int = 0
    total: float = 0.0
    seconds: float = 0.0

    @property
    def cost(self) -> float:
        """The mean cost of the samples done."""
        return self.total / self.n_samples

    def after(self, part: Minibatches, cost: float, seconds: float) -> "Place":
        """Return the place after more minibatches with the given summed cost."""
        return Place(
            self.layer,
            self.epoch,
            self.n_batches + len(part),
            self.n_samples + part.n_samples,
            self.total + cost,
            self.seconds + seconds,
        )


class AnyPlan(Protocol):
    """The plan of a stage, as its session sees it."""

    @property
    def layer(self) -> int | None:
        """The layer that is trained, or None."""
        ...

    @property
    def n_rows(self) -> int:
        """Rows of an epoch."""
        ...

    @property
    def n_epochs(self) -> int:
        """Number of epochs."""
        ...

    @property
    def n_batches(self) -> int:
        """Number of minibatches of an epoch."""
        ...

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch."""
        ...

    def minibatches(self, epoch: int) -> Minibatches:
        """Return the minibatches of an epoch, in the order of their visit."""
        ...

    def holds(self, place: Place) -> bool:
        """Return whether a place occurs in this training."""
        ...


@dataclass(frozen=True)
class Plan:
    """The plan of training a layer, or the network (`layer` is None).

    Attributes
    ----------
    layer : int or None
    n_rows : int
        n, rows of the training set.
    n_epochs : int
    initial_rate : float
        The learning rate before its schedule.
    config : PretrainingConfig or FinetuningConfig
        Settings of the stage.
    seed : int
        Seed of the order of the rows.
    falls_late : bool
        Whether the rate also falls to 0 in the last third of all updates, as it does where
        unlabelled rows are learned from.
    """

    layer: int | None
    n_rows: int
    n_epochs: int
    initial_rate: float
    config: PretrainingConfig | FinetuningConfig
    seed: int
    falls_late: bool = False

    @cached_property
    def n_batches(self) -> int:
        """Number of minibatches of an epoch."""
        return n_batches(self.n_rows, self.config.batch_size, self.config.drop_last)

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch; where it falls late, that of its first update."""
        rate = self.config.schedule.rate(self.initial_rate, epoch - 1, self.n_epochs)
        if not self.falls_late:
            return rate
        return rate * late_decay((epoch - 1) * self.n_batches, self.n_epochs * self.n_batches)

    def minibatches(self, epoch: int) -> Minibatches:
        """Return the minibatches of an epoch, in the order of their visit."""
        config, window = self.config, self.config.shuffle_window
        order: NDArray[np.int64] | Order | None = None
        if config.shuffle:
            key = (
                NoiseKey(self.seed, Stream.FINETUNING_ORDER, 0, epoch)
                if self.layer is None
                else NoiseKey(self.seed, Stream.PRETRAINING_ORDER, self.layer, epoch)
            )
            n_rows = self.n_rows
            order = (
                visiting_order(key, n_rows)
                if window is None
                else WindowedOrder(key, n_rows, window)
            )
        return minibatches(self.n_rows, config.batch_size, order=order, drop_last=config.drop_last)

    def holds(self, place: Place) -> bool:
        """Return whether a place occurs in this training."""
        n_samples = min(place.n_batches * self.config.batch_size, self.n_rows)
        return (
            place.epoch <= self.n_epochs
            and place.n_batches <= self.n_batches
            and place.n_samples == n_samples
        )


def all_at_once() -> int:
    """Return more minibatches than an epoch has."""
    return sys.maxsize


def slices(
    left: Minibatches, slice_samples: int, longest: Callable[[], int] = all_at_once
) -> Iterator[tuple[Minibatches, Minibatches]]:
    """Split minibatches into slices of about the number of samples that an engine takes at once.

    Each comes with the minibatches that follow it. The cost is checked between slices. Their size
    is a number of samples, not of seconds, so the result does not depend on the speed of the
    machine. `longest` is called before each slice and returns its maximum number of minibatches.
    """
    while len(left):
        n_steps = min(max(1, slice_samples // left.batch_size), longest())
        part, left = left[:n_steps], left[n_steps:]
        yield part, left
