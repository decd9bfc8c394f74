"""Declared constraints: what is read, what is refused, and all problems in one error."""

import re
from typing import Any

import numpy as np
import pytest

from sdae.core.constraints import (
    Reader,
    boolean,
    choice,
    integer,
    number,
    one_or_each,
    optional,
    parsed,
    per_layer,
    read_fields,
    text,
)
from sdae.core.corruption import MaskingNoise, parse_noise
from sdae.core.errors import InvalidParameterError

NAN, INF = float("nan"), float("inf")

READ = [
    (integer(1), 1, 1),
    (integer(0), np.int32(7), 7),
    (number(0), 0, 0.0),
    (number(0, 1), 1, 1.0),
    (number(0), np.float32(0.5), 0.5),
    (number(0, 1, open_minimum=True), 1e-9, 1e-9),
    (number(0, 1, open_maximum=True), 0, 0.0),
    (boolean(), True, True),
    (boolean(), np.bool_(False), False),
    (choice("a", "b"), "b", "b"),
    (text(), "x", "x"),
    (optional(integer(1)), None, None),
    (optional(integer(1)), "none", None),
    (optional(integer(1)), 3, 3),
    (one_or_each(integer(1)), 3, (3,)),
    (one_or_each(integer(1)), [3, 4], (3, 4)),
    (one_or_each(integer(1)), (3,), (3,)),
    (one_or_each(integer(1)), np.array([3, 4]), (3, 4)),
    (one_or_each(number(0)), np.array(0.5), (0.5,)),
]
REFUSED = [
    (integer(1), "an integer ≥ 1", (0, -1, 1.0, "1", None, True)),
    (number(0), "a finite number ≥ 0", (-1e-9, NAN, INF, "0.5", None, True, 1j, 10**400)),
    (number(0, 1), "a number in [0, 1]", (1.0001, -0.1, NAN)),
    (number(0, 1, open_minimum=True), "a number in (0, 1]", (0, 0.0, 1.1)),
    (number(0, 1, open_maximum=True), "a number in [0, 1)", (1, 1.0, -0.1)),
    (number(0, open_minimum=True), "a finite number > 0", (0, -1, INF)),
    (boolean(), "true or false", (0, 1, "true", None)),
    (choice("a", "b"), "one of 'a', 'b'", ("c", "", 1, None, ["a"])),
    (text(), "a text", ("", 1, None)),
    (optional(integer(1)), "an integer ≥ 1, or none", (0, "None", "")),
    (
        one_or_each(integer(1)),
        "an integer ≥ 1; one value, or a list with one per layer",
        ([], (), 0, [1, 0], [[1]], "1", [1, "2"]),
    ),
]


@pytest.mark.parametrize(("reader", "value", "expected"), READ)
def test_good_values_are_read_as_plain_python(
    reader: Reader[Any], value: object, expected: object
) -> None:
    read = read_fields({"it": reader}, {"it": value}, "training")["it"]
    assert read == expected
    assert type(read) is type(expected)


@pytest.mark.parametrize(
    ("reader", "constraint", "value"),
    [(reader, constraint, value) for reader, constraint, values in REFUSED for value in values],
)
def test_bad_values_are_refused_by_name_constraint_and_value(
    reader: Reader[Any], constraint: str, value: object
) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        read_fields({"it": reader}, {"it": value}, "training")
    assert str(caught.value) == (
        f"The it parameter of training must be {constraint}. Got {value!r} instead."
    )


def test_the_text_of_a_parser_stands_for_itself() -> None:
    reader = parsed("a noise", parse_noise)
    assert read_fields({"it": reader}, {"it": 0.25}, "training") == {"it": MaskingNoise(0.25)}
    text = "The it parameter of training is not valid: the level of MaskingNoise must be a number"
    with pytest.raises(InvalidParameterError, match=re.escape(text)):
        read_fields({"it": reader}, {"it": "masking:2"}, "training")


def test_all_problems_come_in_one_error() -> None:
    readers: dict[str, Reader[Any]] = {
        "epochs": integer(0),
        "shuffle": boolean(),
        "rate": number(0),
    }
    with pytest.raises(InvalidParameterError) as caught:
        read_fields(readers, {"epochs": -1, "shufle": True, "rate": 0.1, "shuffle": 2}, "pretrain")
    assert str(caught.value).splitlines() == [
        "The epochs parameter of pretrain must be an integer ≥ 0. Got -1 instead.",
        "pretrain has no parameter 'shufle'. Did you mean 'shuffle'?",
        "The shuffle parameter of pretrain must be true or false. Got 2 instead.",
    ]


def test_a_name_far_from_all_is_answered_with_all() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        read_fields({"epochs": integer(0), "rate": number(0)}, {"xyz": 1}, "pretrain")
    assert str(caught.value) == "pretrain has no parameter 'xyz'. It has: epochs, rate."


def test_names_that_are_not_given_are_left_out() -> None:
    assert read_fields({"epochs": integer(0), "rate": number(0)}, {"rate": 1}, "x") == {"rate": 1.0}


def test_one_value_is_spread_over_all_layers() -> None:
    assert per_layer((7,), 3, "epochs", "pretrain") == (7, 7, 7)
    assert per_layer((7, 8, 9), 3, "epochs", "pretrain") == (7, 8, 9)
    assert per_layer((7,), 1, "epochs", "pretrain") == (7,)


@pytest.mark.parametrize("values", [(), (1, 2), (1, 2, 3, 4)])
def test_another_number_of_values_than_layers_is_refused(values: tuple[int, ...]) -> None:
    text = (
        "The epochs parameter of pretrain must be one value or one for each of the 3 layers. "
        f"Got {len(values)} values instead."
    )
    with pytest.raises(InvalidParameterError, match=re.escape(text)):
        per_layer(values, 3, "epochs", "pretrain")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.5, "The it parameter of training must be a number in [0, 1]. Got 1.5 instead."),
        ("maskin:1", "The it parameter of training must be a masking level in [0, 1], a noise"),
        (
            "masking:2",
            "The it parameter of training is not valid: the level of MaskingNoise must be a number "
            "in [0, 1]. Got 2.0 instead.",
        ),
    ],
)
def test_an_error_names_one_parameter(value: object, text: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        read_fields({"it": parsed("a noise", parse_noise)}, {"it": value}, "training")
    assert str(caught.value).startswith(text)
    assert str(caught.value).count("parameter of") == 1
