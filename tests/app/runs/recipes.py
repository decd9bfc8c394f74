"""Small recipes and the data they are for."""

from pathlib import Path

import numpy as np

from sdae.app.recipes.recipe import Recipe, parse_recipe
from sdae.app.runs.prepare import prepare
from sdae.app.runs.prepared_data import PreparedData

SETTINGS = (
    "model.hidden_layer_sizes=[4,3]",
    "pretraining.epochs=2",
    "pretraining.batch_size=8",
    "finetuning.epochs=3",
    "finetuning.batch_size=8",
)


def write_npz(path: Path, n_rows: int = 40, offset: float = 0.0) -> Path:
    """Write rows (n, 5) in [0, 1) plus `offset`, and their labels 3 and 8 in turn."""
    rng = np.random.default_rng(2)
    x = rng.random((n_rows, 5)).astype(np.float32) + np.float32(offset)
    np.savez(path, x=x, y=3 + 5 * (np.arange(n_rows) % 2))
    return path


def write_csv(path: Path, header: str, rows: list[list[object]]) -> Path:
    """Write a CSV; `header` has the names with commas between."""
    lines = [header, *(",".join(str(value) for value in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def recipe_for(source: Path, *settings: str) -> Recipe:
    """Return a small recipe for a source."""
    return parse_recipe("", "test", (*SETTINGS, f"data.source={source}", *settings))


def prepared(recipe: Recipe) -> PreparedData:
    """Prepare the data of a recipe as a run does."""
    return prepare(recipe.data, recipe.model.decoder[0], recipe.seed)
