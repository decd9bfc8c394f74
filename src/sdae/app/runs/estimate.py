"""Estimate how long a run takes, from a few steps on a copy of the network."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass, replace

from sdae.app.recipes.recipe import Recipe
from sdae.app.runs.ladder_runs import estimated_seconds
from sdae.app.runs.prepared_data import PreparedData
from sdae.core.constraints import per_layer
from sdae.core.devices import resolve_device
from sdae.core.in_blocks import device_of
from sdae.core.ladder.folded import FoldedLadder
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.callbacks import Callback
from sdae.train.consistency.noise import with_noise
from sdae.train.finetuning import run_finetuning
from sdae.train.pretraining import run_pretraining

_TRIAL_STEPS = 12
_TRIAL_SAMPLES = 400  # minimum: the start and the end of a slice also take time


@dataclass(frozen=True)
class Estimate:
    """Seconds a run may take.

    Attributes
    ----------
    pretraining : float
    finetuning_least, finetuning_most : float
        Early stopping may end fine-tuning anywhere between the two.
    ladder : float
        Of a ladder, which is trained at once.
    """

    pretraining: float
    finetuning_least: float
    finetuning_most: float
    ladder: float = 0.0

    @property
    def most(self) -> float:
        """Seconds of all training, at most."""
        return self.pretraining + self.finetuning_most + self.ladder


NO_ESTIMATE = Estimate(0.0, 0.0, 0.0)


def estimate(
    recipe: Recipe,
    data: PreparedData,
    stack: StackedDenoisingAutoencoder,
    device: str,
    callbacks: Iterable[Callback] = (),
) -> Estimate:
    """Time a few steps of every stage and layer; `stack` itself is not changed."""
    callbacks = tuple(callbacks)
    if isinstance(stack, FoldedLadder):
        return Estimate(0.0, 0.0, 0.0, estimated_seconds(recipe, data, stack, device, callbacks))
    trial = copy.deepcopy(stack).to(resolve_device(device))
    pretraining, finetuning = recipe.pretraining, recipe.finetuning
    rows = data.rows[: max(_TRIAL_SAMPLES, _TRIAL_STEPS * pretraining.batch_size)]
    # The graphs of a GPU are made in the first epoch: there the second one is timed.
    n_epochs_tried = 1 if device_of(trial).type == "cpu" else 2
    short = replace(pretraining, epochs=(n_epochs_tried,), drop_last=False)
    for _ in range(2):  # the first round only warms up
        history = run_pretraining(trial, rows, short, seed=recipe.seed, callbacks=callbacks)
    epochs = per_layer(pretraining.epochs, stack.n_layers, "epochs", "the recipe")
    last = history.records[n_epochs_tried - 1 :: n_epochs_tried]  # of each layer
    pretraining_seconds = sum(
        n_epochs * len(data.rows) * record.seconds / len(rows)
        for n_epochs, record in zip(epochs, last, strict=True)
    )
    if data.train is None:
        return Estimate(pretraining_seconds, 0.0, 0.0)
    n_trial = max(_TRIAL_SAMPLES, _TRIAL_STEPS * finetuning.batch_size)
    x, y = data.train[0][:n_trial], data.train[1][:n_trial]
    few_epochs = replace(finetuning, epochs=n_epochs_tried, drop_last=False)
    few_epochs = with_noise(few_epochs, trial)
    more = None
    if finetuning.semi_supervised is not None and data.unlabelled is not None:
        more = data.unlabelled[:n_trial]
    for _ in range(2):
        history = run_finetuning(
            trial,
            (x, y),
            None,
            None,
            few_epochs,
            unlabeled=more,
            seed=recipe.seed,
            callbacks=callbacks,
        )
    n_rows, n_tried = len(data.train[0]), len(x)
    if more is not None and data.unlabelled is not None:
        n_rows, n_tried = n_rows + len(data.unlabelled), n_tried + len(more)
    epoch_seconds = n_rows * history.records[-1].seconds / n_tried
    patient = finetuning.early_stopping and data.validation is not None
    least = min(finetuning.patience_epochs, finetuning.epochs) if patient else finetuning.epochs
    return Estimate(pretraining_seconds, least * epoch_seconds, finetuning.epochs * epoch_seconds)
