"""Products in a shorter type: what is refused, and what stays in float32."""

from typing import Any

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import InvalidParameterError
from sdae.core.minibatches import minibatches
from sdae.train.beforehand import check_precision
from sdae.train.engines.autograd import AutogradFinetuning, AutogradPretraining
from sdae.train.engines.precision import products_in
from sdae.train.engines.support import ENGINES, finetuning_problem
from sdae.train.settings import FinetuningConfig, PretrainingConfig
from tests.train.engines.engines import distance, rows
from tests.train.engines.graphs import finetuning, pretraining, tensor_rows
from tests.train.engines.tape import TapePlayer
from tests.train.engines.test_compiled import stacks, targets

HALVES = ("bfloat16", "float16")
N = 103


@pytest.mark.parametrize("precision", ["tf32", *HALVES])
def test_on_the_cpu_it_is_refused_before_training(precision: str) -> None:
    stack = StackedDenoisingAutoencoder(6, (5,), 2)
    x, y = rows(20, 6, torch.float32), np.arange(20) % 2
    said = f"precision .* must be 'float32' on cpu. Got '{precision}' instead. .*device='cuda'"
    with pytest.raises(InvalidParameterError, match=said):
        pretrain(stack, x, precision=precision)
    with pytest.raises(InvalidParameterError, match=said):
        finetune(stack, (x, y), None, precision=precision)
    with pytest.raises(InvalidParameterError, match="one of 'float32', 'tf32', 'bfloat16'"):
        pretrain(stack, x, precision="float8")


class _OnCuda:
    """Stands for a parameter on a GPU."""

    device = torch.device("cuda", 0)

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


@pytest.mark.parametrize(
    ("options", "dtype", "words"),
    [
        ({"precision": "tf32"}, torch.float64, "for a network of torch.float64"),
        ({"precision": "bfloat16"}, torch.float16, "for a network of torch.float16"),
        (
            {"precision": "float16", "semi_supervised": "vat"},
            torch.float32,
            "'float32' with semi_supervised",
        ),
    ],
)
def test_what_a_gpu_cannot_do_is_refused(
    options: dict[str, Any], dtype: torch.dtype, words: str
) -> None:
    parameter: Any = _OnCuda(dtype)
    config = FinetuningConfig.read(options, "finetune")
    with pytest.raises(InvalidParameterError, match=words):
        check_precision(config, parameter, "finetune")
    check_precision(FinetuningConfig.read({"precision": "tf32"}, "f"), _OnCuda(torch.float32), "f")  # type: ignore[arg-type]


def test_engines_of_one_type_say_so() -> None:
    (stack,) = stacks(6, (5,), 1)
    config = FinetuningConfig.read({"precision": "tf32"}, "finetune")
    problem = finetuning_problem(stack, config, weighted=False)
    for name in ("fused", "compiled", "closed_form"):
        assert ENGINES[name](problem) == (
            "it supports only the precision float32, and precision is tf32"
        )


def _trained(walk: str, precision: str, *, by_graph: bool = True) -> tuple[Any, float]:
    """Train a network with wide layers on the CPU, past the checks; return it and its cost."""
    (stack,) = stacks(40, (30,), 1, corruption_levels="masking:0.3")
    x, y = tensor_rows(N, 40, torch.float32), targets("n_classes", N, torch.float32)
    options: dict[str, Any] = {"batch_size": 8, "precision": precision}
    engine: Any
    if walk == "pretraining" and by_graph:
        engine = pretraining([stack, stack], x, TapePlayer(), **options)[1]
    elif walk == "pretraining":
        config = PretrainingConfig.read(options, "pretrain")
        layer = stack.autoencoder(0)
        engine = AutogradPretraining(layer, x, layer.corruption, config, 9)
    elif by_graph:
        engine = finetuning([stack, stack], x, y, None, TapePlayer(), **options)[1]
    else:
        tuning = FinetuningConfig.read(options, "finetune")
        engine = AutogradFinetuning(stack, x, y, tuning, 9)
    cost = engine.train(minibatches(N, 8), 1, 0.05)
    assert cost.dtype == torch.float32
    return stack, float(cost)


@pytest.mark.parametrize("precision", HALVES)
@pytest.mark.parametrize("walk", ["pretraining", "finetuning"])
def test_products_are_in_half_precision_and_all_else_in_float32(walk: str, precision: str) -> None:
    exact, cost = _trained(walk, "float32")
    for by_graph in (True, False):
        stack, rough = _trained(walk, precision, by_graph=by_graph)
        assert cost != rough
        assert rough == pytest.approx(cost, rel=0.02)
        moved = exact.autoencoder(0).weight - stacks(40, (30,), 1)[0].autoencoder(0).weight
        most = float(moved.detach().abs().max())
        for one, other in zip(stack.parameters(), exact.parameters(), strict=True):
            assert one.dtype == torch.float32
            assert distance(one, other) <= 0.05 * most + 1e-3
        assert distance(stack.autoencoder(0).weight, exact.autoencoder(0).weight) > 0


def test_tf32_is_set_during_a_slice_alone() -> None:
    matmul: Any = torch.backends.cuda.matmul
    before = matmul.fp32_precision

    def fail() -> None:
        with products_in("tf32"):
            seen.append(matmul.fp32_precision)
            raise KeyError

    seen: list[str] = []
    with pytest.raises(KeyError):
        fail()
    assert seen == ["tf32"]
    assert matmul.fp32_precision == before
    with products_in("bfloat16"):
        assert matmul.fp32_precision == before
