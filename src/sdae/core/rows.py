"""Training rows: checked once, delivered one minibatch at a time.

Axes: n rows, V columns, B rows of a minibatch.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.array_rows import ArrayRows
from sdae.core.conversions import Array, as_tensor
from sdae.core.errors import DataError
from sdae.core.minibatches import Minibatch, minibatches
from sdae.core.sparse import SparseMatrix, csr_of, is_sparse
from sdae.core.surroundings import ordinary

if TYPE_CHECKING:
    from typing_extensions import TypeIs

_NUMPY_TYPES = (torch.float16, torch.float32, torch.float64)


class RowSource(Protocol):
    """An object that delivers the rows of a minibatch."""

    def __len__(self) -> int:
        """Return n."""
        ...

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Return the rows of a minibatch, (B, V), on the device of training."""
        ...


class ConvertibleRows(RowSource, Protocol):
    """A source that delivers its rows in the type and on the device that training needs."""

    def delivered_as(self, like: Tensor) -> RowSource:
        """Return the same rows, delivered in the type and on the device of a tensor."""
        ...


def window_of(rows: RowSource) -> int | None:
    """Return how many rows of a source are worth shuffling together; None: all.

    A source on a disk has an attribute `window`: of rows from all over the files each would have to
    be read by itself.
    """
    window: int | None = getattr(rows, "window", None)
    return window


class ExpectantRows(RowSource, Protocol):
    """A source that reads rows ahead of their use."""

    def expect(self, minibatch: Minibatch | None) -> None:
        """Begin to make the rows that are asked for next; None: nothing more is expected."""
        ...


def expect(rows: RowSource, minibatch: Minibatch | None) -> None:
    """Let a source read ahead the rows that are asked for next, if it can."""
    if is_expectant(rows):
        rows.expect(minibatch)


def is_expectant(rows: RowSource) -> TypeGuard[ExpectantRows]:
    """Return whether a source reads rows ahead of their use."""
    return hasattr(type(rows), "expect")


class TensorRows:
    """Rows in memory, on the device of training."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows
        known = rows.device.type == "cpu" and rows.dtype in _NUMPY_TYPES
        self._array = rows.detach().numpy() if known else None

    def __len__(self) -> int:
        return self.rows.shape[0]

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Return the rows of a minibatch, (B, V); a view where they are consecutive."""
        if minibatch.span is not None:
            return self.rows[minibatch.span]
        if self._array is not None:
            # PyTorch's copy leaves a thread spinning, which slows down the training threads.
            return torch.from_numpy(self.array(minibatch))
        samples = torch.from_numpy(minibatch.samples)
        return self.rows.index_select(0, samples.to(self.rows.device))

    def array(self, minibatch: Minibatch) -> NDArray[np.floating]:
        """Return the rows of a minibatch as an array, (B, V); they are on the CPU."""
        assert self._array is not None
        if minibatch.span is not None:
            return self._array[minibatch.span]
        return self._array.take(minibatch.samples, 0)


class MappedRows:
    """Rows in a memory-mapped file: only those of a minibatch are ever in memory."""

    def __init__(self, rows: NDArray[np.floating], like: Tensor, window: int | None = None) -> None:
        self.rows = rows
        self.window = window
        self._like = like

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Read the rows of a minibatch, (B, V)."""
        chosen = minibatch.samples if minibatch.span is None else minibatch.span
        return as_tensor(np.array(self.rows[chosen])).to(self._like)


class SparseRows:
    """Rows of a scipy.sparse matrix: only those of a minibatch are made dense.

    Parameters
    ----------
    matrix : matrix or array of scipy.sparse, shape (n, V)
        Kept in CSR format.
    like : Tensor
        A tensor of the type and on the device of training.
    """

    def __init__(self, matrix: SparseMatrix, like: Tensor) -> None:
        self.matrix = csr_of(matrix)
        self._like = like

    def __len__(self) -> int:
        return self.matrix.shape[0]

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Fill in the zeros of the rows of a minibatch, (B, V)."""
        chosen = minibatch.samples if minibatch.span is None else minibatch.span
        return as_tensor(self.matrix[chosen].toarray()).to(self._like)

    def stored(self, minibatch: Minibatch) -> Tensor:
        """Return the values that consecutive rows store, without a shape."""
        first, last = minibatch.samples[[0, -1]]
        pointers = self.matrix.indptr
        return as_tensor(self.matrix.data[pointers[first] : pointers[last + 1]]).to(self._like)


class ScaledRows:
    """Rows of another source, scaled as they are delivered.

    Parameters
    ----------
    rows : RowSource
        In the original units.
    offset, scale : ndarray of float64, shape (V,)
        What is subtracted from, and then divides, each column, in float64. The rows may be float64
        too; they are returned in the type of `like`.
    like : Tensor or None
        A tensor of the type and on the device of training; None: those of `rows`.
    """

    def __init__(
        self,
        rows: RowSource,
        offset: NDArray[np.float64],
        scale: NDArray[np.float64],
        like: Tensor | None = None,
    ) -> None:
        self._rows = rows
        self.window = window_of(rows)
        self._like = rows.batch(_FIRST) if like is None else like
        on_mps = self._like.device.type == "mps"  # MPS does not have float64
        home = "cpu" if on_mps else self._like.device
        self._offset, self._scale = (as_tensor(part).to(home) for part in (offset, scale))

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Scale the rows of a minibatch, (B, V)."""
        x = self._rows.batch(minibatch).to(self._offset)
        return ((x - self._offset) / self._scale).to(self._like)

    def expect(self, minibatch: Minibatch | None) -> None:
        """Let the other source read ahead."""
        expect(self._rows, minibatch)


class OrdinaryRows:
    """Rows of a source that makes them in inference mode, or with gradients attached."""

    def __init__(self, rows: RowSource) -> None:
        self._rows = rows
        self.window = window_of(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Return the rows of a minibatch, (B, V), as ordinary tensors without gradients."""
        return ordinary(self._rows.batch(minibatch)).detach()


RowsLike = Array | SparseMatrix | RowSource
"""What callers may give as rows."""


def row_source(x: RowsLike, n_columns: int, like: Tensor, name: str) -> RowSource:
    """Check the rows a caller gave and wrap them.

    Parameters
    ----------
    x : array, Tensor, matrix of scipy.sparse or RowSource, shape (n, V)
        Rows; a ``numpy.memmap`` stays on the disk, a sparse matrix sparse, a source as it is. One
        that is a ConvertibleRows is asked for the type and the device of `like`.
    n_columns : int
        V, what the network takes.
    like : Tensor
        A tensor of the type and on the device of training.
    name : str
        The parameter to name in errors.

    Raises
    ------
    DataError
        If `x` is not a 2-D array of numbers with `n_columns` columns and at least one row, or has
        values that are not finite. Of a source, only the first row is checked.
    """
    if is_source(x):
        source = _checked_source(x, n_columns, like, name)
        if isinstance(x, ArrayRows) and not x.are_finite:
            _check_finite(x, name)
            x.are_finite = True
        return source
    rows: TensorRows | MappedRows | SparseRows
    if is_sparse(x):
        _check_form(x.shape, x.dtype, n_columns, name)
        rows = SparseRows(x, like)
    else:
        array = x if isinstance(x, Tensor) else np.asanyarray(x)
        kind = None if isinstance(array, Tensor) else array.dtype
        _check_form(tuple(array.shape), kind, n_columns, name)
        rows = (
            MappedRows(array, like)
            if isinstance(array, np.memmap)
            else TensorRows(as_tensor(array).detach().to(like))
        )
    _check_finite(rows, name)
    return rows


def value_range(rows: RowSource) -> tuple[float, float]:
    """Return the lowest and the highest value of all rows."""
    implicit = isinstance(rows, SparseRows) and len(rows.matrix.data) < math.prod(rows.matrix.shape)
    zero = [(0.0, 0.0)] if implicit else []
    lows, highs = zip(*zero, *((low, high) for _, low, high in _extremes(rows)), strict=True)
    return min(lows), max(highs)


def is_source(x: object) -> "TypeIs[RowSource]":
    """Return whether `x` is a source by its type: a data frame may have a column ``batch``."""
    return hasattr(type(x), "batch")


def is_convertible(rows: RowSource) -> TypeGuard[ConvertibleRows]:
    """Return whether a source delivers any type on any device."""
    return hasattr(type(rows), "delivered_as")


def _checked_source(rows: RowSource, n_columns: int, like: Tensor, name: str) -> RowSource:
    """Return a source, if its first row can be trained on: as it is, or converted if it can be."""
    if is_convertible(rows):
        rows = rows.delivered_as(like)
    if len(rows) == 0:
        raise DataError(f"{name} must have at least one row. Got none.")
    first = rows.batch(_FIRST)
    if first.shape != (1, n_columns):
        raise DataError(
            f"{name} must have {n_columns} columns. Its first row has shape "
            f"{tuple(first.shape)} instead of (1, {n_columns})."
        )
    if (first.dtype, first.device) != (like.dtype, like.device):
        raise DataError(
            f"{name} must deliver {like.dtype} on {like.device}, as the parameters are. "
            f"Got {first.dtype} on {first.device} instead."
        )
    return OrdinaryRows(rows) if first.is_inference() or first.requires_grad else rows


def _check_form(
    shape: tuple[int, ...], dtype: "np.dtype[Any] | None", n_columns: int, name: str
) -> None:
    """Raise an error for rows that are not numbers or have another shape (dtype None: a tensor)."""
    if dtype is not None and dtype.kind not in "fiub":
        raise DataError(f"{name} must be an array of numbers. Got dtype {dtype} instead.")
    if len(shape) != 2 or shape[1] != n_columns or shape[0] == 0:
        raise DataError(
            f"{name} must have shape (n ≥ 1, {n_columns}), a row per sample. "
            f"Got shape {shape} instead."
        )


def _check_finite(rows: RowSource, name: str) -> None:
    for minibatch, low, high in _extremes(rows):
        # of NaN and a number both are NaN
        if not (math.isfinite(low) and math.isfinite(high)):
            raise DataError(
                f"{name} has values that are not finite (NaN or infinity) in rows "
                f"{minibatch.samples[0]} to {minibatch.samples[-1]}. Impute them or drop the rows."
            )


def _extremes(rows: RowSource) -> Iterator[tuple[Minibatch, float, float]]:
    """Yield minibatches with the lowest and the highest value that their rows hold or store."""
    n_columns = rows.batch(_FIRST).shape[1]
    n_rows = max(1, min(_CHECKED_ROWS, _CHECKED_NUMBERS // n_columns))
    for minibatch in minibatches(len(rows), n_rows):
        values = rows.stored(minibatch) if isinstance(rows, SparseRows) else rows.batch(minibatch)
        if values.numel():
            extremes = torch.aminmax(values)
            yield minibatch, float(extremes.min), float(extremes.max)


_FIRST = Minibatch(np.zeros(1, np.int64), slice(0, 1))
_CHECKED_ROWS = 4096
_CHECKED_NUMBERS = 1 << 20


def index_of(minibatch: Minibatch) -> slice | Tensor:
    """Return the index of a minibatch's samples in a tensor of all samples."""
    return torch.from_numpy(minibatch.samples) if minibatch.span is None else minibatch.span
