"""Supervised fine-tuning of the whole network, with the tutorial's early stopping."""

from collections.abc import Iterable, Sequence, Set
from contextlib import closing
from pathlib import Path

from sdae.core.conversions import Array
from sdae.core.devices import resolve_device
from sdae.core.errors import ProcessLostError
from sdae.core.kinds.schedules import Schedule
from sdae.core.randomness import check_seed
from sdae.core.rows import RowsLike
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.surroundings import undisturbed
from sdae.core.threads import usable_threads
from sdae.train.alike import check_alike
from sdae.train.beforehand import FinetuningTask, check_finetuning
from sdae.train.callbacks import (
    Callback,
    Callbacks,
    StageEnded,
    StageStarted,
    log_compiling,
    log_findings,
)
from sdae.train.checkpointing import keeping
from sdae.train.checkpoints.checkpoint_folder import Checkpoint, checkpoint_of
from sdae.train.consistency.automatic import settled_on
from sdae.train.consistency.noise import with_noise
from sdae.train.doctor import Doctor
from sdae.train.engines.choice import finetuning_engine
from sdae.train.epoch import Plan
from sdae.train.history import FINETUNING, History
from sdae.train.identity import Identity, identity_of
from sdae.train.labelled import LabelledRows
from sdae.train.optimizer_memory import OptimizerMemory
from sdae.train.processes.shares import warn_of_few_rows
from sdae.train.processes.started import joined
from sdae.train.processes.together import ALONE, Processes
from sdae.train.reading_ahead import reading_ahead
from sdae.train.ready import make_ready
from sdae.train.session import TrainingSession
from sdae.train.settings import FinetuningConfig
from sdae.train.validation import Validator


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
    shuffle_window: int | None = None,
    drop_last: bool = False,
    optimizer: str = "sgd",
    momentum: float = 0.0,
    nesterov: bool = False,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
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
    semi_supervised: str | Sequence[str] | None = None,
    unlabeled: RowsLike | None = None,
    sample_weight: Array | None = None,
    engine: str = "auto",
    deterministic: bool = False,
    precision: str = "float32",
    device: str | None = None,
    seed: int = 0,
    checkpoint: Checkpoint | str | Path | None = None,
    callbacks: Iterable[Callback] = (),
) -> History:
    """Train the whole network on labelled rows.

    The cost of a row is the negative log-likelihood of its class or, with a regression head, half
    the mean of (ŷ − y)² over the targets.

    All parameters but the visible biases (and untied decoder weights) are trained. Several
    processes share each minibatch, as in :func:`sdae.pretrain`.

    Parameters
    ----------
    stack : StackedDenoisingAutoencoder
        A stack with a head; trained in place.
    train : (x, y)
        Rows (n, n_visible), of any form :func:`sdae.pretrain` takes, and their classes (n,),
        integers in [0, n_classes); for a regression head values (n, n_targets), or (n,) for one
        target.
    validation : (x, y) or None
        Rows that decide when to stop and which parameters are best. None: no early stopping, and
        the last parameters are kept.
    test : (x, y) or None
        Scored whenever the validation error is the lowest so far; it has no effect on training.
    epochs : int, default 1000
        At most this many passes.
    learning_rate : float, default 0.1
        Initial rate, on the gradient of the mean cost of a minibatch.
    batch_size, shuffle, shuffle_window, drop_last, schedule, weight_decay
        As in :func:`sdae.pretrain`.
    optimizer, momentum, nesterov, beta_1, beta_2, epsilon
        As in :func:`sdae.pretrain`.
    max_norm : float or None
        Largest norm of a hidden unit's incoming weights (Srivastava et al. 2014, section 5.1).
    dropout, input_dropout : float in [0, 0.99], default 0
        Probability with which a hidden unit, or an input component, is left out of a step.
    early_stopping : bool, default True
        The tutorial's rule; see :class:`sdae.train.early_stopping.EarlyStopping`. False runs
        all epochs, still validating.
    patience_epochs, patience_increase, improvement_threshold
        Its constants, the tutorial's by default.
    restore_best : bool, default True
        End with the parameters of the lowest validation error, not with the last.
    semi_supervised : str, sequence of str or None, default None
        What is learned from unlabelled rows: ``label_spreading`` (the labels that spread over a
        graph of 10 neighbours), ``mean_teacher`` (the answers of the mean of the last networks),
        ``vat`` (answers that do not change in the direction that changes them most, and are
        sure), or several; or ``auto``, the rule of ``SDAEClassifier``, which looks at the rows and
        may learn nothing. Only for a head of classes, and in one process. An epoch is then a pass
        over all rows, with as many labelled rows in each minibatch; the rate falls to 0 in the last
        third of the updates. If `input_dropout` is 0, rows are masked by 0.3, or by 0.01 for each
        column if these are fewer than 30; if `dropout` is 0, it is 0.2. It suits Adam at 0.002 and
        some thousands of updates.
    unlabeled : rows or None, default None
        Rows (m, n_visible) without labels, with `semi_supervised`. The training rows are learned
        from in the same way, so they need not be among them.
    sample_weight : array of shape (n,) or None
        Weights ≥ 0 of the training rows, scaled to mean 1; each multiplies the cost of its row, and
        what its label counts where labels spread.
    engine, deterministic, precision, device, seed, checkpoint, callbacks
        As in :func:`sdae.pretrain`.

    Returns
    -------
    History
        A record per epoch; the best epoch, its validation error and its test error: shares of rows
        classified wrongly, or in regression mean squared errors.

    Raises
    ------
    InvalidParameterError
        If a parameter is not allowed, or the stack does not have a head.
    DataError
        If rows, labels, values or weights have the wrong shape, type or range.
    TrainingDivergedError
        If the cost becomes infinite or NaN.
    FileAccessError, FileFormatError
        If checkpoints cannot be written, are in use by another process, or are all damaged.
    ProcessLostError
        If another process of the process group has ended, or does not answer.

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
    usable_threads()
    with joined() as processes:
        config = FinetuningConfig.read(
            {
                "epochs": epochs,
                "learning_rate": learning_rate,
                "batch_size": batch_size,
                "shuffle": shuffle,
                "shuffle_window": shuffle_window,
                "drop_last": drop_last,
                "optimizer": optimizer,
                "momentum": momentum,
                "nesterov": nesterov,
                "beta_1": beta_1,
                "beta_2": beta_2,
                "epsilon": epsilon,
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
                "semi_supervised": semi_supervised,
                "engine": engine,
                "deterministic": deterministic,
                "precision": precision,
            },
            "finetune",
        )
        config, unlabeled = settled_on(
            stack, config, train, unlabeled, sample_weight, seed, processes
        )
        return run_finetuning(
            stack,
            train,
            validation,
            test,
            with_noise(config, stack),
            unlabeled=unlabeled,
            sample_weight=sample_weight,
            device=device,
            seed=seed,
            checkpoint=checkpoint,
            callbacks=[log_compiling, log_findings, *callbacks],
            processes=processes,
        )


@undisturbed()
def run_finetuning(
    stack: StackedDenoisingAutoencoder,
    train: LabelledRows,
    validation: LabelledRows | None,
    test: LabelledRows | None,
    config: FinetuningConfig,
    *,
    unlabeled: RowsLike | None = None,
    sample_weight: Array | None = None,
    validation_weight: Array | None = None,
    device: str | None = None,
    seed: int = 0,
    checkpoint: Checkpoint | str | Path | None = None,
    stage: str = FINETUNING,
    known_by: Identity | None = None,
    told: Set[tuple[str, int | None]] = frozenset(),
    memory: OptimizerMemory | None = None,
    callbacks: Iterable[Callback] = (),
    processes: Processes = ALONE,
) -> History:
    """Fine-tune with a validated `config`; see :func:`finetune`.

    `validation_weight`, (m,), says how much each row of the validation set counts in its error.
    `stage` names the checkpoints, where several such calls share a folder; `known_by` is what else
    identifies this training, such as the settings of callbacks that stop it; `told` are the
    findings of its pre-training (:func:`sdae.train.history.findings_in`), which are not repeated.
    With a `memory` the optimiser continues where that of the last call ended. All `processes` that
    train together call this; only the checkpoint and the callbacks of the first are used.
    """
    seed = check_seed(seed, "finetune")
    make_ready(stack)
    if device is not None:
        stack.to(resolve_device(device))
    task = check_finetuning(
        stack,
        train,
        validation,
        test,
        config,
        sample_weight,
        validation_weight,
        unlabeled,
        processes.size,
    )
    check_alike(processes, stack, config, seed, task.data(), known_by)
    doctor, listeners = Doctor(), Callbacks(callbacks, processes)
    doctor.remember(told)
    listeners.tell(StageStarted(FINETUNING, 1))
    with keeping(
        stack,
        stage,
        checkpoint_of(checkpoint, "finetune"),
        lambda: {**identity_of(stack, config, seed, task.data()), **(known_by or {})},
        processes,
        anywhere=config.deterministic,
    ) as keeper:
        session = TrainingSession(FINETUNING, listeners, keeper, doctor, memory, processes)
        ended = session.resume()
        if ended is not None:
            return ended
        warn_of_few_rows(processes, config.batch_size, len(task.rows), FINETUNING)
        plan = Plan(
            None,
            len(task.visited),
            config.epochs,
            config.learning_rate,
            config,
            seed,
            falls_late=task.every is not None,
        )
        validator = Validator(task, listeners, processes)
        try:
            train_network(task, plan, validator, session)
        except (KeyboardInterrupt, ProcessLostError):
            # a caller that catches the error gets the best parameters so far
            validator.restore_best()
            raise
        validator.restore_best()
        history = History(
            tuple(session.records),
            best_epoch=validator.best_epoch,
            best_validation_error=validator.best_error,
            test_error=validator.best_test_error,
            stopped_early=session.stopped,
        )
        keeper.end(history)
    listeners.tell(StageEnded(FINETUNING, history))
    return history


def train_network(
    task: FinetuningTask, plan: Plan, validator: Validator, session: TrainingSession
) -> None:
    """Train the whole network, one epoch after the other, until patience or the epochs run out."""
    engine = finetuning_engine(
        task.stack,
        task.rows,
        task.y,
        task.config,
        plan.seed,
        task.weights,
        task.every,
        session.processes,
    )
    with closing(engine), reading_ahead(task.visited, session.processes) as coming:
        session.begin(plan, engine)
        validator.resume(session.keeper.kept)
        # Go through the epochs ...
        for epoch in session.epochs():
            # ... and in each through the training set, validating when due.
            for part in session.slices(
                lambda: validator.updates_until_look(session.n_updates), coming
            ):
                session.train(part)
                if not session.stopped:
                    validator.after_update(session.n_updates, epoch)
                    if validator.out_of_patience:
                        session.stop()
                session.save_if_due(part, validator.state)
            record = session.record(validator.error, validator.test_error)
            findings = session.doctor.after_finetuning_epoch(
                task.stack,
                task.rows,
                task.y,
                session.course_with(record),
                last=session.ends_here,
            )
            session.end_epoch(record, findings)
            validator.end_epoch()
        session.end()
