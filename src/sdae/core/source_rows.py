"""Rows of a source, handled like an array: with a shape, a type, and rows that can be picked.

Axes: n rows, V columns, B rows of a minibatch, m rows of a block.
"""

import copy
from collections.abc import Iterator
from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.column_statistics import ColumnStatistics, statistics_of
from sdae.core.errors import DataError
from sdae.core.minibatches import Minibatch, minibatches
from sdae.core.preprocessing import Scaling
from sdae.core.rows import RowSource, ScaledRows, expect, is_convertible, window_of

_NUMBERS_OF_A_BLOCK, _MOST_ROWS = 1 << 22, 1 << 16


class ReadableRows(RowSource, Protocol):
    """A source that reads its rows in their order faster than by their numbers."""

    def blocks(self, n_rows: int) -> Iterator[NDArray[np.floating]]:
        """Yield all rows, checked, from the first to the last, at most `n_rows` at a time."""
        ...


class SourceRows:
    """Rows of a source, or some of them.

    Parameters
    ----------
    source : RowSource
        It has at least one row, which is read if the source does not say its shape and type.

    Attributes
    ----------
    shape : tuple of int
        (n, V).
    dtype : numpy.dtype
        The type in which the source delivers.
    window : int or None
        How many rows are worth shuffling together; None: all.
    columns : tuple of str or None
        Names of the columns, if the source has them.
    named : bool
        Whether these are names of the files.
    """

    def __init__(self, source: RowSource) -> None:
        self._source = source
        self._places: slice | NDArray[np.int64] = slice(0, len(source))
        self.shape, self.dtype = _form_of(source)
        self.window = window_of(source)
        self.columns: tuple[str, ...] | None = getattr(source, "columns", None)
        self.named: bool = getattr(source, "named", False)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: Any) -> "SourceRows":
        """Return the rows that a slice, a mask or numbers pick; none is read.

        Raises
        ------
        DataError
            If one row is asked for, or columns are.
        """
        before = self._places
        if isinstance(chosen, tuple) and len(chosen) == 2 and chosen[1] is Ellipsis:
            chosen = chosen[0]  # as scikit-learn picks
        if isinstance(chosen, slice):
            if isinstance(before, slice):
                kept = range(len(self._source))[before][chosen]
                if kept.step == 1:
                    return self._at(slice(kept.start, kept.stop), len(kept))
        elif isinstance(chosen, tuple) or np.ndim(chosen) != 1:
            raise DataError(
                "Rows of a source are picked by a slice, a mask or a list of numbers. Got "
                f"{chosen!r}: one row is rows[k : k + 1], all of them in memory are "
                "rows[:].in_memory(), and columns are picked by open_rows(…, columns=[…])."
            )
        numbers = np.arange(len(self))[chosen]
        return self._at(self._numbers(numbers), len(numbers))

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Read the rows of a minibatch, (B, V)."""
        return self._source.batch(self._in_source(minibatch))

    def expect(self, minibatch: Minibatch | None) -> None:
        """Let the source read ahead."""
        expect(self._source, None if minibatch is None else self._in_source(minibatch))

    def delivered_as(self, like: Tensor) -> "SourceRows":
        """Return the same rows, in the type and on the device of a tensor if they can be."""
        source = self._source
        if not is_convertible(source):
            return self
        return SourceRows(source.delivered_as(like))._at(self._places, len(self))

    def scaled(self, scaling: Scaling | None, like: Tensor) -> "SourceRows":
        """Return the same rows, scaled, in the type and on the device of a tensor."""
        if scaling is None:
            return self.delivered_as(like)
        exact = self.delivered_as(like.cpu().double())
        return SourceRows(ScaledRows(exact, scaling.offset, scaling.scale, like))

    def _at(self, places: slice | NDArray[np.int64], n_rows: int) -> "SourceRows":
        """Return other rows of the same source, by their numbers in it."""
        changed = copy.copy(self)
        changed._places, changed.shape = places, (n_rows, self.shape[1])
        return changed

    def _in_source(self, minibatch: Minibatch) -> Minibatch:
        """Return the rows of a minibatch by their numbers in the source."""
        samples, span = self._numbers(minibatch.samples), minibatch.span
        if span is not None:
            first, n_rows = int(samples[0]), len(samples)
            consecutive = isinstance(self._places, slice) or (np.diff(samples) == 1).all()
            span = slice(first, first + n_rows) if consecutive else None
        return Minibatch(samples, span)

    def _numbers(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers in the source of some of these rows, (m,)."""
        if isinstance(self._places, slice):
            first: int = self._places.start
            return samples + first
        return self._places[samples]

    @property
    def fit_into_a_window(self) -> bool:
        """Whether these rows are few enough to be read into memory."""
        return self.window is not None and len(self) <= self.window

    def blocks(self, most: int = _MOST_ROWS) -> Iterator[NDArray[np.floating]]:
        """Read all rows from the first to the last, at most `most` at a time, (m, V).

        Raises
        ------
        DataError
            If a number is not finite.
        """
        n_rows = max(1, min(most, _NUMBERS_OF_A_BLOCK // self.shape[1]))
        is_all = isinstance(self._places, slice) and len(self) == len(self._source)
        if is_all and _is_readable(self._source):
            yield from self._source.blocks(n_rows)
            return
        for block in minibatches(len(self), n_rows):
            rows: NDArray[np.floating] = self.batch(block).detach().cpu().numpy()
            if not np.isfinite(rows).all():
                raise DataError(
                    "X has values that are not finite (NaN or infinity) in rows "
                    f"{block.samples[0]} to {block.samples[-1]}. Impute them or drop the rows."
                )
            yield rows

    def statistics(self) -> ColumnStatistics:
        """Read all rows once, and return what scaling needs to know of them."""
        return statistics_of(self.blocks())

    def in_memory(self) -> NDArray[np.floating]:
        """Read all rows, (n, V)."""
        rows = np.empty(self.shape, self.dtype)
        start = 0
        for block in self.blocks():
            rows[start : start + len(block)] = block
            start += len(block)
        return rows


def at_hand(x: Any) -> Any:
    """Return rows of a source as an array if they are few; anything else as it is."""
    return read(x) if isinstance(x, SourceRows) and x.fit_into_a_window else x


def read(x: Any) -> Any:
    """Return rows of a source as an array; anything else as it is."""
    return x.in_memory() if isinstance(x, SourceRows) else x


def _form_of(source: RowSource) -> "tuple[tuple[int, int], np.dtype[Any]]":
    """Return the shape (n, V) and the type of rows, as their source says or its first row shows."""
    shape, kind = getattr(source, "shape", None), getattr(source, "dtype", None)
    if isinstance(shape, tuple) and isinstance(kind, np.dtype):
        return shape, kind
    first = source.batch(Minibatch(np.zeros(1, np.int64), slice(0, 1)))
    return (len(source), int(first.shape[1])), first.detach().cpu().numpy().dtype


def _is_readable(rows: RowSource) -> TypeGuard[ReadableRows]:
    return hasattr(type(rows), "blocks")
