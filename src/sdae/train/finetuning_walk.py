"""The walk of one fine-tuning: updates, validations, the best so far, and when to stop."""

import math

import torch
from torch import Tensor

from sdae.core.minibatches import Minibatches, minibatches
from sdae.core.randomness import NoiseKey, Stream, visiting_order
from sdae.core.rows import RowSource
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.callbacks import (
    Callbacks,
    EpochEnded,
    PartStarted,
    ValidationImproved,
)
from sdae.train.checkpoint_state import Extras
from sdae.train.checkpointing import Extra, Keeper
from sdae.train.doctor import Doctor
from sdae.train.early_stopping import EarlyStopping
from sdae.train.engines.choice import Engine
from sdae.train.epoch import Epoch, Extent, Place, first_slice
from sdae.train.history import FINETUNING, EpochRecord, History, findings_in
from sdae.train.scoring import ScoredRows, error_of
from sdae.train.settings import FinetuningConfig


class FinetuningWalk:
    """The walk of one call of ``finetune``: updates, validations, the best so far."""

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        rows: RowSource,
        y: Tensor,
        scored: dict[str, ScoredRows],
        config: FinetuningConfig,
        seed: int,
        listeners: Callbacks,
        engine: Engine,
        keeper: Keeper,
        doctor: Doctor,
    ) -> None:
        self._stack = stack
        self._rows = rows
        self._y = y
        self._scored = scored
        self._config = config
        self._seed = seed
        self._listeners = listeners
        self._engine = engine
        self._keeper = keeper
        self._doctor = doctor
        self._records: list[EpochRecord] = []
        self._best_parameters: list[Tensor] = []
        self._best_epoch: int | None = None
        self._validation_error: float | None = None
        self._test_error: float | None = None
        self._best_test_error: float | None = None

    def run(self, n_updates: int) -> History:
        """Train for `n_updates` updates an epoch until an end is reached."""
        config, listeners, engine = self._config, self._listeners, self._engine
        rule = EarlyStopping(
            n_updates,
            config.patience_epochs,
            config.patience_increase,
            config.improvement_threshold,
        )
        n_rows = len(self._rows)
        listeners.tell(
            PartStarted(FINETUNING, None, config.epochs, n_rows, engine.name, engine.compiles)
        )
        extent = Extent(config.epochs, n_rows, config.batch_size, config.drop_last)
        place = self._keeper.start(None, engine, extent)
        self._go_on(rule)
        stopped = False
        try:
            for epoch in range(place.epoch, config.epochs + 1):
                rate = config.schedule.rate(config.learning_rate, epoch - 1, config.epochs)
                if epoch != place.epoch:
                    place = Place(None, epoch)
                    self._validation_error = self._test_error = None
                progress = Epoch(engine, listeners, FINETUNING, place, rate)
                stopped = self._train_epoch(epoch, progress, rule, (epoch - 1) * n_updates)
                record = progress.record(self._validation_error, self._test_error)
                findings = self._doctor.after_finetuning_epoch(
                    self._stack,
                    self._rows,
                    self._y,
                    [*self._records, record],
                    last=stopped or epoch == config.epochs,
                )
                self._records.append(record.with_findings(findings))
                listeners.tell(EpochEnded(self._records[-1]))
                stopped = stopped or listeners.stop_requested
                if stopped:
                    break
        except KeyboardInterrupt:
            self._restore_best()  # whoever catches it goes on with the best so far
            raise
        self._restore_best()
        return History(
            tuple(self._records),
            best_epoch=self._best_epoch,
            best_validation_error=None if self._best_epoch is None else rule.best_error,
            test_error=self._best_test_error,
            stopped_early=stopped,
        )

    def _train_epoch(
        self, epoch: int, progress: Epoch, rule: EarlyStopping, first_update: int
    ) -> bool:
        """Go through the training set once; return whether training ends here."""
        validates = "validation" in self._scored
        stops_early = validates and self._config.early_stopping
        batches = self._minibatches(epoch)
        while (done := progress.n_batches) < len(batches):
            # Up to the next update after which there is something to decide.
            until = (
                rule.updates_until_decision(first_update + done)
                if stops_early
                else rule.updates_until_validation(first_update + done)
            )
            part = first_slice(batches[done : done + until], self._engine.slice_samples)
            progress.train(part)
            if self._listeners.stop_requested:
                return True
            t = first_update + progress.n_batches - 1  # the update just done, counted from 0
            if validates and rule.validation_due(t):
                self._validate(t, epoch, rule)
            if self._listeners.stop_requested or (stops_early and rule.ended(t)):
                return True
            self._keeper.after_slice(
                progress,
                self._engine,
                self._records,
                n_steps=len(part),
                epoch_ended=progress.n_batches == len(batches),
                extra=lambda: self._state(rule),
            )
        return False

    def _state(self, rule: EarlyStopping) -> Extra:
        """Return what a checkpoint keeps beside parameters, place and records."""
        best = {f"best.{number}": p for number, p in enumerate(self._best_parameters)}
        return {
            "patience": rule.patience,
            "best_error": rule.best_error if math.isfinite(rule.best_error) else None,
            "best_epoch": self._best_epoch,
            "best_test_error": self._best_test_error,
            "validation_error": self._validation_error,
            "test_error": self._test_error,
        }, best

    def _go_on(self, rule: EarlyStopping) -> None:
        """Take up what a checkpoint kept, if there is one.

        Raises
        ------
        FileFormatError
            If it is malformed.
        """
        kept = self._keeper.kept
        if kept is None:
            return
        read = Extras(kept)
        best_error = read.error("best_error")
        rule.go_on(read.number("patience"), math.inf if best_error is None else best_error)
        self._records.extend(kept.history.records)
        self._doctor.remember(findings_in(self._records))
        self._best_epoch = read.epoch("best_epoch")
        self._best_test_error = read.error("best_test_error")
        self._validation_error = read.error("validation_error")
        self._test_error = read.error("test_error")
        self._best_parameters = read.best_parameters(list(self._stack.mlp.parameters()))

    def _validate(self, t: int, epoch: int, rule: EarlyStopping) -> None:
        """Measure the validation error; if it is the lowest so far, score the test set too."""
        error = self._error("validation")
        if self._validation_error is None or error < self._validation_error:
            self._validation_error = error  # the lowest of the epoch
        if not rule.record(t, error):
            return
        self._best_epoch = epoch
        if self._config.restore_best:
            self._best_parameters = [p.detach().clone() for p in self._stack.mlp.parameters()]
        if "test" in self._scored:
            self._test_error = self._best_test_error = self._error("test")
        self._listeners.tell(ValidationImproved(epoch, error, self._test_error))

    def _error(self, name: str) -> float:
        return error_of(self._stack, self._scored[name])

    def _minibatches(self, epoch: int) -> Minibatches:
        order = None
        if self._config.shuffle:
            key = NoiseKey(self._seed, Stream.FINETUNING_ORDER, 0, epoch)
            order = visiting_order(key, len(self._rows))
        return minibatches(
            len(self._rows),
            self._config.batch_size,
            order=order,
            drop_last=self._config.drop_last,
        )

    def _restore_best(self) -> None:
        with torch.no_grad():
            for parameter, best in zip(
                self._stack.mlp.parameters(), self._best_parameters, strict=False
            ):
                parameter.copy_(best)
