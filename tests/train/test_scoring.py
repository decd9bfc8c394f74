"""Errors on held-out rows: by the compiled pass where it knows the network, else by PyTorch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from sdae import StackedDenoisingAutoencoder
from sdae.core import compiled_pass
from sdae.core.kinds.activations import Activation
from sdae.train.labelled import scored_rows
from sdae.train.scoring import error_of
from tests.train.engines.engines import rows

HEADS: dict[str, dict[str, Any]] = {
    "classes": {"n_classes": 3},
    "labels": {"n_labels": 3},
    "values": {"n_targets": 3},
    "counts": {"n_targets": 3, "head": "poisson"},
}
N = 1100  # more than are scored at a time


def _stack(**options: Any) -> StackedDenoisingAutoencoder:
    stack = StackedDenoisingAutoencoder(9, (7, 5), seed=3, **{"activation": "tanh", **options})
    with torch.no_grad():
        torch.linspace(-2, 2, stack.head.weight.numel(), out=stack.head.weight.view(-1))
    return stack


def _scored(stack: StackedDenoisingAutoencoder, head: str, *, weighted: bool = False) -> Any:
    rng = np.random.default_rng(0)
    y: Any = {
        "classes": rng.integers(3, size=N),
        "labels": rng.integers(2, size=(N, 3)),
        "values": rng.normal(size=(N, 3)),
        "counts": rng.poisson(2.0, size=(N, 3)),
    }[head]
    weight = rng.random(N) if weighted else None
    return scored_rows(stack, (rows(N, 9, torch.float32), y), "validation", weight)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows when PyTorch is asked for answers."""
    found: list[int] = []
    answers = StackedDenoisingAutoencoder.answers

    def counted(stack: StackedDenoisingAutoencoder, x: Any) -> torch.Tensor:
        found.append(len(x))
        return answers(stack, x)

    monkeypatch.setattr(StackedDenoisingAutoencoder, "answers", counted)
    return found


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("head", HEADS)
def test_the_compiled_pass_finds_the_error_that_pytorch_finds(
    head: str, activation: Activation, weighted: bool, asked: list[int]
) -> None:
    stack = _stack(activation=activation, **HEADS[head])
    scored = _scored(stack, head, weighted=weighted)
    source, y, weight = scored
    found = error_of(stack, scored)
    assert asked == []
    errors = stack.head_facts.error(stack.answers(source.rows), y).double()
    expected = float(np.average(errors.numpy(), weights=weight))
    assert found == pytest.approx(expected, rel=1e-5)


def _hooked(stack: StackedDenoisingAutoencoder) -> None:
    stack.head.register_forward_hook(lambda _module, _x, output: output + 1)


def _replaced(stack: StackedDenoisingAutoencoder) -> None:
    stack.mlp[-1] = torch.nn.Linear(5, 3, bias=False)


@pytest.mark.parametrize("change", [_hooked, _replaced, torch.nn.Module.double])
def test_other_networks_are_left_to_pytorch(
    change: Callable[[StackedDenoisingAutoencoder], object], asked: list[int]
) -> None:
    stack = _stack(n_targets=3)
    change(stack)
    scored = _scored(stack, "values")
    found = error_of(stack, scored)
    assert sum(asked) == N
    errors = stack.head_facts.error(stack.answers(scored[0].rows), scored[1])
    assert found == pytest.approx(float(errors.double().mean()), rel=1e-6)


def test_without_numba_pytorch_finds_it(asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_pass, "_fault", lambda: "numba is not installed")
    stack = _stack(n_classes=3)
    assert 0 < error_of(stack, _scored(stack, "classes")) < 1
    assert sum(asked) == N
