"""Rows from the first to the last, with their labels: what is read to be written elsewhere.

Axes: n rows, V columns.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from sdae.core.errors import DataError
from sdae.data.exact import is_usable
from sdae.data.stored.csv_stream import CsvStream
from sdae.data.stored.gaps import described
from sdae.data.stored.opening import Columns, name_in, shards_at
from sdae.data.stored.paths import CSV
from sdae.data.stored.shard import Numbers, Shard, check_list, labels_of

Block = tuple[Numbers, Numbers | None]
"""Rows, (rows, V), and their labels, (rows,), if there are any; a missing one is None or NaN."""


class RowStream(Protocol):
    """Rows that are read once."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the V columns."""
        ...

    @property
    def named(self) -> bool:
        """Whether these are names, and not positions."""
        ...

    @property
    def kind(self) -> "np.dtype[Any]":
        """Type of the numbers."""
        ...

    @property
    def label_kind(self) -> "np.dtype[Any]":
        """Type of the labels."""
        ...

    def blocks(self, done: Callable[[float], None]) -> Iterator[Block]:
        """Yield rows some at a time; `done` gets the share that has been read.

        Raises
        ------
        DataError
            If a number is not finite: what is written can be trained on.
        """
        ...


class ShardStream:
    """The rows of files that can be opened.

    Parameters
    ----------
    shards : sequence of Shard
    n_rows : int
        Rows to read at a time, at most.
    """

    def __init__(self, shards: Sequence[Shard], n_rows: int) -> None:
        self._shards, self._n_rows = shards, n_rows
        self.columns, self.kind = shards[0].columns, shards[0].kind
        self.named = shards[0].named
        self._labels = labels_of(shards)
        self.label_kind = np.dtype(np.int64) if self._labels is None else _kind_of(self._labels)

    def blocks(self, done: Callable[[float], None]) -> Iterator[Block]:
        """Yield rows some at a time; `done` gets the share that has been read.

        Raises
        ------
        DataError
            If a number is not finite: what is written can be trained on.
        """
        n_all, n_read = sum(shard.n_rows for shard in self._shards), 0
        for shard in self._shards:
            start = n_read
            for rows in shard.blocks(self._n_rows):
                usable = is_usable(rows)
                if not usable.all():
                    row, column = map(int, np.argwhere(~usable)[0])
                    what = described(shard.path, n_read - start + row, self.columns[column])
                    raise DataError(f"{what} Fill it in, or drop the row.")
                first, n_read = n_read, n_read + len(rows)
                yield rows, None if self._labels is None else self._labels[first:n_read]
                done(n_read / n_all)


class SingleStream:
    """The rows of another stream, rounded to 32 bits."""

    kind = np.dtype(np.float32)

    def __init__(self, stream: RowStream) -> None:
        self._stream = stream
        self.columns, self.named = stream.columns, stream.named

    @property
    def label_kind(self) -> "np.dtype[Any]":
        """Type of the labels, which are not rounded."""
        return self._stream.label_kind

    def blocks(self, done: Callable[[float], None]) -> Iterator[Block]:
        """Yield rows some at a time; `done` gets the share that has been read."""
        for rows, labels in self._stream.blocks(done):
            yield rows.astype(self.kind), labels


def _kind_of(labels: Numbers) -> "np.dtype[Any]":
    """Return the type of labels; where some are missing, that of the others."""
    if labels.dtype.kind != "O":
        return labels.dtype
    return np.array([label for label in labels.tolist() if label is not None]).dtype


def stream_of(
    source: str | Path, columns: Columns, target: str | int | None, n_rows: int
) -> RowStream:
    """Open rows to be read once.

    Raises
    ------
    FileAccessError, FileFormatError, DataError, MissingExtraError
        As :func:`sdae.data.convert` does.
    """
    path = Path(source)
    if path.name.lower().endswith(CSV) and path.is_file():
        check_list("columns", columns)
        names = None if columns is None else [name_in(column) for column in columns]
        return CsvStream(path, names, None if target is None else name_in(target))
    return ShardStream(shards_at(path, columns, target, None), n_rows)


def regrouped(blocks: Iterator[Block], n_rows: int) -> Iterator[Block]:
    """Yield the same rows in blocks of `n_rows`, the last of the rest."""
    held: list[Block] = []
    n_held = 0
    for rows, labels in blocks:
        while n_held + len(rows) >= n_rows:
            n_taken = n_rows - n_held
            held.append((rows[:n_taken], None if labels is None else labels[:n_taken]))
            yield _joined(held)
            rows, labels = rows[n_taken:], None if labels is None else labels[n_taken:]
            held, n_held = [], 0
        if len(rows):
            held.append((rows, labels))
            n_held += len(rows)
    if n_held:
        yield _joined(held)


def _joined(blocks: Sequence[Block]) -> Block:
    labels = [part for _, part in blocks if part is not None]
    return np.concatenate([rows for rows, _ in blocks]), np.concatenate(labels) if labels else None
