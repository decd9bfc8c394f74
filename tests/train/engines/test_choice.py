"""Which engine runs: the fused one where it applies, by name only where it applies."""

import numpy as np
import pytest
import torch

from sdae import DenoisingAutoencoder, StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import InvalidParameterError
from sdae.core.kernels import presence
from sdae.core.kinds.activations import Activation
from sdae.train.engines import support
from tests.train.engines.engines import rows

X = rows(20, 6, torch.float32)
Y = np.arange(20) % 2


def _stack() -> StackedDenoisingAutoencoder:
    return StackedDenoisingAutoencoder(6, (5,), 2)


@pytest.mark.parametrize(
    ("settings", "engine"),
    [
        ({}, "fused"),
        ({"batch_size": 2}, "compiled"),
        ({"engine": "closed_form"}, "closed_form"),
        ({"batch_size": 2, "momentum": 0.5}, "compiled"),
        ({"optimizer": "adam"}, "compiled"),
        ({"momentum": 0.5}, "compiled"),
        ({"weight_decay": 0.1}, "compiled"),
        ({"engine": "compiled"}, "compiled"),
        ({"engine": "autograd"}, "autograd"),
        ({"engine": "fused"}, "fused"),
    ],
    ids=str,
)
def test_auto_takes_the_fastest_engine_that_applies(
    settings: dict[str, object], engine: str
) -> None:
    history = pretrain(_stack(), X, epochs=1, **settings)  # type: ignore[arg-type]
    assert [record.engine for record in history.records] == [engine]
    tuned = finetune(_stack(), (X, Y), None, epochs=1, **settings)  # type: ignore[arg-type]
    assert [record.engine for record in tuned.records] == [engine]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"batch_size": 20}, "it supports only batch_size 1, and batch_size is 20"),
        ({"optimizer": "adamw"}, "it supports only plain gradient descent"),
        ({"momentum": 0.9}, "it supports only plain gradient descent"),
        ({"weight_decay": 0.1}, "it does not support weight_decay"),
    ],
    ids=str,
)
def test_asked_for_in_vain_it_says_why(settings: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"engine .* of pretrain .* here: {words}"):
        pretrain(_stack(), X, engine="fused", **settings)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameterError, match=f"engine .* of finetune .* here: {words}"):
        finetune(_stack(), (X, Y), None, engine="fused", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("activation", Activation)
def test_every_activation_has_a_kernel_for_minibatches(activation: Activation) -> None:
    stack = StackedDenoisingAutoencoder(6, (5,), 2, activation=activation)
    assert pretrain(stack, X, epochs=1, batch_size=2).records[0].engine == "compiled"
    assert finetune(stack, (X, Y), None, epochs=1, batch_size=2).records[0].engine == "compiled"
    if activation.facts.kernel is None:
        with pytest.raises(InvalidParameterError, match=f"no kernel for the .* {activation}"):
            pretrain(stack, X, epochs=1, engine="fused")


def test_large_layers_are_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "MOST_WEIGHTS", 29)
    assert pretrain(_stack(), X, epochs=1, batch_size=2).records[0].engine == "closed_form"
    with pytest.raises(InvalidParameterError, match="at most 29 weights, and one has 30"):
        finetune(_stack(), (X, Y), None, epochs=1, batch_size=2, engine="compiled")


def test_max_norm_is_left_to_the_compiled_engine_and_autograd() -> None:
    for batch_size in (1, 5):
        more = {"epochs": 1, "max_norm": 1.0, "batch_size": batch_size}
        tuned = finetune(_stack(), (X, Y), None, **more)  # type: ignore[arg-type]
        assert tuned.records[0].engine == "compiled"
    with pytest.raises(InvalidParameterError, match="does not support max_norm"):
        finetune(_stack(), (X, Y), None, epochs=1, max_norm=1.0, engine="fused")


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (ModuleNotFoundError("No module", name="numba"), "numba is not installed"),
        (
            ModuleNotFoundError("No module", name="llvmlite"),
            r"numba cannot be imported \(No module\)",
        ),
        (ImportError("needs NumPy 2.3.\nGot 2.4."), r"imported \(needs NumPy 2.3. Got 2.4\)"),
        (OSError("libllvmlite.so"), r"imported \(libllvmlite.so\)"),
    ],
)
def test_without_numba_the_closed_form_serves_and_says_why_and_what_to_install(
    error: Exception, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr(presence, "import_module", fail)
    remedy = "install it: pip install --upgrade numba"
    said = f"slow without the fused engine.*: .*{fault}. .*{remedy}"
    with pytest.warns(RuntimeWarning, match=said):
        history = pretrain(_stack(), X, epochs=1)
    assert history.records[0].engine == "closed_form"
    with pytest.warns(RuntimeWarning, match=said):
        tuned = finetune(_stack(), (X, Y), None, epochs=1)
    assert tuned.records[0].engine == "closed_form"
    with pytest.raises(
        InvalidParameterError, match=f"used here: .*{fault}. .*{remedy}. Use 'auto'"
    ):
        pretrain(_stack(), X, epochs=1, engine="fused")


def test_the_closed_form_says_why_it_does_not_apply() -> None:
    with pytest.raises(InvalidParameterError, match="plain gradient descent, without momentum"):
        pretrain(_stack(), X, engine="closed_form", optimizer="adam")
    with pytest.raises(InvalidParameterError, match="does not support max_norm"):
        finetune(_stack(), (X, Y), None, engine="closed_form", batch_size=5, max_norm=1.0)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_other_types_of_numbers_are_left_to_autograd(kind: torch.dtype) -> None:
    stack = StackedDenoisingAutoencoder(6, (5,), 2, dtype=kind)
    assert pretrain(stack, X, epochs=1).records[0].engine == "autograd"
    with pytest.raises(InvalidParameterError, match=f"float32 or float64, .* are {kind}"):
        finetune(stack, (X, Y), None, epochs=1, engine="fused")


def test_frozen_parameters_are_left_to_autograd_and_stay() -> None:
    stack = _stack()
    stack.autoencoder(0).weight.requires_grad_(False)
    before = stack.autoencoder(0).weight.clone()
    assert pretrain(stack, X, epochs=1).records[0].engine == "autograd"
    assert finetune(stack, (X, Y), None, epochs=1).records[0].engine == "autograd"
    assert (stack.autoencoder(0).weight == before).all()
    with pytest.raises(InvalidParameterError, match="some are frozen"):
        pretrain(stack, X, epochs=1, engine="fused")


def test_a_head_that_was_replaced_is_left_to_autograd() -> None:
    stack = _stack()
    stack.mlp[-1] = torch.nn.Linear(5, 2, bias=False)
    assert finetune(stack, (X, Y), None, epochs=1).records[0].engine == "autograd"
    with pytest.raises(InvalidParameterError, match="the head was replaced"):
        finetune(stack, (X, Y), None, epochs=1, engine="fused")


def test_a_class_of_ones_own_is_left_to_autograd() -> None:
    class Own(DenoisingAutoencoder):
        pass

    stack = _stack()
    shared = stack.mlp[0]
    assert isinstance(shared, torch.nn.Linear)
    stack.autoencoders[0] = Own(6, 5, corruption=0.1, encoder=shared)
    assert pretrain(stack, X, epochs=1).records[0].engine == "autograd"
    with pytest.raises(InvalidParameterError, match="it does not support Own"):
        pretrain(stack, X, epochs=1, engine="fused")


class _Scaled(torch.nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 3 * super().forward(x)


@pytest.mark.parametrize("batch_size", [1, 5])
@pytest.mark.parametrize("place", [0, -1])
def test_a_subclass_of_a_layer_is_left_to_autograd(place: int, batch_size: int) -> None:
    stack = _stack()
    plain = stack.mlp[place]
    assert isinstance(plain, torch.nn.Linear)
    own = _Scaled(plain.in_features, plain.out_features)
    own.weight, own.bias = plain.weight, plain.bias
    stack.mlp[place] = own
    tuned = finetune(stack, (X, Y), None, epochs=1, batch_size=batch_size)
    assert tuned.records[0].engine == "autograd"


@pytest.mark.parametrize("batch_size", [1, 5])
@pytest.mark.parametrize("place", [0, -1])
def test_a_layer_with_a_hook_is_left_to_autograd(place: int, batch_size: int) -> None:
    stack = _stack()
    stack.mlp[place].register_forward_hook(lambda _module, _inputs, output: 3 * output)
    tuned = finetune(stack, (X, Y), None, epochs=1, batch_size=batch_size)
    assert tuned.records[0].engine == "autograd"


@pytest.mark.parametrize("batch_size", [1, 5])
def test_a_hook_that_stops_gradients_is_heard(batch_size: int) -> None:
    stack = _stack()
    weight = stack.autoencoder(0).weight
    before = weight.detach().clone()
    weight.register_hook(torch.zeros_like)
    pretrain(stack, X, epochs=1, batch_size=batch_size)
    finetune(stack, (X, Y), None, epochs=1, batch_size=batch_size)
    assert torch.equal(weight.detach(), before)
