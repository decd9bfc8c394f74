"""Scaling of columns, fitted on the training rows and kept in the model file.

Axes: n rows, V columns.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdae.core.column_statistics import (
    ColumnStatistics,
    extremes,
    largest_spread,
    moments,
    moments_of_tiny,
    ranges,
)
from sdae.core.errors import DataError
from sdae.core.kinds.decoders import Decoder
from sdae.core.sparse import SparseMatrix, csr_of, is_sparse

Rows = NDArray[np.floating]
Numbers = NDArray[np.float64]

FARTHEST = 1e18
"""Rows far outside the training data are clipped here: their squares are still finite."""

SMALLEST_SPREAD = 0.05
"""Data within [0, 1] are used as they are if a column has at least this standard deviation."""

_LARGEST_ALONE = 100.0
_SCALED_CELLS = 1 << 16  # so many at a time stay in a cache
_ROUNDING = {"float32": 2.4e-7, "float64": 1e-14}
_SMALL = 1e-140  # the square of a smaller difference may underflow
_SMALLEST_SCALE = 1e-150
_PERIOD = 64
_REMEDY = "Set data.scale to minmax, or model.decoder to linear."
_DONE = {
    "none": "left as they are",
    "minmax": "scaled into [0, 1]",
    "standard": "standardised",
}

logger = logging.getLogger("sdae")


@dataclass(frozen=True, eq=False)
class Scaling:
    """A change of units per column: ``scaled = (x − offset) / scale``.

    Attributes
    ----------
    kind : str
        ``minmax`` (the training rows lie in [0, 1]) or ``standard`` (zero mean, unit variance).
    offset, scale : ndarray of float64, shape (V,)
        What is subtracted from, and then divides, each column. A constant column has scale 1.
    """

    kind: str
    offset: Numbers
    scale: Numbers

    @property
    def is_ordinary(self) -> bool:
        """Whether kernels divide by these scales as NumPy does: nothing underflows."""
        scale = self.scale
        return bool(scale.min() > _SMALLEST_SCALE and scale.max() < 1 / _SMALLEST_SCALE)

    def patterns(self, most_rows: int = _PERIOD) -> Numbers:
        """Return offsets, scales and reciprocals, (3, P), of some rows: one may be too short."""
        n_rows = min(-(-_PERIOD // len(self.scale)), most_rows)
        patterns = np.empty((3, n_rows, len(self.scale)))
        patterns[0], patterns[1] = self.offset, self.scale
        np.divide(1.0, patterns[1], out=patterns[2])
        return patterns.reshape(3, -1)

    def apply(self, x: Rows) -> NDArray[np.float32]:
        """Scale rows in float64, (n, V) -> (n, V) float32; the input is left as it is."""
        scaled = np.empty(x.shape, np.float32)  # in one order, however x lies in memory
        for rows in _slices(x.shape, _SCALED_CELLS):
            scaled[rows] = (x[rows] - self.offset) / self.scale
        return scaled

    def undo(self, x: Rows) -> Numbers:
        """Return rows to the original units, (n, V) -> (n, V) float64.

        In float32, numbers near 1.7e9, such as timestamps, would be 128 apart.
        """
        rows: Numbers = x * self.scale
        rows += self.offset
        return rows


def as_they_are(n_columns: int) -> Scaling:
    """Return the scaling that changes nothing."""
    return Scaling("none", np.zeros(n_columns), np.ones(n_columns))


def network_rows(
    x: Rows, scaling: Scaling | None, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return rows as a network takes them, (n, V) -> (n, V): scaled, in float32, and clipped."""
    rows = np.empty(x.shape, np.float32) if out is None else out
    with np.errstate(over="ignore"):  # values beyond float32 are clipped
        rows[:] = x if scaling is None else scaling.apply(x)
    np.clip(rows, -FARTHEST, FARTHEST, out=rows)
    return rows


def with_masked(x: Rows, gaps: NDArray[np.bool_], scaling: Scaling | None) -> Rows:
    """Return rows, (n, V), in which gaps have the masked value: 0 for the network."""
    masked = np.zeros(x.shape[1]) if scaling is None else scaling.offset
    return np.where(gaps, masked, x)


class Choice(NamedTuple):
    """How columns are scaled, which decoder the first layer has, and why."""

    scale: str
    decoder: Decoder
    reason: str


def fit_scaling(x: Rows | ColumnStatistics, kind: str) -> Scaling | None:
    """Fit a scaling to the rows that training will see.

    Parameters
    ----------
    x : ndarray, shape (n, V), or ColumnStatistics
        Training rows, the unlabelled ones included; or what is known of rows that were read once,
        which gives the same up to rounding.
    kind : {"none", "minmax", "standard"}
        Which scaling; ``none`` gives None.
    """
    return None if kind == "none" else _fitted(x, kind)


def fit_scaling_sparse(matrix: SparseMatrix, kind: str) -> Scaling | None:
    """Fit a scaling to a matrix of scipy.sparse from what it stores, as :func:`fit_scaling` does.

    Parameters
    ----------
    matrix : matrix or array of scipy.sparse, shape (n, V)
        Training rows; what it does not store counts as zero.
    kind : {"none", "minmax", "standard"}
        Which scaling; ``none`` gives None.
    """
    return None if kind == "none" else _fitted(csr_of(matrix), kind)


def choose(
    x: Rows | SparseMatrix | ColumnStatistics,
    scale: str,
    decoder: Decoder,
    source: str,
    remedy: str = _REMEDY,
    *,
    few_zeros: Callable[[], bool] | None = None,
) -> Choice:
    """Resolve ``auto``: choose the scaling of the data and the decoder of the first layer.

    Data are not scaled, and get the sigmoid decoder with cross-entropy, if all values lie in [0, 1]
    and the largest standard deviation of a column is at least 0.05. Other data are standardised and
    get the linear decoder with squared error; where the sigmoid decoder is asked for, they are
    scaled into [0, 1] instead. Values count as the network would see them, in float32. A single row
    has no spread: it is not scaled if its values lie within ±100, as it would become 0.

    Parameters
    ----------
    x : ndarray or matrix of scipy.sparse, shape (n, V), or ColumnStatistics
        The rows that training will see, or what is known of them.
    scale : {"auto", "none", "minmax", "standard"}
    decoder : Decoder
    source, remedy : str
        For the error message: the name of the rows, and the remedy.
    few_zeros : callable or None, default None
        Says of values in [0, 1] whether few are 0, as many pixels would be: they are standardised
        then too, unless the sigmoid decoder is asked for. None: it does not matter.

    Raises
    ------
    DataError
        If cross-entropy is asked for on data outside [0, 1] without a scaling that brings them
        there.
    """
    matrix: Any = csr_of(x) if is_sparse(x) else x
    low, high = extremes(matrix)
    alone = matrix.shape[0] == 1 and max(-low, high) <= _LARGEST_ALONE
    if scale == "auto" and alone and decoder is not Decoder.SIGMOID:
        return _chosen("none", Decoder.LINEAR, "a single row has no spread", source)
    unit = bool(_single(low) >= 0 and _single(high) <= 1)
    spread = largest_spread(matrix) if scale == "auto" and unit else 0.0
    settled, measured = scale, False
    if scale == "auto":
        plain = unit and spread >= SMALLEST_SPREAD
        if plain and few_zeros is not None and decoder is not Decoder.SIGMOID:
            measured = few_zeros()
            plain = not measured
        settled = "none" if plain else ("minmax" if decoder is Decoder.SIGMOID else "standard")
    bounded = settled == "minmax" or (settled == "none" and unit)
    if decoder is Decoder.AUTO:
        decoder = Decoder.SIGMOID if bounded else Decoder.LINEAR
    elif decoder is Decoder.SIGMOID and not bounded:
        raise DataError(
            f"{source} has values outside [0, 1] (from {low:.6g} to {high:.6g}) with scale = "
            f"{settled!r}, but the sigmoid decoder with cross-entropy needs values in [0, 1]. "
            f"{remedy}"
        )
    why = f"as scale = {scale!r} says"
    if scale == "auto":
        why = f"values go from {low:.6g} to {high:.6g}, beyond [0, 1]"
        if unit:
            is_small = "" if settled == "none" else f", below {SMALLEST_SPREAD:g}"
            why = (
                "values lie in [0, 1], and the largest standard deviation of a column is "
                f"{spread:.6g}{is_small}"
            )
            if measured:
                why = "values lie in [0, 1], but few of them are 0, as many pixels are"
    return _chosen(settled, decoder, why, source)


def _chosen(scale: str, decoder: Decoder, why: str, source: str) -> Choice:
    reason = f"Columns are {_DONE[scale]}: {why}. The decoder of layer 0 is {decoder}."
    logger.info("%s: %s", source, reason)
    return Choice(scale, decoder, reason)


def _fitted(x: Any, kind: str) -> Scaling:
    low, high = ranges(x)  # (n, V) -> (V,)
    if kind == "minmax":
        scale = high - low
        return Scaling("minmax", low, np.where(scale > 0, scale, 1.0))
    mean, variance = moments(x)
    deviation = np.sqrt(variance)
    tiny = (low < high) & (high - low < _SMALL)
    if tiny.any():
        mean[tiny], deviation[tiny] = moments_of_tiny(x, tiny)
    return standard(mean, deviation, low, high, x.dtype)


def standard(
    mean: Numbers, deviation: Numbers, low: Numbers, high: Numbers, dtype: "np.dtype[Any]"
) -> Scaling:
    """Return the scaling of columns of type `dtype` to zero mean and unit variance.

    Parameters
    ----------
    mean, deviation, low, high : ndarray of float64, shape (V,)
        Statistics of each column.
    dtype : numpy.dtype
        Type of the columns.
    """
    # Values that differ only by the rounding of their type count as one number and are not scaled
    # to unit variance; but only up to a difference of 1, since with a scale of 1 larger ones would
    # be large inputs.
    rounding = _ROUNDING.get(str(dtype), _ROUNDING["float64"])
    noise = rounding * np.maximum(np.abs(low), np.abs(high))
    constant = high - low <= np.minimum(noise, 1.0)
    offset = np.where(low == high, low, mean)  # the mean of equal large numbers may be rounded
    return Scaling("standard", offset, np.where(constant, 1.0, deviation))


def _slices(shape: tuple[int, ...], n_cells: int) -> Iterator[slice]:
    """Split rows, (n, V), into slices of a bounded number of values."""
    n_rows = max(1, n_cells // max(1, shape[1]))
    return (slice(start, start + n_rows) for start in range(0, shape[0], n_rows))


def _single(value: float) -> np.float32:
    with np.errstate(over="ignore"):
        return np.float32(value)
