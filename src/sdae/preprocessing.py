"""Scaling of columns, fitted on the training rows and kept in the model file.

Axes: n rows, V columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.errors import DataError
from sdae.sparse import CsrMatrix, SparseMatrix, csr_of
from sdae.specs import Decoder

_CHUNK_ROWS = 4096
_CHUNK_VALUES = 1 << 22


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
    offset: NDArray[np.float64]
    scale: NDArray[np.float64]

    def apply(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scale rows, (n, V) -> (n, V); the input is left as it is."""
        return ((x - self.offset) / self.scale).astype(np.float32)

    def undo(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows to the original units, (n, V) -> (n, V)."""
        return (x * self.scale + self.offset).astype(np.float32)


def fit_scaling(x: NDArray[np.float32], kind: str) -> Scaling | None:
    """Fit a scaling to the rows that training will see.

    Parameters
    ----------
    x : ndarray, shape (n, V)
        Training rows, the unlabelled ones included.
    kind : {"none", "minmax", "standard"}
        Which scaling; ``none`` gives None.
    """
    if kind == "none":
        return None
    if kind == "minmax":
        low = x.min(axis=0).astype(np.float64)  # (n, V) -> (V,)
        scale = x.max(axis=0) - low  # (V,)
        return Scaling("minmax", low, np.where(scale > 0, scale, 1.0))
    mean = x.mean(axis=0, dtype=np.float64)  # (n, V) -> (V,)
    return _standard(mean, _variance(x, mean), x.dtype)


def fit_scaling_sparse(matrix: SparseMatrix, kind: str) -> Scaling | None:
    """Fit a scaling to a matrix of scipy.sparse from what it stores, as :func:`fit_scaling` does.

    Parameters
    ----------
    matrix : matrix or array of scipy.sparse, shape (n, V)
        Training rows; what it does not store counts as zero.
    kind : {"none", "minmax", "standard"}
        Which scaling; ``none`` gives None.
    """
    if kind == "none":
        return None
    csr = csr_of(matrix)
    n_rows, n_columns = csr.shape
    n_stored = np.bincount(csr.indices, minlength=n_columns)  # (V,)
    if kind == "minmax":
        low, high = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)  # (V,)
        for columns, values in _stored(csr):
            np.minimum.at(low, columns, values)
            np.maximum.at(high, columns, values)
        has_zeros = n_stored < n_rows
        low = np.where(has_zeros, np.minimum(low, 0.0), low)
        scale = np.where(has_zeros, np.maximum(high, 0.0), high) - low
        return Scaling("minmax", low, np.where(scale > 0, scale, 1.0))
    mean, squares = np.zeros(n_columns), np.zeros(n_columns)  # (V,)
    for columns, values in _stored(csr):
        mean += np.bincount(columns, values, n_columns) / n_rows
    for columns, values in _stored(csr):
        squares += np.bincount(columns, np.square(values - mean[columns]), n_columns)
    squares += (n_rows - n_stored) * np.square(mean)  # of the zeros
    return _standard(mean, squares / n_rows, csr.data.dtype)


def choose(
    x: NDArray[np.float32], scale: str, decoder: Decoder, source: str
) -> tuple[str, Decoder]:
    """Settle ``auto``: the scaling of the data and the decoder of the first layer.

    Data within [0, 1] are left alone and get the sigmoid decoder with cross-entropy. Other data are
    standardised and get the linear decoder with squared error; where the sigmoid decoder is asked
    for, they are scaled into [0, 1] instead.

    Raises
    ------
    DataError
        If cross-entropy is asked for on data outside [0, 1] without a scaling that brings them
        there.
    """
    remedy = "Set data.scale to minmax, or model.decoder to linear."
    return choose_for(float(x.min()), float(x.max()), scale, decoder, source, remedy)


def choose_for(
    low: float, high: float, scale: str, decoder: Decoder, source: str, remedy: str
) -> tuple[str, Decoder]:
    """Settle ``auto`` as :func:`choose` does, from the lowest and the highest value.

    Raises
    ------
    DataError
        As there, ending in `remedy`.
    """
    unit = low >= 0 and high <= 1
    if scale == "auto":
        scale = "none" if unit else ("minmax" if decoder is Decoder.SIGMOID else "standard")
    bounded = scale == "minmax" or (scale == "none" and unit)
    if decoder is Decoder.AUTO:
        return scale, Decoder.SIGMOID if bounded else Decoder.LINEAR
    if decoder is Decoder.SIGMOID and not bounded:
        raise DataError(
            f"{source} has values outside [0, 1] (from {low:.6g} to {high:.6g}) with "
            f"scale = {scale!r}, but the sigmoid decoder with cross-entropy needs data within it. "
            f"{remedy}"
        )
    return scale, decoder


def _standard(
    mean: NDArray[np.float64], variance: NDArray[np.float64], kind: "np.dtype[Any]"
) -> Scaling:
    """Return the scaling to zero mean and unit variance of columns of type `kind`, (V,)."""
    deviation = np.sqrt(variance)
    # A column whose spread is rounding error of its size is constant.
    rounding = 1e-14 if kind == np.float64 else 1e-7
    constant = deviation <= rounding * np.abs(mean)
    return Scaling("standard", mean, np.where(constant | (deviation == 0), 1.0, deviation))


def _stored(csr: CsrMatrix) -> Iterator[tuple[NDArray[np.integer], NDArray[np.float64]]]:
    """Go through the stored values in float64, some at a time, each with its column."""
    for start in range(0, len(csr.data), _CHUNK_VALUES):
        chunk = slice(start, start + _CHUNK_VALUES)
        yield csr.indices[chunk], csr.data[chunk].astype(np.float64)


def _variance(x: NDArray[np.float32], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variance per column in float64, a chunk of rows at a time: (n, V) -> (V,)."""
    total = np.zeros(x.shape[1])
    for start in range(0, len(x), _CHUNK_ROWS):
        total += np.square(x[start : start + _CHUNK_ROWS] - mean).sum(axis=0)
    return total / len(x)
