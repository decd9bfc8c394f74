"""Rows of a Feather (Arrow IPC) file: a record batch is read whole, and kept while there is room.

Axes: n rows, V columns, m rows that are asked for.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdae.data.stored.arrow_layout import layout_of
from sdae.data.stored.feather_file import FeatherFile, reading
from sdae.data.stored.group_cache import GroupCache
from sdae.data.stored.row_groups import RowGroups
from sdae.data.stored.shard import Groups, Numbers, check_unchanged

_COLUMNS = 48  # read together, so that a batch of columns takes little more than its rows


class FeatherShard:
    """A Feather file of rows.

    Parameters
    ----------
    path : Path
    columns : sequence of str or None
        Names of the columns, in the order of delivery; None: all but the target.
    target : str or None
        Name of the column of labels.
    cache : GroupCache or None
        Where decoded batches are kept; None: the file is only read from its first row to its last.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    FileAccessError
        If the file is missing or unreadable.
    FileFormatError
        If it is damaged, or an old Feather file.
    DataError
        If it does not hold rows of numbers, or not these columns.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str] | None,
        target: str | None,
        cache: GroupCache | None,
    ) -> None:
        self.path, self._cache = path, cache
        self._source = str(path)
        self._file = FeatherFile(path)
        self.stamp = self._file.stamp
        with reading(self._source):
            self._layout = layout_of(self._file.schema, columns, target, self._source)
        self.columns, self.kind = self._layout.columns, self._layout.kind
        self._groups = RowGroups(self._layout, self._file.sizes, "record batch", self._decoded)
        self.named = self._layout.named
        self.groups: Groups | None = self._groups
        self.n_rows = self._groups.n_rows

    def read(self, places: NDArray[np.int64]) -> Numbers:
        """Read rows by their places, which never fall, (m,) -> (m, V); a batch at a time."""
        check_unchanged(self.path, self.stamp)
        assert self._cache is not None
        return self._groups.read(places, self._cache)

    def blocks(self, n_rows: int) -> Iterator[Numbers]:
        """Yield all rows from the first to the last, at most `n_rows` at a time.

        Each batch is decoded whole.
        """
        check_unchanged(self.path, self.stamp)
        for batch in range(len(self._file.sizes)):
            rows = self._decoded(batch, self._groups.size_of(batch))
            for start in range(0, len(rows), n_rows):
                yield rows[start : start + n_rows]

    def labels(self) -> Numbers | None:
        """Read the target of all rows, (n,); None if there is none."""
        import pyarrow as pa

        target = self._layout.target
        if target is None:
            return None
        with reading(self._source):
            parts = []
            for batch in range(len(self._file.sizes)):
                self._file.check_batch(batch)
                parts.append(self._file.columns_of(batch, [target]).column(0))
            if pa.types.is_dictionary(self._file.schema.field(target).type):
                parts = [part.cast(part.type.value_type) for part in parts]
            return self._layout.labels(pa.chunked_array(parts))

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""

    def _decoded(self, batch: int, n_rows: int) -> Numbers:
        """Decode a record batch, (rows, V)."""
        names, n_before = self._layout.names, self._groups.rows_before(batch)
        with reading(self._source):
            self._file.check_batch(batch)
            if self._layout.length is not None:
                lists = self._file.columns_of(batch, names)
                return self._checked(self._layout.matrix(lists, n_before), n_rows)
            rows = np.empty((n_rows, len(names)), self.kind)
            for first in range(0, len(names), _COLUMNS):
                some = names[first : first + _COLUMNS]
                found = self._layout.matrix(self._file.columns_of(batch, some), n_before)
                rows[:, first : first + _COLUMNS] = self._checked(found, n_rows)
            return rows

    def _checked(self, rows: Numbers, n_rows: int) -> Numbers:
        if len(rows) != n_rows:
            raise ValueError(f"a batch has {len(rows)} rows instead of {n_rows}")
        return rows
