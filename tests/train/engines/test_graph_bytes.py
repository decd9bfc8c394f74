"""The graph engine: the same bytes for any slices and after a break, and what it refuses."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from sdae import Checkpoint, StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import InvalidParameterError
from sdae.core.minibatches import minibatches
from sdae.core.rows import TensorRows
from sdae.train.engines import graph_stage, support
from sdae.train.engines.autograd import AutogradFinetuning
from sdae.train.engines.choice import Engine, _chosen
from sdae.train.engines.compiled_finetuning import CompiledFinetuning
from sdae.train.engines.graph_finetuning import GraphFinetuning
from sdae.train.engines.player import EagerPlayer
from sdae.train.engines.safeguard import NotFiniteError
from sdae.train.epoch import slices
from sdae.train.history import History
from sdae.train.settings import FinetuningConfig
from tests.train.engines.engines import assert_same, rows
from tests.train.engines.graphs import N, finetuning, pretraining, tensor_rows
from tests.train.engines.tape import TapePlayer, WaitedForError
from tests.train.engines.test_compiled import OPTIMIZERS, stacks, targets


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a graph have three steps: an epoch then has graphs, single steps and a last one."""
    monkeypatch.setattr(graph_stage, "MOST_STEPS", 3)


class Cut(BaseException):
    """An interruption, such as Ctrl-C."""


class After:
    """Interrupts after some slices."""

    def __init__(self, n: int) -> None:
        self._left = n

    def __call__(self) -> BaseException | None:
        self._left -= 1
        return Cut() if self._left == 0 else None


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
    for part, _ in slices(minibatches(N, 8), 100):
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
        for part, _ in slices(minibatches(N, 8), 100):
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


@pytest.fixture
def _as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine run by name on the CPU, on a tape, in slices of few rows."""
    monkeypatch.setitem(cast(dict[str, Any], support.ENGINES), "graph", lambda _: None)
    monkeypatch.setattr(graph_stage, "GraphPlayer", lambda _: TapePlayer())
    monkeypatch.setattr(graph_stage, "_SLICE_ROWS", 96)


@pytest.mark.usefixtures("_as_on_a_gpu")
@pytest.mark.parametrize("stage", ["pretraining", "finetuning"])
def test_a_call_cut_after_every_slice_ends_with_the_same_bytes(stage: str, tmp_path: Path) -> None:
    x, y = rows(203, 11, torch.float32), np.arange(203) % 3
    more: dict[str, Any] = {"epochs": 2, "batch_size": 8, "shuffle": True, "engine": "graph"}
    more |= {"optimizer": "adam", "schedule": "linear", "learning_rate": 0.01}

    def run(stack: StackedDenoisingAutoencoder, checkpoint: Checkpoint | None) -> History:
        if stage == "pretraining":
            return pretrain(stack, x, checkpoint=checkpoint, **more)
        sets = (x, y), (x[:50], y[:50])
        return finetune(stack, *sets, checkpoint=checkpoint, dropout=0.2, **more)

    def fresh() -> StackedDenoisingAutoencoder:
        return StackedDenoisingAutoencoder(11, (7, 5), 3, 0.3, seed=3)

    whole = fresh()
    history, n_cuts = run(whole, None), 0
    assert {record.engine for record in history.records} == {"graph"}
    while True:
        cut = fresh()
        try:
            run(cut, Checkpoint(tmp_path, "1000000s", interruption=After(1)))
        except Cut:
            n_cuts += 1
            continue
        break
    assert n_cuts >= 4
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), cut.parameters(), strict=True))


def test_on_the_cpu_it_is_refused_with_a_reason() -> None:
    (stack,) = stacks(6, (5,), 1)
    x, y = rows(30, 6, torch.float32), np.arange(30) % 3
    with pytest.raises(InvalidParameterError, match="it runs on cuda, and the network is on cpu"):
        pretrain(stack, x, engine="graph")
    with pytest.raises(InvalidParameterError, match="it runs on cuda, and the network is on cpu"):
        finetune(stack, (x, y), None, engine="graph", batch_size=5)


class _OnCuda:
    """Stands for a parameter on a GPU."""

    device = torch.device("cuda", 0)
    dtype = torch.float32

    def __init__(self, *, requires_grad: bool = True) -> None:
        self.requires_grad = requires_grad

    def numel(self) -> int:
        return 30


@pytest.mark.parametrize(
    ("options", "n_processes", "engine"),
    [
        ({"batch_size": 20}, 1, "graph"),
        ({"optimizer": "adam"}, 1, "graph"),
        ({"batch_size": 20, "max_norm": 1.0, "dropout": 0.5}, 1, "graph"),
        ({"batch_size": 20, "precision": "bfloat16"}, 1, "graph"),
        ({"batch_size": 20, "deterministic": True}, 1, "autograd"),
        ({"batch_size": 20, "semi_supervised": "vat"}, 1, "autograd"),
        ({"batch_size": 20}, 2, "autograd"),
    ],
    ids=str,
)
def test_auto_takes_it_on_a_gpu(options: dict[str, Any], n_processes: int, engine: str) -> None:
    (stack,) = stacks(6, (5,), 1)
    config = FinetuningConfig.read(options, "finetune")
    problem = support.finetuning_problem(stack, config, weighted=True, n_processes=n_processes)
    there: Any = [_OnCuda(), _OnCuda()]
    assert _chosen(replace(problem, parameters=there)) == engine
    frozen: Any = [_OnCuda(), _OnCuda(requires_grad=False)]
    assert _chosen(replace(problem, parameters=frozen)) == "autograd"
