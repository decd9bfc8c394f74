"""Networks in half precision: what is summed over rows or components is summed in float32."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.decoders import Decoder, Emphasis
from sdae.core.kinds.heads import Head
from sdae.core.losses import reconstruction_loss
from sdae.core.minibatches import minibatches
from sdae.core.targets import weight_tensor
from sdae.train.engines.costs import SummedCosts
from sdae.train.scoring import error_of
from sdae.train.symptoms import poor_reconstruction, same_code, unmoved_weight

HALVES = [torch.float16, torch.bfloat16]
LARGEST = torch.finfo(torch.float16).max  # 65,504
NEAR = {torch.float16: 0.005, torch.bfloat16: 0.03}
V, N = 100, 1500

halves = pytest.mark.parametrize("kind", HALVES, ids=str)


def rows(n: int = N) -> Any:
    return np.random.default_rng(0).random((n, V)).astype(np.float32)


def stack_of(kind: torch.dtype, **options: Any) -> StackedDenoisingAutoencoder:
    return StackedDenoisingAutoencoder(V, (6,), dtype=kind, seed=2, **options)


@halves
@pytest.mark.parametrize("batch_size", [50, N])
def test_costs_of_pretraining_are_those_of_float32(kind: torch.dtype, batch_size: int) -> None:
    settings: dict[str, Any] = {"epochs": 3, "batch_size": batch_size, "learning_rate": 0.05}
    exact = pretrain(stack_of(torch.float32), rows(), engine="autograd", **settings).costs(0)
    costs = pretrain(stack_of(kind), rows(), **settings).costs(0)
    assert exact[0] * N > LARGEST
    np.testing.assert_allclose(costs, exact, rtol=NEAR[kind])


@halves
@pytest.mark.parametrize("loss", ["classes", "targets"])
def test_costs_of_finetuning_are_those_of_float32(kind: torch.dtype, loss: str) -> None:
    x, found = rows(), {}
    y = x[:, :2].argmax(axis=1) if loss == "classes" else 100 * x[:, :2]
    head = {"n_classes": 2} if loss == "classes" else {"n_targets": 2}
    # The cost of one class of 100,000 to 1 is large where its row weighs all.
    weight = np.ones(N)
    weight[3] = 1e9
    for each in (kind, torch.float32):
        stack = stack_of(each, **head)
        found[each] = finetune(
            stack,
            (x, y),
            (x, y),
            epochs=2,
            batch_size=50,
            learning_rate=1e-4,
            engine="autograd",
            sample_weight=weight if loss == "classes" else None,
        )
    exact = found[torch.float32]
    np.testing.assert_allclose(found[kind].costs(), exact.costs(), rtol=NEAR[kind])
    pairs = zip(found[kind].records, exact.records, strict=True)
    for record, wanted in pairs:
        assert record.validation_error == pytest.approx(wanted.validation_error, rel=0.05)
    if loss == "targets":
        assert exact.costs()[0] * N > LARGEST


@halves
@pytest.mark.parametrize("decoder", [each for each in Decoder if each.facts is not None])
@pytest.mark.parametrize("emphasis", [None, Emphasis(2.0, 0.5)])
def test_a_loss_beyond_the_largest_half_is_a_number(
    kind: torch.dtype, decoder: Decoder, emphasis: Emphasis | None
) -> None:
    x = torch.from_numpy(rows(3)).to(kind)
    decoded = torch.full_like(x, 1000.0 if decoder is Decoder.SIGMOID else 300.0)
    decoded.requires_grad_(True)
    losses = reconstruction_loss(x, decoded, decoder, emphasis, x > 0.5)
    exact = reconstruction_loss(x.double(), decoded.double(), decoder, emphasis, x > 0.5)
    assert exact.min() > 0.5 * LARGEST
    torch.testing.assert_close(losses.double(), exact.detach(), rtol=1e-4, atol=0)
    losses.mean().backward()
    assert decoded.grad is not None
    assert decoded.grad.dtype == kind
    assert decoded.grad.isfinite().all()


@halves
def test_other_losses_too(kind: torch.dtype) -> None:
    values, y = torch.full((4, 3), 300.0, dtype=kind), torch.full((4, 3), -300.0, dtype=kind)
    assert Head.REGRESSION.facts.loss(values, y).tolist() == [180_000.0] * 4
    logits = torch.tensor([[0.0, 40.0]] * 4, dtype=kind)
    nowhere = torch.zeros(4, dtype=torch.int64)
    assert Head.CLASSES.facts.loss(logits, nowhere).tolist() == [40.0] * 4
    stack = stack_of(kind, n_targets=2)
    x = torch.from_numpy(rows(1200)).to(kind)
    found = error_of(stack, (x, torch.full((1200, 2), 300.0, dtype=kind), None))
    assert found == pytest.approx(300.0**2, rel=NEAR[kind])


@halves
def test_steps_return_costs_of_float32(kind: torch.dtype) -> None:
    x = rows(1000) * 10
    y = np.zeros(1000, np.int64)
    costs: dict[torch.dtype, list[float]] = {}
    for each in (kind, torch.float32):
        stack = stack_of(each, n_classes=2, decoder="linear")
        step = stack.pretraining_functions(x, 1000)[0](0, lr=0.0)
        tune = stack.build_finetune_functions([(x, y)] * 3, 1000, 0.1).train(0)
        costs[each] = [step, tune]
    np.testing.assert_allclose(costs[kind], costs[torch.float32], rtol=NEAR[kind])


@halves
def test_costs_of_a_slice_add_up_in_float32(kind: torch.dtype) -> None:
    costs = SummedCosts(torch.zeros((), dtype=kind))
    batch = minibatches(1000, 10)
    for minibatch in batch:
        costs.add(torch.full((10,), 300.3), minibatch)
    assert float(costs.total()) == pytest.approx(300_300, rel=1e-5)


@halves
def test_the_doctor_is_not_misled_by_large_halves(kind: torch.dtype) -> None:
    codes = torch.from_numpy(rows(60)).to(kind) * 2000
    assert same_code(codes, 0) is None
    constant: Tensor = torch.full_like(codes, 2000.0)
    assert same_code(constant, 0) is not None
    assert poor_reconstruction(codes, codes.mean(dim=0).expand_as(codes) + 500, 0) is not None
    assert poor_reconstruction(codes, codes * 0.99, 0) is None
    weight = torch.full((300, 300), 300.0, dtype=kind)
    assert unmoved_weight(weight, weight * 1.5, 0) is None
    found = unmoved_weight(weight, weight, 0)
    assert found is not None
    assert "inf" not in found.text


def test_float32_keeps_its_type() -> None:
    for kind in (torch.float32, torch.float64):
        stack = stack_of(kind, activation=Activation.TANH, n_classes=2)
        x = torch.from_numpy(rows(5)).to(kind)
        assert stack.autoencoder(0).loss(x).dtype == kind
        assert stack.negative_log_likelihood(x, np.zeros(5, np.int64)).dtype == kind


@halves
def test_the_weight_of_a_row_may_be_beyond_the_largest_half(kind: torch.dtype) -> None:
    weight = np.zeros(70_000)
    weight[7] = 3.0
    found = weight_tensor(weight, len(weight), "finetune", torch.zeros((), dtype=kind))
    assert float(found[7]) == 70_000
    assert not found[8:].any()
