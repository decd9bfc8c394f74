"""Statistics of columns: of rows in memory, of sparse ones, and of rows that are read once.

The latter come in blocks, which are merged in float64 as in Chan, Golub and LeVeque (1983),
"Algorithms for computing the sample variance". Values are taken relative to the first row, so that
large numbers which hardly differ do not lose their differences.

Axes: n rows, V columns.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.sparse import CsrMatrix, is_csr

Numbers = NDArray[np.float64]

FELT = 1e-7
"""In standard deviations: a larger rounding error of the mean would matter to a float32 network."""

_CHUNK_ROWS = 4096
_PANEL = 64
_CHUNK_VALUES = 1 << 22


@dataclass(frozen=True, eq=False)
class ColumnStatistics:
    """What scaling needs to know of rows that are not in memory.

    Attributes
    ----------
    shape : tuple of int
        (n, V).
    dtype : numpy.dtype
        Type of the rows.
    low, high, mean, variance : ndarray of float64, shape (V,)
        Of each column, over all rows.
    """

    shape: tuple[int, int]
    dtype: "np.dtype[Any]"
    low: Numbers
    high: Numbers
    mean: Numbers
    variance: Numbers

    def min(self) -> float:
        """Return the lowest of all values."""
        return float(self.low.min())

    def max(self) -> float:
        """Return the highest of all values."""
        return float(self.high.max())


def statistics_of(blocks: Iterable[NDArray[np.floating]]) -> ColumnStatistics:
    """Return the statistics of rows, of which each block (m, V) is asked for once.

    Blocks may have any number of rows above 0; there is at least one.
    """
    n_rows = 0
    for block in blocks:
        if n_rows == 0:
            kind, reference = block.dtype, block[0].astype(np.float64)
            low, high = np.full_like(reference, np.inf), np.full_like(reference, -np.inf)
            mean, squares = np.zeros_like(reference), np.zeros_like(reference)
        np.minimum(low, block.min(axis=0), out=low)
        np.maximum(high, block.max(axis=0), out=high)
        for start in range(0, len(block), _CHUNK_ROWS):
            rows = block[start : start + _CHUNK_ROWS] - reference
            center = rows.mean(axis=0)  # (rows, V) -> (V,)
            rows -= center
            step = center - mean
            share = len(rows) / (n_rows + len(rows))
            squares += np.square(rows).sum(axis=0) + np.square(step) * (n_rows * share)
            mean += step * share
            n_rows += len(rows)
    return ColumnStatistics(
        (n_rows, len(reference)), kind, low, high, reference + mean, squares / n_rows
    )


def extremes(x: Any) -> tuple[float, float]:
    """Return the lowest and the highest value, (n, V) -> 2 numbers."""
    return float(x.min()), float(x.max())  # scipy's count the zeros that are not stored


def largest_spread(x: Any) -> float:
    """Return the largest standard deviation of a column, (n, V) -> a number."""
    return float(np.sqrt(moments(x)[1].max()))


def ranges(x: Any) -> tuple[Numbers, Numbers]:
    """Return the lowest and the highest value of each column, (n, V) -> (V,), (V,)."""
    if isinstance(x, ColumnStatistics):
        return x.low, x.high
    if not is_csr(x):
        return x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    n_rows, n_columns = x.shape
    low, high = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)
    for columns, values in _stored(x):
        np.minimum.at(low, columns, values)
        np.maximum.at(high, columns, values)
    has_zeros = np.bincount(x.indices, minlength=n_columns) < n_rows
    return (
        np.where(has_zeros, np.minimum(low, 0.0), low),
        np.where(has_zeros, np.maximum(high, 0.0), high),
    )


def moments(x: Any) -> tuple[Numbers, Numbers]:
    """Return mean and variance of each column, in two passes in float64: (n, V) -> (V,), (V,)."""
    if isinstance(x, ColumnStatistics):
        return x.mean, x.variance
    n_rows, n_columns = x.shape
    drift, squares = np.zeros(n_columns), np.zeros(n_columns)
    if is_csr(x):
        mean = np.zeros(n_columns)
        for columns, values in _stored(x):
            mean += np.bincount(columns, values, n_columns) / n_rows
        for columns, values in _stored(x):
            deviations = values - mean[columns]
            drift += np.bincount(columns, deviations, n_columns)
            squares += np.bincount(columns, np.square(deviations), n_columns)
        n_zeros = n_rows - np.bincount(x.indices, minlength=n_columns)
        drift -= n_zeros * mean
        squares += n_zeros * np.square(mean)
    else:
        mean = np.empty(n_columns)
        # Sums of one order: equal rows have equal moments, however they lie in memory. Rows on a
        # disk are not copied.
        copied = not (x.flags.c_contiguous or isinstance(x, np.memmap))
        for part in _panels(n_columns) if copied else [slice(n_columns)]:
            rows = np.ascontiguousarray(x[:, part]) if copied else x
            mean[part], drift[part], squares[part] = _sums_of(rows)
    drift /= n_rows
    variance = squares / n_rows
    # The rounding error of the mean of many large, nearly equal numbers exceeds their differences.
    off = np.abs(drift) > FELT * np.sqrt(variance)
    exact = np.maximum(variance - np.square(drift), 0.0)
    return np.where(off, mean + drift, mean), np.where(off, exact, variance)


def _sums_of(x: NDArray[np.floating]) -> tuple[Numbers, Numbers, Numbers]:
    """Return means of columns, and sums of deviations from them, and of their squares: 3 (V,)."""
    n_rows, n_columns = x.shape
    mean, drift, squares = (
        x.mean(axis=0, dtype=np.float64),
        np.zeros(n_columns),
        np.zeros(n_columns),
    )
    for start in range(0, n_rows, _CHUNK_ROWS):
        for part in _panels(n_columns):
            deviations = x[start : start + _CHUNK_ROWS, part] - mean[part]
            drift[part] += deviations.sum(axis=0)
            np.square(deviations, out=deviations)
            squares[part] += deviations.sum(axis=0)
    return mean, drift, squares


def _panels(n_columns: int) -> Iterator[slice]:
    """Cut columns into parts that take little memory; no sum of a column depends on the others.

    But a column by itself is summed in another order, so none is alone unless there is no other.
    """
    n_panels = max(1, -(-n_columns // _PANEL))
    bounds = [k * n_columns // n_panels for k in range(n_panels + 1)]
    return (slice(first, last) for first, last in pairwise(bounds))


def _stored(csr: CsrMatrix) -> Iterator[tuple[NDArray[np.integer], Numbers]]:
    """Yield the stored values in float64, in chunks, with their columns."""
    for start in range(0, len(csr.data), _CHUNK_VALUES):
        chunk = slice(start, start + _CHUNK_VALUES)
        yield csr.indices[chunk], csr.data[chunk].astype(np.float64)


def moments_of_tiny(x: Any, tiny: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """Return mean and deviation of columns whose squares underflow, (n, V) -> (v,), (v,).

    For rows that were read once the deviation is half of the range.
    """
    if isinstance(x, ColumnStatistics):
        return x.mean[tiny], (x.high - x.low)[tiny] / 2
    some = x[:, tiny]
    rows = (some.toarray() if is_csr(some) else some).astype(np.float64)
    _, exponent = np.frexp(np.abs(rows).max(axis=0))
    mean, variance = moments(np.ldexp(rows, -exponent))
    return np.ldexp(mean, exponent), np.ldexp(np.sqrt(variance), exponent)
