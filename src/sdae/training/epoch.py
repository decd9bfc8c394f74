"""One epoch, slice by slice: what pre-training and fine-tuning have in common."""

import math
import time

from sdae.engines.choice import Engine
from sdae.engines.slices import NotFiniteError
from sdae.errors import TrainingDivergedError
from sdae.minibatches import Minibatches
from sdae.training.callbacks import Callbacks, SliceEnded
from sdae.training.history import EpochRecord


class Epoch:
    """The running cost and time of one epoch of one layer, or of the network (`layer` is None)."""

    def __init__(
        self,
        engine: Engine,
        callbacks: Callbacks,
        *,
        stage: str,
        layer: int | None,
        epoch: int,
        rate: float,
    ) -> None:
        self._engine = engine
        self._callbacks = callbacks
        self._stage = stage
        self._layer = layer
        self._epoch = epoch
        self._rate = rate
        self._total = 0.0
        self._n_samples = 0
        self._seconds = 0.0

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
            kept = "The parameters are kept as they were before that part of the epoch. "
            raise self._diverged(error.what, f"at sample {error.sample}", kept) from None
        self._seconds += time.perf_counter() - start
        first = self._n_samples
        self._n_samples += len(minibatches.joined.samples)
        if not math.isfinite(self._total):
            place = f"among samples {first} to {self._n_samples - 1} of the visiting order"
            raise self._diverged("The cost", place, "")
        cost = self._total / self._n_samples
        self._callbacks.tell(
            SliceEnded(self._stage, self._layer, self._epoch, self._n_samples, cost)
        )

    def record(
        self, validation_error: float | None = None, test_error: float | None = None
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

    def _diverged(self, what: str, place: str, kept: str) -> TrainingDivergedError:
        where = self._stage if self._layer is None else f"{self._stage}, layer {self._layer}"
        return TrainingDivergedError(
            f"{what} is not finite any more ({where}, epoch {self._epoch}, {place}, learning "
            f"rate {self._rate:g}). {kept}Lower the learning rate, or scale the data."
        )


def slices(minibatches: Minibatches, slice_samples: int) -> list[Minibatches]:
    """Cut minibatches into slices of about as many samples as an engine wants at once.

    Between two slices there is a look at the cost. A number of samples, not of seconds: the result
    is the same however fast the machine is.
    """
    n_steps = max(1, slice_samples // minibatches.batch_size)
    return [minibatches[i : i + n_steps] for i in range(0, len(minibatches), n_steps)]
