"""One source of rows over the files of a folder, or over one file.

Axes: n rows, V columns, B rows of a minibatch.
"""

import copy
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.conversions import as_tensor
from sdae.core.minibatches import Minibatch
from sdae.core.source_rows import SourceRows
from sdae.core.windowed_order import BLOCKS_OF_A_WINDOW
from sdae.data.stored.gaps import described, remedy
from sdae.data.stored.group_cache import GroupCache
from sdae.data.stored.read_ahead import ReadAhead
from sdae.data.stored.shard import Numbers, Shard, delivered_kind
from sdae.data.table import NotNumbers

_TYPES: dict[torch.dtype, np.dtype[Any]] = {
    torch.float32: np.dtype(np.float32),
    torch.float64: np.dtype(np.float64),
}


class DiskRows:
    """Rows in files, read when a minibatch needs them; made by :func:`sdae.data.open_rows`.

    ``pretrain`` and ``finetune`` take it in place of an array, and end with the same bytes. A file
    that was changed, truncated, replaced or removed meanwhile is an error when it is read next.

    Attributes
    ----------
    shape : tuple of int
        (n, V).
    columns : tuple of str
        Names of the columns; of an NPY file their positions.
    named : bool
        Whether these are names that the file has for columns.
    targets : ndarray of shape (n,), or None
        The labels of all rows, in memory, if `target` was given: numbers or texts, as in the file.
    window : int or None
        How many rows `memory` holds, in whole groups: estimators shuffle so many together.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        targets: Numbers | None,
        cache: GroupCache | None,
        memory: int | None,
    ) -> None:
        self._shards, self._cache = shards, cache
        self._ahead = ReadAhead()
        self.columns, self.named = shards[0].columns, shards[0].named
        self.targets = targets
        sizes = [shard.n_rows for shard in shards]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.shape = (int(self._starts[-1]), len(self.columns))
        self._kind = delivered_kind(shards[0].kind)
        self.window = None if memory is None else self._window(memory)
        self._like = torch.empty(0, dtype=torch.from_numpy(np.empty(0, self._kind)).dtype)

    @property
    def dtype(self) -> "np.dtype[Any]":
        """Type of the delivered numbers: float64 where float32 would round those of the files."""
        return self._kind

    def __enter__(self) -> "DiskRows":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the copies that `scratch` holds; rows of these files cannot be read any more.

        This happens by itself when the rows are not used any more. Other files need no closing.
        """
        self._ahead.forget()
        for shard in self._shards:
            shard.close()

    def __len__(self) -> int:
        """Return n."""
        return self.shape[0]

    def __getitem__(self, chosen: slice | NDArray[np.bool_] | NDArray[np.int64]) -> SourceRows:
        """Return the rows that a slice, a mask or numbers pick, as another source; none is read.

        So scikit-learn's cross-validation takes such rows.
        """
        return SourceRows(self)[chosen]

    def __repr__(self) -> str:
        """Return the number of files, rows and columns."""
        files = len(self._shards)
        where = str(self._shards[0].path if files == 1 else self._shards[0].path.parent)
        return f"DiskRows({where!r}, {files} files, shape={self.shape})"

    def delivered_as(self, like: Tensor) -> "DiskRows":
        """Return the same rows, delivered in the type and on the device of a tensor.

        They are read ahead by themselves: other threads may read these.
        """
        changed = copy.copy(self)
        changed._ahead = ReadAhead()
        changed._like, changed._kind = like, _TYPES.get(like.dtype, self._kind)
        return changed

    def batch(self, minibatch: Minibatch) -> Tensor:
        """Read the rows of a minibatch, (B, V).

        Raises
        ------
        FileAccessError, FileFormatError
            If a file cannot be read, or is not as it was when it was opened.
        DataError
            If a number is not finite.
        """
        samples = minibatch.samples
        rows = self._ahead.take(samples, self._kind)
        if rows is None:
            self._alone()
            rows = self._read(samples)
        if self._cache is not None:
            self._cache.delivered(len(samples), len(self))
        return as_tensor(rows).to(self._like)

    def expect(self, minibatch: Minibatch | None) -> None:
        """Read rows ahead in a thread, which `batch` is asked for next, all or the first of them.

        Until then the rows are in memory, beside those that were expected before. What cannot be
        read is an error of that `batch`.

        Parameters
        ----------
        minibatch : Minibatch or None
            None: nothing more is expected, so no thread reads and no rows are kept.
        """
        self._alone()
        if minibatch is None:
            self._ahead.forget()
        else:
            self._ahead.start(minibatch.samples, self._kind, self._read)

    def _alone(self) -> None:
        """Wait until no thread reads; a cache that a fork caught in a change is not used."""
        if self._ahead.wait() and self._cache is not None:
            self._cache.clear()

    def _read(self, samples: NDArray[np.int64]) -> Numbers:
        """Read rows, (B, V), in the type that is delivered."""
        rows = np.empty((len(samples), self.shape[1]), self._kind)
        rises = bool((np.diff(samples) > 0).all())
        order = None if rises else np.argsort(samples, kind="stable")
        ascending = samples if order is None else samples[order]
        shards = np.searchsorted(self._starts, ascending, side="right") - 1
        breaks = [0, *(np.flatnonzero(np.diff(shards)) + 1).tolist(), len(samples)]
        for first, end in pairwise(breaks):
            number = int(shards[first])
            places = ascending[first:end] - self._starts[number]
            part = self._shards[number].read(places)
            with np.errstate(over="ignore"):
                rows[slice(first, end) if order is None else order[first:end]] = part
        self._check_finite(rows, samples)
        return rows

    def _window(self, memory: int) -> int:
        """Return the rows of the largest window whose groups `memory` holds.

        A group that is cut by the border of two blocks is of both: in one file none is, if the
        blocks are whole groups. In several files all may be.
        """
        groups = [shard.groups for shard in self._shards]
        group = max(1 if each is None else each.largest_bytes // each.row_bytes for each in groups)
        n_rows = memory // (self.shape[1] * self._kind.itemsize)
        if group > 1 and len(self._shards) > 1:
            n_rows //= 2
        rows_of_block = max(1, n_rows // BLOCKS_OF_A_WINDOW)
        if rows_of_block > group:
            rows_of_block -= rows_of_block % group
        return BLOCKS_OF_A_WINDOW * rows_of_block

    def blocks(self, n_rows: int) -> Iterator[Numbers]:
        """Read all rows from the first to the last, at most `n_rows` at a time.

        A group that is larger than `memory` is not decoded whole.

        Raises
        ------
        FileAccessError, FileFormatError, DataError
            As :meth:`batch` does.
        """
        start = 0
        for shard in self._shards:
            for block in shard.blocks(n_rows):
                with np.errstate(over="ignore"):
                    rows = np.ascontiguousarray(block, self._kind)
                self._check_finite(rows, np.arange(start, start + len(rows)))
                start += len(rows)
                yield rows

    def _check_finite(self, rows: Numbers, samples: NDArray[np.int64]) -> None:
        if np.isfinite(rows).all():
            return
        place, column = np.argwhere(~np.isfinite(rows))[0]
        sample = samples[place]
        shard = int(np.searchsorted(self._starts, sample, side="right")) - 1
        row = sample - self._starts[shard]
        path, groups = self._shards[shard].path, self._shards[shard].groups
        what = described(path, row, self.columns[column])
        raise NotNumbers(f"{what} {remedy(path, groups)}")
