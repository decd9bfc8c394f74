"""Train a recipe on MNIST with several seeds; write errors and minutes as JSON.

    python benchmarks/mnist.py --recipe default --seeds 3

The test error is the one measured at the lowest validation error. No choice is made by it.
"""

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path

from _machine import describe

from sdae.config.recipe import Recipe
from sdae.recipes import load_recipe
from sdae.runs.prepare import prepare
from sdae.runs.training import build_stack, run_recipe


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--name", help="of the JSON file; default: the recipe's")
    arguments = parser.parse_args()
    recipe = load_recipe(arguments.recipe, arguments.settings)
    runs = [_run(replace(recipe, seed=seed)) for seed in range(1, arguments.seeds + 1)]
    result = {
        "recipe": arguments.recipe,
        "settings": arguments.settings,
        "machine": describe(),
        "runs": runs,
        "mean_test_error": statistics.mean(run["test_error"] for run in runs),
        "mean_validation_error": statistics.mean(run["validation_error"] for run in runs),
    }
    name = arguments.name or f"mnist-{arguments.recipe}"
    path = Path(__file__).parent / "results" / f"{name}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"Written to {path}")


def _run(recipe: Recipe) -> dict[str, float | int]:
    data = prepare(recipe.data, recipe.model.decoder[0], recipe.seed)
    stack = build_stack(recipe, data)
    trained = run_recipe(recipe, data, stack)
    tuned = trained.finetuning
    if tuned is None or tuned.test_error is None or tuned.best_validation_error is None:
        raise SystemExit("The recipe must validate and test.")
    run = {
        "seed": recipe.seed,
        "validation_error": 100 * tuned.best_validation_error,
        "test_error": 100 * tuned.test_error,
        "epochs": len(tuned.records),
        "best_epoch": tuned.best_epoch or 0,
        "pretraining_minutes": trained.pretraining.seconds / 60,
        "finetuning_minutes": tuned.seconds / 60,
    }
    print(
        f"seed {recipe.seed}: validation {run['validation_error']:.2f} %, "
        f"test {run['test_error']:.2f} %, {run['pretraining_minutes']:.2f} min of pre-training, "
        f"{run['finetuning_minutes']:.2f} min of fine-tuning",
        flush=True,
    )
    return run


if __name__ == "__main__":
    main()
