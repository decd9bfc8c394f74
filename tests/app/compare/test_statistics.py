"""The corrected resampled t-test and Holm's correction, by hand and by what they promise."""

import math

import numpy as np
import pytest
from scipy import stats

from sdae.app.compare.result_cache import Cell
from sdae.app.compare.result_table import table_lines
from sdae.app.compare.statistics import (
    CANNOT_TELL,
    DID_NOT_HELP,
    HELPED,
    Comparison,
    Mean,
    compare_networks,
    corrected_mean,
    holm,
    sentence,
    shown_p,
)
from sdae.app.compare.study import PRETRAINED, RANDOM


def test_three_seeds_by_hand() -> None:
    """Mean 0.04, variance 0.0004; (1/3 + 1/3) · 0.0004 = 0.01633²; t = √6 with 2 degrees."""
    found = corrected_mean([0.02, 0.04, 0.06], n_test=25, n_others=75)
    assert found.mean == pytest.approx(0.04)
    assert found.t == pytest.approx(math.sqrt(6))
    # With 2 degrees of freedom p = 1 − t / √(2 + t²), and the quantile of 97.5 % is 4.302653.
    assert found.p == pytest.approx(1 - math.sqrt(6) / math.sqrt(8))
    assert found.high - found.mean == pytest.approx(4.302653 * math.sqrt(0.0004 * 2 / 3), rel=1e-6)
    assert found.mean - found.low == pytest.approx(found.high - found.mean)


def test_without_a_common_part_it_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 10))
    found = corrected_mean((a - b).tolist(), n_test=1000, n_others=10**15)
    expected = stats.ttest_rel(a, b)
    assert found.t == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_the_correction_is_nadeau_and_bengios_factor() -> None:
    values = np.random.default_rng(1).normal(0.3, 1, 10)
    plain = stats.ttest_1samp(values, 0).statistic
    corrected = corrected_mean(values.tolist(), n_test=100, n_others=300).t
    assert corrected == pytest.approx(plain * math.sqrt((1 / 10) / (1 / 10 + 1 / 3)))


def test_the_interval_leaves_zero_out_exactly_where_p_is_below_5_per_cent() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        found = corrected_mean(rng.normal(0.7, 1, 8).tolist(), n_test=1, n_others=3)
        assert (found.low > 0 or found.high < 0) == (found.p < 0.05)


def test_seeds_that_agree_by_rounding_alone_prove_nothing() -> None:
    """With 20 test rows two seeds are easily one row, 0.05, apart in the same direction."""
    assert corrected_mean([0.05, 0.05], n_test=20, n_others=60).p > 0.05
    assert corrected_mean([0.05] * 10, n_test=20, n_others=60).p < 0.01
    nothing = corrected_mean([0.0] * 10, n_test=20, n_others=60)
    assert nothing.p == 1
    assert 0 < nothing.high == -nothing.low < 0.05
    step = 1 / 20 / math.sqrt(12)
    assert nothing.high == pytest.approx(stats.t.ppf(0.975, 9) * step * math.sqrt(1 / 10 + 1 / 3))


def test_small_mean_squared_errors_are_not_taken_for_counts() -> None:
    """With 20 test rows counts are 0.05 apart; mean squared errors may be far smaller."""
    gains = [0.0010, 0.0012, 0.0011]
    assert corrected_mean(gains, n_test=20, n_others=60).p > 0.5
    found = corrected_mean(gains, n_test=20, n_others=60, of_values=True)
    assert found.p < 0.01
    assert found.high - found.mean == pytest.approx(4.302653 * 0.0001 * math.sqrt(2 / 3), rel=1e-6)
    cells = [
        Cell(model, 50, seed, error, "x=1", 60, 20, 0, 0, 0, 0, 0, 0, None, of_values=True)
        for model, extra in ((PRETRAINED, 0.0), (RANDOM, 1.0))
        for seed, error in enumerate(0.01 + extra * gain for gain in gains)
    ]
    assert compare_networks(cells)[0].verdict == HELPED
    assert table_lines(cells)[0].error.high == pytest.approx(0.01, rel=1e-5)


def test_equal_mean_squared_errors_prove_nothing() -> None:
    nothing = corrected_mean([0.0] * 10, n_test=20, n_others=60, of_values=True)
    assert (nothing.p, nothing.mean) == (1, 0)
    same = corrected_mean([0.3] * 10, n_test=20, n_others=60, of_values=True)
    assert 0 < same.high - same.mean < 1e-6


def test_where_splits_overlap_the_plain_test_finds_too_much_and_the_corrected_one_does_not() -> (
    None
):
    """Two classifiers that are equally good; what differs is which of 120 rows each gets wrong."""
    rng = np.random.default_rng(5)
    plain = corrected = 0
    for _ in range(400):
        differences = rng.choice([-1, 0, 0, 0, 1], size=120)  # by row, 0 in expectation
        means = [rng.choice(differences, 30, replace=False).mean() for _ in range(10)]
        plain += stats.ttest_1samp(means, 0).pvalue < 0.05
        corrected += corrected_mean(means, n_test=30, n_others=90).p < 0.05
    assert plain / 400 > 0.15
    assert corrected / 400 < 0.07


def test_holm_by_hand() -> None:
    """0.005 · 4, 0.01 · 3, 0.03 · 2; the last, 0.04 · 1, may not be below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4]) == [0.4]
    assert holm([0.6, 0.9]) == [1.0, 1.0]


def test_holm_rejects_what_the_stepwise_procedure_rejects() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        p_values = rng.beta(0.3, 2, size=5)
        rejected = set()
        for rank, place in enumerate(np.argsort(p_values)):
            if p_values[place] >= 0.05 / (5 - rank):
                break
            rejected.add(int(place))
        corrected = holm(p_values.tolist())
        assert {place for place, p in enumerate(corrected) if p < 0.05} == rejected
        assert all(p <= c <= 1 for p, c in zip(p_values, corrected, strict=True))


def compared(labels: int, gain: float, p: float, *, all_rows: bool = False) -> Comparison:
    return Comparison(labels, all_rows, Mean(gain, gain - 0.1, gain + 0.1, 0.0, p), p)


def test_the_three_verdicts() -> None:
    assert compared(50, 0.02, 0.049).verdict == HELPED
    assert compared(50, -0.02, 0.049).verdict == DID_NOT_HELP
    assert compared(50, 0.02, 0.05).verdict == CANNOT_TELL
    assert compared(50, -0.02, 0.9).verdict == CANNOT_TELL


def test_the_sentence_says_what_is_known_and_what_is_not() -> None:
    helps, hurts = compared(50, 0.041, 0.0004), compared(1000, -0.012, 0.02)
    unclear = compared(3000, 0.001, 0.61, all_rows=True)
    assert sentence([helps], 10) == (
        "Pre-training helped with 50 labels (4.1 points less error, p < 0.001)."
    )
    assert sentence([hurts], 10) == (
        "Pre-training did not help with 1,000 labels (1.2 points more error, p = 0.020)."
    )
    assert sentence([unclear], 10) == (
        "Whether pre-training helped, 10 seeds cannot tell with all 3,000 labels (0.1 points less "
        "error, p = 0.61)."
    )
    assert sentence([helps, hurts, unclear], 10) == (
        "Pre-training helped with 50 labels (4.1 points less error, p < 0.001); it did not help "
        "with 1,000 labels (1.2 points more error, p = 0.020); 10 seeds cannot tell with all 3,000 "
        "labels (0.1 points less error, p = 0.61)."
    )
    several = sentence([helps, compared(100, 0.02, 0.01), compared(300, 0.01, 0.01)], 10)
    assert "50 labels (4.1" in several
    assert "), 100 labels (2.0 points less error, p = 0.010) and 300 labels (" in several


@pytest.mark.parametrize(
    ("p", "shown"),
    [(1.0, "p = 1.00"), (0.0949, "p = 0.095"), (0.001, "p = 0.001"), (0, "p < 0.001")],
)
def test_a_p_value_is_shown_to_a_digit_or_two(p: float, shown: str) -> None:
    assert shown_p(p) == shown


def test_networks_are_compared_seed_by_seed_and_corrected_over_label_counts() -> None:
    errors = {50: ([0.20, 0.22, 0.21], [0.30, 0.33, 0.30]), 150: ([0.1, 0.1, 0.1], [0.1, 0.1, 0.1])}
    cells = [
        Cell(model, labels, seed, error, "x=1", 150, 50, 0, 0, 0, 0, 0, 0, None)
        for labels, both in errors.items()
        for model, of_model in zip((PRETRAINED, RANDOM), both, strict=True)
        for seed, error in enumerate(of_model)
    ]
    few, every = compare_networks(cells[::-1])  # in whatever order
    expected = corrected_mean([0.10, 0.11, 0.09], 50, 150)
    assert (few.labels, few.all_rows) == (50, False)
    assert few.gain.mean == pytest.approx(expected.mean)
    assert few.gain.p == pytest.approx(expected.p)
    assert few.p_holm == pytest.approx(2 * expected.p)
    assert (every.labels, every.all_rows, every.verdict) == (150, True, CANNOT_TELL)
