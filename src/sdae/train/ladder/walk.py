"""Training of a ladder: labelled and unlabelled rows in one walk."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from sdae.core.conversions import Array
from sdae.core.devices import resolve_device
from sdae.core.errors import InvalidParameterError
from sdae.core.facades import check_values
from sdae.core.ladder.network import LadderNetwork
from sdae.core.ladder.statistics import settle
from sdae.core.randomness import check_seed
from sdae.core.rows import RowsLike
from sdae.core.surroundings import make_ordinary, undisturbed
from sdae.core.threads import usable_threads
from sdae.train.callbacks import Callback, Callbacks, StageEnded, StageStarted, log_compiling
from sdae.train.checkpointing import keeping
from sdae.train.checkpoints.checkpoint_folder import Checkpoint, checkpoint_of
from sdae.train.doctor import Doctor
from sdae.train.history import LADDER, History
from sdae.train.identity import Entry, Identity, hashes_of, initial_of, settings_of
from sdae.train.labelled import LabelledRows
from sdae.train.ladder.choice import ladder_engine
from sdae.train.ladder.measuring import updates_within
from sdae.train.ladder.plan import LadderPlan, plan_of
from sdae.train.ladder.settings import LadderConfig
from sdae.train.ladder.task import CALLER, LadderTask, check_task
from sdae.train.ladder.validation import LadderValidator
from sdae.train.processes.started import check_one_process
from sdae.train.session import TrainingSession


def train_ladder(
    network: LadderNetwork,
    train: LabelledRows,
    unlabeled: RowsLike | None = None,
    validation: LabelledRows | None = None,
    test: LabelledRows | None = None,
    *,
    n_updates: int = 12_400,
    max_minutes: float | None = None,
    learning_rate: float = 0.002,
    batch_size: int = 100,
    denoising_costs: float | Sequence[float] = 5000.0,
    sample_weight: Array | None = None,
    engine: str = "auto",
    device: str | None = None,
    seed: int = 0,
    checkpoint: Checkpoint | str | Path | None = None,
    callbacks: Iterable[Callback] = (),
) -> History:
    """Train a ladder on labelled and unlabelled rows at once.

    The cost of an update is that of the labels, plus a weight times the squared error with which
    the network reconstructs its clean input from a noisy one, through all layers and their lateral
    connections. The optimiser is Adam; its rate is constant for two thirds of the updates, then
    falls linearly to 0. Afterwards the statistics of the normalisation are measured on all rows.

    Parameters
    ----------
    network : LadderNetwork
        Trained in place.
    train : (x, y)
        Labelled rows (n, n_visible) and their targets, as :func:`sdae.finetune` takes them. Their
        classes should occur as often as among all rows.
    unlabeled : array of shape (m, n_visible) or None
        Rows without labels. The labelled rows serve as unlabelled ones too.
    validation, test : (x, y) or None
        Scored at most twenty times, the last time at the end of the training; without effect on it.
    n_updates : int, default 12,400
        Number of updates. The schedule of the rate is fitted to it, so training longer means
        another number, not a longer run.
    max_minutes : float or None
        Take as many updates as fit into this time, by a measurement at the start, in place of
        `n_updates`. Scoring validation and test rows counts. Only a run by number can be repeated
        to the byte.
    learning_rate : float, default 0.002
        Initial rate.
    batch_size : int, default 100
        Labelled rows of an update, and unlabelled rows of an update: at least 2.
    denoising_costs : float or sequence of float, default 5000
        λ: the weight of the reconstruction of the input, or one for each depth, the input first.
        The default suits 100 labels of data like images in [0, 1]; 2000 more of them. For
        standardised columns take about 30.
    sample_weight : array of shape (n,) or None
        Weights ≥ 0 of the labelled rows, scaled to mean 1; each multiplies the cost of its label.
    engine : {"auto", "compiled", "autograd"}
    device : str or None
        Where to train; None leaves the network where it is.
    seed : int, default 0
        Seed of orders and noise.
    checkpoint, callbacks
        As in :func:`sdae.pretrain`.

    Returns
    -------
    History
        A record per epoch, which is a pass over the unlabelled rows, or as many passes as a
        hundredth of the training has; and the number of updates.

    Raises
    ------
    InvalidParameterError
        If a parameter is not allowed.
    DataError
        If rows, labels, values or weights have the wrong shape, type or range.
    TrainingDivergedError
        If the cost becomes infinite or NaN.
    FileAccessError, FileFormatError
        If checkpoints cannot be written, are in use by another process, or are all damaged.

    References
    ----------
    Rasmus et al. 2015, "Semi-supervised learning with ladder networks".

    Examples
    --------
    >>> import numpy as np
    >>> from sdae import LadderNetwork, train_ladder
    >>> x = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
    >>> y = (x[:, 0] > 0).astype(np.int64)
    >>> ladder = LadderNetwork(6, (20,), n_classes=2)
    >>> history = train_ladder(ladder, (x[:40], y[:40]), x[40:], n_updates=150, denoising_costs=30)
    >>> len(history.records)
    75
    """
    usable_threads()
    check_one_process(CALLER)
    config = LadderConfig.read(
        {
            "n_updates": n_updates,
            "max_minutes": max_minutes,
            "learning_rate": learning_rate,
            "batch_size": batch_size,
            "denoising_costs": denoising_costs,
            "engine": engine,
        },
        CALLER,
    )
    return run_ladder(
        network,
        train,
        unlabeled,
        validation,
        test,
        config,
        sample_weight=sample_weight,
        device=device,
        seed=seed,
        checkpoint=checkpoint,
        callbacks=[log_compiling, *callbacks],
    )


@undisturbed()
def run_ladder(
    network: LadderNetwork,
    train: LabelledRows,
    unlabeled: RowsLike | None,
    validation: LabelledRows | None,
    test: LabelledRows | None,
    config: LadderConfig,
    *,
    sample_weight: Array | None = None,
    device: str | None = None,
    seed: int = 0,
    checkpoint: Checkpoint | str | Path | None = None,
    known_by: Identity | None = None,
    callbacks: Iterable[Callback] = (),
    caller: str = CALLER,
) -> History:
    """Train with a validated `config`; see :func:`train_ladder`.

    `known_by` is what else identifies this training.
    """
    if not isinstance(network, LadderNetwork):
        raise InvalidParameterError(
            f"The network parameter of {CALLER} must be a LadderNetwork. Got a "
            f"{type(network).__name__} instead. Train stacks with pretrain and finetune."
        )
    seed = check_seed(seed, caller)
    check_values(network)
    make_ordinary(network)
    if device is not None:
        network.to(resolve_device(device))
    task = check_task(network, train, unlabeled, config, sample_weight, caller)
    validator = LadderValidator(task, validation, test)
    listeners = Callbacks(callbacks)
    listeners.tell(StageStarted(LADDER, 1))
    with keeping(
        network,
        LADDER,
        checkpoint_of(checkpoint, caller),
        lambda: {**ladder_identity(task, seed), **validator.identity(), **(known_by or {})},
    ) as keeper:
        session = TrainingSession(LADDER, listeners, keeper, Doctor())
        ended = session.resume()
        if ended is not None:
            return ended
        n_updates = updates_within(task, seed, keeper.kept, validation, test)
        plan = plan_of(task, n_updates, seed, keeper.kept)
        try:
            train_layers_together(task, plan, validator, session)
        except KeyboardInterrupt:
            # a caller that catches the error gets a network that predicts
            settle(network, task.unlabelled)
            raise
        settle(network, task.unlabelled)
        history = History(
            tuple(session.records),
            best_epoch=validator.last_epoch,
            best_validation_error=validator.error,
            test_error=validator.test_error,
            stopped_early=session.n_updates < plan.n_updates,
            n_updates=plan.n_updates,
        )
        keeper.end(history)
    listeners.tell(StageEnded(LADDER, history))
    return history


def train_layers_together(
    task: LadderTask, plan: LadderPlan, validator: LadderValidator, session: TrainingSession
) -> None:
    """Train all layers at once, pass after pass over the unlabelled rows."""
    with closing(ladder_engine(task, plan)) as engine:
        session.begin(plan, engine)
        # Go through the epochs of the unlabelled rows ...
        for epoch in session.epochs():
            # ... and in each take as many labelled rows along, until all updates are done.
            for part in session.slices(lambda: plan.n_updates - session.n_updates):
                session.train(part)
                if session.n_updates == plan.n_updates:
                    session.stop()
                session.save_if_due(part, lambda: plan.extra)
            validator.after_epoch(epoch, last=session.ends_here, n_epochs=plan.n_epochs)
            session.end_epoch(session.record(validator.error, validator.test_error), ())


def ladder_identity(task: LadderTask, seed: int) -> dict[str, Entry]:
    """Return what a checkpoint is known by; a number of updates that was measured is not in it."""
    network, config = task.network, task.config
    measured = {"n_updates": Entry("what max_minutes allows")}
    return {
        **settings_of(config),
        **(measured if config.max_minutes is not None else {}),
        "seed": Entry(str(seed)),
        "network": Entry(f"ladder {network.sizes} {network.combinator} {network.head_kind}"),
        "noises": Entry(f"{network.input_noise} {network.hidden_noise}"),
        **hashes_of(task.data()),
        **initial_of(network),
    }
