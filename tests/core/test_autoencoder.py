"""One denoising autoencoder: its parameters, its methods, and what it refuses."""

import copy
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from sdae import DenoisingAutoencoder
from sdae.core.corruption import MaskingNoise
from sdae.core.errors import InvalidParameterError
from sdae.core.kinds.decoders import Decoder

V, H = 40, 24
GLOROT = math.sqrt(6 / (V + H))


def _make(**options: Any) -> DenoisingAutoencoder:
    return DenoisingAutoencoder(V, H, **({"corruption": 0.3} | options))


def _rows(n: int = 5, n_visible: int = V) -> torch.Tensor:
    return torch.rand(n, n_visible, generator=torch.Generator().manual_seed(1))


def test_tied_parameters_have_the_names_and_shapes_of_the_equations() -> None:
    shapes = {name: tuple(p.shape) for name, p in _make().named_parameters()}
    assert shapes == {"weight": (H, V), "hidden_bias": (H,), "visible_bias": (V,)}


def test_an_untied_autoencoder_has_a_decoder_weight_too() -> None:
    shapes = {name: tuple(p.shape) for name, p in _make(tied=False).named_parameters()}
    assert shapes == {
        "weight": (H, V),
        "hidden_bias": (H,),
        "visible_bias": (V,),
        "decoder_weight": (V, H),
    }
    assert not hasattr(_make(), "decoder_weight")


def _assert_uniform(weight: torch.Tensor, bound: float) -> None:
    """Check that the values fill ±bound and spread as a uniform distribution does."""
    assert weight.abs().max() <= bound
    assert weight.max() > 0.98 * bound
    assert weight.min() < -0.98 * bound
    assert weight.mean().item() == pytest.approx(0, abs=4 * bound / math.sqrt(3 * V * H))
    assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize(
    ("activation", "bound"),
    [("sigmoid", 4 * GLOROT), ("tanh", GLOROT), ("relu", math.sqrt(6 / V))],
)
def test_initial_weights_are_uniform_in_the_range_of_the_activation(
    activation: str, bound: float
) -> None:
    model = _make(activation=activation)
    _assert_uniform(model.weight, bound)
    assert not model.hidden_bias.any()
    assert not model.visible_bias.any()


@pytest.mark.parametrize(("decoder", "bound"), [("sigmoid", 4 * GLOROT), ("linear", GLOROT)])
def test_an_initial_decoder_weight_is_uniform_in_the_range_of_the_decoder(
    decoder: str, bound: float
) -> None:
    model = _make(tied=False, decoder=decoder, activation="relu")
    _assert_uniform(model.decoder_weight, bound)
    for weight in (model.weight, model.weight.t()):
        pair = torch.stack([weight.flatten(), model.decoder_weight.flatten()])
        assert abs(torch.corrcoef(pair)[0, 1]) < 0.15


def test_initial_weights_depend_on_seed_and_layer_alone() -> None:
    weights = [_make(**kind).weight for kind in ({}, {"seed": 1}, {"layer": 1})]
    assert torch.equal(weights[0], _make(corruption="gaussian:1").weight)
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_nothing_is_drawn_from_torchs_generator() -> None:
    state = torch.get_rng_state()
    _make(tied=False).loss(_rows())
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parameters_and_results_have_the_type_asked_for(dtype: torch.dtype) -> None:
    model = _make(tied=False, dtype=dtype)
    assert {p.dtype for p in model.parameters()} == {dtype}
    assert model.loss(_rows().to(dtype)).dtype == dtype


def test_an_autoencoder_shares_the_layer_of_a_network() -> None:
    layer = nn.Linear(V, H)
    model = _make(encoder=layer)
    assert model.weight is layer.weight
    assert model.hidden_bias is layer.bias
    x = _rows()
    assert torch.equal(model.encode(x), torch.sigmoid(layer(x)))
    model.loss(x).mean().backward()
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None


@pytest.mark.parametrize("encoder", [nn.Linear(H, V), nn.Linear(V, H, bias=False)], ids=str)
def test_a_layer_that_does_not_fit_is_refused(encoder: nn.Linear) -> None:
    text = f"The encoder parameter of DenoisingAutoencoder must be an nn.Linear({V}, {H}) with a bi"
    with pytest.raises(InvalidParameterError, match=re.escape(text)):
        _make(encoder=encoder)


@pytest.mark.parametrize(
    ("activation", "function"),
    [("sigmoid", torch.sigmoid), ("tanh", torch.tanh), ("relu", torch.relu)],
)
def test_codes_and_reconstructions_follow_the_equations(
    activation: str, function: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    model, x = _make(activation=activation, decoder="linear"), _rows()
    h = function(x @ model.weight.t() + model.hidden_bias)
    torch.testing.assert_close(model.encode(x), h)
    torch.testing.assert_close(model.decode(h), h @ model.weight + model.visible_bias)
    torch.testing.assert_close(model.reconstruct(x), model.decode(h))
    assert torch.equal(model(x), model.reconstruct(x))


def test_the_sigmoid_decoder_gives_values_between_0_and_1() -> None:
    model, x = _make(), _rows()
    torch.testing.assert_close(
        model.reconstruct(x), torch.sigmoid(model.decode_linear(model.encode(x)))
    )
    assert _make(decoder="auto").decoder is Decoder.SIGMOID


def test_each_corruption_is_new_and_repeats_with_the_seed() -> None:
    x = _rows()
    first, second = _make(seed=4), _make(seed=4)
    draws = [first.corrupt(x) for _ in range(3)]
    assert all(torch.equal(draw, second.corrupt(x)) for draw in draws)
    assert not torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[1], draws[2])
    assert not torch.equal(draws[0], _make(seed=5).corrupt(x))
    assert not torch.equal(draws[0], _make(seed=4, layer=1).corrupt(x))
    assert not torch.equal(draws[0][0] == 0, draws[0][1] == 0)


def test_the_loss_corrupts_where_no_corruption_is_given() -> None:
    x = _rows()
    model, twin = _make(emphasis="double"), _make(emphasis="double")
    expected = twin.loss_of(x, twin.corrupt_with_mask(x))
    assert torch.equal(model.loss(x), expected)
    assert not torch.equal(model.loss(x), expected)
    assert expected.shape == (5,)


def test_a_given_corruption_is_used_and_none_is_drawn() -> None:
    model, x = _make(), _rows()
    assert torch.equal(model.loss(x, x), _make(corruption=0.0).loss(x))
    assert torch.equal(model.corrupt(x), _make().corrupt(x))


def test_an_emphasised_loss_needs_the_drawn_components() -> None:
    model, x = _make(emphasis="full"), _rows()
    with pytest.raises(
        InvalidParameterError,
        match=r"drawn parameter of DenoisingAutoencoder.loss must be given with x_tilde",
    ):
        model.loss(x, model.corrupt(x))
    drawn = torch.zeros(5, V, dtype=torch.bool)
    assert not model.loss(x, x, drawn).any()
    assert (model.loss(x, x, ~drawn) > 0).all()


def test_at_level_0_only_the_weight_of_other_components_counts() -> None:
    x = _rows()
    half = _make(corruption=0.0, emphasis="double").loss(x)
    torch.testing.assert_close(2 * half, _make(corruption=0.0).loss(x))


@pytest.mark.parametrize("emphasis", [None, "double", "full"])
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_huge_pre_activations_give_a_finite_cross_entropy(
    size: float, emphasis: str | None
) -> None:
    model, x = _make(activation="relu", emphasis=emphasis), (_rows() > 0.5).float()
    with torch.no_grad():
        model.hidden_bias.fill_(1.0)
        model.visible_bias.copy_(torch.where(torch.arange(V) % 2 == 0, size, -size))
    loss = model.loss(x)
    assert torch.isfinite(loss).all()
    assert (loss > size / 2).all()
    loss.mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_parameters_assigned_in_place_are_honoured() -> None:
    model, x = _make(tied=False, corruption=0.0), _rows()
    before = model.loss(x)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert not torch.equal(model.loss(x), before)
    torch.testing.assert_close(model.loss(x), torch.full((5,), V * math.log(2)))


def test_a_copy_is_independent() -> None:
    model = _make()
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.weight.zero_()
    assert model.weight.any()
    assert torch.equal(model.corrupt(_rows()), twin.corrupt(_rows()))


def test_it_describes_itself() -> None:
    text = str(_make(corruption="salt_and_pepper:0.2", activation="tanh", tied=False))
    for word in (f"{V}, {H}", "salt_and_pepper:0.2", "tied=False", "'tanh'", "'sigmoid'"):
        assert word in text


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"corruption": 1.5}, r"level .* must be a number in \[0, 1\]. Got 1.5"),
        ({"corruption": "maskin:0.3"}, r"corruption parameter of Denois.* Did you mean 'masking'"),
        (
            {"activation": "ReLu"},
            r"activation .* 'sigmoid', 'tanh', 'relu', 'gelu', .*. Got 'ReLu'.*'relu'\?",
        ),
        (
            {"decoder": "liner"},
            r"decoder .* 'auto', 'blocks', 'sigmoid', 'linear'. Got 'liner'.*'linear'\?",
        ),
        ({"emphasis": "triple"}, r"emphasis .* Got 'triple' instead"),
        ({"seed": -1}, r"seed parameter of DenoisingAutoencoder .* \[0, 2\*\*64\). Got -1"),
        (
            {"emphasis": "full", "corruption": "gaussian:0.1"},
            r"emphasis .* None with Gaussian noise, which touches every component.*Use masking",
        ),
    ],
)
def test_bad_options_are_refused_in_words(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidParameterError, match=problem):
        _make(**options)


def test_all_bad_sizes_are_told_at_once() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        DenoisingAutoencoder(0, True, corruption=MaskingNoise(0.1))
    assert str(caught.value).splitlines() == [
        "The n_visible parameter of DenoisingAutoencoder must be an integer ≥ 1. Got 0 instead.",
        "The n_hidden parameter of DenoisingAutoencoder must be an integer ≥ 1. Got True instead.",
    ]
