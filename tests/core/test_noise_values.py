"""Noises as values: their texts, and what they must be."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given

from sdae.core.corruption import GaussianNoise, MaskingNoise, Noise, SaltAndPepperNoise, parse_noise
from sdae.core.errors import InvalidParameterError
from tests.core.values import REPEATABLE, levels, noises


@REPEATABLE
@given(noises)
def test_a_noise_is_read_back_from_its_text(noise: Noise) -> None:
    assert parse_noise(str(noise)) == noise


@pytest.mark.parametrize(
    ("text", "noise"),
    [
        ("masking:0.3", MaskingNoise(0.3)),
        (" masking:1 ", MaskingNoise(1.0)),
        ("masking:0.25:exact", MaskingNoise(0.25, exact=True)),
        ("salt_and_pepper:0.2", SaltAndPepperNoise(0.2, 0.0, 1.0)),
        ("salt_and_pepper:0.2:low=-1:high=2", SaltAndPepperNoise(0.2, -1.0, 2.0)),
        ("salt_and_pepper:0.2:high=0.5", SaltAndPepperNoise(0.2, 0.0, 0.5)),
        ("gaussian:1.5", GaussianNoise(1.5)),
    ],
)
def test_texts_name_noises(text: str, noise: Noise) -> None:
    assert parse_noise(text) == noise


@pytest.mark.parametrize(
    ("noise", "text"),
    [
        (MaskingNoise(0.3), "masking:0.3"),
        (MaskingNoise(0.25, exact=True), "masking:0.25:exact"),
        (SaltAndPepperNoise(0.2), "salt_and_pepper:0.2"),
        (SaltAndPepperNoise(0.2, -1.0, 1.0), "salt_and_pepper:0.2:low=-1.0:high=1.0"),
        (GaussianNoise(0.15), "gaussian:0.15"),
    ],
)
def test_noises_have_short_texts(noise: Noise, text: str) -> None:
    assert str(noise) == text


@REPEATABLE
@given(levels)
def test_a_number_is_a_level_of_masking_noise(level: float) -> None:
    assert parse_noise(level) == parse_noise(np.float64(level)) == MaskingNoise(level)


@REPEATABLE
@given(noises)
def test_a_noise_object_is_taken_as_it_is(noise: Noise) -> None:
    assert parse_noise(noise) is noise


@pytest.mark.parametrize("make", [MaskingNoise, SaltAndPepperNoise, GaussianNoise])
@pytest.mark.parametrize("level", [np.float64(0.25), np.float32(0.25), np.int64(1), 1])
def test_a_noise_of_a_numpy_number_is_read_back_from_its_text(
    make: Callable[[float], Noise], level: float
) -> None:
    assert parse_noise(str(make(level))) == make(level)


def test_another_level_leaves_the_rest_of_a_noise() -> None:
    assert MaskingNoise(0.1, exact=True).with_level(0.5) == MaskingNoise(0.5, exact=True)
    assert SaltAndPepperNoise(0.1, -1, 2).with_level(0.5) == SaltAndPepperNoise(0.5, -1, 2)
    assert GaussianNoise(0.1).with_level(0.5) == GaussianNoise(0.5)
    assert GaussianNoise(0.7).level == 0.7
    with pytest.raises(InvalidParameterError, match=r"level .* must be a number in \[0, 1\]"):
        MaskingNoise(0.1).with_level(2.0)


@pytest.mark.parametrize("level", [-0.1, 1.1, float("nan"), float("inf"), True, "0.3", None])
@pytest.mark.parametrize("kind", [MaskingNoise, SaltAndPepperNoise])
def test_a_level_outside_0_to_1_is_refused(kind: type[MaskingNoise], level: float) -> None:
    text = f"The level parameter of {kind.__name__} must be a number in [0, 1]. Got {level!r} inst"
    with pytest.raises(InvalidParameterError, match=re.escape(text)):
        kind(level)


@pytest.mark.parametrize("std", [-0.1, float("nan"), float("inf"), False, "1"])
def test_a_standard_deviation_below_0_is_refused(std: float) -> None:
    text = f"The std parameter of GaussianNoise must be a finite number ≥ 0. Got {std!r} instead."
    with pytest.raises(InvalidParameterError, match=re.escape(text)):
        GaussianNoise(std)


def test_the_bounds_of_salt_and_pepper_are_finite_and_in_order() -> None:
    with pytest.raises(InvalidParameterError, match=r"low .* must be below high \(1\). Got 1 inst"):
        SaltAndPepperNoise(0.1, 1, 1)
    with pytest.raises(InvalidParameterError, match=r"high .* must be a finite number. Got inf"):
        SaltAndPepperNoise(0.1, 0, float("inf"))
    with pytest.raises(InvalidParameterError, match=r"low .* must be a finite number. Got nan"):
        SaltAndPepperNoise(0.1, float("nan"), 1)


@pytest.mark.parametrize(
    "value",
    [
        "masking",
        "masking:",
        "masking:x",
        "masking:0.1:exact:exact",
        "masking:0.1:low=0",
        "gaussian:0.1:exact",
        "salt_and_pepper:0.1:0:1",
        "salt_and_pepper:0.1:middle=1",
        "salt_and_pepper:0.1:low=",
        "",
        "0.3",
        None,
        True,
        [0.1],
        float("nan"),
    ],
)
def test_what_is_no_noise_is_refused_with_the_forms_there_are(value: object) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        parse_noise(value, parameter="levels", caller="pretrain")
    text = str(caught.value)
    assert text.startswith("The levels parameter of pretrain must be a masking level in [0, 1], ")
    assert "'masking:0.3'" in text
    assert f"Got {value!r} instead." in text


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("maskin:0.3", "masking"),
        ("salt_pepper:0.3", "salt_and_pepper"),
        ("gausian:1", "gaussian"),
    ],
)
def test_a_misspelt_noise_gets_the_nearest_name(misspelt: str, meant: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"Did you mean '{meant}'\\?$"):
        parse_noise(misspelt)


@pytest.mark.parametrize("value", ["poisson:0.3", "", "masking:x"])
def test_nothing_is_suggested_where_the_name_is_right_or_far_off(value: str) -> None:
    with pytest.raises(InvalidParameterError, match=r"instead.$"):
        parse_noise(value)


def test_a_level_in_a_text_is_held_to_the_same_bounds() -> None:
    with pytest.raises(InvalidParameterError, match=r"level .* in \[0, 1\]. Got 1.5 instead"):
        parse_noise("masking:1.5")
    with pytest.raises(InvalidParameterError, match=r"std .* ≥ 0. Got -1.0 instead"):
        parse_noise("gaussian:-1")
    with pytest.raises(InvalidParameterError, match=r"low .* below high"):
        parse_noise("salt_and_pepper:0.1:low=2")


def test_a_number_past_all_floats_is_refused_too() -> None:
    with pytest.raises(InvalidParameterError, match=r"must be a masking level"):
        parse_noise(10**400)
