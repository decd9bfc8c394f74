"""Whether one column alone predicts the target."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.metrics import balanced_accuracy_score

from sdae.app.inspection.leaks import bins_of, class_measure, number_measure, rows_to_measure
from sdae.core.schema.raw_table import RawColumn
from tests.core.schema.tables import numbers, texts

N = 400
RNG = np.random.default_rng(3)
Y = RNG.integers(0, 3, N)
TIME = RNG.normal(size=N)


def words(values: NDArray[np.generic]) -> RawColumn:
    return texts("a", *(f"word {value}" for value in values.tolist()))


@pytest.mark.parametrize(
    ("column", "is_leak"),
    [
        (words(Y), True),
        (numbers("a", *Y), True),
        (numbers("a", *(Y + 0.1 * TIME.clip(-4, 4))), True),
        (words(10 * Y + RNG.integers(0, 10, N)), True),
        (numbers("a", *np.where(Y == 2, np.nan, Y)), True),
        (words(np.arange(N)), False),
        (numbers("a", *TIME), False),
        (words(np.where(RNG.random(N) < 0.1, 0, Y)), False),
    ],
)
def test_a_column_that_gives_the_class_away_is_a_leak(column: RawColumn, is_leak: bool) -> None:
    measure = class_measure(column, Y)
    assert measure is not None
    assert measure.is_leak is is_leak


def test_an_index_of_a_sorted_file_is_a_leak() -> None:
    measure = class_measure(numbers("a", *range(N)), np.sort(Y))
    assert measure is not None
    assert measure.is_leak


def test_a_rare_class_does_not_hide_behind_the_common_one() -> None:
    y = np.zeros(1000, int)
    y[:30] = 1
    measure = class_measure(numbers("a", *RNG.normal(size=1000)), y)
    assert measure is not None
    assert measure.value < 0.7
    measure = class_measure(numbers("a", *y), y)
    assert measure is not None
    assert measure.value == 1


def test_a_range_answers_with_the_class_that_is_over_represented_in_it() -> None:
    """All of the rare class are in a range that holds more of the common one."""
    y = np.zeros(1000, int)
    y[:30] = 1
    x = np.arange(1000) < 130
    measure = class_measure(numbers("a", *x), y)
    assert measure is not None
    assert measure.value == pytest.approx((1 + 870 / 970) / 2)


def test_the_measure_is_the_balanced_accuracy_of_a_rule() -> None:
    """A column of two values, with the same answer in each fold."""
    x = np.where(RNG.random(N) < 0.8, Y > 0, Y == 0)
    y = (Y > 0).astype(int)
    measure = class_measure(numbers("a", *x), y)
    assert measure is not None
    assert measure.value == pytest.approx(balanced_accuracy_score(y, x), abs=1e-12)


@pytest.mark.parametrize(
    ("column", "is_leak"),
    [
        (numbers("a", *(3 * TIME + 1)), True),
        (numbers("a", *np.exp(-TIME)), True),
        (numbers("a", *np.where(RNG.random(N) < 0.5, np.nan, TIME)), True),
        (numbers("a", *(TIME + RNG.normal(size=N))), False),
        (numbers("a", *RNG.normal(size=N)), False),
        (words(np.arange(N)), False),
        (words(np.round(TIME * 10)), False),
    ],
)
def test_a_column_that_gives_a_number_away_is_a_leak(column: RawColumn, is_leak: bool) -> None:
    measure = number_measure(column, TIME)
    assert measure is not None
    assert measure.is_leak is is_leak


def test_levels_that_stand_for_numbers_are_a_leak() -> None:
    y = np.asarray(RNG.integers(0, 30, N) * 1.5, np.float64)
    measure = number_measure(words(y), y)
    assert measure is not None
    assert (measure.name, measure.is_leak) == ("R²", True)


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
def test_honest_tables_of_classes_have_no_leak(load: object) -> None:
    x, y = load(return_X_y=True)  # type: ignore[operator]
    measures = [class_measure(numbers("a", *values), y) for values in x.T]
    assert not any(measure is None or measure.is_leak for measure in measures)
    assert max(measure.value for measure in measures if measure) > 0.7


def test_an_honest_table_of_numbers_has_no_leak() -> None:
    x, y = load_diabetes(return_X_y=True)
    measures = [number_measure(numbers("a", *values), y) for values in x.T]
    assert not any(measure is None or measure.is_leak for measure in measures)


def test_too_few_rows_are_not_measured() -> None:
    assert class_measure(numbers("a", *range(19)), np.arange(19) % 2) is None
    assert number_measure(numbers("a", *range(19)), np.arange(19, dtype=np.float64)) is None


def test_of_many_rows_some_are_drawn_and_gaps_have_a_bin_of_their_own() -> None:
    known = RNG.random(50_000) < 0.9
    rows = rows_to_measure(known)
    assert len(rows) == 20_000
    assert known[rows].all()
    assert (rows == rows_to_measure(known)).all()
    bins = bins_of(numbers("a", np.nan, *range(100)))
    assert bins[0] == 0
    assert bins[1:].min() == 1
    assert len(set(bins[1:].tolist())) == 50
