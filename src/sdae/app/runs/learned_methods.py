"""What fine-tuning learns from unlabelled rows, where a recipe leaves that to them."""

from dataclasses import replace

from sdae.app.recipes.recipe import Recipe
from sdae.app.runs.prepared_data import PreparedData
from sdae.train.consistency.automatic import settled
from sdae.train.processes.together import ALONE, Processes


def with_methods(recipe: Recipe, data: PreparedData, processes: Processes = ALONE) -> Recipe:
    """Return the recipe with what fine-tuning learns from unlabelled rows, if they decide it."""
    if data.train is None or data.classes is None:
        return recipe
    finetuning = settled(
        recipe.finetuning,
        data.train,
        data.unlabelled,
        len(data.classes),
        recipe.seed,
        head=data.head,
        blocks=None if data.schema is None else data.schema.blocks,
        weights=data.train_weight,
        processes=processes,
    )
    return replace(recipe, finetuning=finetuning)
