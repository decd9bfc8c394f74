"""The graph engine, played on the CPU as a CUDA graph plays it, against autograd.

Both have the same noise: autograd's is NumPy's, the engine's is drawn by PyTorch.
"""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdae.core.minibatches import minibatches
from sdae.core.rows import MappedRows, TensorRows
from sdae.train.engines import graph_stage
from sdae.train.engines.choice import Engine
from sdae.train.epoch import slices
from tests.core.test_blocks import TABLE, rows_of
from tests.train.engines.engines import assert_same, rows
from tests.train.engines.graphs import N, Stacks, finetuning, pretraining, tensor_rows
from tests.train.engines.test_compiled import HEADS, OPTIMIZERS, head_of, stacks, targets

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
EVERY_NOISE = ("masking:0.3:exact", "gaussian:0.2", "swap:0.2")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a graph have three steps: an epoch then has graphs, single steps and a last one."""
    monkeypatch.setattr(graph_stage, "MOST_STEPS", 3)


def walk_together(
    engines: Sequence[Engine], both: Stacks, *, batch_size: int = 8, rate: float = 0.01
) -> None:
    """Train four epochs of 51 steps at falling rates, and compare costs and parameters."""
    tolerance = TOLERANCE[both[0].autoencoder(0).weight.dtype]
    order = np.random.default_rng(1).permutation(N)
    for epoch in range(1, 5):
        batches = minibatches(N, batch_size, order=None if epoch == 3 else order)
        for part, _ in slices(batches, 170):
            costs = [float(engine.train(part, epoch, rate / epoch)) for engine in engines]
            assert abs(costs[1] - costs[0]) <= tolerance * abs(costs[0])
    for engine in engines:
        engine.close()
    assert_same(both[1], both[0], tolerance)


@pytest.mark.parametrize(
    ("optimizer", "head"),
    [
        *zip(OPTIMIZERS, cycle(HEADS), strict=False),
        *zip(OPTIMIZERS, cycle(HEADS[2:] + HEADS[:2]), strict=False),
    ],
)
def test_finetuning_agrees_for_every_rule_and_head(optimizer: str, head: str) -> None:
    dtype = torch.float64
    both = stacks(19, (17, 5), activation="tanh", dtype=dtype, **head_of(head))
    weights = torch.linspace(0, 2, N, dtype=dtype) if head != "n_labels" else None
    options = {**OPTIMIZERS[optimizer], "batch_size": 8, "weight_decay": 0.01}
    x, y = tensor_rows(N, 19, dtype), targets(head, N, dtype)
    walk_together(finetuning(both, x, y, weights, **options), both, rate=0.003)


@pytest.mark.parametrize(
    ("activation", "more"),
    [
        ("sigmoid", {}),
        ("tanh", {"dropout": 0.5, "input_dropout": 0.2}),
        ("relu", {"dropout": 0.5, "max_norm": 1.0}),
        ("gelu", {"input_dropout": 0.2}),
        ("silu", {"max_norm": 1.0}),
        ("identity", {"dropout": 0.5}),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_finetuning_agrees_for_every_network(
    dtype: torch.dtype, activation: str, more: dict[str, Any]
) -> None:
    both = stacks(19, (13, 17), activation=activation, dtype=dtype)
    x, y = tensor_rows(N, 19, dtype), targets("n_classes", N, dtype)
    engines = finetuning(both, x, y, batch_size=8, momentum=0.9, **more)
    walk_together(engines, both, rate=0.001)


@pytest.mark.parametrize(
    ("noise", "activation"),
    [("masking:0.3", "sigmoid"), ("masking:0", "relu"), ("salt_and_pepper:0.3:low=-1", "tanh")],
)
@pytest.mark.parametrize("decoder", ["sigmoid", "linear"])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_pretraining_agrees_for_every_layer(
    dtype: torch.dtype, tied: bool, activation: str, decoder: str, noise: str
) -> None:
    more: dict[str, Any] = {"tied": tied, "activation": activation, "decoder": decoder}
    emphasis = None if noise == "masking:0.3" else "double"
    both = stacks(19, (7,), dtype=dtype, corruption_levels=noise, emphasis=emphasis, **more)
    walk_together(pretraining(both, tensor_rows(N, 19, dtype), batch_size=8), both)


@pytest.mark.parametrize(
    ("optimizer", "noise"), list(zip(OPTIMIZERS, cycle(EVERY_NOISE), strict=False))
)
def test_pretraining_agrees_for_every_rule_and_noise(optimizer: str, noise: str) -> None:
    both = stacks(19, (20,), dtype=torch.float64, corruption_levels=noise)
    options = {**OPTIMIZERS[optimizer], "batch_size": 8, "weight_decay": 0.01}
    walk_together(pretraining(both, tensor_rows(N, 19, torch.float64), **options), both, rate=0.003)


@pytest.mark.parametrize(
    ("noise", "emphasis"),
    [("masking:0.3", "full"), ("swap:0.3", None), ("gaussian:0.2", None)],
)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_the_columns_of_a_table_agree(tied: bool, noise: str, emphasis: str | None) -> None:
    more: dict[str, Any] = {"tied": tied, "emphasis": emphasis, "corruption_levels": noise}
    both = stacks(TABLE.n_components, (9,), dtype=torch.float64, blocks=TABLE, **more)
    x = TensorRows(rows_of(TABLE, N).double())
    walk_together(pretraining(both, x, batch_size=8, optimizer="adam"), both, rate=0.003)


@settings(max_examples=15, deadline=None)
@given(
    n_visible=st.integers(1, 40),
    n_hidden=st.integers(1, 40),
    n_rows=st.integers(1, 60),
    batch_size=st.integers(1, 50),
)
def test_any_sizes_agree(n_visible: int, n_hidden: int, n_rows: int, batch_size: int) -> None:
    both = stacks(n_visible, (n_hidden,), dtype=torch.float64)
    x, y = tensor_rows(n_rows, n_visible, torch.float64), targets("n_classes", n_rows, torch.long)
    batches = minibatches(n_rows, batch_size)
    for engines in (
        pretraining(both, x, batch_size=batch_size, momentum=0.5),
        finetuning(both, x, y, batch_size=batch_size, optimizer="adam"),
    ):
        costs = [float(engine.train(batches, 1, 0.003)) for engine in engines]
        assert costs[1] == pytest.approx(costs[0], rel=1e-12)
    assert_same(both[1], both[0], 1e-11)


def test_rows_that_are_not_in_memory_are_trained_on(tmp_path: Any) -> None:
    both = stacks(19, (7,), dtype=torch.float64, corruption_levels="swap:0.2")
    x = rows(N, 19, torch.float64)
    np.save(tmp_path / "x.npy", x)
    mapped = MappedRows(np.load(tmp_path / "x.npy", mmap_mode="r"), torch.from_numpy(x))
    walk_together(pretraining(both, mapped, batch_size=8), both)
