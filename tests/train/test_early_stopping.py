"""The early-stopping rule against hand-worked sequences, and against the tutorial's own loop."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdae.train.early_stopping import EarlyStopping
from tests.train.tutorial_loop import Walk, walk

Errors = Callable[[int], float]


def _run(rule: EarlyStopping, n_updates: int, error: Errors) -> Walk:
    """Do one update at a time, at most `n_updates`."""
    result = Walk()
    for t in range(n_updates):
        result.n_updates += 1
        if rule.validation_due(t):
            result.errors.append(error(len(result.validated)))
            result.validated.append(t + 1)
            if rule.record(t, result.errors[-1]):
                result.best.append(t + 1)
        if rule.ended(t):
            result.ran_out = True
            break
    return result


def _run_in_leaps(rule: EarlyStopping, n: int, n_epochs: int, error: Errors) -> Walk:
    """Do as many updates at once as may be done before a decision, within an epoch."""
    result = Walk()
    for _ in range(n_epochs):
        done = 0
        while done < n:
            leap = min(rule.updates_until_decision(result.n_updates), n - done)
            assert leap >= 1
            done += leap
            result.n_updates += leap
            t = result.n_updates - 1
            if rule.validation_due(t):
                result.errors.append(error(len(result.validated)))
                result.validated.append(t + 1)
                if rule.record(t, result.errors[-1]):
                    result.best.append(t + 1)
            if rule.ended(t):
                result.ran_out = True
                return result
    return result


def test_without_improvement_fifty_minibatches_an_epoch_end_after_update_501() -> None:
    result = _run(EarlyStopping(50), 50_000, lambda _: 0.9)
    assert result.n_updates == 501
    assert result.validated == [50, 100, 150, 200, 250, 300, 350, 400, 450, 500]
    assert result.best == [50]


def test_a_late_improvement_extends_patience_to_twice_its_update() -> None:
    # The 8th validation follows t = 399, so patience becomes 798: the end follows t = 798, which is
    # the 49th of the 50 updates of epoch 16.
    result = _run(EarlyStopping(50), 50_000, lambda i: 0.9 if i < 7 else 0.5)
    assert result.n_updates == 799
    assert result.best == [50, 400]
    assert len(result.validated) == 15


def test_an_early_improvement_does_not_shorten_patience() -> None:
    # t = 199 would give 398; 500 stands.
    assert _run(EarlyStopping(50), 50_000, lambda i: 0.9 if i < 3 else 0.5).n_updates == 501


@pytest.mark.parametrize(
    ("second", "n_updates"),
    [(0.5, 799), (0.994, 799), (0.995, 501), (0.996, 501), (0.9999, 501)],
)
def test_only_an_error_below_the_threshold_times_the_best_extends(
    second: float, n_updates: int
) -> None:
    result = _run(EarlyStopping(50), 50_000, lambda i: 1.0 if i < 7 else second)
    assert result.best == [50, 400]
    assert result.n_updates == n_updates


def test_the_threshold_applies_to_the_best_so_far_even_when_that_did_not_extend() -> None:
    # 0.996 and then 0.992: below 0.995 × 1.0, but not below 0.995 × 0.996 = 0.99102.
    errors = [1.0] * 6 + [0.996, 0.992] + [1.0] * 1000
    result = _run(EarlyStopping(50), 50_000, errors.__getitem__)
    assert result.best == [50, 350, 400]
    assert result.n_updates == 501


@pytest.mark.parametrize("second", [0.8, 0.9, math.inf, math.nan])
def test_only_a_strictly_lower_error_is_the_new_best(second: float) -> None:
    rule = EarlyStopping(50)
    assert rule.record(49, 0.8)
    assert not rule.record(99, second)
    assert rule.best_error == 0.8
    assert rule.patience == 500


def test_the_best_error_is_the_lowest_so_far() -> None:
    rule = EarlyStopping(50)
    assert rule.best_error == math.inf
    for t, error in [(49, 0.8), (99, 0.7), (149, 0.75), (199, 0.6999)]:
        rule.record(t, error)
    assert rule.best_error == 0.6999


def test_improvements_one_after_another_each_double_the_time() -> None:
    # t = 9·10 − 1 = 89 -> 178; validation 17 at t = 169 -> 338; then nothing.
    errors = {0: 0.9, 8: 0.5, 16: 0.3}
    result = _run(EarlyStopping(10), 10_000, lambda i: errors.get(i, 1.0))
    assert result.best == [10, 90, 170]
    assert result.n_updates == 339


def test_patience_need_not_be_whole() -> None:
    # t = 399 · 1.5 = 598.5: t = 598 is not enough, t = 599 is.
    rule = EarlyStopping(50, patience_increase=1.5)
    assert _run(rule, 50_000, lambda i: 0.9 if i < 7 else 0.5).n_updates == 600


@pytest.mark.parametrize(
    ("n", "patience_epochs", "frequency"),
    [(50, 10, 50), (1, 10, 1), (7, 2, 7), (10, 1, 5), (7, 1, 3), (2, 1, 1), (1, 1, 1)],
)
def test_validations_come_every_n_updates_or_every_half_of_a_short_patience(
    n: int, patience_epochs: int, frequency: int
) -> None:
    assert EarlyStopping(n, patience_epochs).frequency == frequency


def test_the_frequency_stays_when_patience_grows() -> None:
    # Patience is 10 and f = 5 at the start; t = 9 makes patience 18, t = 14 makes it 28.
    errors = [0.9, 0.5, 0.2] + [1.0] * 100
    result = _run(EarlyStopping(10, 1), 1_000, errors.__getitem__)
    assert result.validated == [5, 10, 15, 20, 25]
    assert result.n_updates == 29


def test_patience_can_end_between_two_validations_and_in_the_middle_of_an_epoch() -> None:
    result = _run_in_leaps(EarlyStopping(50), 50, 1000, lambda i: 0.9 if i < 7 else 0.5)
    assert result.n_updates == 799
    assert result.validated[-1] == 750


@pytest.mark.parametrize(
    ("t", "leap"), [(0, 50), (1, 49), (49, 1), (50, 50), (490, 10), (499, 1), (500, 1)]
)
def test_a_leap_reaches_the_next_validation_or_the_end(t: int, leap: int) -> None:
    assert EarlyStopping(50).updates_until_decision(t) == leap


_ERRORS = st.one_of(
    st.floats(0, 1),
    st.integers(0, 10).map(lambda k: k / 10),
    st.integers(0, 30).map(lambda k: float(0.5 * 0.995**k)),
)


@settings(deadline=None, max_examples=150)
@given(
    errors=st.lists(_ERRORS, min_size=1, max_size=60),
    n=st.integers(2, 13),
    n_epochs=st.integers(1, 40),
    patience_epochs=st.integers(1, 10),
    increase=st.sampled_from([1.0, 1.5, 2.0, 3.7]),
    threshold=st.sampled_from([0.5, 0.9, 0.995, 1.0]),
)
def test_the_rule_walks_as_the_tutorial_s_loop(
    errors: list[float],
    n: int,
    n_epochs: int,
    patience_epochs: int,
    increase: float,
    threshold: float,
) -> None:
    def error(i: int) -> float:
        return errors[i % len(errors)]

    def rule() -> EarlyStopping:
        return EarlyStopping(n, patience_epochs, increase, threshold)

    expected = walk(
        n,
        n_epochs,
        error,
        patience_epochs=patience_epochs,
        patience_increase=increase,
        improvement_threshold=threshold,
    )
    assert _run(rule(), n * n_epochs, error) == expected
    assert _run_in_leaps(rule(), n, n_epochs, error) == expected
