"""The compiled engine of minibatches against autograd, given the same noise and minibatches.

The optimisers of float32 are not held against each other step by step where they divide by roots of
small gradients: there any two orders of sums part. In float64 they are.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import TrainingDivergedError
from sdae.core.kinds.activations import Activation
from sdae.core.minibatches import minibatches
from sdae.core.rows import TensorRows
from sdae.train.callbacks import Callback
from sdae.train.engines.autograd import AutogradFinetuning, AutogradPretraining
from sdae.train.engines.choice import Engine
from sdae.train.engines.compiled_finetuning import CompiledFinetuning
from sdae.train.engines.compiled_pretraining import CompiledPretraining
from sdae.train.engines.safeguard import NotFiniteError
from sdae.train.kernels.minibatch import memory
from sdae.train.settings import FinetuningConfig, PretrainingConfig
from tests.core.test_blocks import TABLE, rows_of
from tests.train.engines.engines import assert_same, assert_same_walk, rows

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "plain": {"optimizer": "sgd"},
    "momentum": {"optimizer": "sgd", "momentum": 0.9},
    "nesterov": {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
    "adam": {"optimizer": "adam"},
    "adamw": {"optimizer": "adamw"},
    "nadam": {"optimizer": "nadam"},
    "rmsprop": {"optimizer": "rmsprop"},
    "rmsprop, momentum": {"optimizer": "rmsprop", "momentum": 0.9},
}
HEADS = ("n_classes", "n_labels", "n_targets", "poisson")
N = 203  # the last minibatch of 8 has three rows


def stacks(n_visible: int, sizes: Sequence[int], n: int = 2, **more: Any) -> list[Any]:
    """Return the same network several times, its head not of zeros."""
    more = {"n_classes": 3, "seed": 3, **more}
    found = [StackedDenoisingAutoencoder(n_visible, sizes, **more) for _ in range(n)]
    for stack in found:
        with torch.no_grad():
            torch.linspace(-0.5, 0.5, stack.head.weight.numel(), out=stack.head.weight.view(-1))
    return found


def head_of(kind: str) -> dict[str, Any]:
    if kind == "poisson":
        return {"n_classes": None, "n_targets": 3, "head": "poisson"}
    return {"n_classes": None, kind: 3}


def targets(kind: str, n: int, dtype: torch.dtype) -> torch.Tensor:
    rng = np.random.default_rng(5)
    if kind == "n_classes":
        return torch.from_numpy(rng.integers(3, size=n))
    drawn = {
        "n_labels": rng.integers(2, size=(n, 3)),
        "n_targets": rng.normal(size=(n, 3)),
        "poisson": rng.poisson(1.5, size=(n, 3)),
    }
    return torch.from_numpy(drawn[kind]).to(dtype)


def finetuning(
    both: Sequence[StackedDenoisingAutoencoder],
    x: NDArray[np.floating],
    y: torch.Tensor,
    weights: torch.Tensor | None = None,
    **options: Any,
) -> tuple[Engine, Engine]:
    data, config = TensorRows(torch.from_numpy(x)), FinetuningConfig.read(options, "finetune")
    return (
        AutogradFinetuning(both[0], data, y, config, 9, weights),
        CompiledFinetuning(both[1], data, y, config, 9, weights),
    )


def pretraining(
    both: Sequence[StackedDenoisingAutoencoder], x: NDArray[np.floating], **options: Any
) -> tuple[Engine, Engine]:
    data, config = TensorRows(torch.from_numpy(x)), PretrainingConfig.read(options, "pretrain")
    one, other = (stack.autoencoder(0) for stack in both)
    return (
        AutogradPretraining(one, data, one.corruption, config, 9),
        CompiledPretraining(other, data, other.corruption, config, 9),
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_finetuning_agrees_for_every_rule_and_head(
    optimizer: str, head: str, weighted: bool
) -> None:
    dtype = torch.float64
    both = stacks(19, (17, 5), activation="tanh", dtype=dtype, **head_of(head))
    weights = torch.linspace(0, 2, N, dtype=dtype) if weighted else None
    x, y = rows(N, 19, dtype), targets(head, N, dtype)
    options = {**OPTIMIZERS[optimizer], "batch_size": 8, "weight_decay": 0.01}
    engines = finetuning(both, x, y, weights, **options)
    assert_same_walk(engines, both, N, batch_size=8, rate=0.003)


@pytest.mark.parametrize("input_dropout", [0.0, 0.2])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("sizes", [(5,), (40, 3, 17)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_finetuning_agrees_for_every_network(
    dtype: torch.dtype,
    sizes: tuple[int, ...],
    activation: str,
    dropout: float,
    input_dropout: float,
) -> None:
    both = stacks(19, sizes, activation=activation, dtype=dtype)
    x, y = rows(N, 19, dtype), targets("n_classes", N, dtype)
    options: dict[str, Any] = {"batch_size": 8, "dropout": dropout}
    options["input_dropout"] = input_dropout
    engines = finetuning(both, x, y, momentum=0.9, **options)
    assert_same_walk(engines, both, N, batch_size=8)


@pytest.mark.parametrize("emphasis", [None, "double"])
@pytest.mark.parametrize("decoder", ["sigmoid", "linear"])
@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_pretraining_agrees_for_every_layer(
    dtype: torch.dtype, tied: bool, activation: str, decoder: str, emphasis: str | None
) -> None:
    both = stacks(
        19,
        (7,),
        dtype=dtype,
        corruption_levels="masking:0.3",
        tied=tied,
        activation=activation,
        decoder=decoder,
        emphasis=emphasis,
    )
    engines = pretraining(both, rows(N, 19, dtype), batch_size=8)
    assert_same_walk(engines, both, N, batch_size=8)


@pytest.mark.parametrize("emphasis", [None, "full"])
@pytest.mark.parametrize(
    "noise",
    [
        "masking:0",
        "masking:0.3:exact",
        "salt_and_pepper:0.3:low=-1",
        "gaussian:0.2",
        "swap:0.2",
    ],
)
def test_pretraining_agrees_for_every_noise(noise: str, emphasis: str | None) -> None:
    if noise.startswith("gaussian"):
        emphasis = None  # they do not go together
    both = stacks(19, (7,), corruption_levels=noise, emphasis=emphasis)
    engines = pretraining(both, rows(N, 19, torch.float32), batch_size=8)
    assert_same_walk(engines, both, N, batch_size=8)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_pretraining_agrees_for_every_rule(optimizer: str, tied: bool) -> None:
    both = stacks(19, (20,), dtype=torch.float64, tied=tied, activation="tanh", decoder="linear")
    options = {**OPTIMIZERS[optimizer], "batch_size": 8, "weight_decay": 0.01}
    engines = pretraining(both, rows(N, 19, torch.float64), **options)
    assert_same_walk(engines, both, N, batch_size=8, rate=0.003)


@pytest.mark.parametrize(
    ("noise", "emphasis"),
    [("masking:0.3", None), ("masking:0.3", "full"), ("swap:0.3", None), ("gaussian:0.2", None)],
)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_columns_of_a_table_agree(
    dtype: torch.dtype, tied: bool, noise: str, emphasis: str | None
) -> None:
    both = stacks(
        TABLE.n_components,
        (9,),
        dtype=dtype,
        blocks=TABLE,
        tied=tied,
        emphasis=emphasis,
        corruption_levels=noise,
    )
    x = rows_of(TABLE, N).to(dtype).numpy()
    engines = pretraining(both, x, batch_size=8, optimizer="adam")
    assert_same_walk(engines, both, N, batch_size=8, rate=0.003)


@settings(max_examples=40, deadline=None)
@given(
    n_visible=st.integers(1, 40),
    n_hidden=st.integers(1, 40),
    n_rows=st.integers(1, 30),
    batch_size=st.integers(1, 50),
    tied=st.booleans(),
)
def test_any_sizes_agree(
    n_visible: int, n_hidden: int, n_rows: int, batch_size: int, tied: bool
) -> None:
    both = stacks(n_visible, (n_hidden,), dtype=torch.float64, tied=tied)
    x, y = rows(n_rows, n_visible, torch.float64), targets("n_classes", n_rows, torch.float64)
    engines = pretraining(both, x, batch_size=batch_size, momentum=0.5)
    assert_same_walk(engines, both, n_rows, batch_size=batch_size)
    engines = finetuning(both, x, y, batch_size=batch_size, momentum=0.5)
    assert_same_walk(engines, both, n_rows, batch_size=batch_size)


@pytest.mark.parametrize("sizes", [(250,), (500, 260, 130)], ids=str)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_wide_layers_whose_rows_lie_apart_agree(tied: bool, sizes: tuple[int, ...]) -> None:
    both = stacks(130, sizes, dtype=torch.float64, tied=tied, activation="tanh")
    x, y = rows(20, 130, torch.float64), targets("n_classes", 20, torch.float64)
    options: dict[str, Any] = {"batch_size": 8, "momentum": 0.5}
    assert_same_walk(pretraining(both, x, **options), both, 20, batch_size=8, rate=1e-3)
    assert_same_walk(finetuning(both, x, y, **options), both, 20, batch_size=8)


@pytest.mark.parametrize("n_rows", [33, 32])
def test_a_last_minibatch_of_one_row_and_one_class_agree(n_rows: int) -> None:
    both = stacks(7, (6,), dtype=torch.float64)
    x, y = rows(n_rows, 7, torch.float64), torch.zeros(n_rows, dtype=torch.int64)
    engines = finetuning(both, x, y, batch_size=8, optimizer="adam")
    assert_same_walk(engines, both, n_rows, batch_size=8)


@pytest.mark.parametrize("optimizer", ["plain", "adam"])
@pytest.mark.parametrize("max_norm", [0.3, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_norms_are_limited_as_autograd_limits_them(
    dtype: torch.dtype, max_norm: float, optimizer: str
) -> None:
    both = stacks(19, (40, 17), activation="tanh", dtype=dtype)
    x, y = rows(N, 19, dtype), targets("n_classes", N, dtype)
    options = {**OPTIMIZERS[optimizer], "batch_size": 8, "max_norm": max_norm, "epsilon": 1e-3}
    engines = finetuning(both, x, y, **options)
    assert_same_walk(engines, both, N, batch_size=8)
    norms = [both[1].autoencoder(layer).weight.detach().norm(dim=1) for layer in range(2)]
    assert torch.cat(norms).max() <= max_norm * (1 + 1e-6)
    assert (norms[0] > max_norm * 0.999).any()  # or nothing was limited


def test_weights_of_zero_and_a_thousand_classes_agree() -> None:
    both = stacks(7, (6,), n_classes=1000, dtype=torch.float64)
    weights = torch.zeros(40, dtype=torch.float64)
    weights[10:20] = 4
    y = torch.from_numpy(np.random.default_rng(0).integers(1000, size=40))
    engines = finetuning(both, rows(40, 7, torch.float64), y, weights, batch_size=8)
    assert_same_walk(engines, both, 40, batch_size=8)


def test_outputs_far_apart_stay_finite() -> None:
    both = stacks(7, (6,), dtype=torch.float32, activation="relu")
    for stack in both:
        with torch.no_grad():
            stack.head.weight.mul_(1e4)
    x, y = 10 * rows(40, 7, torch.float32), targets("n_classes", 40, torch.float32)
    engines = finetuning(both, x, y, batch_size=8)
    costs = [float(engine.train(minibatches(40, 8)[:1], 1, 0.0)) for engine in engines]
    assert costs[1] == pytest.approx(costs[0], rel=1e-5)
    assert costs[1] > 1e3


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_gradients_of_few_or_many_rows_at_a_time_change_no_byte(
    tied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = rows(60, 130, torch.float32), targets("n_classes", 60, torch.float32)
    both = stacks(130, (40,), tied=tied)
    for stack, near in zip(both, (0, 1 << 15), strict=True):
        monkeypatch.setattr(memory, "_NEAR", near)
        for engine in (
            pretraining([stack, stack], x, batch_size=20, optimizer="adam")[1],
            finetuning([stack, stack], x, y, batch_size=20, optimizer="adam")[1],
        ):
            engine.train(minibatches(60, 20), 1, 0.01)
    for one, other in zip(both[0].parameters(), both[1].parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("optimizer", ["momentum", "adam", "nadam", "rmsprop"])
def test_slices_and_threads_change_no_byte(optimizer: str) -> None:
    more = {"batch_size": 50, "dropout": 0.2, "max_norm": 1.0}
    sizes, options = (300, 40), {**OPTIMIZERS[optimizer], **more}
    x, y = rows(220, 130, torch.float32), targets("n_classes", 220, torch.float32)
    whole, cut, shared = stacks(130, sizes, 3)
    before = torch.get_num_threads()
    try:
        for stack, n_threads, bounds in (
            (whole, 1, [(0, 5)]),
            (cut, 1, [(0, 1), (1, 4), (4, 5)]),
            (shared, 2, [(0, 2), (2, 5)]),
        ):
            torch.set_num_threads(n_threads)
            for walk in (pretraining, finetuning):
                chosen: Callable[..., tuple[Engine, Engine]] = walk
                given_ = (y,) if walk is finetuning else ()
                finetunings = () if walk is finetuning else ("dropout", "max_norm")
                used = {k: v for k, v in options.items() if k not in finetunings}
                engine = chosen([stack, stack], x, *given_, **used)[1]
                batches = minibatches(220, 50)
                for first, last in bounds:
                    engine.train(batches[first:last], 1, 0.01)
                engine.close()
    finally:
        torch.set_num_threads(before)
    for other in (cut, shared):
        for one, two in zip(whole.parameters(), other.parameters(), strict=True):
            assert torch.equal(one, two)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_engine_goes_on_where_another_was(optimizer: str) -> None:
    x, y = rows(N, 9, torch.float64), targets("n_classes", N, torch.float64)
    options = {**OPTIMIZERS[optimizer], "batch_size": 8}
    batches = minibatches(N, 8)
    found = []
    for order in ((0, 0), (0, 1), (1, 0), (1, 1)):
        both = stacks(9, (7,), 2, dtype=torch.float64)
        first = finetuning([both[0], both[0]], x, y, **options)[order[0]]
        assert first.state() == {}
        first.train(batches[:10], 1, 0.003)
        state = first.state()
        both[1].load_state_dict(both[0].state_dict())
        second = finetuning([both[1], both[1]], x, y, **options)[order[1]]
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
        (lambda state: state.update({"9.exp_avg": torch.zeros(3)}), "does not fit"),
        (lambda state: state.update({"0.step": torch.tensor(-1.0)}), "numbers of steps"),
        (lambda state: state.update({"1.step": torch.tensor(9.0)}), "numbers of steps"),
        (lambda state: state.update({"0.step": torch.tensor(math.nan)}), "numbers of steps"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(
    change: Callable[[dict[str, torch.Tensor]], object], error: str
) -> None:
    (stack,) = stacks(9, (7,), 1)
    x, y = rows(30, 9, torch.float32), targets("n_classes", 30, torch.float32)
    engine = finetuning([stack, stack], x, y, batch_size=8, optimizer="adam")[1]
    engine.train(minibatches(30, 8), 1, 0.01)
    state = engine.state()
    change(state)
    with pytest.raises(ValueError, match=error):
        engine.restore(state)


@pytest.mark.parametrize("product", [-0.1, 1.5, math.nan])
def test_a_product_of_momenta_that_cannot_be_is_refused(product: float) -> None:
    (stack,) = stacks(9, (7,), 1)
    x, y = rows(30, 9, torch.float32), targets("n_classes", 30, torch.float32)
    engine = finetuning([stack, stack], x, y, batch_size=8, optimizer="nadam")[1]
    engine.train(minibatches(30, 8), 1, 0.01)
    state = {**engine.state(), "0.mu_product": torch.tensor(product)}
    with pytest.raises(ValueError, match="product of momenta"):
        engine.restore(state)


def test_the_first_sample_that_is_not_finite_is_named_and_nothing_kept() -> None:
    both = stacks(6, (5,), activation="relu", decoder="sigmoid")
    x, y = rows(30, 6, torch.float32), targets("n_classes", 30, torch.float32)
    x[17] = np.inf
    before = {name: value.clone() for name, value in both[1].state_dict().items()}
    for engine in (
        pretraining(both, x, batch_size=4)[1],
        finetuning(both, x, y, batch_size=4)[1],
    ):
        with pytest.raises(NotFiniteError) as caught:
            engine.train(minibatches(30, 4), 1, 0.01)
        assert caught.value.sample == 17
        after = both[1].state_dict()
        assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.parametrize("rate", [1e39, 1e300])
def test_a_rate_beyond_all_bounds_ends_in_words(rate: float) -> None:
    (stack,) = stacks(6, (5,), 1)
    x, y = rows(30, 6, torch.float32), np.arange(30) % 3
    more: dict[str, Any] = {"epochs": 1, "batch_size": 4, "learning_rate": rate}
    with pytest.raises(TrainingDivergedError, match="Lower the learning rate"):
        pretrain(stack, x, engine="compiled", **more)
    with pytest.raises(TrainingDivergedError, match="Lower the learning rate"):
        finetune(stack, (x, y), None, engine="compiled", **more)


def _shrink(weight: torch.Tensor) -> None:
    with torch.no_grad():
        weight.mul_(0.99)


def _assign(weight: torch.Tensor) -> None:
    weight.data = weight.data * 0.99


def _turn(weight: torch.Tensor) -> None:
    weight.data = weight.data.t()  # at the same place in memory


@pytest.mark.parametrize("change", [_shrink, _assign, _turn])
def test_parameters_assigned_between_slices_are_the_ones_that_are_trained(
    change: Callable[[torch.Tensor], None],
) -> None:
    both = stacks(6, (6,))

    def changing(stack: StackedDenoisingAutoencoder) -> Callback:
        return lambda _event: change(stack.autoencoder(0).weight)

    x, y = rows(30, 6, torch.float32), np.arange(30) % 3
    for stack, engine in zip(both, ("autograd", "compiled"), strict=True):
        more: dict[str, Any] = {"epochs": 3, "batch_size": 4, "callbacks": [changing(stack)]}
        pretrain(stack, x, engine=engine, **more)
        finetune(stack, (x, y), None, engine=engine, **more)
    assert_same(both[1], both[0], 1e-5)


def test_no_rows_and_no_gradients_are_left_changed() -> None:
    (stack,) = stacks(6, (5,), 1, corruption_levels="masking:0")
    x, y = rows(30, 6, torch.float32), np.arange(30) % 3
    clean = x.copy()
    pretrain(stack, x, epochs=1, batch_size=4, engine="compiled")
    finetune(stack, (x, y), None, epochs=1, batch_size=4, engine="compiled", input_dropout=0.2)
    assert np.array_equal(x, clean)
    assert all(p.requires_grad and p.grad is None for p in stack.parameters())
