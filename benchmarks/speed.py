"""Every engine against PyTorch, PyTensor and scikit-learn, and against the machine's limits.

    apt install libopenblas-dev && pip install pytensor
    python benchmarks/speed.py
    python benchmarks/charts.py

Medians of alternating runs in one process: trust the ratios, not the figures. Each baseline runs at
the number of threads that suits it best. What is timed is first held against the autograd engine.
"""

import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import baselines
import numpy as np
import torch
from _machine import describe
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sdae import StackedDenoisingAutoencoder, data, finetune, pretrain

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]
Epoch = Callable[[], object]
REPEATS = 7
REPEATS_OF_LOOPS = 15  # their ratio is near 1
REST = 0.1  # seconds before each timing
SIZES = (1000, 1000, 1000)
THEIR_DESIGN = "pt-sdae's design by sdae"
FUSED = ("sdae, fused", THEIR_DESIGN)
EPOCHS = (15, 15, 15, 36)
LOWER, UPPER, TUNING = (
    "pre-training 784×1000",
    "pre-training 1000×1000",
    "fine-tuning 784-1000³-10",
)
BY_ADAM = f"{TUNING} by Adam"
WEIGHTS = {LOWER: 784_000, UPPER: 1_000_000, TUNING: 784_000 + 2 * 1_000_000 + 10_000}


def main() -> None:
    """Measure, print and write as JSON."""
    if not baselines.has_pytensor():
        print("PyTensor is left out: it needs `pip install pytensor` and the library OpenBLAS.")
    train = data.load_mnist().train
    x, y = train.x[:8192], train.y[:8192]
    codes = _codes(x)
    _assert_right(x[:100], y[:100])
    limits = _limits()
    rows = [
        *_batch_one(LOWER, lambda n: _pretraining_entries(x, n)),
        *_batch_one(UPPER, lambda n: _pretraining_entries(codes, n)),
        *_batch_one(TUNING, lambda n: _finetuning_entries(x, y, n)),
        *_minibatches(x, y),
        *_adam(x, y),
    ]
    # The best of two moments: what disturbs one of them would raise our share.
    limits = {
        name: max(limit, again)
        for (name, limit), again in zip(limits.items(), _limits().values(), strict=True)
    }
    _add_shares(rows, limits, x)
    first, upper, tuning = (
        row["microseconds"] / 1e6
        for row in rows
        if row["who"] == "sdae, fused" and row["threads"] == torch.get_num_threads()
    )
    minutes = 50_000 * (EPOCHS[0] * first + 2 * EPOCHS[1] * upper + EPOCHS[3] * tuning) / 60
    print(f"Recipe tutorial, 45 + 36 epochs: {minutes:.1f} min by these speeds")
    result = {"machine": describe(), "limits": limits, "rows": rows, "tutorial_minutes": minutes}
    path = Path(__file__).parent / "results" / "speed.json"
    path.write_text(json.dumps(result, indent=2) + "\n")


def _pretraining_entries(x: Rows, n: dict[str, int]) -> dict[str, Epoch]:
    stack = StackedDenoisingAutoencoder(x.shape[1], (1000,), corruption_levels=0.1)
    untied = StackedDenoisingAutoencoder(
        x.shape[1],
        (1000,),
        corruption_levels=0.1,
        tied=False,
        activation="relu",
        decoder=("linear",),
    )
    entries: dict[str, Epoch] = {
        "sdae, fused": lambda: pretrain(stack, x[: n["fused"]], epochs=1),
        # A rate so low that no units die: those that are zero would cost us nothing.
        THEIR_DESIGN: lambda: pretrain(untied, x[: n["fused"]], epochs=1, learning_rate=1e-7),
        "PyTorch autograd": baselines.autograd_pretraining(x[: n["slow"]], 1000, 1),
        "pt-sdae's design": baselines.untied_relu_pretraining(x[: n["slow"]], 1000),
        "BernoulliRBM": baselines.sklearn_pretraining(x[: n["slow"]], 1000, 1),
    }
    if baselines.has_pytensor():
        entries["PyTensor"] = baselines.pytensor_pretraining(x[: n["slow"]], 1000)
    return entries


def _finetuning_entries(x: Rows, y: Labels, n: dict[str, int]) -> dict[str, Epoch]:
    stack = StackedDenoisingAutoencoder(784, SIZES, 10)
    few = slice(n["slow"])
    some = slice(n["fused"])
    entries: dict[str, Epoch] = {
        "sdae, fused": lambda: finetune(stack, (x[some], y[some]), None, epochs=1),
        "PyTorch autograd": baselines.autograd_finetuning(x[few], y[few], SIZES, 1),
        "MLPClassifier": baselines.sklearn_finetuning(x[few], y[few], SIZES, 1),
    }
    if baselines.has_pytensor():
        entries["PyTensor"] = baselines.pytensor_finetuning(x[few], y[few], SIZES)
    return entries


def _batch_one(
    work: str, entries_of: Callable[[dict[str, int]], dict[str, Epoch]]
) -> list[dict[str, Any]]:
    """Time all programs of one work in turns, each at both numbers of threads; keep its better."""
    n = {"fused": 8192, "slow": 200}
    entries = entries_of(n)
    n_threads = torch.get_num_threads()
    times: dict[tuple[str, int], list[float]] = {}
    for repeat in range(REPEATS + 1):
        for threads in sorted({1, n_threads}):
            torch.set_num_threads(threads)
            for who, epoch in entries.items():
                with threadpool_limits(threads):  # of the BLAS that scikit-learn and PyTensor use
                    elapsed = _time(epoch)
                if repeat:  # the first round only warms up
                    times.setdefault((who, threads), []).append(elapsed)
    torch.set_num_threads(n_threads)

    def best(who: str) -> int:
        return min({1, n_threads}, key=lambda threads: statistics.median(times[who, threads]))

    ours = times["sdae, fused", best("sdae, fused")]
    rows = []
    for (who, threads), seconds in times.items():
        if who in FUSED or threads == best(who):
            n_samples = n["fused" if who in FUSED else "slow"]
            row = _row(work, 1, who, threads, n_samples, seconds)
            row["times_slower"] = n["fused"] / n_samples * _ratio(seconds, ours)
            rows.append(row)
    for row in rows:
        print(
            f"{work}, batch 1, {row['who']} ({row['threads']} threads): "
            f"{row['microseconds']:,.0f} µs a sample, {row['times_slower']:.1f} × sdae's time",
            flush=True,
        )
    return rows


def _minibatches(x: Rows, y: Labels) -> list[dict[str, Any]]:
    """What `auto` takes, and two other engines, against a bare loop, minibatches as large."""
    rows = []
    for batch_size in (20, 100, 256):
        layer = StackedDenoisingAutoencoder(784, (1000,), corruption_levels=0.1)
        network = StackedDenoisingAutoencoder(784, SIZES, 10)
        ours = partial(pretrain, layer, x, epochs=1, batch_size=batch_size)
        tuned = partial(finetune, network, (x, y), None, epochs=1, batch_size=batch_size)
        works: dict[str, dict[str, Epoch]] = {
            LOWER: {
                "sdae, auto": ours,
                "sdae, closed form": partial(ours, engine="closed_form"),
                "sdae, autograd": partial(ours, engine="autograd"),
                "PyTorch autograd": baselines.autograd_pretraining(x, 1000, batch_size),
            },
            TUNING: {
                "sdae, auto": tuned,
                "sdae, closed form": partial(tuned, engine="closed_form"),
                "sdae, autograd": partial(tuned, engine="autograd"),
                "PyTorch autograd": baselines.autograd_finetuning(x, y, SIZES, batch_size),
            },
        }
        for work, entries in works.items():
            rows += _in_turns(work, batch_size, len(x), entries)
    return rows


def _adam(x: Rows, y: Labels) -> list[dict[str, Any]]:
    """What `auto` takes, and autograd, against a bare loop with PyTorch's Adam, minibatch 100."""
    network = StackedDenoisingAutoencoder(784, SIZES, 10)
    ours = partial(
        finetune,
        network,
        (x, y),
        None,
        epochs=1,
        batch_size=100,
        optimizer="adam",
        learning_rate=0.001,
    )
    entries: dict[str, Epoch] = {
        "sdae, auto": ours,
        "sdae, autograd": partial(ours, engine="autograd"),
        "PyTorch autograd": baselines.autograd_finetuning(x, y, SIZES, 100, adam=True),
    }
    return _in_turns(BY_ADAM, 100, len(x), entries)


def _in_turns(
    work: str, batch_size: int, n_samples: int, entries: dict[str, Epoch]
) -> list[dict[str, Any]]:
    """Time entries of ours, the first what users get, and a bare loop, one after the other."""
    rows, threads = [], torch.get_num_threads()
    times: dict[str, list[float]] = {who: [] for who in entries}
    for repeat in range(REPEATS_OF_LOOPS + 1):
        for who, epoch in entries.items():
            elapsed = _time(epoch)
            if repeat:  # the first round only warms up
                times[who].append(elapsed)
    first, *others, bare = entries
    for who, seconds in times.items():
        row = _row(work, batch_size, who, threads, n_samples, seconds)
        row["times_slower"] = _ratio(seconds, times[first])
        rows.append(row)
    print(
        f"{work}, batch {batch_size}: a bare loop takes "
        + ", ".join(
            f"{_ratio(times[bare], times[who]):.2f} × the time of {who}" for who in (first, *others)
        ),
        flush=True,
    )
    return rows


def _ratio(seconds: list[float], others: list[float]) -> float:
    """Return how many times longer some runs took than others, each against its neighbour.

    The machine's speed drifts.
    """
    return statistics.median(a / b for a, b in zip(seconds, others, strict=True))


def _row(
    work: str, batch: int, who: str, threads: int, n_samples: int, seconds: list[float]
) -> dict[str, Any]:
    per_sample = [each / n_samples for each in seconds]
    median = statistics.median(per_sample)
    return {
        "work": work,
        "batch": batch,
        "who": who,
        "threads": threads,
        "samples_per_second": 1 / median,
        "microseconds": 1e6 * median,
        "spread": (max(per_sample) - min(per_sample)) / median,
    }


def _limits() -> dict[str, float]:
    """Measure reading and writing buffers of the weights' sizes, and matrix products (2048³).

    Products by PyTorch and by NumPy, since the BLAS of one may know the processor better.
    """
    limits = {
        f"read_write_gbs, {work}": _read_write(torch.rand(n_weights))
        for work, n_weights in WEIGHTS.items()
    }
    matrix = torch.rand(2048, 2048)
    limits["gemm_gflops, PyTorch"] = _gemm(lambda: matrix @ matrix)
    limits["gemm_gflops, NumPy"] = _gemm(lambda: matrix.numpy() @ matrix.numpy())
    print({name: round(value, 1) for name, value in limits.items()})
    return limits


def _gemm(product: Callable[[], object]) -> float:
    """Return the gigaflops of a product of two 2048×2048 matrices."""
    return 2 * 2048**3 / min(_time(product) for _ in range(REPEATS + 1)) / 1e9


def _read_write(buffer: torch.Tensor) -> float:
    """Return how many gigabytes a second go from a buffer and back to it."""
    passes = min(_time(lambda: [buffer.mul_(1.0) for _ in range(200)]) for _ in range(REPEATS + 1))
    return 200 * 2 * buffer.numel() * 4 / passes / 1e9


def _add_shares(rows: list[dict[str, Any]], limits: dict[str, float], x: Rows) -> None:
    """Say which share of the nearer limit of the machine each of our steps reaches.

    Operations and bytes of a weight: pre-training takes two products with it, two updates of it and
    its share of the reconstruction, reads it and writes it; fine-tuning a product, an update and a
    product with δ, reads it twice and writes it. Of the first layer's weights fine-tuning touches
    only those whose input is not zero, and takes no product with δ.
    """
    zero_twice = (x[1:] == 0) & (x[:-1] == 0)
    touched = int(784_000 * (1 - zero_twice.mean()))
    gigaflops = max(limits["gemm_gflops, PyTorch"], limits["gemm_gflops, NumPy"])
    upper = WEIGHTS[TUNING] - 784_000
    for row in rows:
        if not row["who"].startswith("sdae") or row["work"] not in WEIGHTS:
            continue
        if row["work"] != TUNING:
            operations, moved = 10 * WEIGHTS[row["work"]], 8 * WEIGHTS[row["work"]]
        elif row["batch"] == 1:
            operations, moved = 6 * upper + 4 * touched, 12 * upper + 8 * touched
        else:
            operations, moved = 6 * upper + 4 * 784_000, 0
        moved = moved if row["batch"] == 1 else 0  # minibatches read each weight rarely
        bandwidth = limits[f"read_write_gbs, {row['work']}"]
        least = max(operations / gigaflops, moved / bandwidth) / 1e3
        if row["threads"] == torch.get_num_threads():
            row["share_of_limit"] = least / row["microseconds"]
            print(
                f"{row['work']}, batch {row['batch']}: {100 * row['share_of_limit']:.0f} % "
                "of the machine's limit"
            )


def _time(work: Callable[[], object]) -> float:
    """Return the seconds some work takes, once the threads of the work before have come to rest.

    Those of a BLAS or of OpenMP wait for more for a while, and hold up the threads that follow.
    """
    time.sleep(REST)
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _codes(x: Rows) -> Rows:
    stack = StackedDenoisingAutoencoder(784, (1000,))
    with torch.no_grad():
        codes: Rows = stack.encode(x, 1).numpy()
    return codes


def _assert_right(x: Rows, y: Labels) -> None:
    """Train 100 samples by each engine and by autograd: the parameters must agree."""
    for engine, batch_size in (("fused", 1), ("closed_form", 20)):
        stacks = [StackedDenoisingAutoencoder(784, SIZES, 10, 0.1) for _ in range(2)]
        for stack, name in zip(stacks, (engine, "autograd"), strict=True):
            pretrain(stack, x, epochs=1, batch_size=batch_size, engine=name)
            finetune(
                stack,
                (x, y),
                None,
                epochs=1,
                batch_size=batch_size,
                learning_rate=0.01,
                engine=name,
            )
        for ours, theirs in zip(stacks[0].parameters(), stacks[1].parameters(), strict=True):
            difference = float((ours - theirs).detach().abs().max())
            if difference > 1e-5 * float(theirs.detach().abs().max()):
                raise SystemExit(f"{engine} is wrong by {difference}: nothing was timed.")


if __name__ == "__main__":
    main()
