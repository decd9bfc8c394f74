"""Greedy layer-wise pre-training: one denoising autoencoder at a time, from the bottom up."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sdae.core.autoencoder import DenoisingAutoencoder, check_emphasis
from sdae.core.constraints import per_layer
from sdae.core.corruption import Noise
from sdae.core.devices import resolve_device
from sdae.core.kinds.noises import SwapNoise
from sdae.core.kinds.schedules import Schedule
from sdae.core.randomness import check_seed
from sdae.core.rows import RowsLike, RowSource, row_source
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.surroundings import undisturbed
from sdae.core.threads import usable_threads
from sdae.train.alike import check_alike
from sdae.train.beforehand import check_pretraining, check_range
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
from sdae.train.codes import Use, codes_of, temporary_folder
from sdae.train.doctor import Doctor
from sdae.train.engines.choice import pretraining_engine, takes_slices
from sdae.train.epoch import Plan
from sdae.train.history import PRETRAINING, History
from sdae.train.identity import Identity, identity_of
from sdae.train.optimizer_memory import OptimizerMemory
from sdae.train.processes.shares import warn_of_few_rows
from sdae.train.processes.started import joined
from sdae.train.processes.together import ALONE, Processes
from sdae.train.reading_ahead import reading_ahead
from sdae.train.ready import make_ready
from sdae.train.session import TrainingSession
from sdae.train.settings import PretrainingConfig

_PRODUCTS_OF_A_STEP = 5
"""Products with a weight or its gradient: up, down, and back; rows have no gradient."""


def pretrain(
    stack: StackedDenoisingAutoencoder,
    x: RowsLike,
    *,
    epochs: int | Sequence[int] = 15,
    learning_rate: float | Sequence[float] = 0.001,
    batch_size: int = 1,
    corruption: Noise | str | float | Sequence[Noise | str | float] | None = None,
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
    codes: str = "auto",
    scratch: str | Path | None = None,
    engine: str = "auto",
    deterministic: bool = False,
    precision: str = "float32",
    device: str | None = None,
    seed: int = 0,
    checkpoint: Checkpoint | str | Path | None = None,
    callbacks: Iterable[Callback] = (),
) -> History:
    """Pre-train a stack, layer by layer (Vincent et al. 2010, section 3.2; no labels needed).

    Where PyTorch's process group is initialised, all its processes call this and share each
    minibatch; checkpoints and callbacks are those of the first.

    Parameters
    ----------
    stack : StackedDenoisingAutoencoder
        The stack; trained in place.
    x : array, Tensor, matrix of scipy.sparse or RowSource, shape (n, n_visible)
        Rows, labelled or not; in [0, 1] where layer 0 has the sigmoid decoder. Never changed. A
        sparse matrix is made dense one minibatch at a time.
    epochs : int or one per layer, default 15
        Passes over the rows; 0 leaves a layer as it is.
    learning_rate : float or one per layer, default 0.001
        Initial rate, on the gradient of the mean cost of a minibatch.
    batch_size : int, default 1
        Rows per step.
    corruption : noise, str, float, one per layer, or None
        Noise of the layers during this call; None uses the stack's own.
    shuffle : bool, default False
        Visit the rows in a new random order each epoch, instead of as given.
    shuffle_window : int or None, default None
        For rows on a disk, with `shuffle`: rows are shuffled together in windows of this many, each
        made of 64 blocks of consecutive rows from anywhere. None shuffles all rows.
    drop_last : bool, default False
        Leave out a last, smaller minibatch, as the tutorial does.
    optimizer : {"sgd", "adam", "adamw", "nadam", "rmsprop"}
        The optimiser.
    momentum : float in [0, 1], nesterov : bool
        Momentum of SGD and RMSprop; Nesterov momentum of SGD.
    beta_1, beta_2 : float in [0, 1), epsilon : float > 0
        For Adam, AdamW and NAdam: decay rates of the averages of gradients and of their squares.
        `epsilon`, also for RMSprop, is added to the root of the latter.
    schedule : Schedule or str, default "constant"
        How the rate changes from epoch to epoch of a layer: ``linear``, ``inverse_time:0.01``,
        ``cosine``, ``step:10:0.5``.
    weight_decay : float, default 0
        Applies to weights, not to biases; decoupled for AdamW, an L2 penalty otherwise.
    codes : {"auto", "memory", "memmap", "recompute"}
        Where the codes of trained layers are stored; ``auto`` is nowhere where computing them again
        takes little beside learning from them, as for rows of few columns or a single epoch, memory
        up to 2 GiB per layer, and otherwise, as for rows on a disk, a file; nowhere where the disk
        is too small for that.
    scratch : str, Path or None, default None
        Folder for files of codes; None: that for temporary files, which TMPDIR sets.
    engine : {"auto", "fused", "compiled", "graph", "closed_form", "autograd"}
        Engine that runs the steps. On the CPU, ``fused`` runs plain gradient descent with batch
        size 1, ``compiled`` minibatches by any optimiser, and ``closed_form`` plain gradient
        descent on minibatches; on CUDA ``fused`` runs too, and ``graph`` minibatches by any
        optimiser. ``auto`` takes the first of these that supports the settings. Several
        processes train by ``autograd``. The history records the engine.
    deterministic : bool, default False
        Give the same bytes for any number of processes from 1 to 8: a minibatch is then cut into
        8 fixed shares, whose gradients are added up in order. It takes more time.
    precision : {"float32", "tf32", "bfloat16", "float16"}
        On CUDA, the type in which products are taken. Parameters, their updates and summed costs
        are float32 in any case. It is faster, and less exact; ``float32`` leaves the products in
        the type of the parameters.
    device : {"auto", "cpu", "cuda", "mps"} or None
        Move the stack there and train there; None stays where the stack is.
    seed : int, default 0
        Seed of the order of the rows and of the noise.
    checkpoint : Checkpoint, folder or None
        Where the state is saved during training. The same call with the same stack and data
        continues from there, and ends with the same bytes as without the interruption; if training
        has ended, it returns at once.
    callbacks : iterable of callables
        Called with every event; a callback that returns True stops training after the current
        slice.

    Returns
    -------
    History
        A record per layer and epoch, with the findings of the doctor, which also go to the log
        ``sdae`` as warnings.

    Raises
    ------
    InvalidParameterError
        If a parameter is not allowed; all problems are reported at once. If `checkpoint`
        holds another training.
    DataError
        If the rows have the wrong shape, are not finite, or lie outside [0, 1] where the loss is
        the cross-entropy.
    TrainingDivergedError
        If the cost becomes infinite or NaN.
    FileAccessError, FileFormatError
        If checkpoints cannot be written, are in use by another process, or are all damaged.
    ProcessLostError
        If another process of the process group has ended, or does not answer.

    Examples
    --------
    >>> import numpy as np
    >>> from sdae import StackedDenoisingAutoencoder, pretrain
    >>> x = np.random.default_rng(0).random((64, 8), dtype=np.float32)
    >>> stack = StackedDenoisingAutoencoder(8, (6, 4))
    >>> history = pretrain(stack, x, epochs=[5, 2], learning_rate=0.1, batch_size=8)
    >>> [(record.layer, record.epoch) for record in history.records]
    [(0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (1, 1), (1, 2)]
    >>> costs = history.costs(layer=0)
    >>> costs[-1] < costs[0]
    True
    """
    usable_threads()
    with joined() as processes:
        config = PretrainingConfig.read(
            {
                "epochs": epochs,
                "learning_rate": learning_rate,
                "batch_size": batch_size,
                "corruption": corruption,
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
                "codes": codes,
                "engine": engine,
                "deterministic": deterministic,
                "precision": precision,
            },
            "pretrain",
        )
        return run_pretraining(
            stack,
            x,
            config,
            device=device,
            seed=seed,
            checkpoint=checkpoint,
            callbacks=[log_compiling, log_findings, *callbacks],
            processes=processes,
            scratch=scratch,
        )


@undisturbed()
def run_pretraining(
    stack: StackedDenoisingAutoencoder,
    x: RowsLike,
    config: PretrainingConfig,
    *,
    device: str | None = None,
    seed: int = 0,
    checkpoint: Checkpoint | str | Path | None = None,
    known_by: Identity | None = None,
    memory: OptimizerMemory | None = None,
    callbacks: Iterable[Callback] = (),
    processes: Processes = ALONE,
    scratch: str | Path | None = None,
) -> History:
    """Pre-train with a validated `config`; see :func:`pretrain`.

    `known_by` is what else identifies this training, such as the names of columns. With a `memory`
    the optimiser of a layer continues where that of the last call ended. All `processes` that train
    together call this; only the checkpoint and the callbacks of the first are used.
    """
    seed = check_seed(seed, "pretrain")
    epochs = per_layer(config.epochs, stack.n_layers, "epochs", "pretrain")
    rates = per_layer(config.learning_rate, stack.n_layers, "learning_rate", "pretrain")
    make_ready(stack)
    noises = _noises(stack, config)
    if device is not None:
        stack.to(resolve_device(device))
    rows = row_source(x, stack.n_visible, stack.autoencoder(0).weight, "x")
    check_pretraining(stack, rows, config, noises, processes.size)
    check_alike(processes, stack, config, seed, {"x": rows}, known_by)
    layers = [
        LayerTraining(
            stack.autoencoder(layer),
            noises[layer],
            config,
            Plan(layer, len(rows), epochs[layer], rates[layer], config, seed),
        )
        for layer in range(stack.n_layers)
    ]
    doctor, listeners = Doctor(), Callbacks(callbacks, processes)
    listeners.tell(StageStarted(PRETRAINING, stack.n_layers))
    for layer in layers:
        doctor.begin_layer(layer.autoencoder)
    with (
        keeping(
            stack,
            PRETRAINING,
            checkpoint_of(checkpoint, "pretrain"),
            lambda: {**identity_of(stack, config, seed, {"x": rows}), **(known_by or {})},
            processes,
            anywhere=config.deterministic,
        ) as keeper,
        temporary_folder(scratch) as folder,
    ):
        session = TrainingSession(PRETRAINING, listeners, keeper, doctor, memory, processes)
        ended = session.resume()
        if ended is not None:
            return ended
        if any(epochs):
            warn_of_few_rows(processes, config.batch_size, len(rows), PRETRAINING)
        train_layers(layers, rows, session, folder)
        history = History(tuple(session.records), stopped_early=session.stopped)
        keeper.end(history)
    listeners.tell(StageEnded(PRETRAINING, history))
    return history


@dataclass(frozen=True)
class LayerTraining:
    """The training of one layer: its noise, settings, epochs and minibatches."""

    autoencoder: DenoisingAutoencoder
    noise: Noise
    config: PretrainingConfig
    plan: Plan


def train_layers(
    layers: Sequence[LayerTraining],
    rows: RowSource,
    session: TrainingSession,
    folder: Callable[[], Path],
) -> None:
    """Train the layers from the bottom up; the codes of each are the data set of the next.

    Codes that do not stay in memory go to files in the folder that `folder` returns.
    """
    for k, layer in enumerate(layers):
        autoencoder = layer.autoencoder
        if k > 0:
            check_range(autoencoder, rows)
        if autoencoder.layer >= session.keeper.first_layer:
            train_layer(layer, rows, session)
        if session.stopped:
            return
        if k + 1 < len(layers):
            use = _use_by(layers[k + 1], session.processes.size)
            rows = codes_of(rows, autoencoder, layer.config.codes, folder, use)


def train_layer(layer: LayerTraining, rows: RowSource, session: TrainingSession) -> None:
    """Train one denoising autoencoder on `rows`, an epoch after the other."""
    autoencoder, plan = layer.autoencoder, layer.plan
    with (
        closing(
            pretraining_engine(
                autoencoder, rows, layer.noise, layer.config, plan.seed, session.processes
            )
        ) as engine,
        reading_ahead(rows, session.processes) as coming,
    ):
        session.begin(plan, engine)
        # Go through the pre-training epochs ...
        for _ in session.epochs():
            # ... and in each through the training set: corrupt, encode, reconstruct, descend.
            for part in session.slices(coming=coming):
                session.train(part)
                session.save_if_due(part)
            record = session.record()
            findings = session.doctor.after_pretraining_epoch(
                autoencoder, rows, session.course_with(record), last=session.ends_here
            )
            session.end_epoch(record, findings)
        session.end()


def _use_by(layer: LayerTraining, n_processes: int) -> Use:
    """Return what the training of a layer does with the codes below it."""
    autoencoder, n_epochs = layer.autoencoder, layer.plan.n_epochs
    together = takes_slices(autoencoder, layer.config, layer.noise, n_processes)
    return Use(
        n_passes=n_epochs + autoencoder.needs_unit_interval,  # which looks at all once
        n_products=n_epochs * _PRODUCTS_OF_A_STEP * autoencoder.weight.numel(),
        takes_slices=together and not isinstance(layer.noise, SwapNoise),
    )


def _noises(stack: StackedDenoisingAutoencoder, config: PretrainingConfig) -> tuple[Noise, ...]:
    """Return the noise of each layer: this call's, or the stack's own."""
    own = tuple(stack.autoencoder(layer).corruption for layer in range(stack.n_layers))
    if config.corruption is None:
        return own
    noises = per_layer(config.corruption, stack.n_layers, "corruption", "pretrain")
    for layer, noise in enumerate(noises):
        check_emphasis(stack.autoencoder(layer).emphasis, noise)
    return noises
