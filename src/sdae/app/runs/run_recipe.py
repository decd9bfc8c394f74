"""Run a recipe: build the network for the data and train it, a stack in two stages."""

import copy
from collections.abc import Iterable, Set
from dataclasses import dataclass
from pathlib import Path

import torch

from sdae._version import __version__
from sdae.app.recipes.recipe import Recipe
from sdae.app.runs.begun_data import known_by
from sdae.app.runs.ladder_runs import build_ladder, train_on
from sdae.app.runs.learned_methods import with_methods
from sdae.app.runs.prepared_data import AnyRows, PreparedData
from sdae.core.devices import resolve_device
from sdae.core.errors import DataError
from sdae.core.kinds.decoders import Decoder
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.model_file import Model
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.beforehand import check_finetuning, check_precision
from sdae.train.callbacks import Callback
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.consistency.noise import with_noise
from sdae.train.finetuning import run_finetuning
from sdae.train.history import EpochRecord, History, findings_in
from sdae.train.pretraining import run_pretraining
from sdae.train.processes.together import ALONE, Processes


@dataclass(frozen=True)
class TrainedRun:
    """The result of running a recipe.

    Attributes
    ----------
    model : Model
        The model after all training.
    pretrained : Model or None
        The model before fine-tuning; None without fine-tuning.
    pretraining : History or None
        None of a ladder.
    finetuning : History or None
    ladder : History or None
        Of a ladder, which is trained at once.
    """

    model: Model
    pretrained: Model | None
    pretraining: History | None
    finetuning: History | None
    ladder: History | None = None

    @property
    def records(self) -> list[EpochRecord]:
        """The records of all training, in order."""
        histories = (self.pretraining, self.finetuning, self.ladder)
        return [record for history in histories if history for record in history.records]


def build_stack(recipe: Recipe, data: PreparedData) -> StackedDenoisingAutoencoder:
    """Build the stack of a settled recipe for its data; of a ladder that which predicts as it does.

    Raises
    ------
    DataError
        If the recipe is that of a ladder, and the data have no labels.
    """
    if recipe.is_ladder:
        return build_ladder(recipe, data)
    model = recipe.model
    decoders: tuple[Decoder, ...] = model.decoder
    if len(decoders) == 1:
        # One word is for all layers; for layer 0 "auto" is resolved from the data.
        decoders = (decoders[0],) * len(model.hidden_layer_sizes)
    stack = StackedDenoisingAutoencoder(
        data.rows.shape[1],
        model.hidden_layer_sizes,
        corruption_levels=model.corruption,
        activation=model.activation,
        decoder=(data.decoder, *decoders[1:]),
        tied=model.tied,
        emphasis=model.emphasis,
        seed=recipe.seed,
        blocks=None if data.schema is None else data.schema.blocks,
    )
    if data.head is not None and data.classes is not None:
        stack.add_head_of(data.head, len(data.classes))
    return stack


def run_recipe(
    recipe: Recipe,
    data: PreparedData,
    stack: StackedDenoisingAutoencoder,
    *,
    device: str = "cpu",
    checkpoint: Checkpoint | None = None,
    callbacks: Iterable[Callback] = (),
    processes: Processes = ALONE,
    scratch: Path | None = None,
) -> TrainedRun:
    """Train `stack` by the recipe; without labels it is only pre-trained.

    Errors that would stop fine-tuning are raised before pre-training. A ladder is trained at once,
    by one process; all `processes` that train a stack together call this.
    `scratch` is a folder for files that are only needed meanwhile.
    """
    callbacks = tuple(callbacks)
    if isinstance(stack, FoldedLadder):
        ladder = train_on(
            recipe, data, stack, device=device, checkpoint=checkpoint, callbacks=callbacks
        )
        return TrainedRun(describe(recipe, data, stack), None, None, None, ladder)
    stack.to(resolve_device(device))
    recipe = with_methods(recipe, data, processes)
    if data.train is None:
        check_precision(recipe.finetuning, stack.autoencoder(0).weight, "finetune")
    else:
        check_finetuning(
            stack,
            data.train,
            data.validation,
            data.test,
            recipe.finetuning,
            data.train_weight,
            data.validation_weight,
            _learned_from(recipe, data),
            processes.size,
        )
    pretraining = run_pretraining(
        stack,
        data.rows,
        recipe.pretraining,
        device=device,
        seed=recipe.seed,
        checkpoint=checkpoint,
        known_by=known_by(recipe, data),
        callbacks=callbacks,
        processes=processes,
        scratch=scratch,
    )
    pretrained = finetuning = None
    if data.train is not None:
        pretrained = describe(recipe, data, copy.deepcopy(stack))
        finetuning = finetune_on(
            recipe,
            data,
            stack,
            told=findings_in(pretraining.records),
            device=device,
            checkpoint=checkpoint,
            callbacks=callbacks,
            processes=processes,
        )
    return TrainedRun(describe(recipe, data, stack), pretrained, pretraining, finetuning)


def finetune_on(
    recipe: Recipe,
    data: PreparedData,
    stack: StackedDenoisingAutoencoder,
    *,
    told: Set[tuple[str, int | None]] = frozenset(),
    device: str = "cpu",
    checkpoint: Checkpoint | None = None,
    callbacks: Iterable[Callback] = (),
    processes: Processes = ALONE,
) -> History:
    """Fine-tune `stack` on prepared labelled data; add a head if it does not have one.

    What the recipe leaves to the rows must be settled before, by :func:`with_methods`.
    `told` are findings of pre-training, which are not reported again.

    Raises
    ------
    DataError
        If there are no labels.
    """
    if data.train is None or data.classes is None:
        raise DataError(
            f"{data.name} has no labels to fine-tune on. Name their column with --target."
        )
    if stack.head_kind is None and data.head is not None:
        stack.add_head_of(data.head, len(data.classes))
    return run_finetuning(
        stack,
        data.train,
        data.validation,
        data.test,
        with_noise(recipe.finetuning, stack),
        unlabeled=_learned_from(recipe, data),
        sample_weight=data.train_weight,
        validation_weight=data.validation_weight,
        device=device,
        seed=recipe.seed,
        checkpoint=checkpoint,
        known_by=known_by(recipe, data),
        told=told,
        callbacks=callbacks,
        processes=processes,
    )


def _learned_from(recipe: Recipe, data: PreparedData) -> AnyRows | None:
    """Return the unlabelled rows that fine-tuning learns from."""
    return None if recipe.finetuning.semi_supervised is None else data.unlabelled


def describe(recipe: Recipe, data: PreparedData, stack: StackedDenoisingAutoencoder) -> Model:
    """Return the model with all that is needed to prepare its input and to read its output."""
    is_regression = data.target_scaling is not None
    targets = () if data.classes is None else tuple(map(str, data.classes))
    return Model(
        stack,
        data.scaling,
        None if is_regression else data.classes,
        data.feature_names,
        data.image_shape,
        provenance={
            "data": data.name,
            "seed": recipe.seed,
            "sdae": __version__,
            "torch": torch.__version__,
        },
        schema=data.schema,
        target_scaling=data.target_scaling,
        target_names=targets if is_regression else None,
    )
