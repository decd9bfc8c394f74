"""One call of ``fit`` of a ladder estimator, from checked rows to a network.

Axes: n rows, V columns.
"""

import logging
from dataclasses import replace
from typing import Any

import numpy as np

from sdae.core.devices import resolve_device
from sdae.core.errors import invalid_parameter
from sdae.core.inference import products_of_a_block
from sdae.core.kinds.decoders import Decoder
from sdae.core.kinds.heads import Head
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.network import LadderNetwork
from sdae.core.rows import row_source
from sdae.core.schema.raw_table import RawTable
from sdae.core.threads import threads
from sdae.estimators.fit_callbacks import Recorder, interruptible
from sdae.estimators.fit_checkpoints import own_checkpoint, turns
from sdae.estimators.inputs import Rows
from sdae.estimators.ladder_parameters import LadderSettings, check_costs, settled
from sdae.estimators.new_networks import network_rows, schema_options, seed_of, settle_scaling
from sdae.estimators.tasks import Labelled
from sdae.train.history import LADDER
from sdae.train.ladder.automatic import mean_variance
from sdae.train.ladder.settings import LadderConfig
from sdae.train.ladder.task import check_task
from sdae.train.ladder.walk import ladder_identity, run_ladder

logger = logging.getLogger("sdae")


def fit_ladder(
    estimator: Any,
    every: Rows,
    settings: LadderSettings,
    labelled: Labelled,
    others: Rows,
    head: tuple[Head, int],
) -> None:
    """Learn how rows are prepared, build the network, and train it.

    Parameters
    ----------
    estimator : LadderEstimator
    every : (n, V)
        All rows, from which the scaling or the schema is learned.
    settings : LadderSettings
    labelled : Labelled
        Rows with targets.
    others : (m, V)
        The rows without.
    head : (Head, int)
        Kind of the head, and number of outputs.
    """
    _prepare(estimator, every, settings)
    scaling = estimator.scaling_ if estimator.schema_ is None else estimator.schema_
    n_visible = every.shape[1]
    if estimator.schema_ is not None:
        n_visible = estimator.schema_.blocks.n_components
    like = FoldedLadder(_new_ladder(n_visible, (1,), settings, 0.0, 0, head))
    rows = network_rows(labelled.x, scaling, like)
    more = network_rows(others, scaling, like) if others.shape[0] else None
    chosen = settled(
        settings,
        n_visible,
        len(labelled.targets),
        mean_variance(
            [
                row_source(part, n_visible, like.head.weight, "x")
                for part in (rows, more)
                if part is not None
            ]
        ),
        scaled=scaling is not None,
    )
    logger.info("%s: %s.", type(estimator).__name__, chosen)
    check_costs(chosen.denoising_cost, chosen.hidden_layer_sizes, type(estimator).__name__)
    ladder = _new_ladder(
        n_visible, chosen.hidden_layer_sizes, settings, chosen.input_noise, estimator._seed, head
    )
    config = LadderConfig(
        n_updates=chosen.n_updates,
        max_minutes=settings.max_minutes,
        learning_rate=settings.learning_rate_init,
        batch_size=chosen.batch_size,
        denoising_costs=chosen.denoising_cost,
        engine=settings.engine,
    )
    pair, weight, names = (rows, labelled.targets), labelled.weight, estimator._names()
    folded, recorder = FoldedLadder(ladder), Recorder(verbose=settings.verbose)
    checkpoint = settings.checkpoint
    with threads(settings.n_threads, products_of_a_block(folded, 6 * chosen.batch_size)):
        task = check_task(ladder, pair, more, config, weight)
        if checkpoint is not None:
            identity = {**ladder_identity(task, estimator._seed), **names}
            checkpoint = own_checkpoint(checkpoint, {LADDER: identity})
        with interruptible(recorder, fine_tunes=True):
            for turn in turns():
                with turn:
                    run_ladder(
                        ladder,
                        pair,
                        more,
                        None,
                        None,
                        config,
                        sample_weight=weight,
                        seed=estimator._seed,
                        checkpoint=checkpoint,
                        known_by=names,
                        callbacks=[recorder],
                    )
    folded.refold()
    ladder.zero_grad()
    estimator.network_, estimator.n_layers_ = folded, folded.n_layers
    estimator.history_ = tuple(recorder.records)
    # Seconds and samples per second of a record are measured together: their product is exact.
    n_samples = sum(record.seconds * record.samples_per_second for record in recorder.records)
    n_updates = round(n_samples / task.batch_size)
    estimator._settled = replace(chosen, n_updates=n_updates)
    estimator._n_calls, estimator._n_stream_epochs = 1, 0


def _prepare(estimator: Any, every: Rows, settings: LadderSettings) -> None:
    """Learn the scaling or the schema of all rows, and draw the seed."""
    caller = type(estimator).__name__
    if isinstance(every, RawTable):
        options = schema_options(estimator, every, settings)
        estimator.schema_ = estimator._schema_of(every, options, f"X of {caller}")
        estimator.scaling_ = None
    else:
        estimator.schema_ = None
        estimator.scaling_, _ = settle_scaling(every, settings.scale, Decoder.AUTO, caller)
    random_state = estimator.random_state
    if settings.checkpoint is not None and not isinstance(random_state, int | np.integer):
        wanted = "an integer with a checkpoint, so that fit can find its state again"
        raise invalid_parameter("random_state", caller, wanted, random_state)
    estimator._seed = seed_of(random_state, caller)
    estimator._row_type = np.dtype(np.float32) if isinstance(every, RawTable) else every.dtype


def _new_ladder(
    n_visible: int,
    sizes: tuple[int, ...],
    settings: LadderSettings,
    input_noise: float,
    seed: int,
    head: tuple[Head, int],
) -> LadderNetwork:
    kind, n_outputs = head
    outputs = {kind.facts.parameter: n_outputs}
    return LadderNetwork(
        n_visible,
        sizes,
        outputs.get("n_classes"),
        n_labels=outputs.get("n_labels"),
        n_targets=outputs.get("n_targets"),
        input_noise=input_noise,
        hidden_noise=settings.hidden_noise,
        combinator=settings.combinator,
        head=kind,
        seed=seed,
    ).to(resolve_device(settings.device))
