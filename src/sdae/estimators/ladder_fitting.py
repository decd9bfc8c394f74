"""One call of ``fit`` of a ladder estimator, from checked rows to a network.

Axes: n rows, V columns.
"""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdae.core.devices import resolve_device
from sdae.core.errors import invalid_parameter
from sdae.core.kinds.decoders import Decoder
from sdae.core.kinds.heads import Head
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.network import LadderNetwork
from sdae.core.rows import RowSource, row_source
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.table_rows import TableRows
from sdae.core.threads import threads
from sdae.estimators.fit_callbacks import Recorder, interruptible
from sdae.estimators.fit_checkpoints import own_checkpoint, turns
from sdae.estimators.inputs import Rows
from sdae.estimators.ladder_parameters import LadderSettings, check_costs, settled
from sdae.estimators.new_networks import network_rows, schema_options, seed_of, settle_scaling
from sdae.estimators.tasks import Labelled
from sdae.train.history import LADDER
from sdae.train.ladder.automatic import Settled, mean_variance
from sdae.train.ladder.settings import LadderConfig
from sdae.train.ladder.task import check_task
from sdae.train.ladder.walk import ladder_identity, run_ladder

logger = logging.getLogger("sdae")

NetworkRows = NDArray[np.float32] | RowSource


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
    like = torch.empty(0, device=resolve_device(settings.device))
    rows = network_rows(labelled.x, scaling, like)
    more = network_rows(others, scaling, like) if others.shape[0] else None
    chosen = _settled(estimator, settings, [part for part in (rows, more) if part is not None])
    kind, n_outputs = head
    outputs = {kind.facts.parameter: n_outputs}
    ladder = LadderNetwork(
        _n_inputs(estimator),
        chosen.hidden_layer_sizes,
        outputs.get("n_classes"),
        n_labels=outputs.get("n_labels"),
        n_targets=outputs.get("n_targets"),
        input_noise=chosen.input_noise,
        hidden_noise=settings.hidden_noise,
        combinator=settings.combinator,
        head=kind,
        seed=estimator._seed,
    ).to(like.device)
    recorder = _train(estimator, ladder, replace(labelled, x=rows), more, settings, chosen)
    folded = FoldedLadder(ladder)
    estimator.network_, estimator.n_layers_ = folded, folded.n_layers
    estimator.history_ = tuple(recorder.records)
    # Seconds and samples per second of a record are measured together: their product is exact.
    n_samples = sum(record.seconds * record.samples_per_second for record in recorder.records)
    n_rows = min(chosen.batch_size, len(rows) + (0 if more is None else len(more)))
    estimator._settled = replace(chosen, n_updates=round(n_samples / n_rows))
    estimator._n_calls, estimator._n_stream_epochs = 1, 0


def _train(
    estimator: Any,
    ladder: LadderNetwork,
    labelled: Labelled,
    more: NetworkRows | None,
    settings: LadderSettings,
    chosen: Settled,
) -> Recorder:
    """Train a ladder on rows as it takes them; Ctrl-C ends training with a warning."""
    config = LadderConfig(
        n_updates=chosen.n_updates,
        max_minutes=settings.max_minutes,
        learning_rate=settings.learning_rate_init,
        batch_size=chosen.batch_size,
        denoising_costs=chosen.denoising_cost,
        engine=settings.engine,
    )
    names, checkpoint, caller = estimator._names(), settings.checkpoint, type(estimator).__name__
    recorder = Recorder(verbose=settings.verbose)
    # The gradients take about twice as many as the ways up and down.
    n_products = 3 * chosen.batch_size * sum(p.numel() for p in ladder.parameters())
    with threads(settings.n_threads, n_products):
        if checkpoint is not None:
            task = check_task(ladder, labelled.pair, more, config, labelled.weight, caller)
            identity = {**ladder_identity(task, estimator._seed), **names}
            checkpoint = own_checkpoint(checkpoint, {LADDER: identity})
        with interruptible(recorder, fine_tunes=True):
            for turn in turns():
                with turn:
                    run_ladder(
                        ladder,
                        labelled.pair,
                        more,
                        None,
                        None,
                        config,
                        sample_weight=labelled.weight,
                        seed=estimator._seed,
                        checkpoint=checkpoint,
                        known_by=names,
                        callbacks=[recorder],
                        caller=caller,
                    )
    ladder.zero_grad()
    return recorder


def _settled(estimator: Any, settings: LadderSettings, parts: list[NetworkRows]) -> Settled:
    """Return what ``auto`` means for rows as the ladder takes them, the labelled ones first."""
    n_inputs, caller = _n_inputs(estimator), type(estimator).__name__
    variance = 1.0
    if settings.input_noise is None or settings.denoising_cost is None:  # which depend on it
        like = torch.empty(0, device=resolve_device(settings.device))
        sources = [row_source(part, n_inputs, like, "x") for part in parts]
        variance = mean_variance(sources, n_inputs)
    chosen = settled(
        settings,
        n_inputs,
        len(parts[0]),
        variance,
        scaled=estimator.scaling_ is not None or estimator.schema_ is not None,
    )
    logger.info("%s: %s.", caller, _words(chosen, settings.max_minutes))
    check_costs(chosen.denoising_cost, chosen.hidden_layer_sizes, caller)
    return chosen


def _words(chosen: Settled, max_minutes: float | None) -> str:
    sizes = "-".join(map(str, chosen.hidden_layer_sizes))
    costs = ", ".join(f"{cost:.4g}" for cost in chosen.denoising_cost)
    updates = f"{chosen.n_updates:,}" if max_minutes is None else f"those of {max_minutes:g} min"
    return (
        f"hidden layers {sizes}, input noise {chosen.input_noise:.4g}, denoising cost {costs}, "
        f"updates {updates}, rows of a batch {chosen.batch_size:,}"
    )


def _n_inputs(estimator: Any) -> int:
    """Return the number of inputs of the network: of a table more than its columns."""
    schema = estimator.schema_
    return int(estimator.n_features_in_ if schema is None else schema.blocks.n_components)


def _prepare(estimator: Any, every: Rows, settings: LadderSettings) -> None:
    """Learn the scaling or the schema of all rows, and draw the seed."""
    caller = type(estimator).__name__
    is_table = isinstance(every, RawTable | TableRows)
    if is_table:
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
    estimator._row_type = np.dtype(np.float32) if is_table else every.dtype
