"""Rows of a table that stays on the disk, handled like a table in memory until they are needed.

Axes: n rows, V components, m rows that are asked for.
"""

import copy
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.errors import DataError
from sdae.core.minibatches import Minibatch
from sdae.core.schema.raw_table import RawTable, below_each_other, check_columns_of
from sdae.core.schema.table_schema import Schema
from sdae.core.source_rows import SourceRows

Places = NDArray[np.int64]


class TableSource(Protocol):
    """A table that is read from its first row to its last."""

    @property
    def source(self) -> str:
        """What it is called in messages."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        ...

    @property
    def n_rows(self) -> int:
        """The number of rows, n."""
        ...

    @property
    def window(self) -> int:
        """How many rows may be in memory as a table."""
        ...

    def blocks(self, names: Sequence[str]) -> Iterator[RawTable]:
        """Yield all rows of some columns, some at a time."""
        ...

    def encoded(self, schema: Schema) -> SourceRows:
        """Return all rows as a schema encodes them, so that any of them can be read."""
        ...


class TableRows:
    """Rows of a table on the disk, or some of them; made by :func:`sdae.data.open_table`.

    Attributes
    ----------
    shape : tuple of int
        Number of rows and of columns.
    names : tuple of str
        The names of the columns.
    targets : ndarray, shape (n,), or None
        The labels of these rows, in memory, if a target was named; None where one is missing.
    """

    def __init__(self, source: TableSource, targets: NDArray[Any] | None = None) -> None:
        self._source = source
        self._places: Places | None = None  # all
        self.names = source.names
        self.shape = (source.n_rows, len(source.names))
        self.targets = targets

    named = True

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        """Return the file, and the number of rows and columns."""
        return f"TableRows({self._source.source!r}, shape={self.shape})"

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The type of the rows in estimators' records."""
        return np.dtype(object)

    @property
    def source(self) -> str:
        """What the table is called in messages."""
        return self._source.source

    @property
    def are_few(self) -> bool:
        """Whether these rows are few enough to be read into memory."""
        return len(self) <= self._source.window

    def __array__(self, *_how: Any, **_more: Any) -> NDArray[Any]:
        """Refuse to become an array.

        Raises
        ------
        DataError
            In any case.
        """
        raise DataError(
            f"The rows of {self.source} are of a table on the disk, which estimators encode: give "
            "them to fit of one. pretrain, finetune and networks take numbers, opened by "
            "sdae.data.open_rows."
        )

    def __getitem__(self, chosen: Any) -> "TableRows":
        """Return the rows that a slice, a mask or numbers pick; none is read.

        Raises
        ------
        DataError
            If one row is asked for, or columns are.
        """
        if isinstance(chosen, tuple) and len(chosen) == 2 and chosen[1] is Ellipsis:
            chosen = chosen[0]  # as scikit-learn picks
        if not isinstance(chosen, slice) and (isinstance(chosen, tuple) or np.ndim(chosen) != 1):
            raise DataError(
                "Rows of a table on the disk are picked by a slice, a mask or a list of numbers. "
                f"Got {chosen!r}: one row is rows[k : k + 1], and columns are picked by "
                "open_table(…, columns=[…])."
            )
        places = np.arange(len(self)) if self._places is None else self._places
        found = copy.copy(self)
        found._places = places[chosen]
        found.shape = (len(found._places), self.shape[1])
        found.targets = None if self.targets is None else self.targets[chosen]
        return found

    def like(self, other: "RawTable | TableRows", caller: str) -> "TableRows":
        """Return the rows with the columns of another table, in its order.

        Raises
        ------
        DataError
            If columns are missing.
        """
        check_columns_of(self.names, other.names, caller)
        found = copy.copy(self)
        found.names = other.names
        found.shape = (len(self), len(other.names))
        return found

    def blocks(self) -> Iterator[RawTable]:
        """Read the rows in the order of the file, some at a time.

        Raises
        ------
        SdaeError
            If the files cannot be read, or a number is infinite or too large to scale.
        """
        if self._places is None:
            yield from self._source.blocks(self.names)
            return
        wanted = np.sort(self._places)
        start = 0
        for block in self._source.blocks(self.names):
            first, last = np.searchsorted(wanted, (start, start + len(block)))
            if last - first == len(block):
                yield block
            elif last > first:
                yield block[wanted[first:last] - start]
            start += len(block)
            if last == len(wanted):
                return

    def in_memory(self) -> RawTable:
        """Read the rows, in their own order."""
        parts = list(self.blocks())
        columns = [below_each_other(list(column)) for column in zip(*parts, strict=True)]
        table = RawTable(columns, named=True)
        if self._places is None or _ascend(self._places):
            return table
        rank = np.empty(len(self), np.int64)
        rank[np.argsort(self._places, kind="stable")] = np.arange(len(self))
        return table[rank]

    def encoded(self, schema: Schema) -> SourceRows:
        """Return the rows as a schema encodes them, in a copy of which any can be read."""
        rows = self._source.encoded(schema)
        return rows if self._places is None else rows[self._places]

    def encoded_in_order(self, schema: Schema, caller: str) -> SourceRows:
        """Return the rows as a schema encodes them, to be read from the first to the last.

        Raises
        ------
        DataError
            If they are not in the order of the file.
        """
        if self._places is not None and not _ascend(self._places):
            raise DataError(
                f"Rows of {caller} must be in the order of the file, since they are answered as "
                "they are read. Sort the numbers that pick them."
            )
        return SourceRows(EncodedRows(self, schema, caller))


class EncodedRows:
    """Rows of a table on the disk that a schema encodes as they are read.

    Reading them in their order takes one pass over the file; so does any other minibatch.
    """

    def __init__(self, rows: TableRows, schema: Schema, caller: str) -> None:
        self._rows, self._schema, self._caller = rows, schema, caller
        self.shape = (len(rows), schema.blocks.n_components)
        self._like = torch.empty(0)

    window: int | None = None

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def dtype(self) -> "np.dtype[Any]":
        """Type of the delivered numbers."""
        return np.dtype(np.float32)

    def delivered_as(self, like: Tensor) -> "EncodedRows":
        """Return the same rows, delivered in the type and on the device of a tensor."""
        changed = copy.copy(self)
        changed._like = like
        return changed

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Read the rows of a minibatch, (B, V)."""
        table = self._rows[minibatch.samples].in_memory()
        encoded = self._schema.encode(table, self._caller, expects_gaps=True)
        return torch.from_numpy(encoded).to(self._like)

    def blocks(self, n_rows: int) -> Iterator[NDArray[np.float32]]:
        """Read all rows, `n_rows` at a time, the last block of the rest; warn of gaps once."""
        unexpected = set[str]()
        held, n_held = list[NDArray[np.float32]](), 0
        for table in self._rows.blocks():
            rows, gaps = self._schema.encoded(table, self._caller)
            unexpected |= gaps
            while n_held + len(rows) >= n_rows:
                n_taken = n_rows - n_held
                yield np.concatenate([*held, rows[:n_taken]])
                held, n_held, rows = [], 0, rows[n_taken:]
            if len(rows):
                held.append(rows)
                n_held += len(rows)
        if n_held:
            yield np.concatenate(held)
        self._schema.warn_of_gaps(unexpected, self._caller)


def _ascend(places: Places) -> bool:
    return bool((np.diff(places) > 0).all())
