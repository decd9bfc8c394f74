"""The state of a stage of training, and the steps that the loops of both stages share."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict

from sdae.core.errors import TrainingDivergedError
from sdae.core.minibatches import Minibatches
from sdae.train.callbacks import Callbacks, EpochEnded, PartStarted, SliceEnded, StageResumed
from sdae.train.checkpoint_state import Extra
from sdae.train.checkpointing import Keeper, State
from sdae.train.course import Course
from sdae.train.doctor import Doctor
from sdae.train.engines.choice import Engine
from sdae.train.engines.safeguard import NotFiniteError
from sdae.train.epoch import AnyPlan, Place, Plan, all_at_once, slices
from sdae.train.history import EpochRecord, Finding, History, findings_in
from sdae.train.optimizer_memory import OptimizerMemory
from sdae.train.processes.together import ALONE, Processes
from sdae.train.reading_ahead import Coming, nothing_is_read


class TrainingSession:
    """A running call of ``pretrain``, ``finetune`` or ``train_ladder``.

    Attributes
    ----------
    stage : {"pretraining", "finetuning", "ladder"}
    listeners : Callbacks
        Gets every event, and may ask to stop.
    keeper : Keeper
        Writes checkpoints.
    doctor : Doctor
        Checks every epoch for problems.
    memory : OptimizerMemory or None
        The optimisers of an earlier call, which this one continues.
    processes : Processes
        The processes that train together: each has a session, and the same records and place.
    records : list of EpochRecord
        Records of the finished epochs, in the order of training.
    place : Place
        The progress of training.
    plan, engine, course : AnyPlan, Engine, Course
        Plan, engine and epochs so far of the layer, or of the network; set by `begin`.
    """

    plan: AnyPlan
    engine: Engine
    course: Course

    def __init__(
        self,
        stage: str,
        listeners: Callbacks,
        keeper: Keeper,
        doctor: Doctor,
        memory: OptimizerMemory | None = None,
        processes: Processes = ALONE,
    ) -> None:
        self.stage = stage
        self.listeners = listeners
        self.keeper = keeper
        self.doctor = doctor
        self.memory = memory
        self.processes = processes
        self.records: list[EpochRecord] = []
        self.place = Place(None)
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether training ends here, by early stopping or because a callback asked for it."""
        return self._stopped or self.listeners.stop_requested

    @property
    def n_updates(self) -> int:
        """Updates done, in all epochs of the layer or of the network."""
        return (self.place.epoch - 1) * self.plan.n_batches + self.place.n_batches

    @property
    def ends_here(self) -> bool:
        """Whether the current epoch is the last of the layer or of the network."""
        return self.stopped or self.place.epoch == self.plan.n_epochs

    def stop(self) -> None:
        """End training at this place."""
        self._stopped = True

    def resume(self) -> History | None:
        """Restore the state of a checkpoint; return its history if the stage had ended."""
        kept = self.keeper.kept
        if kept is None:
            return None
        self.listeners.tell(StageResumed(self.stage, kept.history))
        if kept.complete:
            return kept.history
        self.records.extend(kept.history.records)
        self.doctor.remember(findings_in(self.records))
        return None

    def begin(self, plan: AnyPlan, engine: Engine) -> None:
        """Start or continue to train a layer or the network.

        Raises
        ------
        FileFormatError
            If a checkpoint is not of this plan and engine.
        """
        self.plan, self.engine = plan, engine
        self.course = Course(record for record in self.records if record.layer == plan.layer)
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
        if self.memory is not None and isinstance(plan, Plan) and plan.n_epochs > 0:
            self.memory.give(self.stage, plan, engine)
        self.place = self.keeper.start(plan, engine)

    def end(self) -> None:
        """Remember the state of the optimiser, now that the layer or the network is trained."""
        plan = self.plan
        if self.memory is not None and isinstance(plan, Plan) and plan.n_epochs > 0:
            self.memory.keep(self.stage, plan, self.engine)

    def epochs(self) -> Iterator[int]:
        """Yield the epochs, from the current place on, until training is stopped."""
        for epoch in range(self.place.epoch, self.plan.n_epochs + 1):
            if epoch != self.place.epoch:
                self.place = Place(self.plan.layer, epoch)
            yield epoch
            if self.stopped:
                return

    def slices(
        self, longest: Callable[[], int] = all_at_once, coming: Coming = nothing_is_read
    ) -> Iterator[Minibatches]:
        """Yield the rest of the epoch in slices of minibatches, until training is stopped.

        The engine sets the number of samples of a slice; `longest` is called before each slice and
        returns its maximum number of minibatches. `coming` gets each slice, and what follows it.
        """
        rest = self.plan.minibatches(self.place.epoch)[self.place.n_batches :]
        for part, left in slices(rest, self.engine.slice_samples, longest):
            coming(part, left)
            yield part
            if self.stopped:
                return

    def train(self, part: Minibatches) -> None:
        """Do a step on each minibatch.

        Raises
        ------
        TrainingDivergedError
            If the cost becomes infinite or NaN.
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
        """Write a checkpoint after a slice, if one is due and training continues.

        `extra` returns what else to save.

        Raises
        ------
        BaseException
            The interruption of training.
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
        self.processes.said_by_first(True)  # a checkpoint takes longer than a step may

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

    def course_with(self, record: EpochRecord) -> Course:
        """Add the record of this epoch to the course of the layer or of the network; return it."""
        self.course.add(record)
        return self.course

    def end_epoch(self, record: EpochRecord, findings: tuple[Finding, ...]) -> None:
        """Add the record of the epoch, with the findings of the doctor."""
        record = record.with_findings(findings)
        if self.processes.size > 1:  # times and findings are those of the first process
            record = EpochRecord.from_values(self.processes.said_by_first(asdict(record)))
        self.records.append(record)
        self.listeners.tell(EpochEnded(self.records[-1]))

    def _diverged(self, error: NotFiniteError) -> TrainingDivergedError:
        stage, layer, epoch = self.stage, self.place.layer, self.place.epoch
        where = stage if layer is None else f"{stage}, layer {layer}"
        return TrainingDivergedError(
            f"{error.what} is not finite ({where}, epoch {epoch}, at sample {error.sample}, "
            f"learning rate {self.plan.rate(epoch):g}). The parameters are those from before that "
            "part of the epoch. Lower the learning rate, or scale the data."
        )
