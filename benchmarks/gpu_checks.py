"""The parts of ``gpu.py`` that compare: with NumPy, with the CPU, and a run with itself.

Each returns its figures, and raises an error for what is wrong.
"""

import copy
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gpu_bench import Bench, FailedError, farthest, same_bytes

from sdae.core.blocks import Blocks
from sdae.core.corruption import corrupt_by
from sdae.core.kinds.draws import DeviceDraws, HostDraws
from sdae.core.kinds.noises import parse_noise
from sdae.core.minibatches import minibatches
from sdae.core.randomness import NoiseKey, Stream, threshold
from sdae.core.rows import MappedRows, RowSource, TensorRows
from sdae.train.engines.choice import Engine
from sdae.train.engines.graph_pretraining import GraphPretraining
from sdae.train.engines.player import EagerPlayer, GraphPlayer
from sdae.train.settings import PretrainingConfig

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
STEPS = 200
NOISES = (
    "masking:0.3",
    "masking:0.25:exact",
    "salt_and_pepper:0.2",
    "gaussian:0.2",
    "swap:0.2",
)
TABLE = Blocks((1, 1, 2), 2, (3, 4), (0, 3, 5), (0.5, 0.4, 0.1, 0.2, 0.5, 0.5))


def masks(bench: Bench) -> dict[str, Any]:
    """Draw every noise and dropout on the device and by NumPy."""
    x = bench.rows(bench.size(2000, 50), 785)
    samples, key = np.arange(len(x))[::-1] * 977, NoiseKey(2**63 + 11, Stream.CORRUPTION, 1, 3)
    there = x.to(bench.device)
    figures: dict[str, Any] = {}
    for text in NOISES:
        noise = parse_noise(text)
        host = corrupt_by(x, noise, HostDraws(key, samples))
        device = corrupt_by(there, noise, DeviceDraws.of(key, samples, there.device))
        if noise.draws_components:
            figures[text] = bool(torch.equal(device.x_tilde.cpu(), host.x_tilde))
        else:
            figures[text] = float((device.x_tilde.cpu() - host.x_tilde).abs().max())
    limit = threshold(0.3)
    stays = DeviceDraws.of(key, samples, there.device).below(1000, limit).cpu()
    figures["dropout"] = bool(torch.equal(stays, HostDraws(key, samples).below(1000, limit)))
    if not all(value is True for value in figures.values() if isinstance(value, bool)):
        raise FailedError(f"masks differ: {figures}")
    if figures["gaussian:0.2"] > 1e-6:
        raise FailedError(f"normal values differ: {figures}")
    return figures


def parity(bench: Bench) -> dict[str, Any]:
    """Train 200 steps by each engine of the device, and by autograd on the CPU."""
    figures: dict[str, Any] = {}
    wrong = []
    for name, error, tolerance in _distances(bench):
        figures[name] = error
        if isinstance(error, str) or not error <= tolerance:
            wrong.append(f"{name}: {error}")
    if wrong:
        raise FailedError("; ".join(wrong), figures)
    return figures


def _distances(bench: Bench) -> Iterator[tuple[str, float | str, float]]:
    wide = (bench.size(784, 29), (bench.size(1000, 17),))
    deep = (bench.size(784, 29), (bench.size(1000, 17),) * 3)
    momentum = {"momentum": 0.9, "nesterov": True}
    linear = {"decoder": "linear", "activation": "tanh"}
    dropped = {"dropout": 0.3, "input_dropout": 0.2}
    pre: list[tuple[str, int, tuple[Any, ...], dict[str, Any], dict[str, Any]]] = [
        ("fused", 1, wide, {}, {}),
        ("fused", 1, (61, (37,)), {"activation": "relu", "decoder": "linear"}, {}),
        ("fused", 1, (61, (37,)), {"corruption_levels": "salt_and_pepper:0.2", **linear}, {}),
        ("autograd", 20, wide, {}, {}),
        ("graph", 20, wide, {}, {}),
        ("graph", 20, wide, {"tied": False, "emphasis": "double"}, momentum),
        ("graph", 7, (61, (37,)), {"corruption_levels": "gaussian:0.2", **linear}, {}),
        ("graph", 7, (61, (37,)), {"corruption_levels": "swap:0.2"}, {"weight_decay": 0.01}),
        ("graph", 7, (61, (37,)), {"dtype": torch.float64}, {"optimizer": "adam"}),
        ("graph", 7, (TABLE.n_components, (9,)), {"blocks": TABLE}, {}),
    ]
    fine: list[tuple[str, int, tuple[Any, ...], dict[str, Any], dict[str, Any]]] = [
        ("fused", 1, deep, {}, {}),
        ("fused", 1, deep, {}, dropped),
        ("fused", 1, (61, (37, 12)), {"activation": "relu"}, {}),
        ("graph", 20, deep, {}, {}),
        ("graph", 20, deep, {}, {**dropped, **momentum}),
        ("graph", 7, (61, (37, 12)), {"activation": "gelu"}, {"max_norm": 1.0}),
        *(
            ("graph", 7, (61, (37,)), {"dtype": torch.float64}, {"optimizer": optimizer})
            for optimizer in ("adamw", "nadam", "rmsprop")
        ),
    ]
    for walk, cases in (("pre-training", pre), ("fine-tuning", fine)):
        for engine, batch_size, shape, network, settings in cases:
            options = {**settings, "batch_size": batch_size}
            words = {"engine": engine, **{k: str(v)[:24] for k, v in network.items()}, **options}
            name = f"{walk} {shape}: {words}"
            dtype = network.get("dtype", torch.float32)
            try:
                error: float | str = _distance(bench, walk, engine, shape, network, options)
            except Exception as problem:  # a case that is broken must not hide the others
                error = f"{type(problem).__name__}: {problem}"[:300]
            yield name, error, TOLERANCE[dtype]


def _distance(
    bench: Bench,
    walk: str,
    engine: str,
    shape: tuple[Any, ...],
    network: dict[str, Any],
    options: dict[str, Any],
) -> float:
    """Return how far apart the parameters of an engine and of autograd on the CPU end."""
    n_visible, sizes = shape
    batch_size = options["batch_size"]
    n = bench.size(STEPS, 10) * batch_size - batch_size // 2  # a last one that is smaller
    x = bench.rows(n, n_visible, network.get("dtype", torch.float32))
    if "blocks" in network:
        x = _rows_of_table(n)
    y = torch.from_numpy(np.random.default_rng(5).integers(10, size=n))
    weights = torch.linspace(0, 2, n).to(x) if "max_norm" in options else None
    stacks = [bench.stack(n_visible, sizes, **{"corruption_levels": 0.3} | network)]
    stacks.append(copy.deepcopy(stacks[0]).to(bench.device))
    order = np.random.default_rng(1).permutation(n)
    for stack, name in zip(stacks, ("autograd", engine), strict=True):
        named = {**options, "engine": name}
        made = _made(bench, walk, stack, x, y, named, weights)
        made.train(minibatches(n, batch_size, order=order), 2, 0.01)
        made.close()
    return farthest(stacks[1], stacks[0])


def _rows_of_table(n: int) -> torch.Tensor:
    rng = np.random.default_rng(2)
    x = np.zeros((n, TABLE.n_components))
    x[:, :6] = rng.random((n, 6))
    x[np.arange(n), 6 + rng.integers(3, size=n)] = 1
    x[np.arange(n), 9 + rng.integers(4, size=n)] = 1
    return torch.from_numpy(x).float()


def repeated(bench: Bench) -> dict[str, Any]:
    """Train twice, and once with a break: all must end with the same bytes."""
    figures: dict[str, Any] = {}
    for engine, batch_size in (("fused", 1), ("graph", 20), ("graph", 1)):
        for walk in ("pre-training", "fine-tuning"):
            name = f"{walk}, {engine}, {batch_size} rows a step"
            try:
                figures[name] = _same(bench, walk, engine, batch_size)
            except Exception as problem:  # as above
                figures[name] = f"{type(problem).__name__}: {problem}"[:300]
    figures["rows on the disk as in memory"] = _same_from_disk(bench)
    if not all(value is True for value in figures.values()):
        raise FailedError(f"other bytes: {figures}", figures)
    return figures


def _same_from_disk(bench: Bench) -> bool:
    """Train on rows of a mapped file, with swap noise, and on the same rows in memory."""
    x = bench.rows(bench.size(2003, 53), 61)
    config = PretrainingConfig.read({"batch_size": 20, "engine": "graph"}, "pretrain")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        mapped = np.memmap(Path(folder) / "x", np.float32, "w+", shape=tuple(x.shape))
        mapped[:] = x.numpy()
        for form in ("memory", "disk"):
            stack = bench.stack(61, (37,), corruption_levels="swap:0.2").to(bench.device)
            layer = stack.autoencoder(0)
            rows: RowSource = TensorRows(x.to(bench.device))
            if form == "disk":
                rows = MappedRows(mapped, layer.weight)
            player = EagerPlayer() if bench.rehearse else None
            engine = GraphPretraining(layer, rows, layer.corruption, config, 9, player)
            order = np.random.default_rng(1).permutation(len(x))
            engine.train(minibatches(len(x), 20, order=order), 1, 0.01)
            engine.close()
            found.append(stack)
        del mapped
    return same_bytes(*found)


def _same(bench: Bench, walk: str, engine: str, batch_size: int) -> bool:
    n_visible, sizes = bench.size(784, 29), (bench.size(1000, 17),) * (3 if walk[0] == "f" else 1)
    n = bench.size(400, 12) * batch_size + batch_size // 2
    x = bench.rows(n, n_visible)
    y = torch.from_numpy(np.random.default_rng(5).integers(10, size=n))
    options: dict[str, Any] = {"batch_size": batch_size, "engine": engine}
    if walk == "fine-tuning":
        options |= {"dropout": 0.3, "input_dropout": 0.2}
    if engine == "graph":
        options |= {"momentum": 0.9}
    batches = minibatches(n, batch_size, order=np.random.default_rng(1).permutation(n))
    third = len(batches) // 3
    whole, cuts = (0, len(batches)), (0, third, third + 5, len(batches))
    runs: list[tuple[tuple[int, ...], bool]] = [(cuts, False), (cuts, False), (cuts, True)]
    if engine == "graph":
        runs.append((whole, False))  # slices do not matter either
    found = []
    for bounds, breaks in runs:
        stack = bench.stack(n_visible, sizes, corruption_levels=0.3).to(bench.device)
        made = _made(bench, walk, stack, x, y, options)
        for first, last in pairwise(bounds):
            if breaks:
                state = made.state()
                made.close()
                made = _made(bench, walk, stack, x, y, options)
                made.restore(state)
            made.train(batches[first:last], 1, 0.01)
        made.close()
        found.append(stack)
    return all(same_bytes(found[0], other) for other in found[1:])


def _made(
    bench: Bench,
    walk: str,
    stack: Any,
    x: torch.Tensor,
    y: torch.Tensor,
    options: dict[str, Any],
    weights: torch.Tensor | None = None,
) -> Engine:
    if walk == "pre-training":
        return bench.pretraining(stack, x, options)
    return bench.finetuning(stack, x, y, options, weights)


def captured(bench: Bench) -> dict[str, Any]:
    """Look whether steps are CUDA graphs, and not started one by one."""
    stack = bench.stack(61, (37,), corruption_levels=0.3).to(bench.device)
    engine: Any = bench.pretraining(
        stack, bench.rows(1003, 61), {"batch_size": 10, "engine": "graph", "optimizer": "adam"}
    )
    engine.train(minibatches(1003, 10), 1, 0.01)
    player = engine._player
    if bench.rehearse:
        return {"graphs": 0}
    if not isinstance(player, GraphPlayer) or player.n_captured != 3:
        raise FailedError("steps are started one by one: see the log")
    return {"graphs": player.n_captured}
