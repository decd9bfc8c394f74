"""The scaling of regression targets to mean 0 and variance 1, and its limits.

`name` is what errors call the targets: "The y parameter of SDAERegressor". Axes: n rows, T targets.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.column_statistics import FELT
from sdae.core.errors import DataError
from sdae.core.preprocessing import Scaling, standard

Columns = NDArray[np.float64]
Weights = NDArray[np.float64]

_SMALLEST_SQUARE = 1e-300  # smaller ones lose their digits
_FARTHEST = 1e18  # standard deviations; the cost, its square, must fit in float32

_NEAR = 16.0  # standard deviations from 0: the rounding error of float32 is a millionth of one
_LARGEST_SINGLE = 1e30


def target_columns(y: NDArray[Any], name: str) -> Columns:
    """Return targets, (n,) or (n, T), as float64 of shape (n, T).

    Raises
    ------
    DataError
        If a value of a wider type is too large for float64.
    """
    with np.errstate(over="ignore"):
        columns = y.reshape(len(y), -1).astype(np.float64)
    if not np.isfinite(columns).all():
        raise DataError(f"{name} has a value too large for a float64. Divide it by a constant.")
    return columns


def fit_target_scaling(columns: Columns, weights: Weights | None, name: str) -> Scaling:
    """Fit the scaling to targets (n, T), with weights (n,) if given.

    Raises
    ------
    DataError
        If the squares of a column are too large, or too small, for float64.
    """
    # Scaled by the largest first, since their sum may overflow.
    relative = None if weights is None else weights / weights.max()
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        mean = np.average(columns, axis=0, weights=relative)  # (n, T) -> (T,)
        squares = (columns - mean) ** 2
        deviation = np.sqrt(np.average(squares, axis=0, weights=relative))  # (n, T) -> (T,)
        # The rounding error of the mean of many large, nearly equal numbers exceeds their
        # differences.
        drift = np.average(columns - mean, axis=0, weights=relative)
        off = np.abs(drift) > FELT * deviation
        mean = np.where(off, mean + drift, mean)
        squares = np.where(off, (columns - mean) ** 2, squares)
        exact = np.sqrt(np.average(squares, axis=0, weights=relative))
        deviation = np.where(off, exact, deviation)
    low, high = columns.min(axis=0), columns.max(axis=0)
    varies = low < high
    too_large = varies & ~np.isfinite(deviation)
    if too_large.any():
        raise _not_scaled(name, low[too_large][0], high[too_large][0], "large", "Divide it")
    too_small = varies & (squares.max(axis=0) < _SMALLEST_SQUARE)
    if too_small.any():
        raise _not_scaled(name, low[too_small][0], high[too_small][0], "small", "Multiply it")
    return standard(mean, deviation, low, high, columns.dtype)


def check_counts(columns: Columns, name: str) -> None:
    """Raise an error for negative counts.

    Raises
    ------
    DataError
        If a count is negative.
    """
    if columns.size and columns.min() < 0:
        raise DataError(
            f"{name} must not be negative with loss='poisson'. Got "
            f"{columns.min():g} instead. Use loss='squared_error' for such targets."
        )


def fit_count_scaling(columns: Columns, weights: Weights | None) -> Scaling:
    """Return the scaling of counts (n, T) to mean 1: this multiplies the deviance by a constant."""
    relative = None if weights is None else weights / weights.max()
    largest = columns.max(axis=0)
    unit = np.where(largest > 0, largest, 1.0)  # their sum may overflow
    mean = np.average(columns / unit, axis=0, weights=relative) * unit  # (n, T) -> (T,)
    return Scaling("standard", np.zeros(columns.shape[1]), np.where(mean > 0, mean, 1.0))


def standardised(columns: Columns, scaling: Scaling, name: str) -> Columns:
    """Return standardised targets, (n, T).

    Raises
    ------
    DataError
        If a target is too far from the targets of the scaling for float32.
    """
    with np.errstate(over="ignore"):
        scaled: Columns = (columns - scaling.offset) / scaling.scale
    far = np.abs(scaled) > _FARTHEST
    if far.any():
        raise DataError(
            f"{name} has the value {columns[far][0]:.6g}, too far from the "
            "targets of the first training, which determine the scaling. Train a new model on all "
            "targets."
        )
    return scaled


def fits_float32(scaling: Scaling) -> bool:
    """Return whether float32 holds targets to a millionth of their standard deviation."""
    far = np.abs(scaling.offset) > _NEAR * scaling.scale
    return not far.any() and bool((scaling.scale < _LARGEST_SINGLE).all())


def _not_scaled(name: str, low: float, high: float, extreme: str, remedy: str) -> DataError:
    return DataError(
        f"{name} has a column whose values are too {extreme} to scale (from "
        f"{low:.6g} to {high:.6g}). {remedy} by a constant first."
    )
