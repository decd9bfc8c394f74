"""Train a recipe on MNIST with several seeds; write errors and minutes as JSON.

    python benchmarks/mnist.py --recipe default --seeds 3
    python benchmarks/mnist.py --recipe tutorial --keep     # the seeds that are missing

The test error is the one measured at the lowest validation error. No choice is made by it.
"""

import argparse
import json
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from _machine import describe

from sdae.app.recipes import load_recipe
from sdae.app.recipes.recipe import Recipe
from sdae.app.runs.prepare import prepare
from sdae.app.runs.run_recipe import build_stack, run_recipe


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--name", help="of the JSON file; default: the recipe's")
    parser.add_argument("--keep", action="store_true", help="the seeds that are in it already")
    arguments = parser.parse_args()
    recipe = load_recipe(arguments.recipe, arguments.settings)
    name = arguments.name or f"mnist-{arguments.recipe}"
    path = Path(__file__).parent / "results" / f"{name}.json"
    result: dict[str, Any] = {
        "recipe": arguments.recipe,
        "settings": arguments.settings,
        "machine": describe(),
        "runs": [],
    }
    before = json.loads(path.read_text()) if arguments.keep and path.exists() else {"runs": []}
    known = {run["seed"]: run for run in before["runs"]}
    if known and any(before[key] != result[key] for key in ("recipe", "settings", "machine")):
        raise SystemExit(f"{path} was measured with other settings or on another machine.")
    for seed in range(1, arguments.seeds + 1):
        result["runs"].append(known.get(seed) or _run(replace(recipe, seed=seed)))
        for which in ("test_error", "validation_error"):
            result[f"mean_{which}"] = statistics.mean(run[which] for run in result["runs"])
        path.write_text(json.dumps(result, indent=2) + "\n")  # a long benchmark may be cut short
    print(f"Written to {path}")


def _run(recipe: Recipe) -> dict[str, float | int]:
    data = prepare(recipe.data, recipe.model.decoder[0], recipe.seed)
    stack = build_stack(recipe, data)
    with _peak_memory() as peak:
        trained = run_recipe(recipe, data, stack)
    tuned = trained.finetuning
    assert trained.pretraining is not None
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
        "finetuning_epoch_seconds": statistics.median(each.seconds for each in tuned.records),
        "peak_anonymous_mib": max(peak),
    }
    print(
        f"seed {recipe.seed}: validation {run['validation_error']:.2f} %, "
        f"test {run['test_error']:.2f} %, {run['pretraining_minutes']:.2f} min of pre-training, "
        f"{run['finetuning_minutes']:.2f} min of fine-tuning",
        flush=True,
    )
    return run


@contextmanager
def _peak_memory() -> Iterator[list[float]]:
    """Collect the process's anonymous memory (RssAnon) in MiB, ten times a second; Linux only."""
    status, samples, done = Path("/proc/self/status"), [0.0], threading.Event()

    def watch() -> None:
        while status.exists() and not done.wait(0.1):
            line = next(each for each in status.read_text().splitlines() if "RssAnon" in each)
            samples.append(int(line.split()[1]) / 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield samples
    finally:
        done.set()
        watcher.join()


if __name__ == "__main__":
    main()
