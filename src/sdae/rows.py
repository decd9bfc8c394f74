"""Rows on their way to a step: checked once, delivered a minibatch at a time.

Axes: n rows, V columns, B rows of a minibatch.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.arrays import Array, Labels, as_tensor
from sdae.errors import DataError


class Minibatch(NamedTuple):
    """The samples of one step.

    Attributes
    ----------
    samples : ndarray of int64, shape (B,)
        Their numbers in the data set.
    span : slice or None
        The same as a slice, where they are consecutive: then no row need be copied.
    """

    samples: NDArray[np.int64]
    span: slice | None


class Minibatches(Sequence[Minibatch]):
    """Samples in the order of their visit, cut into minibatches.

    A minibatch is made when it is asked for: an epoch may have as many as rows.

    Parameters
    ----------
    samples : ndarray of int64, shape (m,)
        Their numbers in the data set.
    batch_size : int
        Samples of each minibatch but the last.
    first : int or None
        Number of the first sample where they are consecutive.
    """

    def __init__(self, samples: NDArray[np.int64], batch_size: int, first: int | None) -> None:
        self._samples = samples
        self.batch_size = batch_size
        self._first = first

    def __len__(self) -> int:
        """Return the number of minibatches."""
        return -(-len(self._samples) // self.batch_size)

    def __iter__(self) -> Iterator[Minibatch]:
        """Go through them; quicker than by index."""
        for start in range(0, len(self._samples), self.batch_size):
            yield self._between(start, start + self.batch_size)

    @overload
    def __getitem__(self, index: int) -> Minibatch: ...

    @overload
    def __getitem__(self, index: slice) -> "Minibatches": ...

    def __getitem__(self, index: int | slice) -> "Minibatch | Minibatches":
        """Return a minibatch, or some in a row."""
        if isinstance(index, slice):
            start, stop, _ = index.indices(len(self))
            some = slice(start * self.batch_size, stop * self.batch_size)
            first = None if self._first is None else self._first + some.start
            return Minibatches(self._samples[some], self.batch_size, first)
        start = range(len(self))[index] * self.batch_size
        return self._between(start, start + self.batch_size)

    @property
    def joined(self) -> Minibatch:
        """All samples as one minibatch."""
        return self._between(0, len(self._samples))

    def _between(self, start: int, stop: int) -> Minibatch:
        samples = self._samples[start:stop]
        if self._first is None:
            return Minibatch(samples, None)
        first = self._first + start
        return Minibatch(samples, slice(first, first + len(samples)))


class RowSource(Protocol):
    """Anything that can deliver the rows of a minibatch."""

    def __len__(self) -> int:
        """Return n."""
        ...

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Return the rows of a minibatch, (B, V), on the device of training."""
        ...


class TensorRows:
    """Rows in memory, on the device of training."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Return the rows of a minibatch, (B, V); a view where they are consecutive."""
        if minibatch.span is not None:
            return self.rows[minibatch.span]
        samples = torch.from_numpy(minibatch.samples)
        return self.rows.index_select(0, samples.to(self.rows.device))


class MappedRows:
    """Rows in a memory-mapped file: only those of a minibatch are ever in memory."""

    def __init__(self, rows: NDArray[np.floating], like: Tensor) -> None:
        self.rows = rows
        self._like = like

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Read the rows of a minibatch, (B, V)."""
        chosen = minibatch.samples if minibatch.span is None else minibatch.span
        return as_tensor(np.array(self.rows[chosen])).to(self._like)


def row_source(x: Array, n_columns: int, like: Tensor, name: str) -> TensorRows | MappedRows:
    """Check the rows a caller gave and wrap them.

    Parameters
    ----------
    x : array or Tensor, shape (n, V)
        Rows; a ``numpy.memmap`` stays on the disk.
    n_columns : int
        V, what the network takes.
    like : Tensor
        The type and device of training.
    name : str
        The parameter to name in errors.

    Raises
    ------
    DataError
        If `x` is not a 2-D array of numbers with `n_columns` columns and at least one row, or has
        values that are not finite.
    """
    if not isinstance(x, Tensor):
        x = np.asanyarray(x)
        if x.dtype.kind not in "fiub":
            raise DataError(f"{name} must be an array of numbers. Got dtype {x.dtype} instead.")
    if x.ndim != 2 or x.shape[1] != n_columns or len(x) == 0:
        raise DataError(
            f"{name} must have shape (n ≥ 1, {n_columns}), a row per sample. "
            f"Got shape {tuple(x.shape)} instead."
        )
    rows = MappedRows(x, like) if isinstance(x, np.memmap) else TensorRows(as_tensor(x).to(like))
    for minibatch in minibatches(len(rows), _CHECKED_ROWS):
        extremes = torch.aminmax(rows.batch(minibatch))  # of NaN and a number it takes NaN
        if not (torch.isfinite(extremes.min) and torch.isfinite(extremes.max)):
            raise DataError(
                f"{name} has values that are not finite (NaN or infinite) among rows "
                f"{minibatch.samples[0]} to {minibatch.samples[-1]}. Impute them or drop the rows."
            )
    return rows


def value_range(rows: RowSource) -> tuple[float, float]:
    """Return the lowest and the highest value of all rows."""
    extremes = [
        torch.aminmax(rows.batch(minibatch)) for minibatch in minibatches(len(rows), _CHECKED_ROWS)
    ]
    low = min(float(pair.min) for pair in extremes)
    return low, max(float(pair.max) for pair in extremes)


def label_tensor(y: Labels, n_rows: int, n_classes: int, name: str, like: Tensor) -> Tensor:
    """Check the labels of `n_rows` rows and bring them to the device of `like`, (n,) int64.

    Raises
    ------
    DataError
        If there is not one label per row, or a label is no integer in [0, `n_classes`).
    """
    labels = as_tensor(y)
    if labels.shape != (n_rows,):
        raise DataError(
            f"The labels of {name} must have shape ({n_rows},), one per row. "
            f"Got shape {tuple(labels.shape)} instead."
        )
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise DataError(f"The labels of {name} must be integers. Got {labels.dtype} instead.")
    labels = labels.long()  # some integer types cannot be compared
    if labels.min() < 0 or labels.max() >= n_classes:
        raise DataError(
            f"The labels of {name} must be in [0, {n_classes}), the classes of the stack. "
            f"Got {int(labels.min())} to {int(labels.max())} instead."
        )
    return labels.to(like.device)


def minibatches(
    n_rows: int,
    batch_size: int,
    *,
    order: NDArray[np.int64] | None = None,
    drop_last: bool = False,
) -> Minibatches:
    """Cut the rows, in file order or in the order given, into minibatches.

    The last one is smaller where `batch_size` does not divide `n_rows`, or left out with
    `drop_last`.
    """
    n_visited = min(n_rows, n_batches(n_rows, batch_size, drop_last) * batch_size)
    samples = np.arange(n_rows) if order is None else order
    return Minibatches(samples[:n_visited], batch_size, 0 if order is None else None)


def n_batches(n_rows: int, batch_size: int, drop_last: bool = False) -> int:
    """Return the number of minibatches of an epoch."""
    whole, rest = divmod(n_rows, batch_size)
    return whole + (rest > 0 and not drop_last)


_CHECKED_ROWS = 4096
