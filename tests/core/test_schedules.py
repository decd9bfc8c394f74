"""Schedules of the learning rate: hand-computed rates, texts, and what they must be."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdae.core.errors import InvalidParameterError
from sdae.core.kinds.schedules import Schedule, parse_schedule
from tests.core.values import REPEATABLE, schedules


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("constant", [0.8, 0.8, 0.8, 0.8]),
        ("linear", [0.8, 0.6, 0.4, 0.2]),
        ("inverse_time:0.5", [0.8, 0.8 / 1.5, 0.4, 0.32]),
        ("inverse_time:0", [0.8, 0.8, 0.8, 0.8]),
        ("inverse_power:0.5:3", [0.8, 0.4, 0.8 / 7**0.5, 0.8 / 10**0.5]),
        ("cosine", [0.8, 0.4 * (1 + 0.5**0.5), 0.4, 0.4 * (1 - 0.5**0.5)]),
        ("step:2:0.1", [0.8, 0.8, 0.08, 0.08]),
        ("step:1:0.5", [0.8, 0.4, 0.2, 0.1]),
        ("step:3:0", [0.8, 0.8, 0.8, 0.0]),
    ],
)
def test_rates_of_four_epochs_are_those_of_the_formula(text: str, rates: list[float]) -> None:
    schedule = parse_schedule(text)
    assert [schedule.rate(0.8, epoch, 4) for epoch in range(4)] == pytest.approx(rates, rel=1e-14)


@REPEATABLE
@given(schedules, st.floats(1e-6, 10), st.integers(1, 500))
def test_every_schedule_starts_at_the_initial_rate(
    schedule: Schedule, initial: float, n_epochs: int
) -> None:
    assert schedule.rate(initial, 0, n_epochs) == initial


@REPEATABLE
@given(st.sampled_from(("linear", "cosine", "inverse_time:0.1", "step:5:0.5")), st.integers(2, 60))
def test_rates_fall_and_stay_positive(text: str, n_epochs: int) -> None:
    rates = [parse_schedule(text).rate(1.0, epoch, n_epochs) for epoch in range(n_epochs)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] > 0


@REPEATABLE
@given(schedules)
def test_a_schedule_is_read_back_from_its_text(schedule: Schedule) -> None:
    assert parse_schedule(str(schedule)) == schedule
    assert parse_schedule(schedule) is schedule


def test_schedules_have_short_texts() -> None:
    assert str(Schedule()) == "constant"
    assert str(Schedule("inverse_time", (0.05,))) == "inverse_time:0.05"


def test_every_digit_of_a_decay_is_kept_in_the_text() -> None:
    schedule = Schedule("inverse_time", (0.12345678,))
    assert parse_schedule(str(schedule)) == schedule


@pytest.mark.parametrize(
    "value",
    [
        "constant:1",
        "linear:1",
        "inverse_time",
        "inverse_time:x",
        "step:10",
        "",
        "step:1:2:3",
        1,
        None,
    ],
)
def test_what_is_no_schedule_is_refused_with_the_forms_there_are(value: object) -> None:
    text = (
        "The schedule parameter of training must be one of constant, linear, inverse_time:DECAY, "
        f"inverse_power:EXPONENT:PER_EPOCH, cosine, step:EVERY:FACTOR. Got {value!r} instead."
    )
    with pytest.raises(InvalidParameterError, match=re.escape(text)):
        parse_schedule(value)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("cosin", "cosine"),
        ("linar", "linear"),
        ("inverse:0.1", "inverse_time"),
        ("stp:2:1", "step"),
    ],
)
def test_a_misspelt_schedule_gets_the_nearest_name(misspelt: str, meant: str) -> None:
    with pytest.raises(InvalidParameterError, match=f"Did you mean '{meant}'\\?$"):
        parse_schedule(misspelt)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0.0, 0.5), "The every parameter of schedule step:0.* must be a finite number ≥ 1"),
        ((2.0, -0.5), "The factor parameter of schedule step:2.*-0.5 must be a finite number ≥ 0"),
        ((float("inf"), 0.5), "The every parameter .* ≥ 1. Got inf instead"),
        ((2.0, float("nan")), "The factor parameter .* ≥ 0. Got nan instead"),
    ],
)
def test_arguments_of_a_step_schedule_are_checked(
    arguments: tuple[float, float], text: str
) -> None:
    with pytest.raises(InvalidParameterError, match=text):
        Schedule("step", arguments)


def test_a_decay_below_0_is_refused() -> None:
    with pytest.raises(
        InvalidParameterError, match=r"The decay parameter .* ≥ 0. Got -1.0 instead"
    ):
        Schedule("inverse_time", (-1.0,))


@pytest.mark.parametrize(
    ("text", "problem"),
    [("step:0.5:0.5", "every .* ≥ 1. Got 0.5"), ("inverse_time:-1", "decay .* ≥ 0. Got -1.0")],
)
def test_a_bad_argument_in_a_text_is_told_as_such(text: str, problem: str) -> None:
    with pytest.raises(InvalidParameterError, match=problem):
        parse_schedule(text)


def test_a_power_that_is_too_large_makes_a_rate_of_zero() -> None:
    assert parse_schedule("inverse_power:1000:10").rate(0.1, 3, 10) == 0
