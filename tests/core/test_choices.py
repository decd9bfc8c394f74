"""Activations, decoders and emphases as values."""

import re

import pytest
from hypothesis import given

from sdae.core.errors import InvalidParameterError
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.decoders import Decoder, Emphasis, parse_emphasis
from sdae.core.kinds.text import parse_choice
from tests.core.values import REPEATABLE, emphases


@pytest.mark.parametrize("member", [*Activation, *Decoder])
def test_a_choice_is_read_from_itself_and_from_its_text(member: Activation | Decoder) -> None:
    assert parse_choice(type(member), member, "x") is member
    assert parse_choice(type(member), str(member), "x") is member


def test_the_choices_are_those_of_the_papers() -> None:
    assert [str(member) for member in Activation] == [
        "sigmoid",
        "tanh",
        "relu",
        "gelu",
        "silu",
        "identity",
    ]
    assert [str(member) for member in Decoder] == ["auto", "blocks", "sigmoid", "linear"]


@pytest.mark.parametrize(
    ("value", "hint"),
    [("sigmoidal", " Did you mean 'sigmoid'?"), ("ReLU", " Did you mean 'relu'?"), (3, "")],
)
def test_an_unknown_choice_is_refused_with_the_nearest(value: object, hint: str) -> None:
    text = (
        "The activation parameter of the network must be one of 'sigmoid', 'tanh', "
        "'relu', 'gelu', 'silu', 'identity'. "
        f"Got {value!r} instead.{hint}"
    )
    with pytest.raises(InvalidParameterError, match=re.escape(text) + "$"):
        parse_choice(Activation, value, "activation", "the network")


@REPEATABLE
@given(emphases)
def test_an_emphasis_is_read_back_from_its_text(emphasis: Emphasis) -> None:
    assert parse_emphasis(str(emphasis)) == emphasis
    assert parse_emphasis(emphasis) is emphasis


def test_emphases_have_names() -> None:
    assert parse_emphasis("double") == Emphasis(1.0, 0.5) == Emphasis()
    assert parse_emphasis("full") == Emphasis(1.0, 0.0)
    assert parse_emphasis("none") is None
    assert parse_emphasis(None) is None
    assert parse_emphasis("2:0.25") == Emphasis(2.0, 0.25)


@pytest.mark.parametrize("value", ["triple", "1", "1:2:3", "a:b", "", 0.5, (1, 0.5)])
def test_what_is_no_emphasis_is_refused_with_the_forms_there_are(value: object) -> None:
    text = f"'double' (1:0.5), 'full' (1:0) or 'ALPHA:BETA'. Got {value!r} instead."
    with pytest.raises(InvalidParameterError, match=re.escape(text)):
        parse_emphasis(value)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), True])
def test_weights_of_an_emphasis_are_finite_and_not_below_0(weight: float) -> None:
    with pytest.raises(InvalidParameterError, match=r"alpha .* Emphasis must be a finite number ≥"):
        Emphasis(alpha=weight)
    with pytest.raises(InvalidParameterError, match=f"beta .* ≥ 0. Got {weight!r} instead"):
        Emphasis(beta=weight)


def test_weights_in_a_text_are_held_to_the_same_bounds() -> None:
    with pytest.raises(InvalidParameterError, match=r"beta .* ≥ 0. Got -0.5 instead"):
        parse_emphasis("1:-0.5")
