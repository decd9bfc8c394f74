"""One epoch, slice by slice: what pre-training and fine-tuning have in common."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from sdae.core.errors import TrainingDivergedError
from sdae.core.minibatches import Minibatches, n_batches
from sdae.train.callbacks import Callbacks, SliceEnded
from sdae.train.engines.choice import Engine
from sdae.train.engines.safeguard import NotFiniteError
from sdae.train.history import EpochRecord


@dataclass(frozen=True)
class Place:
    """How far the training of a layer, or of the network (`layer` is None), has come.

    Attributes
    ----------
    epoch : int
        From 1.
    n_batches, n_samples : int
        Done in this epoch.
    total : float
        The summed cost of those samples.
    seconds : float
        That they took.
    """

    layer: int | None
    epoch: int = 1
    n_batches: int = 0
    n_samples: int = 0
    total: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Extent:
    """How far the training of a layer, or of the network, can come."""

    n_epochs: int
    n_rows: int
    batch_size: int
    drop_last: bool

    def holds(self, place: Place) -> bool:
        """Return whether training can come to a place."""
        most = n_batches(self.n_rows, self.batch_size, self.drop_last)
        n_samples = min(place.n_batches * self.batch_size, self.n_rows)
        return (
            place.epoch <= self.n_epochs
            and place.n_batches <= most
            and place.n_samples == n_samples
        )


class Epoch:
    """The running cost and time of one epoch, from a place in it."""

    def __init__(
        self, engine: Engine, callbacks: Callbacks, stage: str, place: Place, rate: float
    ) -> None:
        self._engine = engine
        self._callbacks = callbacks
        self._stage = stage
        self._layer = place.layer
        self._epoch = place.epoch
        self._rate = rate
        self.n_batches = place.n_batches
        self._n_samples = place.n_samples
        self._total = place.total
        self._seconds = place.seconds

    @property
    def place(self) -> Place:
        """How far it has come."""
        return Place(
            self._layer,
            self._epoch,
            self.n_batches,
            self._n_samples,
            self._total,
            self._seconds,
        )

    def train(self, minibatches: Minibatches) -> None:
        """Do a step on each minibatch.

        Raises
        ------
        TrainingDivergedError
            If the cost is not finite any more.
        """
        start = time.perf_counter()
        try:
            self._total += float(self._engine.train(minibatches, self._epoch, self._rate))
        except NotFiniteError as error:
            raise self._diverged(error) from None
        self._seconds += time.perf_counter() - start
        self.n_batches += len(minibatches)
        self._n_samples += len(minibatches.joined.samples)
        cost = self._total / self._n_samples
        self._callbacks.tell(
            SliceEnded(self._stage, self._layer, self._epoch, self._n_samples, cost)
        )

    def record(
        self,
        validation_error: float | None = None,
        test_error: float | None = None,
    ) -> EpochRecord:
        """Return the record of the epoch."""
        return EpochRecord(
            stage=self._stage,
            layer=self._layer,
            epoch=self._epoch,
            cost=self._total / self._n_samples,
            validation_error=validation_error,
            test_error=test_error,
            learning_rate=self._rate,
            seconds=self._seconds,
            samples_per_second=self._n_samples / max(self._seconds, 1e-9),
            engine=self._engine.name,
        )

    def _diverged(self, error: NotFiniteError) -> TrainingDivergedError:
        where = self._stage if self._layer is None else f"{self._stage}, layer {self._layer}"
        return TrainingDivergedError(
            f"{error.what} is not finite any more ({where}, epoch {self._epoch}, at sample "
            f"{error.sample}, learning rate {self._rate:g}). The parameters are kept as they were "
            "before that part of the epoch. Lower the learning rate, or scale the data."
        )


def slices(minibatches: Minibatches, slice_samples: int) -> Iterator[Minibatches]:
    """Cut minibatches into slices of about as many samples as an engine wants at once.

    Between two slices there is a look at the cost. A number of samples, not of seconds: the result
    is the same however fast the machine is.
    """
    while len(minibatches):
        part = first_slice(minibatches, slice_samples)
        yield part
        minibatches = minibatches[len(part) :]


def first_slice(minibatches: Minibatches, slice_samples: int) -> Minibatches:
    """Return the first of the slices."""
    return minibatches[: max(1, slice_samples // minibatches.batch_size)]
