"""Whether one column alone predicts the target, as a copy of it or an index of a sorted file does.

Classes: each bin of a column (a level, or one of fifty ranges of a number; gaps are a bin) predicts
the class that is most over-represented in it, in five folds of cross-validation; the measure is the
balanced accuracy. Numbers: the larger of Pearson's and Spearman's correlation, or for categories
the cross-validated R² of the mean in each bin. Axes: n rows, C classes, K bins.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdae.app.inspection.facts import LARGEST, Facts
from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.core.wording import quoted
from sdae.data.tables.remarks import Remark, option

_FOLDS = 5
_MOST_ROWS, _LEAST_ROWS = 20_000, 20
_RANGES = 50
_MOST_COUNTS = 1 << 21  # of bins times classes
_SEED = 0


class Measure(NamedTuple):
    """How well a column predicts the target.

    Attributes
    ----------
    name : str
    value : float
    is_leak : bool
        Whether that is too good.
    """

    name: str
    value: float
    is_leak: bool


def leak(facts: Facts, measure: Measure) -> Remark:
    """Return the remark on a column that predicts the target."""
    text = (
        f"Column {quoted(facts.name)} alone predicts the target ({measure.name} "
        f"{measure.value:.3f}): it may be known only after it."
    )
    return Remark(facts.name, "leak", text, option("--drop", facts.name))


def rows_to_measure(known: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return which rows to look at, drawn among those with a target, (n,), if they are many."""
    rows = np.flatnonzero(known)
    if len(rows) <= _MOST_ROWS:
        return rows
    drawn = np.random.default_rng(_SEED).choice(rows, _MOST_ROWS, replace=False)
    return np.sort(drawn)


def class_measure(column: RawColumn, y: NDArray[np.intp]) -> Measure | None:
    """Return the balanced accuracy of a column for classes numbered from 0, (n,)."""
    bins = bins_of(column)
    n_classes, n_bins = int(y.max(initial=0)) + 1, int(bins.max(initial=0)) + 1
    if len(y) < _LEAST_ROWS or n_classes < 2 or n_classes * n_bins > _MOST_COUNTS:
        return None
    counts = np.bincount(bins * n_classes + y, minlength=n_bins * n_classes)
    totals = np.bincount(y, minlength=n_classes)  # (C,)
    right = np.zeros(n_classes)
    for fold in _folds(len(y)):
        held_out = np.bincount(bins[fold] * n_classes + y[fold], minlength=len(counts))
        seen = (counts - held_out).reshape(n_bins, n_classes)  # (K, C)
        of_classes = seen.sum(axis=0)
        weighted = seen / np.maximum(of_classes, 1)  # the share of each class that is in a bin
        answers = np.where(seen.any(axis=1), weighted.argmax(axis=1), of_classes.argmax())
        correct = answers[bins[fold]] == y[fold]
        right += np.bincount(y[fold][correct], minlength=n_classes)
    accuracy = float((right[totals > 0] / totals[totals > 0]).mean())
    return Measure("balanced accuracy", accuracy, accuracy >= 0.97)


def number_measure(column: RawColumn, y: NDArray[np.float64]) -> Measure | None:
    """Return how well a column predicts numbers, (n,)."""
    known = ~column.missing
    if known.sum() < _LEAST_ROWS or np.ptp(y) == 0:
        return None
    if column.type in (ColumnType.NUMBER, ColumnType.DATE) and not column.declared:
        x, target = column.values[known], y[known]
        if not (np.abs(x) <= LARGEST).all() or np.ptp(x) == 0 or np.ptp(target) == 0:
            return None
        value = max(_correlation(x, target), _correlation(_ranks(x), _ranks(target)))
        return Measure("correlation", value, value >= 0.99)
    bins = bins_of(column)
    n_bins = int(bins.max()) + 1
    error = 0.0
    for fold in _folds(len(y)):
        rest = np.ones(len(y), bool)
        rest[fold] = False
        counts = np.bincount(bins[rest], minlength=n_bins)
        sums = np.bincount(bins[rest], y[rest], minlength=n_bins)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), y[rest].mean())  # (K,)
        error += float(np.square(means[bins[fold]] - y[fold]).sum())
    r2 = 1 - error / float(np.square(y - y.mean()).sum())
    return Measure("R²", r2, r2 >= 0.98)


def bins_of(column: RawColumn) -> NDArray[np.intp]:
    """Return the bin of each value, (n,): its level or its range; 0 where it is missing."""
    bins = np.zeros(len(column.values), np.intp)
    known = ~column.missing
    values = column.values[known]
    if not len(values):
        return bins
    if column.type is ColumnType.TEXT:
        levels: dict[str, int] = {}
        bins[known] = [levels.setdefault(value, len(levels)) + 1 for value in values]
        return bins
    different, places = np.unique(values, return_inverse=True)
    if len(different) > _RANGES and not column.declared:
        edges = np.quantile(values, np.linspace(0, 1, _RANGES + 1)[1:-1], method="lower")
        places = np.searchsorted(np.unique(edges), values, side="right")
    bins[known] = places + 1
    return bins


def _folds(n_rows: int) -> list[NDArray[np.intp]]:
    order = np.random.default_rng(_SEED).permutation(n_rows)
    return np.array_split(order, _FOLDS)


def _correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    return float(abs(np.corrcoef(x, y)[0, 1]))


def _ranks(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value, (n,); equal values share their mean."""
    _, places, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle: NDArray[np.float64] = (last - (counts - 1) / 2)[places]
    return middle
