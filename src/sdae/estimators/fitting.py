"""Training of estimators: one call of ``fit`` or ``partial_fit``, from checked rows to a network.

An estimator checks its rows and targets, calls :func:`start` unless it continues with an older
network, and then :func:`train`, or :func:`train_on_chunk` in a stream. The stages themselves are
:func:`sdae.pretrain` and :func:`sdae.finetune`. Axes: n rows, V columns, T targets.
"""

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from sdae.core.errors import invalid_parameter
from sdae.core.in_blocks import products_of_a_block
from sdae.core.kinds.heads import Head
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.table_rows import TableRows
from sdae.core.surroundings import undisturbed
from sdae.core.threads import threads, usable_threads
from sdae.estimators.base import SDAEBase
from sdae.estimators.bending import bend_first_layer
from sdae.estimators.consistency_search import check_search, searched
from sdae.estimators.fit_callbacks import Recorder, interruptible
from sdae.estimators.fit_checkpoints import own_checkpoint
from sdae.estimators.fit_stages import finetune_stage, minimise_stage, pretrain_stage
from sdae.estimators.inputs import Rows
from sdae.estimators.label_rules import Regularisation, for_labels, mean_variance, say_values
from sdae.estimators.new_networks import (
    decoders_of_table,
    network_rows,
    new_network,
    schema_options,
    seed_of,
    settle,
    weight_of,
)
from sdae.estimators.parameter_readers import SEARCH
from sdae.estimators.parameters import Settings
from sdae.estimators.rate_rule import for_widths, say_rate
from sdae.estimators.tasks import (
    Consistency,
    Labelled,
    finetuning,
    pretraining,
)
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.history import FINETUNING, PRETRAINING, History
from sdae.train.optimizer_memory import OptimizerMemory
from sdae.train.processes.started import warn_that_each_trains

logger = logging.getLogger("sdae")


@contextmanager
def whole_or_not_at_all(estimator: SDAEBase, *, goes_on: bool) -> Iterator[None]:
    """Restore an estimator if the block fails; one of several processes trains for itself."""
    warn_that_each_trains(type(estimator).__name__)
    with undisturbed():
        usable_threads(1)  # copying a network would use several threads
        before = dict(estimator.__dict__)
        if goes_on:  # then the network is trained in place
            before["network_"] = copy.deepcopy(estimator.network_)
        try:
            yield
        except BaseException:
            estimator.__dict__.clear()
            estimator.__dict__.update(before)
            raise


def goes_on(estimator: SDAEBase, wanted: bool, settings: Settings) -> bool:
    """Return whether to continue with the existing network.

    Raises
    ------
    InvalidParameterError
        If the parameters no longer fit that network.
    """
    if not wanted or not estimator.__sklearn_is_fitted__():
        return False
    estimator._check_network(settings)
    return True


def start(
    estimator: SDAEBase,
    x: Rows,
    settings: Settings,
    head: tuple[Head, int] | None = None,
    *,
    stream: bool = False,
) -> None:
    """Fit the scaling to the rows of pre-training and build a new network.

    `head` is the kind of the head and its number of outputs. In a stream, later rows may have other
    numbers than 0 and 1 in a column of these.
    """
    caller = type(estimator).__name__
    is_table = isinstance(x, RawTable | TableRows)
    if is_table:
        options = replace(schema_options(estimator, x, settings), zero_one=not stream)
        estimator.schema_ = estimator._schema_of(x, options, f"X of {caller}")
        estimator.scaling_, decoders = None, decoders_of_table(settings)
        n_visible, blocks = estimator.schema_.blocks.n_components, estimator.schema_.blocks
    else:
        estimator.schema_, blocks, n_visible = None, None, x.shape[1]
        estimator.scaling_, decoders = settle(x, settings, caller, is_supervised=head is not None)
    random_state = estimator.random_state
    if settings.checkpoint is not None and not isinstance(random_state, int | np.integer):
        wanted = "an integer with a checkpoint, so that fit can find its state again"
        raise invalid_parameter("random_state", caller, wanted, random_state)
    estimator._seed = seed_of(random_state, caller)
    estimator.network_ = new_network(n_visible, settings, decoders, estimator._seed, head, blocks)
    estimator.n_layers_ = estimator.network_.n_layers
    estimator.history_ = ()
    estimator._n_calls = estimator._n_stream_epochs = 0
    estimator._row_type = np.dtype(np.float32) if is_table else x.dtype
    estimator._memory = OptimizerMemory()


def train(
    estimator: SDAEBase,
    x: Rows,
    settings: Settings,
    labelled: Labelled | None = None,
    watched: Labelled | None = None,
    *,
    pretrains: bool = True,
    consistency: Consistency | None = None,
) -> None:
    """Pre-train on raw rows `x`, then fine-tune on the labelled ones, if there are any.

    With early stopping, `watched` are the validation rows. `consistency` is what is learned from
    unlabelled rows in fine-tuning; its methods are chosen here if it has none.
    """
    epochs = settings.pretrain_epochs if pretrains else (0,)
    recorder = _train(
        estimator,
        x,
        settings,
        epochs,
        labelled,
        watched,
        settings.checkpoint,
        consistency=consistency,
    )
    each = settings.pretrain_epochs
    n_layers = estimator.n_layers_
    estimator._n_stream_epochs = sum(each) * (n_layers if len(each) == 1 else 1)
    estimator.history_ = tuple(recorder.records)
    estimator._memory = OptimizerMemory()  # a stream begins anew
    for finding in History(estimator.history_).findings:
        logger.warning("%s", finding.text)


def _settled(estimator: SDAEBase, settings: Settings, labelled: Labelled) -> Settings:
    """Return settings for the rows with labels, as the network takes them."""
    as_given = estimator.schema_ is None and estimator.scaling_ is None
    counts = as_given and "alpha" in settings.automatic
    variance = mean_variance(labelled.x, estimator.network_) if counts else 1.0
    return for_labels(settings, len(labelled.targets), estimator.network_, variance)


def train_on_chunk(
    estimator: SDAEBase, x: Rows, settings: Settings, labelled: Labelled | None = None
) -> None:
    """Train on some rows of a stream: one epoch of pre-training of a layer, and one of fine-tuning.

    Layer 0 is trained by the first ``pretrain_epochs`` calls, layer 1 by the next ones, and so on;
    then pre-training has ended. After ``fit`` it has ended too. The optimisers continue where those
    of the last chunk ended.
    """
    each = settings.pretrain_epochs
    each = each * estimator.n_layers_ if len(each) == 1 else each
    layer = int(np.searchsorted(np.cumsum(each), estimator._n_stream_epochs, side="right"))
    estimator._n_stream_epochs += 1
    epochs = tuple(int(k == layer) for k in range(estimator.n_layers_))
    if estimator._n_calls == 0 and x.shape[0] == 1 and settings.scale != "none":
        logger.warning(
            "The first call of partial_fit determines the scaling of X, but it has a single row, "
            "which has no spread. Give it several rows, or scale X yourself and set scale='none'."
        )
    memory = estimator._memory.copy()  # the estimator keeps its own if training fails
    if not any(epochs):
        memory.forget(PRETRAINING)
    recorder = _train(estimator, x, settings, epochs, labelled, max_iter=1, memory=memory)
    estimator._memory = memory
    estimator.history_ = (*estimator.history_, *recorder.records)  # too short for the doctor


def _train(
    estimator: SDAEBase,
    x: Rows,
    settings: Settings,
    epochs: tuple[int, ...],
    labelled: Labelled | None,
    watched: Labelled | None = None,
    checkpoint: Checkpoint | None = None,
    max_iter: int | None = None,
    memory: OptimizerMemory | None = None,
    consistency: Consistency | None = None,
) -> Recorder:
    """Train the network of an estimator; Ctrl-C ends training with a warning."""
    network = estimator.network_
    settings = for_widths(settings, network)
    scaling = estimator.scaling_ if estimator.schema_ is None else estimator.schema_
    seed = estimator._seed + estimator._n_calls
    recorder = Recorder(verbose=settings.verbose)
    # A step takes about four times as long as a forward pass; the fused engine decides by itself.
    n_rows = settings.batch_of(x.shape[0])
    n_products = products_of_a_block(network, 4 * n_rows if n_rows > 1 else 1 << 40)
    with threads(settings.n_threads, n_products):
        names = estimator._names()
        first = second = rows = None
        if any(epochs):
            rows = network_rows(x, scaling, weight_of(network))
            first = pretraining(network, rows, settings, epochs, names)
        raw, searches = labelled, consistency is not None and consistency.chosen_by == SEARCH
        if labelled is not None:  # check fine-tuning before pre-training
            same = rows is not None and labelled.x is x
            labelled = replace(labelled, x=rows) if same else labelled.for_network(scaling, network)
            watched = None if watched is None else watched.for_network(scaling, network)
            more = None
            if max_iter is None and (consistency is None or searches):
                settings = _settled(estimator, settings, labelled)
            if consistency is not None and searches:
                check_search(len(labelled.targets), consistency.rows.shape[0])
            elif consistency is not None:
                more = consistency.for_network(scaling, network)
                if consistency.chosen_by:
                    more = more.by_the_rule(labelled, network, seed)
                if more is None:
                    settings = _settled(estimator, settings, labelled)
                estimator.semi_supervised_ = None if more is None else more.methods
            second = finetuning(network, labelled, watched, settings, max_iter, names, more)
            estimator._used = Regularisation.of(second.settings)
        if checkpoint is not None:
            kept = {PRETRAINING: first, FINETUNING: None if settings.uses_lbfgs else second}
            stages = {name: task.identity(network, seed) for name, task in kept.items() if task}
            checkpoint = own_checkpoint(checkpoint, stages) if stages else None
        with interruptible(recorder, fine_tunes=labelled is not None):
            if first is not None:
                pretrain_stage(network, first, seed, recorder, checkpoint, memory)
            if second is not None and estimator._n_calls == 0 and max_iter is None:
                bend_first_layer(network, second.task.rows if first is None else first.rows, seed)
            if searches and consistency is not None and raw is not None and labelled is not None:
                found = searched(network, raw, consistency.rows, settings, scaling, seed)
                estimator.semi_supervised_ = found
                if found is not None:
                    more = replace(consistency, methods=found).for_network(scaling, network)
                    second = finetuning(network, labelled, watched, settings, None, names, more)
                    estimator._used = Regularisation.of(second.settings)
            if second is not None and max_iter is None:
                say_values(second.settings, len(second.labelled.targets), second.n_others)
            if second is not None and estimator._n_calls == 0:
                say_rate(second.settings, network)
            if second is not None and settings.uses_lbfgs:
                minimise_stage(network, second, settings, recorder)
            elif second is not None:
                finetune_stage(network, second, settings, seed, recorder, checkpoint, memory)
    estimator._n_calls += 1
    network.zero_grad()
    return recorder
