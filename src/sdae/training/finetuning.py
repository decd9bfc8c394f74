"""Supervised fine-tuning of the whole network, with the tutorial's early stopping."""

import math
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import torch
from torch import Tensor

from sdae.arrays import Array
from sdae.checkpoints.folder import Checkpoint, checkpoint_of
from sdae.config.training import FinetuningConfig
from sdae.devices import resolve_device
from sdae.engines.choice import Engine, finetuning_engine
from sdae.errors import InvalidParameterError
from sdae.minibatches import Minibatches, minibatches, n_batches
from sdae.randomness import NoiseKey, Stream, check_seed, visiting_order
from sdae.rows import RowSource
from sdae.specs import Schedule
from sdae.stack import StackedDenoisingAutoencoder
from sdae.targets import weight_tensor
from sdae.training.callbacks import (
    Callback,
    Callbacks,
    EpochEnded,
    PartStarted,
    StageEnded,
    StageResumed,
    StageStarted,
    ValidationImproved,
    log_findings,
)
from sdae.training.doctor import Doctor
from sdae.training.early_stopping import EarlyStopping
from sdae.training.epoch import Epoch, Place, first_slice
from sdae.training.history import FINETUNING, EpochRecord, History, findings_in
from sdae.training.identity import identity_of
from sdae.training.keeping import Extra, Extras, Keeper, keeping
from sdae.training.scoring import LabelledRows, error_of, labelled_rows


def finetune(
    stack: StackedDenoisingAutoencoder,
    train: LabelledRows,
    validation: LabelledRows | None,
    test: LabelledRows | None = None,
    *,
    epochs: int = 1000,
    learning_rate: float = 0.1,
    batch_size: int = 1,
    shuffle: bool = False,
    drop_last: bool = False,
    optimizer: str = "sgd",
    momentum: float = 0.0,
    nesterov: bool = False,
    schedule: Schedule | str = "constant",
    weight_decay: float = 0.0,
    max_norm: float | None = None,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
    early_stopping: bool = True,
    patience_epochs: int = 10,
    patience_increase: float = 2.0,
    improvement_threshold: float = 0.995,
    restore_best: bool = True,
    sample_weight: Array | None = None,
    engine: str = "auto",
    device: str | None = None,
    seed: int = 0,
    checkpoint: Checkpoint | str | Path | None = None,
    callbacks: Iterable[Callback] = (),
) -> History:
    """Train the whole network on labelled rows.

    The cost of a row is the negative log-likelihood of its class or, with a regression head, half
    the mean of (ŷ − y)² over the targets.

    All parameters but the visible biases (and untied decoder weights) are trained.

    Parameters
    ----------
    stack : StackedDenoisingAutoencoder
        With a head; trained in place.
    train : (x, y)
        Rows (n, n_visible), of any form :func:`sdae.pretrain` takes, and their classes (n,),
        integers in [0, n_classes); for a regression head values (n, n_targets), or (n,) for one
        target.
    validation : (x, y) or None
        Rows that decide when to stop and which parameters are best. None: no early stopping, the
        last parameters are kept.
    test : (x, y) or None
        Scored whenever the validation error is the lowest so far; it decides nothing.
    epochs : int, default 1000
        At most this many passes.
    learning_rate : float, default 0.1
        Initial rate, on the gradient of the mean cost of a minibatch.
    batch_size, shuffle, drop_last, optimizer, momentum, nesterov, schedule, weight_decay
        As in :func:`sdae.pretrain`.
    max_norm : float or None
        Largest norm of a hidden unit's incoming weights (Srivastava et al. 2014, section 5.1).
    dropout, input_dropout : float in [0, 0.99], default 0
        Probability with which a hidden unit, or an input component, is left out of a step.
    early_stopping : bool, default True
        The tutorial's rule; see :class:`sdae.training.early_stopping.EarlyStopping`. False runs
        all epochs, still validating.
    patience_epochs, patience_increase, improvement_threshold
        Its constants, the tutorial's by default.
    restore_best : bool, default True
        End with the parameters of the lowest validation error, not with the last.
    sample_weight : array of shape (n,) or None
        Weights ≥ 0 of the training rows, scaled to mean 1; each multiplies the cost of its row.
    engine, device, seed, checkpoint, callbacks
        As in :func:`sdae.pretrain`.

    Returns
    -------
    History
        A record per epoch; the best epoch, its validation error and its test error: shares of rows
        classified wrongly, or in regression mean squared errors.

    Raises
    ------
    InvalidParameterError
        If a parameter is not what it must be, or the stack has no head.
    DataError
        If rows, labels, values or weights have the wrong shape, type or range.
    TrainingDivergedError
        If the cost is not finite any more.
    FileAccessError, FileFormatError
        If checkpoints cannot be written, are in use by another process, or are all damaged.

    Examples
    --------
    >>> import numpy as np
    >>> from sdae import StackedDenoisingAutoencoder, finetune
    >>> x = np.random.default_rng(0).random((90, 8), dtype=np.float32)
    >>> y = (x[:, 0] > 0.5).astype(np.int64)
    >>> train, validation, test = (x[:50], y[:50]), (x[50:70], y[50:70]), (x[70:], y[70:])
    >>> stack = StackedDenoisingAutoencoder(8, (20,), n_classes=2)
    >>> history = finetune(stack, train, validation, test, epochs=100, learning_rate=0.5)
    >>> history.test_error < 0.3
    True
    """
    config = FinetuningConfig.read(
        {
            "epochs": epochs,
            "learning_rate": learning_rate,
            "batch_size": batch_size,
            "shuffle": shuffle,
            "drop_last": drop_last,
            "optimizer": optimizer,
            "momentum": momentum,
            "nesterov": nesterov,
            "schedule": schedule,
            "weight_decay": weight_decay,
            "max_norm": max_norm,
            "dropout": dropout,
            "input_dropout": input_dropout,
            "early_stopping": early_stopping,
            "patience_epochs": patience_epochs,
            "patience_increase": patience_increase,
            "improvement_threshold": improvement_threshold,
            "restore_best": restore_best,
            "engine": engine,
        },
        "finetune",
    )
    return run_finetuning(
        stack,
        train,
        validation,
        test,
        config,
        sample_weight=sample_weight,
        device=device,
        seed=seed,
        checkpoint=checkpoint,
        callbacks=[log_findings, *callbacks],
    )


def run_finetuning(
    stack: StackedDenoisingAutoencoder,
    train: LabelledRows,
    validation: LabelledRows | None,
    test: LabelledRows | None,
    config: FinetuningConfig,
    *,
    sample_weight: Array | None = None,
    device: str | None = None,
    seed: int = 0,
    checkpoint: Checkpoint | str | Path | None = None,
    stage: str = FINETUNING,
    known_by: Mapping[str, str] | None = None,
    callbacks: Iterable[Callback] = (),
) -> History:
    """Fine-tune as a validated `config` says; see :func:`finetune`.

    `stage` names the checkpoints, where several such calls share a folder; `known_by` is what else
    tells this training from others, such as the settings of callbacks that stop it.
    """
    seed = check_seed(seed, "finetune")
    if device is not None:
        stack.to(resolve_device(device))
    rows, y = labelled_rows(stack, train, "training")
    weights = None
    if sample_weight is not None:
        weights = weight_tensor(sample_weight, len(rows), "finetune", stack.head.weight)
    scored = {
        name: labelled_rows(stack, split, name)
        for name, split in (("validation", validation), ("test", test))
        if split is not None
    }
    n_updates = n_batches(len(rows), config.batch_size, config.drop_last)
    if n_updates == 0:
        raise InvalidParameterError(
            f"The batch_size parameter of finetune must be at most the {len(rows)} training rows "
            f"with drop_last. Got {config.batch_size} instead."
        )
    listeners = Callbacks(callbacks)
    data = {"x": rows, "y": y, "sample_weight": weights, **_flat(scored)}
    listeners.tell(StageStarted(FINETUNING, 1))
    with (
        keeping(
            stack,
            stage,
            checkpoint_of(checkpoint, "finetune"),
            lambda: {
                **identity_of(stack, config, seed, data),
                **(known_by or {}),
            },
        ) as keeper,
        closing(finetuning_engine(stack, rows, y, config, seed, weights)) as engine,
    ):
        if keeper.kept is not None:
            listeners.tell(StageResumed(FINETUNING, keeper.kept.history))
            if keeper.kept.complete:
                return keeper.kept.history
        walk = _Finetuning(stack, rows, y, scored, config, seed, listeners, engine, keeper)
        history = walk.run(n_updates)
        keeper.end(history)
    listeners.tell(StageEnded(FINETUNING, history))
    return history


def _flat(scored: dict[str, tuple[RowSource, Tensor]]) -> dict[str, RowSource | Tensor]:
    """Return the sets that are scored, a name for each part."""
    flat: dict[str, RowSource | Tensor] = {}
    for name, (x, y) in scored.items():
        flat[f"x of the {name} set"] = x
        flat[f"y of the {name} set"] = y
    return flat


class _Finetuning:
    """The walk of one call of ``finetune``: updates, validations, the best so far."""

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        rows: RowSource,
        y: Tensor,
        scored: dict[str, tuple[RowSource, Tensor]],
        config: FinetuningConfig,
        seed: int,
        listeners: Callbacks,
        engine: Engine,
        keeper: Keeper,
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
        self._doctor = Doctor()
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
        place = self._keeper.start(None, engine)
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
        """Go through the training set once; tell whether training ends here."""
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
        return error_of(self._stack, *self._scored[name])

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
