"""The parts of ``gpu.py`` that measure: steps by CUDA events, whole runs by the clock.

Each figure stands beside a bar that it must reach. A rehearsal does not judge.
"""

import time
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import baselines
import numpy as np
import torch
from gpu_bench import Bench, FailedError

import sdae
from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.minibatches import minibatches
from sdae.data import load_mnist
from sdae.train.engines.choice import engine_of_finetuning, engine_of_pretraining
from sdae.train.settings import PRECISIONS, FinetuningConfig, PretrainingConfig

PUBLISHED_MINUTES = 1029
FINETUNING_EPOCHS = 36  # of the tutorial's account
LEAST_TIMES, LEAST_TIMES_OF_DEFAULT = 2500, 8
RECIPES = Path(sdae.__file__).parent / "app" / "recipes"


def single_rows(bench: Bench) -> dict[str, Any]:
    """Time the fused engine, one row a step, beside PyTorch."""
    n, few = bench.size(16_384, 12), bench.size(300, 3)
    hidden = bench.size(1000, 17)
    figures: dict[str, Any] = {}
    for n_visible in (bench.size(784, 29), hidden):
        x = bench.rows(n, n_visible)
        stack = bench.stack(n_visible, (hidden,), corruption_levels=0.1).to(bench.device)
        figures[f"pre-training {n_visible}×{hidden}"] = _beside(
            bench,
            partial(bench.pretraining, stack, x, {"engine": "fused"}),
            n,
            partial(baselines.autograd_pretraining, x[:few].numpy(), hidden, 1, bench.device.type),
            few,
            most=2.6,
        )
    n_visible, sizes = bench.size(784, 29), (hidden,) * 3
    x, y = bench.rows(n, n_visible), torch.arange(n) % 10
    for name, options, most in (
        ("fine-tuning", {}, 6.0),
        ("fine-tuning, dropout, shuffled", {"dropout": 0.3, "input_dropout": 0.2}, 8.0),
    ):
        stack = bench.stack(n_visible, sizes).to(bench.device)
        figures[f"{name} {n_visible}-{hidden}³-10"] = _beside(
            bench,
            partial(bench.finetuning, stack, x, y, {"engine": "fused", **options}),
            n,
            partial(
                baselines.autograd_finetuning,
                x[:few].numpy(),
                y[:few].numpy(),
                sizes,
                1,
                device=bench.device.type,
            ),
            few,
            most=most,
            shuffled="shuffled" in name,
        )
    return _judged(bench, figures)


def several_rows(bench: Bench) -> dict[str, Any]:
    """Time the graph engine on minibatches beside PyTorch."""
    n_visible, hidden = bench.size(784, 29), bench.size(1000, 17)
    sizes = (hidden,) * 3
    figures: dict[str, Any] = {}
    for batch_size, least, least_tuned in ((20, 10, 6), (100, 7, 4), (1000, 3, 1.7)):
        n = bench.size(max(20_000, 20 * batch_size), 2 * batch_size)
        few = bench.size(100, 1) * batch_size
        x, y = bench.rows(n, n_visible), torch.arange(n) % 10
        options = {"engine": "graph", "batch_size": batch_size}
        one = bench.stack(n_visible, (hidden,), corruption_levels=0.1).to(bench.device)
        several = bench.stack(n_visible, sizes).to(bench.device)
        some = np.resize(x.numpy(), (few, n_visible))
        labels = np.resize(y.numpy(), few)
        figures[f"pre-training {n_visible}×{hidden}, {batch_size} rows"] = _beside(
            bench,
            partial(bench.pretraining, one, x, options),
            n,
            partial(baselines.autograd_pretraining, some, hidden, batch_size, bench.device.type),
            few,
            batch_size=batch_size,
            least=least,
        )
        figures[f"fine-tuning {n_visible}-{hidden}³-10, {batch_size} rows"] = _beside(
            bench,
            partial(bench.finetuning, several, x, y, options),
            n,
            partial(
                baselines.autograd_finetuning,
                some,
                labels,
                sizes,
                batch_size,
                device=bench.device.type,
            ),
            few,
            batch_size=batch_size,
            least=least_tuned,
        )
    return _judged(bench, figures)


def precisions(bench: Bench) -> dict[str, Any]:
    """Time the graph engine with products of each type, and compare the costs of two epochs."""
    n_visible, hidden = bench.size(784, 29), bench.size(1000, 17)
    batch_size = bench.size(1000, 20)
    n = 20 * batch_size
    x, batches = bench.rows(n, n_visible), minibatches(n, batch_size)
    figures: dict[str, Any] = {}
    for precision in PRECISIONS:
        stack = bench.stack(n_visible, (hidden,), corruption_levels=0.1).to(bench.device)
        options = {"engine": "graph", "batch_size": batch_size, "precision": precision}
        engine = bench.pretraining(stack, x, options)
        costs = [float(engine.train(batches, epoch, 0.01)) / n for epoch in (1, 2)]
        work = partial(engine.train, batches, 3, 0.01)
        figures[precision] = {"cost": costs[-1], **bench.microseconds(work, len(batches))}
        engine.close()
    exact = figures["float32"]["cost"]
    far = [name for name, each in figures.items() if not abs(each["cost"] / exact - 1) < 0.02]
    if far:
        raise FailedError(f"other costs: {far}", figures)
    return figures


def _beside(
    bench: Bench,
    made: Callable[[], Any],
    n: int,
    theirs: Callable[[], Callable[[], object]],
    few: int,
    *,
    batch_size: int = 1,
    most: float | None = None,
    least: float | None = None,
    shuffled: bool = False,
) -> dict[str, Any]:
    """Return microseconds of a step of an engine and of PyTorch, and what they must be."""
    try:
        engine = made()
        order = np.random.default_rng(1).permutation(n) if shuffled else None
        batches = minibatches(n, batch_size, order=order)
        ours = bench.microseconds(lambda: engine.train(batches, 1, 1e-4), len(batches))
        engine.close()
        eager = bench.microseconds(theirs(), -(-few // batch_size))
    except Exception as problem:  # a case that is broken must not hide the others
        return {"error": f"{type(problem).__name__}: {problem}"[:300]}
    figures = {**ours, "pytorch": eager["microseconds"]}
    figures["times"] = figures["pytorch"] / figures["microseconds"]
    if most is not None:
        figures |= {"most": most, "reached": figures["microseconds"] <= most}
    if least is not None:
        figures |= {"least": least, "reached": figures["times"] >= least}
    return figures


def _judged(bench: Bench, figures: dict[str, Any]) -> dict[str, Any]:
    """Raise an error for what is broken or below its bar."""
    wrong = [name for name, each in figures.items() if "error" in each]
    slow = [name for name, each in figures.items() if not each.get("reached", True)]
    if wrong or (slow and not bench.rehearse):
        raise FailedError(f"broken: {wrong}; too slow: {slow}", figures)
    return figures


def tutorial(bench: Bench) -> dict[str, Any]:
    """Run the recipe `tutorial` without patience, as many epochs as its authors report."""
    recipe = _recipe("tutorial")
    recipe["finetuning"] |= {
        "epochs": 1 if bench.rehearse else FINETUNING_EPOCHS,
        "early_stopping": False,
    }
    if bench.rehearse:
        recipe["pretraining"]["epochs"] = 1
    figures = _run(bench, recipe)
    figures["times"] = 60 * PUBLISHED_MINUTES / figures["seconds"]
    figures["least"] = LEAST_TIMES
    if not bench.rehearse and figures["times"] < LEAST_TIMES:
        raise FailedError("too slow", figures)
    return figures


def default(bench: Bench) -> dict[str, Any]:
    """Run the recipe `default`, and an epoch of each stage of it by the CPU's engine."""
    recipe = _recipe("default")
    figures = _run(bench, recipe)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        scaled = 0.0
        for stage, seconds in _cpu_epoch(bench, recipe).items():
            figures[f"seconds of an epoch on the CPU, {stage}"] = seconds
            scaled += recipe[stage]["epochs"] * seconds
    finally:
        torch.set_num_threads(n_threads)
    figures |= {"seconds on the CPU, scaled": scaled, "times": scaled / figures["seconds"]}
    figures["least"] = LEAST_TIMES_OF_DEFAULT
    if not bench.rehearse and figures["times"] < LEAST_TIMES_OF_DEFAULT:
        raise FailedError("too slow", figures)
    return figures


def _cpu_epoch(bench: Bench, recipe: dict[str, Any]) -> dict[str, float]:
    """Return the seconds of an epoch of each stage, of all layers together, on the CPU."""
    train, _, _ = _data(bench)
    few = (train[0][:50], train[1][:50])
    _check_fused(_stack(bench, recipe), recipe)
    for rows in (few, train):  # the first compiles the kernels
        stack = _stack(bench, recipe)
        pre = pretrain(stack, rows[0], **recipe["pretraining"] | {"epochs": 1})
        fine = finetune(stack, rows, None, **recipe["finetuning"] | {"epochs": 1})
    return {
        "pretraining": sum(record.seconds for record in pre.records),
        "finetuning": sum(record.seconds for record in fine.records),
    }


def _run(bench: Bench, recipe: dict[str, Any]) -> dict[str, Any]:
    """Run both stages of a recipe by the fused engine; return seconds and errors."""
    train, validation, test = _data(bench)
    stack = _stack(bench, recipe).to(bench.device)
    _check_fused(stack, recipe)
    bench.wait()
    start = time.perf_counter()
    pre = pretrain(stack, train[0], **recipe["pretraining"])
    middle = time.perf_counter()
    fine = finetune(stack, train, validation, test, **recipe["finetuning"])
    bench.wait()
    end = time.perf_counter()
    return {
        "seconds": end - start,
        "seconds of pre-training": middle - start,
        "seconds of fine-tuning": end - middle,
        "epochs": len(pre.records) + len(fine.records),
        "engines": sorted({record.engine for record in (*pre.records, *fine.records)}),
        "validation error": fine.best_validation_error,
        "test error": fine.test_error,
    }


def _check_fused(stack: Any, recipe: dict[str, Any]) -> None:
    """Raise an error where another engine would run: it would take minutes."""
    pre = PretrainingConfig.read(recipe["pretraining"], "pretrain")
    fine = FinetuningConfig.read(recipe["finetuning"], "finetune")
    names = {
        *(
            engine_of_pretraining(stack.autoencoder(k), pre, stack.autoencoder(k).corruption)
            for k in range(stack.n_layers)
        ),
        engine_of_finetuning(stack, fine, weighted=False),
    }
    if names != {"fused"}:
        raise FailedError(f"it would run by {sorted(names)}, not by the fused engine alone")


def _recipe(name: str) -> dict[str, Any]:
    """Return the tables of a recipe."""
    return tomllib.loads((RECIPES / f"{name}.toml").read_text(encoding="utf-8"))


def _stack(bench: Bench, recipe: dict[str, Any]) -> StackedDenoisingAutoencoder:
    model = recipe["model"]
    sizes = (17,) * 3 if bench.rehearse else model["hidden_layer_sizes"]
    return StackedDenoisingAutoencoder(
        784, sizes, 10, model["corruption"], activation=model["activation"], seed=recipe["seed"]
    )


def _data(bench: Bench) -> list[tuple[Any, Any]]:
    """Return rows and labels for training, validation and test."""
    few = slice(bench.size(50_000, 60))
    return [(split.x[few], split.y[few]) for split in load_mnist()]
