"""What a stage of training holds while it runs, and what both loops do in each of their steps."""

import time
from collections.abc import Callable, Iterator

from sdae.core.errors import TrainingDivergedError
from sdae.core.minibatches import Minibatches
from sdae.train.callbacks import Callbacks, EpochEnded, PartStarted, SliceEnded, StageResumed
from sdae.train.checkpoint_state import Extra
from sdae.train.checkpointing import Keeper, State
from sdae.train.doctor import Doctor
from sdae.train.engines.choice import Engine
from sdae.train.engines.safeguard import NotFiniteError
from sdae.train.epoch import Place, Plan, all_at_once, slices
from sdae.train.history import EpochRecord, Finding, History, findings_in


class TrainingSession:
    """One call of ``pretrain`` or ``finetune`` while it trains.

    Attributes
    ----------
    stage : {"pretraining", "finetuning"}
    listeners : Callbacks
        Who is told of every event, and may ask to stop.
    keeper : Keeper
        Who writes checkpoints.
    doctor : Doctor
        Who looks at every epoch for what goes wrong.
    records : list of EpochRecord
        Of the epochs that ended, in the order of training.
    place : Place
        How far training has come.
    plan, engine : Plan, Engine
        Of the layer, or of the network, that is trained; set by `begin`.
    """

    plan: Plan
    engine: Engine

    def __init__(self, stage: str, listeners: Callbacks, keeper: Keeper, doctor: Doctor) -> None:
        self.stage = stage
        self.listeners = listeners
        self.keeper = keeper
        self.doctor = doctor
        self.records: list[EpochRecord] = []
        self.place = Place(None)
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether training ends here: by early stopping, or since a callback asked for it."""
        return self._stopped or self.listeners.stop_requested

    @property
    def n_updates(self) -> int:
        """Updates done, in all epochs of the layer or of the network."""
        return (self.place.epoch - 1) * self.plan.n_batches + self.place.n_batches

    @property
    def ends_here(self) -> bool:
        """Whether the epoch at hand is the last of the layer or of the network."""
        return self.stopped or self.place.epoch == self.plan.n_epochs

    def stop(self) -> None:
        """End training at this place."""
        self._stopped = True

    def resume(self) -> History | None:
        """Take up what a checkpoint kept; return its history if the stage had ended."""
        kept = self.keeper.kept
        if kept is None:
            return None
        self.listeners.tell(StageResumed(self.stage, kept.history))
        if kept.complete:
            return kept.history
        self.records.extend(kept.history.records)
        self.doctor.remember(findings_in(self.records))
        return None

    def begin(self, plan: Plan, engine: Engine) -> None:
        """Begin to train a layer, or the network, or go on with it.

        Raises
        ------
        FileFormatError
            If a checkpoint is not of this plan and engine.
        """
        self.plan, self.engine = plan, engine
        self.listeners.tell(
            PartStarted(
                self.stage,
                plan.layer,
                plan.n_epochs,
                plan.n_rows,
                engine.name,
                engine.compiles and plan.n_epochs > 0,
            )
        )
        self.place = self.keeper.start(plan, engine)

    def epochs(self) -> Iterator[int]:
        """Go through the epochs, from the place on, until training is stopped."""
        for epoch in range(self.place.epoch, self.plan.n_epochs + 1):
            if epoch != self.place.epoch:
                self.place = Place(self.plan.layer, epoch)
            yield epoch
            if self.stopped:
                return

    def slices(self, longest: Callable[[], int] = all_at_once) -> Iterator[Minibatches]:
        """Go through what is left of the epoch, some minibatches at a time, until it is stopped.

        The engine says how many samples it wants at once; `longest` says before each slice how many
        minibatches it may have at most.
        """
        left = self.plan.minibatches(self.place.epoch)[self.place.n_batches :]
        for part in slices(left, self.engine.slice_samples, longest):
            yield part
            if self.stopped:
                return

    def train(self, part: Minibatches) -> None:
        """Do a step on each minibatch.

        Raises
        ------
        TrainingDivergedError
            If the cost is not finite any more.
        """
        start, epoch = time.perf_counter(), self.place.epoch
        try:
            cost = float(self.engine.train(part, epoch, self.plan.rate(epoch)))
        except NotFiniteError as error:
            raise self._diverged(error) from None
        place = self.place = self.place.after(part, cost, time.perf_counter() - start)
        self.listeners.tell(
            SliceEnded(self.stage, place.layer, place.epoch, place.n_samples, place.cost)
        )

    def save_if_due(self, part: Minibatches, extra: Callable[[], Extra] = Extra) -> None:
        """Write a checkpoint after a slice, if one is due and training goes on.

        `extra` returns what else it is to keep.

        Raises
        ------
        BaseException
            What interrupts training.
        FileAccessError
            If the checkpoint cannot be written; the earlier ones are then intact.
        """
        if self.stopped:
            return
        self.keeper.after_slice(
            len(part),
            lambda: State(self.place, History(tuple(self.records)), self.engine, extra()),
            epoch_ended=self.place.n_batches == self.plan.n_batches,
        )

    def record(
        self, validation_error: float | None = None, test_error: float | None = None
    ) -> EpochRecord:
        """Return the record of the epoch, up to the place."""
        place = self.place
        return EpochRecord(
            stage=self.stage,
            layer=place.layer,
            epoch=place.epoch,
            cost=place.cost,
            validation_error=validation_error,
            test_error=test_error,
            learning_rate=self.plan.rate(place.epoch),
            seconds=place.seconds,
            samples_per_second=place.n_samples / max(place.seconds, 1e-9),
            engine=self.engine.name,
        )

    def records_with(self, record: EpochRecord) -> list[EpochRecord]:
        """Return the records of the layer, or of the network, and one more."""
        return [*(before for before in self.records if before.layer == record.layer), record]

    def end_epoch(self, record: EpochRecord, findings: tuple[Finding, ...]) -> None:
        """Add the record of the epoch, with what the doctor found."""
        self.records.append(record.with_findings(findings))
        self.listeners.tell(EpochEnded(self.records[-1]))

    def _diverged(self, error: NotFiniteError) -> TrainingDivergedError:
        stage, layer, epoch = self.stage, self.place.layer, self.place.epoch
        where = stage if layer is None else f"{stage}, layer {layer}"
        return TrainingDivergedError(
            f"{error.what} is not finite any more ({where}, epoch {epoch}, at sample "
            f"{error.sample}, learning rate {self.plan.rate(epoch):g}). The parameters are kept as "
            "they were before that part of the epoch. Lower the learning rate, or scale the data."
        )
