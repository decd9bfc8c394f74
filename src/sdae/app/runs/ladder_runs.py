"""Runs of a ladder: what its recipe leaves to the data, the network, and its training."""

import copy
from collections.abc import Iterable
from dataclasses import replace

from sdae.app.recipes.ladder_table import AUTO
from sdae.app.recipes.model_table import AUTOMATIC
from sdae.app.recipes.recipe import Recipe
from sdae.app.runs.begun_data import known_by
from sdae.app.runs.learned_methods import with_methods
from sdae.app.runs.number_rows import within_windows
from sdae.app.runs.prepared_data import Labelled, PreparedData
from sdae.core.devices import resolve_device
from sdae.core.errors import DataError
from sdae.core.kinds.heads import Head
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.ladder.network import LadderNetwork
from sdae.core.rows import row_source
from sdae.train.callbacks import Callback
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.history import History
from sdae.train.ladder.automatic import mean_variance, settled
from sdae.train.ladder.measuring import seconds_of_an_update, updates_within
from sdae.train.ladder.task import LadderTask, check_task
from sdae.train.ladder.walk import run_ladder
from sdae.train.processes.together import ALONE, Processes

_CALLER = "[ladder]"


def settled_recipe(
    recipe: Recipe,
    data: PreparedData,
    device: str,
    callbacks: Iterable[Callback] = (),
    processes: Processes = ALONE,
) -> Recipe:
    """Return the recipe with what a ladder leaves to the data in numbers.

    Of a stack the order of rows that stay on the disk is settled, and what it learns from those
    without labels.

    ``max_minutes`` becomes a number of updates, by a measurement: from then on the run repeats.

    Raises
    ------
    DataError
        If the data have no labels, which a ladder needs.
    InvalidParameterError
        If settings do not fit each other.
    """
    if not recipe.is_ladder:
        return with_methods(within_windows(recipe, data), data, processes)
    train, _, _ = _labelled(data)
    n_inputs = data.rows.shape[1]
    given, sizes = recipe.ladder, recipe.model.hidden_layer_sizes
    rule = settled(
        n_inputs,
        len(train[0]),
        _variance(data, n_inputs) if AUTO in (given.input_noise, given.denoising_costs) else 1.0,
        scaled=data.scaling is not None or data.schema is not None,
    )
    ladder = replace(
        given,
        n_updates=rule.n_updates if given.n_updates == AUTO else given.n_updates,
        batch_size=rule.batch_size if given.batch_size == AUTO else given.batch_size,
        input_noise=rule.input_noise if given.input_noise == AUTO else given.input_noise,
        denoising_costs=(
            rule.denoising_cost if given.denoising_costs == AUTO else given.denoising_costs
        ),
    )
    sizes = rule.hidden_layer_sizes if sizes == AUTOMATIC else sizes
    recipe = replace(recipe, model=replace(recipe.model, hidden_layer_sizes=sizes), ladder=ladder)
    task = _task(recipe, data, build_ladder(recipe, data), device)
    if ladder.max_minutes is None:
        return recipe
    n_updates = updates_within(
        task, recipe.seed, None, data.validation, data.test, callbacks=callbacks
    )
    return replace(recipe, ladder=replace(ladder, n_updates=n_updates, max_minutes=None))


def _variance(data: PreparedData, n_inputs: int) -> float:
    """Return the mean variance of an input."""
    like = FoldedLadder(LadderNetwork(n_inputs, (1,), 2)).head.weight
    return mean_variance([row_source(data.rows, n_inputs, like, "x")], n_inputs)


def worded(recipe: Recipe, data: PreparedData) -> PreparedData:
    """Return the data without words about a decoder, which a ladder does not have."""
    if not recipe.is_ladder:
        return data
    about = f" The decoder of layer 0 is {data.decoder}."
    return replace(data, choice=data.choice.replace(about, ""))


def build_ladder(recipe: Recipe, data: PreparedData) -> FoldedLadder:
    """Build the ladder of a settled recipe for its data, in the stack that predicts as it does.

    Raises
    ------
    DataError
        If the data have no labels.
    """
    _, head, n_outputs = _labelled(data)
    outputs, table = {head.facts.parameter: n_outputs}, recipe.ladder
    assert not isinstance(table.input_noise, str)
    ladder = LadderNetwork(
        data.rows.shape[1],
        recipe.model.hidden_layer_sizes,
        outputs.get("n_classes"),
        n_labels=outputs.get("n_labels"),
        n_targets=outputs.get("n_targets"),
        input_noise=table.input_noise,
        hidden_noise=table.hidden_noise,
        combinator=table.combinator,
        head=head,
        seed=recipe.seed,
    )
    return FoldedLadder(ladder)


def train_on(
    recipe: Recipe,
    data: PreparedData,
    folded: FoldedLadder,
    *,
    device: str = "cpu",
    checkpoint: Checkpoint | None = None,
    callbacks: Iterable[Callback] = (),
) -> History:
    """Train the ladder of a stack by a settled recipe, in place."""
    train, _, _ = _labelled(data)
    folded.to(resolve_device(device))
    history = run_ladder(
        folded.ladder,
        train,
        data.unlabelled,
        data.validation,
        data.test,
        recipe.ladder.training(_CALLER),
        sample_weight=data.train_weight,
        seed=recipe.seed,
        checkpoint=checkpoint,
        known_by=known_by(recipe, data),
        callbacks=callbacks,
        caller=_CALLER,
    )
    folded.refold()
    return history


def estimated_seconds(
    recipe: Recipe,
    data: PreparedData,
    folded: FoldedLadder,
    device: str,
    callbacks: Iterable[Callback] = (),
) -> float:
    """Time some updates on a copy of a ladder, and return the seconds of all of them."""
    task = _task(recipe, data, copy.deepcopy(folded), device)
    return task.config.n_updates * seconds_of_an_update(task, recipe.seed, callbacks)


def _task(recipe: Recipe, data: PreparedData, folded: FoldedLadder, device: str) -> LadderTask:
    train, _, _ = _labelled(data)
    folded.to(resolve_device(device))
    config = recipe.ladder.training(_CALLER)
    return check_task(
        folded.ladder, train, data.unlabelled, config, data.train_weight, caller=_CALLER
    )


def _labelled(data: PreparedData) -> tuple[Labelled, Head, int]:
    """Return the training rows with labels, the head that they ask for, and its outputs."""
    if data.train is None or data.head is None or data.classes is None:
        raise DataError(
            f"A ladder is trained with labels, and {data.name} has none. Name their column with "
            "--target, or train a stack without labels by another recipe."
        )
    return data.train, data.head, len(data.classes)
