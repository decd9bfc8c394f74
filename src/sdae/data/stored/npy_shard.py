"""Rows of an NPY file, read into arrays of their own.

Rows of a memory map, picked by an index, would bring the pages around them into memory, and those
stay. Reading takes only the rows that are asked for. The file is opened for each read: so a file
that was replaced or removed is noticed, and no number of shards runs out of descriptors.

Axes: n rows, V columns, m rows that are asked for.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError, FileFormatError
from sdae.core.files import checked_size, translate_os_errors
from sdae.data.bounds import check_columns
from sdae.data.npy import read_header
from sdae.data.stored.shard import (
    Groups,
    Numbers,
    check_apart,
    check_different,
    check_unchanged,
    stamp_of,
    vanished,
)

_LABEL_BYTES = 1 << 24  # read at once, to pick one column


class NpyShard:
    """An NPY file of two dimensions.

    Parameters
    ----------
    path : Path
    columns : sequence of int or None
        Positions of the columns, in the order of delivery; None: all but the target.
    target : int or None
        Position of the column of labels.

    Raises
    ------
    FileAccessError
        If the file is missing or unreadable.
    FileFormatError
        If it is damaged or truncated.
    DataError
        If it does not hold rows of numbers, or not these columns.
    """

    named = False

    def __init__(self, path: Path, columns: Sequence[int] | None, target: int | None) -> None:
        checked_size(path)
        source = str(path)
        with translate_os_errors(path, "read"), path.open("rb") as file:
            status = path.stat()
            shape, fortran, self.kind = read_header(file, source)
            self._start = file.tell()
        self.path, self.stamp = path, stamp_of(status)
        self.groups: Groups | None = None  # rows are read one by one
        _check(shape, fortran, self.kind, source)
        self.n_rows, self._width = shape
        check_columns(self._width, source)
        wanted, there = math.prod(shape) * self.kind.itemsize, status.st_size - self._start
        if wanted != there:
            raise FileFormatError(
                f"{source} is truncated or damaged: its header says {wanted:,} bytes of data, but "
                f"the file has {there:,}. Save it again."
            )
        self._target = None if target is None else _position(target, self._width, source)
        self._picked = self._columns_of(columns, source)
        self.columns = tuple(
            str(place) for place in (range(self._width) if self._picked is None else self._picked)
        )

    def read(self, places: NDArray[np.int64]) -> Numbers:
        """Read rows by their places, which never fall, (m,) -> (m, V); neighbours together."""
        whole = self._read(places)
        return whole if self._picked is None else whole[:, self._picked]

    def blocks(self, n_rows: int) -> Iterator[Numbers]:
        """Yield all rows from the first to the last, at most `n_rows` at a time."""
        for start in range(0, self.n_rows, n_rows):
            yield self.read(np.arange(start, min(start + n_rows, self.n_rows)))

    def labels(self) -> Numbers | None:
        """Read the target of all rows, (n,); None if there is none."""
        if self._target is None:
            return None
        n_rows = max(1, _LABEL_BYTES // (self._width * self.kind.itemsize))
        starts = range(0, self.n_rows, n_rows)
        return np.concatenate(
            [
                self._read(np.arange(start, min(start + n_rows, self.n_rows)))[:, self._target]
                for start in starts
            ]
        )

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""

    def _read(self, places: NDArray[np.int64]) -> Numbers:
        """Read whole rows, (m,) -> (m, columns of the file)."""
        rows = np.empty((len(places), self._width), self.kind)
        n_bytes = self._width * self.kind.itemsize
        room = rows.reshape(-1).view(np.uint8).data
        breaks = np.flatnonzero(np.diff(places) != 1) + 1
        firsts = [0, *breaks.tolist()]
        ends = [*firsts[1:], len(places)]
        offsets = (self._start + places[firsts] * n_bytes).tolist()
        with translate_os_errors(self.path, "read"):
            try:
                file = self.path.open("rb", buffering=0)
            except FileNotFoundError:
                raise vanished(self.path) from None
            with file:
                check_unchanged(self.path, self.stamp, file.fileno())
                for first, end, offset in zip(firsts, ends, offsets, strict=True):
                    self._fill(file, room[first * n_bytes : end * n_bytes], offset)
        return rows

    def _fill(self, file: IO[bytes], room: memoryview, offset: int) -> None:
        """Read the bytes at an offset until `room` is full."""
        file.seek(offset)
        while room:
            n_read = file.readinto(room)  # type: ignore[attr-defined] # IO lacks it
            if not n_read:
                check_unchanged(self.path, self.stamp)
                raise FileFormatError(f"{self.path} ended while it was read. Open it again.")
            room = room[n_read:]

    def _columns_of(self, columns: Sequence[int] | None, source: str) -> list[int] | None:
        """Return the positions of the columns to deliver; None for all columns of the file."""
        if columns is None:
            if self._target is None:
                return None
            rest = [place for place in range(self._width) if place != self._target]
        else:
            rest = [_position(column, self._width, source) for column in columns]
            check_apart(rest, self._target, source)
        check_different(rest, source)
        return rest


def _check(shape: tuple[int, ...], fortran: bool, kind: "np.dtype[Any]", source: str) -> None:
    if kind.kind not in "fiub" or kind.itemsize > 8:
        raise DataError(
            f"{source} has elements of type {kind}. Rows on a disk must be numbers of at most 64 "
            "bits: save them with array.astype(numpy.float32)."
        )
    if len(shape) != 2:
        raise DataError(
            f"{source} has shape {shape}. Rows on a disk must have two dimensions, rows and "
            "columns: save them with array.reshape(len(array), -1)."
        )
    if min(shape) <= 0:
        raise DataError(f"{source} is empty: it has shape {shape}. Remove it, or save rows in it.")
    if fortran:
        raise DataError(
            f"{source} is stored column by column (Fortran order), so a row cannot be read alone. "
            "Save it with numpy.save(path, numpy.ascontiguousarray(array))."
        )


def _position(column: object, width: int, source: str) -> int:
    """Return the position of a column that was asked for."""
    if isinstance(column, int | np.integer) and not isinstance(column, bool):
        place = int(column)
        if 0 <= place < width:
            return place
    raise DataError(
        f"{source} has columns 0 to {width - 1}, without names. Got {column!r} for a column: use "
        "an integer in that range."
    )
