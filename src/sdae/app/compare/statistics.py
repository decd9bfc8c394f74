"""From errors of paired seeds to a verdict: the corrected resampled t-test, with Holm's correction.

The splits of a study draw their test rows from the same data, so their results are not independent,
and the usual t-test finds significance too often. Nadeau and Bengio (2003, "Inference for the
generalization error", equation 9) correct the variance for the overlap of the sets: with
J seeds, n_2 test rows and n_1 others, the variance of the mean difference is (1/J + n_2/n_1) s².
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from sdae.app.compare.result_cache import Cell
from sdae.app.compare.study import AGREEING, NETWORKS

LEVEL = 0.05
_TINY = 1e-300  # a variance; 0 would be divided by

HELPED, DID_NOT_HELP, CANNOT_TELL = "helped", "did not help", "cannot tell"


@dataclass(frozen=True)
class Mean:
    """A mean over seeds with its 95 % confidence interval and the p-value of a zero mean.

    Attributes
    ----------
    mean, low, high : float
    t, p : float
        The corrected statistic, and its two-sided p-value.
    """

    mean: float
    low: float
    high: float
    t: float
    p: float


@dataclass(frozen=True)
class Comparison:
    """Comparison of pre-trained and random weights at one number of labels.

    Attributes
    ----------
    labels : int
    all_rows : bool
        Whether that is every row there is to learn from.
    gain : Mean
        The error from random weights minus the error of the pre-trained network.
    p_holm : float
        The p-value of `gain`, corrected for several numbers of labels.
    """

    labels: int
    all_rows: bool
    gain: Mean
    p_holm: float

    @property
    def verdict(self) -> str:
        """One of ``helped``, ``did not help``, ``cannot tell``."""
        if self.p_holm >= LEVEL:
            return CANNOT_TELL
        return HELPED if self.gain.mean > 0 else DID_NOT_HELP


def corrected_mean(
    values: Sequence[float], n_test: int, n_others: int, *, of_values: bool = False
) -> Mean:
    """Return the mean of values of resampled splits, with the corrected variance.

    Errors of classes are counts over `n_test` rows, so some may be equal only by rounding: the
    variance used is at least that of rounding to such a count, 1 / (12 n_test²). Mean squared
    errors are not counts: there the least variance is that of float32.

    Parameters
    ----------
    values : sequence of float
        One value per seed, at least two.
    n_test, n_others : int
        Number of test rows, and of the other rows of the same data: labelled or not. Their ratio
        approximates the share of test rows that two splits have in common.
    of_values : bool
        Whether the values are mean squared errors of a regression, or differences of them.
    """
    n_seeds = len(values)
    mean = float(np.mean(values))
    least = _rounding(values) if of_values else 1 / (12 * n_test**2)
    variance = max(float(np.var(values, ddof=1)), least)
    error = math.sqrt((1 / n_seeds + n_test / n_others) * variance)
    half = float(stdtrit(n_seeds - 1, 1 - LEVEL / 2)) * error
    t = mean / error
    return Mean(mean, mean - half, mean + half, t, 2 * float(stdtr(n_seeds - 1, -abs(t))))


def _rounding(values: Sequence[float]) -> float:
    """Return the variance by which numbers of this size differ in float32; never 0."""
    size = float(np.max(np.abs(values)))
    return max((float(np.finfo(np.float32).eps) * size) ** 2, _TINY)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979), in their order.

    The i-th smallest of m, from 0, is multiplied by m − i; values are then made non-decreasing.
    """
    m = len(p_values)
    corrected = [0.0] * m
    highest = 0.0
    for rank, place in enumerate(sorted(range(m), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (m - rank) * p_values[place]))
        corrected[place] = highest
    return corrected


def compare_networks(
    cells: Sequence[Cell], networks: tuple[str, str] = NETWORKS
) -> list[Comparison]:
    """Compare two networks, with and without pre-training, at every number of labels, ascending."""
    pretrained, random = networks
    errors = {(cell.model, cell.labels, cell.seed): cell.error for cell in cells}
    seeds = sorted({cell.seed for cell in cells})
    labels = sorted({cell.labels for cell in cells})
    n_pool, n_test = cells[0].n_pool, cells[0].n_test
    gains = [
        corrected_mean(
            [errors[random, n, seed] - errors[pretrained, n, seed] for seed in seeds],
            n_test,
            n_pool,
            of_values=cells[0].of_values,
        )
        for n in labels
    ]
    corrected = holm([gain.p for gain in gains])
    return [
        Comparison(n, n == n_pool, gain, p)
        for n, gain, p in zip(labels, gains, corrected, strict=True)
    ]


def compare_agreeing(cells: Sequence[Cell]) -> list[Comparison]:
    """Compare the two networks that agree in the same way; nothing where a study lacks one."""
    complete = {*AGREEING} <= {cell.model for cell in cells}
    return compare_networks(cells, AGREEING) if complete else []


def sentence(comparisons: Sequence[Comparison], n_seeds: int) -> str:
    """Return the verdict as one sentence."""
    by_verdict = {
        verdict: [each for each in comparisons if each.verdict == verdict]
        for verdict in (HELPED, DID_NOT_HELP, CANNOT_TELL)
    }
    decided = [
        f"{verdict} with {_listed(by_verdict[verdict])}"
        for verdict in (HELPED, DID_NOT_HELP)
        if by_verdict[verdict]
    ]
    undecided = by_verdict[CANNOT_TELL]
    unknown = f"{n_seeds} seeds cannot tell with {_listed(undecided)}" if undecided else ""
    if not decided:
        return f"Whether pre-training helped, {unknown}."
    rest = f"; {unknown}" if undecided else ""
    return f"Pre-training {'; it '.join(decided)}{rest}."


def _listed(comparisons: Sequence[Comparison]) -> str:
    *first, last = (_clause(each) for each in comparisons)
    return f"{', '.join(first)} and {last}" if first else last


def _clause(comparison: Comparison) -> str:
    labels = f"{'all ' if comparison.all_rows else ''}{comparison.labels:,} labels"
    gain = 100 * comparison.gain.mean
    direction = "less" if gain >= 0 else "more"
    return f"{labels} ({abs(gain):.1f} points {direction} error, {shown_p(comparison.p_holm)})"


def shown_p(p: float) -> str:
    """Return a p-value as a text, such as ``p = 0.02``."""
    return f"p = {p:.2f}" if p >= 0.095 else f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"
