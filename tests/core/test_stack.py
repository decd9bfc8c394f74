"""The two facades of a stack: one set of parameters, seen as autoencoders and as a network."""

import copy
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sdae import DenoisingAutoencoder, StackedDenoisingAutoencoder
from sdae.core.corruption import GaussianNoise, MaskingNoise, SaltAndPepperNoise
from sdae.core.errors import InvalidParameterError, SdaeError
from sdae.core.kinds.activations import Activation
from tests.core.stacks import SIZES, C, V, labels, linear_layers, make, randomised, rows
from tests.core.values import REPEATABLE

ACTIVATIONS = tuple(Activation)
depths = st.lists(st.integers(1, 12), min_size=1, max_size=6).map(tuple)


@REPEATABLE
@given(depths, st.sampled_from(ACTIVATIONS), st.booleans())
def test_both_facades_hold_the_same_parameter_objects(
    sizes: tuple[int, ...], activation: str, tied: bool
) -> None:
    stack = make(sizes, activation=activation, tied=tied)
    *hidden, head = linear_layers(stack)
    assert len(stack.autoencoders) == len(hidden) == stack.n_layers == len(sizes)
    for k, layer in enumerate(hidden):
        assert stack.autoencoder(k).weight is layer.weight
        assert stack.autoencoder(k).hidden_bias is layer.bias
    assert stack.head is head
    assert len(list(stack.parameters())) == (3 if tied else 4) * len(sizes) + 2


@REPEATABLE
@given(depths, st.sampled_from(ACTIVATIONS), st.booleans(), st.integers(1, 5))
def test_shapes_hold_at_every_depth(
    sizes: tuple[int, ...], activation: str, tied: bool, n: int
) -> None:
    stack, x = make(sizes, activation=activation, tied=tied), rows(n)
    before = x.copy()
    for depth, size in enumerate((V, *sizes)):
        code = stack.encode(x, depth)
        assert code.shape == (n, size)
        assert stack.decode(code, depth).shape == (n, V)
        assert stack.reconstruct(x, depth).shape == (n, V)
    assert stack.logits(x).shape == stack.predict_proba(x).shape == (n, C)
    assert stack.predict(x).shape == (n,)
    assert (x == before).all()


def test_training_through_one_facade_changes_the_other() -> None:
    stack, x = make(), torch.from_numpy(rows())
    before = stack.mlp[:2](x)
    first = stack.autoencoder(0)
    optimizer = torch.optim.SGD(first.parameters(), lr=0.5)
    first.loss(x).mean().backward()
    optimizer.step()
    after = stack.mlp[:2](x)
    assert not torch.allclose(after, before, atol=1e-3)
    assert torch.equal(after, first.encode(x))

    codes = first.encode(x)
    torch.optim.SGD(stack.mlp.parameters(), lr=0.5).zero_grad()
    nn.init.ones_(stack.head.weight[:1])
    stack.negative_log_likelihood(x, labels()).backward()
    torch.optim.SGD(stack.mlp.parameters(), lr=5.0).step()
    assert not torch.equal(first.encode(x), codes)


def test_a_copy_shares_within_itself_and_not_with_the_original() -> None:
    stack = make()
    twin = copy.deepcopy(stack)
    assert twin.autoencoder(1).weight is linear_layers(twin)[1].weight
    assert twin.autoencoder(1).weight is not stack.autoencoder(1).weight


def test_moving_to_another_type_keeps_the_sharing() -> None:
    stack = make().double()
    assert stack.autoencoder(2).weight is linear_layers(stack)[2].weight
    assert stack.predict_proba(rows()).dtype == torch.float64


def test_the_network_is_layers_and_activations_with_a_zero_head() -> None:
    kinds = [type(module) for module in make((4, 3), activation="tanh").mlp]
    assert kinds == [nn.Linear, nn.Tanh, nn.Linear, nn.Tanh, nn.Linear]
    head = make().head
    assert head.weight.shape == (C, SIZES[-1])
    assert not head.weight.any()
    assert not head.bias.any()


def test_layers_of_one_seed_start_differently() -> None:
    stack = make((V, V))
    assert not torch.equal(stack.autoencoder(0).weight, stack.autoencoder(1).weight)
    x = torch.ones(40, V)
    drawn = [stack.autoencoder(k).corrupt(x) for k in (0, 1)]
    assert not torch.equal(*drawn)


def test_a_layer_starts_as_the_autoencoder_of_that_number_would() -> None:
    alone = DenoisingAutoencoder(SIZES[0], SIZES[1], corruption=0.1, seed=1, layer=1, tied=False)
    layer = make(tied=False).autoencoder(1)
    assert torch.equal(layer.weight, alone.weight)
    assert torch.equal(layer.decoder_weight, alone.decoder_weight)


def test_building_a_stack_leaves_the_global_generators_alone() -> None:
    torch_state, np_state = torch.get_rng_state(), str(np.random.get_state())  # noqa: NPY002
    make(tied=False)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert str(np.random.get_state()) == np_state  # noqa: NPY002


@pytest.mark.parametrize(
    ("options", "decoders"),
    [
        ({"activation": "sigmoid"}, ["sigmoid", "sigmoid", "sigmoid"]),
        ({"activation": "tanh"}, ["sigmoid", "linear", "linear"]),
        ({"activation": "relu"}, ["sigmoid", "linear", "linear"]),
        ({"activation": "sigmoid", "decoder": "linear"}, ["linear", "linear", "linear"]),
        ({"activation": "tanh", "decoder": "sigmoid"}, ["sigmoid", "sigmoid", "sigmoid"]),
        (
            {"activation": "relu", "decoder": ["linear", "auto", "sigmoid"]},
            ["linear", "linear", "sigmoid"],
        ),
    ],
)
def test_upper_layers_take_their_decoder_from_the_range_of_the_codes(
    options: dict[str, Any], decoders: list[str]
) -> None:
    stack = make(**options)
    assert [str(stack.autoencoder(k).decoder) for k in range(3)] == decoders


def test_every_layer_has_a_corruption_of_its_own() -> None:
    stack = make(corruption_levels=(0.1, "salt_and_pepper:0.2", GaussianNoise(0.3)))
    assert [stack.autoencoder(k).corruption for k in range(3)] == [
        MaskingNoise(0.1),
        SaltAndPepperNoise(0.2),
        GaussianNoise(0.3),
    ]
    stack = make(corruption_levels="masking:0.4:exact")
    assert {stack.autoencoder(k).corruption for k in range(3)} == {MaskingNoise(0.4, exact=True)}


def test_a_stack_is_the_tutorials_unless_told_otherwise() -> None:
    stack = StackedDenoisingAutoencoder(V)
    assert stack.hidden_layer_sizes == (500, 500)
    assert stack.n_classes is None
    assert {stack.autoencoder(k).corruption for k in (0, 1)} == {MaskingNoise(0.1)}
    assert stack.autoencoder(0).tied
    assert str(stack.activation) == "sigmoid"


def test_a_stack_gets_its_head_later() -> None:
    stack = make(n_classes=None)
    x = rows()
    assert torch.equal(stack(x), stack.encode(x))
    with pytest.raises(InvalidParameterError, match=r"has no head, .* call add_head\(n_classes\)"):
        stack.logits(x)
    with pytest.raises(InvalidParameterError, match=r"has no head"):
        stack.predict(x)
    stack.add_head(C)
    assert torch.equal(stack(x), make()(x))
    assert torch.equal(stack.predict_proba(x), torch.full((6, C), 1 / C))


def test_a_head_takes_the_type_of_the_stack() -> None:
    stack = make(n_classes=None, dtype=torch.float64)
    stack.add_head(3)
    assert stack.head.weight.dtype == torch.float64
    assert {p.dtype for p in stack.parameters()} == {torch.float64}


def test_a_second_head_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match=r"has a head for 4 classes already. Build a"):
        make().add_head(5)


@pytest.mark.parametrize("n_classes", [1, 0, 2.0, True, "3"])
def test_a_head_has_at_least_two_classes(n_classes: Any) -> None:
    with pytest.raises(InvalidParameterError, match=re.escape(f"≥ 2. Got {n_classes!r} instead.")):
        make(n_classes=n_classes)
    stack = make(n_classes=None)
    with pytest.raises(InvalidParameterError, match=r"n_classes .* must be an integer ≥ 2"):
        stack.add_head(n_classes)
    assert stack.n_classes is None


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"sizes": ()}, r"hidden_layer_sizes .* an integer ≥ 1; one value, or a list with one per"),
        ({"sizes": (3, 0)}, r"hidden_layer_sizes .* Got \(3, 0\) instead"),
        (
            {"corruption_levels": (0.1, 0.2)},
            r"corruption_levels .* each of the 3 layers. Got 2 val",
        ),
        ({"corruption_levels": 1.5}, r"corruption_levels .* must be a number in \[0, 1\]. Got 1.5"),
        ({"corruption_levels": "mask:0.1"}, r"Did you mean 'masking'"),
        ({"activation": "tahn"}, r"activation parameter of Stacked.* Did you mean 'tanh'"),
        ({"decoder": ["linear"] * 2}, r"decoder .* each of the 3 layers. Got 2 values"),
        (
            {"decoder": "softmax"},
            r"decoder .* 'auto', 'blocks', 'sigmoid', 'linear'. Got 'softmax'",
        ),
        ({"emphasis": "full", "corruption_levels": "gaussian:1"}, r"emphasis .* Gaussian noise"),
        ({"emphasis": "2"}, r"emphasis .* 'ALPHA:BETA'. Got '2' instead"),
        ({"seed": -1}, r"seed .* must be an integer in \[0, 2\*\*64\). Got -1"),
        (
            {"seed": 2**64},
            r"seed .* must be an integer in \[0, 2\*\*64\). Got 18446744073709551616",
        ),
        ({"seed": 0.5}, r"seed .* must be an integer in \[0, 2\*\*64\). Got 0.5"),
    ],
)
def test_bad_options_are_refused_in_words(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(SdaeError, match=problem):
        make(**options)


def test_all_bad_options_are_told_at_once() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        StackedDenoisingAutoencoder(0, (3, -1), 4, 2.0, activation="x", decoder="y")
    lines = str(caught.value).splitlines()
    names = ("n_visible", "hidden_layer_sizes", "corruption_levels", "activation", "decoder")
    assert len(lines) == 5
    for name, line in zip(names, lines, strict=True):
        assert line.startswith(f"The {name} parameter of StackedDenoisingAutoencoder")


def test_a_replaced_autoencoder_is_told() -> None:
    stack = randomised(make())
    stack.autoencoders[1] = nn.Identity()
    with pytest.raises(TypeError, match=r"autoencoders\[1\] was replaced by Identity"):
        stack.encode(rows())
