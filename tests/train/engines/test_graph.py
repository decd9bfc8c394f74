"""The graph engine, played on the CPU as a CUDA graph plays it, against autograd.

Both have the same noise: autograd's is NumPy's, the engine's is drawn by PyTorch.
"""

import math
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import InvalidParameterError
from sdae.core.minibatches import minibatches
from sdae.core.rows import MappedRows, RowSource, TensorRows
from sdae.train.engines import graph_stage
from sdae.train.engines.autograd import AutogradFinetuning, AutogradPretraining
from sdae.train.engines.choice import Engine
from sdae.train.engines.compiled_finetuning import CompiledFinetuning
from sdae.train.engines.graph_finetuning import GraphFinetuning
from sdae.train.engines.graph_pretraining import GraphPretraining
from sdae.train.engines.player import EagerPlayer, Player
from sdae.train.engines.safeguard import NotFiniteError
from sdae.train.epoch import slices
from sdae.train.settings import FinetuningConfig, PretrainingConfig
from tests.core.test_blocks import TABLE, rows_of
from tests.train.engines.engines import assert_same, rows
from tests.train.engines.tape import TapePlayer, WaitedForError
from tests.train.engines.test_compiled import HEADS, OPTIMIZERS, head_of, stacks, targets

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
N = 403  # 50 minibatches of 8, and a last one of three rows
EVERY_NOISE = ("masking:0.3:exact", "gaussian:0.2", "swap:0.2")
Stacks = Sequence[StackedDenoisingAutoencoder]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a graph have three steps: an epoch then has graphs, single steps and a last one."""
    monkeypatch.setattr(graph_stage, "MOST_STEPS", 3)


def pretraining(
    both: Stacks, x: RowSource, player: Player | None = None, **options: Any
) -> tuple[Engine, Engine]:
    config = PretrainingConfig.read(options, "pretrain")
    one, other = (stack.autoencoder(0) for stack in both)
    return (
        AutogradPretraining(one, x, one.corruption, config, 9),
        GraphPretraining(other, x, other.corruption, config, 9, player or TapePlayer()),
    )


def finetuning(
    both: Stacks,
    x: RowSource,
    y: torch.Tensor,
    weights: torch.Tensor | None = None,
    player: Player | None = None,
    **options: Any,
) -> tuple[Engine, Engine]:
    config = FinetuningConfig.read(options, "finetune")
    return (
        AutogradFinetuning(both[0], x, y, config, 9, weights),
        GraphFinetuning(both[1], x, y, config, 9, weights, player or TapePlayer()),
    )


def tensor_rows(n: int, n_columns: int, dtype: torch.dtype) -> TensorRows:
    return TensorRows(torch.from_numpy(rows(n, n_columns, dtype)))


def walk_together(
    engines: Sequence[Engine], both: Stacks, *, batch_size: int = 8, rate: float = 0.01
) -> None:
    """Train four epochs of 51 steps at falling rates, and compare costs and parameters."""
    tolerance = TOLERANCE[both[0].autoencoder(0).weight.dtype]
    order = np.random.default_rng(1).permutation(N)
    for epoch in range(1, 5):
        batches = minibatches(N, batch_size, order=None if epoch == 3 else order)
        for part in slices(batches, 170):
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


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_slices_blocks_and_a_break_change_no_byte(
    optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {**OPTIMIZERS[optimizer], "batch_size": 50, "dropout": 0.2}
    several = stacks(130, (60, 40), 4, corruption_levels="masking:0.3")
    x, y = tensor_rows(N, 130, torch.float32), targets("n_classes", N, torch.float32)
    batches = minibatches(N, 50)  # nine
    cuts = ([(0, 9)], [(0, 1), (1, 5), (5, 9)], [(0, 4), (4, 9)], [(0, 9)])
    for stack, bounds, breaks in zip(several, cuts, (False, False, True, False), strict=True):
        if stack is several[3]:
            monkeypatch.setattr(graph_stage, "_BLOCK_NUMBERS", 1)  # a block for each minibatch
        pre = pretraining([stack, stack], x, batch_size=50, **OPTIMIZERS[optimizer])[1]
        fine = finetuning([stack, stack], x, y, **options)[1]
        for first, last in bounds:
            pre.train(batches[first:last], 1, 0.01)
            if breaks:
                state = pre.state()
                pre = pretraining([stack, stack], x, batch_size=50, **OPTIMIZERS[optimizer])[1]
                pre.restore(state)
        for first, last in bounds:
            fine.train(batches[first:last], 1, 0.01)
            if breaks:
                state = fine.state()
                fine = finetuning([stack, stack], x, y, **options)[1]
                fine.restore(state)
    for other in several[1:]:
        for one, two in zip(several[0].parameters(), other.parameters(), strict=True):
            assert torch.equal(one, two)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_engine_goes_on_where_another_was(optimizer: str) -> None:
    compiled = optimizer in ("adam", "nadam")
    x, y = tensor_rows(N, 9, torch.float64), targets("n_classes", N, torch.float64)
    config = FinetuningConfig.read({**OPTIMIZERS[optimizer], "batch_size": 8}, "finetune")
    batches = minibatches(N, 8)

    def engine(kind: int, stack: StackedDenoisingAutoencoder) -> Engine:
        if kind == 2:
            return CompiledFinetuning(stack, x, y, config, 9)
        if kind == 1:
            return GraphFinetuning(stack, x, y, config, 9, player=TapePlayer())
        return AutogradFinetuning(stack, x, y, config, 9)

    found = []
    for order in ((0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1))[: 6 if compiled else 4]:
        both = stacks(9, (7,), 2, dtype=torch.float64)
        first = engine(order[0], both[0])
        assert first.state() == {}
        first.train(batches[:10], 1, 0.003)
        state = first.state()
        both[1].load_state_dict(both[0].state_dict())
        second = engine(order[1], both[1])
        second.restore(state)
        assert second.state().keys() == state.keys()
        assert all(torch.equal(second.state()[name], state[name]) for name in state)
        second.train(batches[10:], 1, 0.003)
        found.append(both[1])
    for other in found[1:]:
        assert_same(other, found[0], 1e-10)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda state: state.pop("0.exp_avg"), "does not fit"),
        (lambda state: state.update({"0.exp_avg": torch.zeros(3)}), "does not fit"),
        (lambda state: state.update({"0.step": torch.tensor(-1.0)}), "numbers of steps"),
        (lambda state: state.update({"1.step": torch.tensor(9.0)}), "numbers of steps"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(
    change: Callable[[dict[str, torch.Tensor]], object], error: str
) -> None:
    (stack,) = stacks(9, (7,), 1)
    x, y = tensor_rows(30, 9, torch.float32), targets("n_classes", 30, torch.float32)
    engine = finetuning([stack, stack], x, y, batch_size=8, optimizer="adam")[1]
    engine.train(minibatches(30, 8), 1, 0.01)
    state = engine.state()
    change(state)
    with pytest.raises(ValueError, match=error):
        engine.restore(state)


def test_the_first_sample_that_is_not_finite_is_named_and_nothing_kept() -> None:
    both = stacks(6, (5,), activation="relu", decoder="sigmoid")
    x, y = rows(30, 6, torch.float32), targets("n_classes", 30, torch.float32)
    x[17] = np.inf
    data = TensorRows(torch.from_numpy(x))
    before = {name: value.clone() for name, value in both[1].state_dict().items()}
    order = np.roll(np.arange(30), 7)
    for engine in (
        pretraining(both, data, batch_size=4)[1],
        finetuning(both, data, y, batch_size=4)[1],
    ):
        with pytest.raises(NotFiniteError) as caught:
            engine.train(minibatches(30, 4, order=order), 1, 0.01)
        assert (caught.value.what, caught.value.sample) == ("The cost", 17)
        after = both[1].state_dict()
        assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("rate", [1e39, 1e300, math.inf])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_rate_beyond_all_bounds_is_found(optimizer: str, rate: float) -> None:
    both = stacks(6, (5,))
    x, y = tensor_rows(30, 6, torch.float32), targets("n_classes", 30, torch.float32)
    engine = finetuning(both, x, y, batch_size=4, **OPTIMIZERS[optimizer])[1]
    with pytest.raises(NotFiniteError):
        engine.train(minibatches(30, 4), 1, rate)


def test_parameters_assigned_between_slices_are_the_ones_that_are_trained() -> None:
    both = stacks(19, (5,), dtype=torch.float64)
    x, y = tensor_rows(N, 19, torch.float64), targets("n_classes", N, torch.float64)
    engines = finetuning(both, x, y, batch_size=8, momentum=0.9)
    for part in slices(minibatches(N, 8), 100):
        for stack, engine in zip(both, engines, strict=True):
            with torch.no_grad():
                stack.head.weight.mul_(0.99)
            engine.train(part, 1, 0.01)
    assert_same(both[1], both[0], 1e-12)


def test_no_rows_and_no_gradients_are_left_changed() -> None:
    (stack,) = stacks(6, (5,), 1, corruption_levels="masking:0")
    x, y = tensor_rows(30, 6, torch.float32), targets("n_classes", 30, torch.float32)
    clean = x.rows.clone()
    pretraining([stack, stack], x, batch_size=4)[1].train(minibatches(30, 4), 1, 0.1)
    finetuning([stack, stack], x, y, batch_size=4, input_dropout=0.2)[1].train(
        minibatches(30, 4), 1, 0.1
    )
    assert torch.equal(x.rows, clean)
    assert all(p.requires_grad and p.grad is None for p in stack.parameters())


def test_work_that_is_played_gives_the_bytes_of_work_that_is_done() -> None:
    for walk in (pretraining, finetuning):
        both = stacks(19, (7,), corruption_levels="masking:0.3")
        chosen: Any = walk
        y = () if walk is pretraining else (targets("n_classes", N, torch.float32),)
        for stack, player in zip(both, (TapePlayer(), EagerPlayer()), strict=True):
            x = tensor_rows(N, 19, torch.float32)
            engine = chosen([stack, stack], x, *y, player=player, batch_size=8, optimizer="adam")[1]
            for epoch in (1, 2):
                engine.train(minibatches(N, 8), epoch, 0.01 / epoch)
        for one, two in zip(both[0].parameters(), both[1].parameters(), strict=True):
            assert torch.equal(one, two)


def test_a_few_graphs_serve_all_epochs() -> None:
    (stack,) = stacks(19, (7,), 1)
    player = TapePlayer()
    engine = pretraining([stack, stack], tensor_rows(N, 19, torch.float32), player, batch_size=8)[1]
    for epoch in range(1, 4):
        for part in slices(minibatches(N, 8), 100):
            engine.train(part, epoch, 0.01)
    assert player.n_recorded == 3  # of three steps, of one, and of a smaller one


def test_a_tape_keeps_numbers_of_python_and_refuses_to_wait() -> None:
    total, factor = torch.zeros(3), [1.0]
    play = TapePlayer().record(lambda: total.add_(torch.ones(3) * factor[0]), [total])  # type: ignore[arg-type]
    assert total.tolist() == [0, 0, 0]
    factor[0] = 5.0
    play()
    assert total.tolist() == [1, 1, 1]
    with pytest.raises(WaitedForError):
        TapePlayer().record(lambda: total.mul_(float(total.sum())), [total])  # type: ignore[arg-type]


def test_on_the_cpu_it_is_refused_with_a_reason() -> None:
    (stack,) = stacks(6, (5,), 1)
    x, y = rows(30, 6, torch.float32), np.arange(30) % 3
    with pytest.raises(InvalidParameterError, match="it runs on cuda, and the network is on cpu"):
        pretrain(stack, x, engine="graph")
    with pytest.raises(InvalidParameterError, match="it runs on cuda, and the network is on cpu"):
        finetune(stack, (x, y), None, engine="graph", batch_size=5)
