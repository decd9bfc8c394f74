"""How the recipe `default` was found: settings beside their validation errors, one seed each.

    python benchmarks/recipe_search.py     # what is not in the results yet

What a try does not name is as in the recipe. The test rows are left out, so nothing can be chosen
by them.
"""

import dataclasses
import json
from pathlib import Path
from typing import NamedTuple

import torch
from _machine import describe

from sdae.app.recipes import load_recipe
from sdae.app.runs.prepare import prepare
from sdae.app.runs.run_recipe import build_stack, run_recipe

PATH = Path(__file__).parent / "results" / "recipe-search.json"


class Try(NamedTuple):
    """What was laid over the recipe."""

    activation: str
    masking: float
    pretraining_epochs: int
    pretraining_rate: float | list[float]
    epochs: int
    rate: float
    dropout: float
    input_dropout: float

    def settings(self) -> list[str]:
        """Return it as one gives it to ``--set``."""
        return [
            f"model.activation={self.activation}",
            f"model.corruption=masking:{self.masking}",
            f"pretraining.epochs={self.pretraining_epochs}",
            f"pretraining.learning_rate={self.pretraining_rate}",
            f"finetuning.epochs={self.epochs}",
            f"finetuning.learning_rate={self.rate}",
            f"finetuning.dropout={self.dropout}",
            f"finetuning.input_dropout={self.input_dropout}",
        ]


GENTLE = [0.001, 1e-5, 1e-5]  # fewer of the upper layers' units die
TRIED = [
    Try("relu", 0.3, 0, 0.0, 12, 0.01, 0.5, 0.2),
    Try("relu", 0.3, 2, 1e-4, 12, 0.01, 0.5, 0.2),
    Try("relu", 0.3, 2, 1e-4, 12, 0.002, 0.3, 0.2),
    Try("relu", 0.3, 2, 1e-4, 12, 0.005, 0.3, 0.2),
    Try("relu", 0.3, 2, GENTLE, 12, 0.003, 0.3, 0.2),
    Try("sigmoid", 0.3, 3, 0.004, 10, 0.05, 0.0, 0.2),
    Try("sigmoid", 0.3, 3, 0.004, 10, 0.05, 0.2, 0.2),
    Try("sigmoid", 0.3, 3, 0.004, 10, 0.1, 0.0, 0.0),
    Try("sigmoid", 0.3, 3, 0.004, 10, 0.1, 0.0, 0.2),
    Try("sigmoid", 0.3, 3, 0.004, 10, 0.1, 0.2, 0.1),
    Try("sigmoid", 0.5, 3, 0.004, 10, 0.1, 0.0, 0.2),
    Try("sigmoid", 0.3, 3, 0.01, 10, 0.1, 0.0, 0.2),
    Try("sigmoid", 0.3, 3, 0.01, 10, 0.2, 0.0, 0.2),
    Try("sigmoid", 0.3, 4, 0.02, 10, 0.1, 0.0, 0.2),
    Try("sigmoid", 0.3, 3, 0.01, 16, 0.1, 0.1, 0.2),
    Try("sigmoid", 0.3, 3, 0.004, 20, 0.1, 0.2, 0.1),
    Try("sigmoid", 0.3, 3, 0.01, 20, 0.1, 0.2, 0.2),
    Try("sigmoid", 0.3, 4, 0.02, 20, 0.1, 0.2, 0.2),
    Try("sigmoid", 0.3, 4, 0.02, 20, 0.1, 0.5, 0.2),
    Try("sigmoid", 0.3, 3, 0.02, 20, 0.15, 0.3, 0.2),
    Try("sigmoid", 0.3, 3, 0.04, 20, 0.1, 0.3, 0.2),
    Try("sigmoid", 0.3, 0, 0.0, 20, 0.1, 0.3, 0.2),
]


def main() -> None:
    """Run what is missing, on one thread."""
    torch.set_num_threads(1)
    before = json.loads(PATH.read_text())["runs"] if PATH.exists() else []
    known = {json.dumps(run["settings"]): run for run in before}
    for tried in TRIED:
        key = json.dumps(tried._asdict())
        if key not in known:
            known[key] = {"settings": tried._asdict(), "validation_errors": _errors(tried)}
            runs = [known[name] for each in TRIED if (name := json.dumps(each._asdict())) in known]
            PATH.write_text(json.dumps({"machine": describe(), "runs": runs}, indent=2) + "\n")
        print(f"{min(known[key]['validation_errors']):.2f} % by {tried}", flush=True)


def _errors(tried: Try) -> list[float]:
    """Return the validation error after each epoch, in %."""
    recipe = load_recipe("default", tried.settings())
    data = prepare(recipe.data, recipe.model.decoder[0], recipe.seed)
    data = dataclasses.replace(data, test=None)
    tuned = run_recipe(recipe, data, build_stack(recipe, data)).finetuning
    if tuned is None:
        raise SystemExit("The recipe must fine-tune.")
    errors = [each.validation_error for each in tuned.records]
    return [round(100 * error, 2) for error in errors if error is not None]


if __name__ == "__main__":
    main()
