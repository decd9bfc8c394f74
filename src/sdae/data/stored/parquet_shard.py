"""Rows of a Parquet file: a row group is decoded whole, and kept while there is room for it.

A group is decoded a batch at a time into its place, so that decoding takes little more than the
group.

Axes: n rows, V columns, m rows that are asked for.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import FileFormatError
from sdae.core.files import checked_size, translate_os_errors
from sdae.data.parquet_table import open_parquet, translated
from sdae.data.stored.arrow_layout import check_installed, layout_of
from sdae.data.stored.group_cache import GroupCache
from sdae.data.stored.row_groups import RowGroups
from sdae.data.stored.shard import Groups, Numbers, check_unchanged, stamp_of

_BATCH_CELLS = 1 << 21


class ParquetShard:
    """A Parquet file of rows.

    Parameters
    ----------
    path : Path
    columns : sequence of str or None
        Names of the columns, in the order of delivery; None: all but the target.
    target : str or None
        Name of the column of labels.
    cache : GroupCache or None
        Where decoded groups are kept; None: the file is only read from its first row to its last.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    FileAccessError
        If the file is missing or unreadable.
    FileFormatError
        If it is damaged.
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
        checked_size(path)
        self.path, self._cache = path, cache
        self._source = str(path)
        check_installed(self._source, "a Parquet file")
        with translate_os_errors(path, "read"):
            self.stamp = stamp_of(path.stat())
        with translated(self._source):
            file = open_parquet(path)
            self._metadata = file.metadata
            self._layout = layout_of(file.schema_arrow, columns, target, self._source)
        self.columns, self.kind = self._layout.columns, self._layout.kind
        sizes = [self._metadata.row_group(g).num_rows for g in range(self._metadata.num_row_groups)]
        self._groups = RowGroups(self._layout, sizes, "row group", self._decoded)
        self.named = self._layout.named
        self.groups: Groups | None = self._groups
        self.n_rows = self._groups.n_rows

    def read(self, places: NDArray[np.int64]) -> Numbers:
        """Read rows by their places, which never fall, (m,) -> (m, V); a group at a time."""
        check_unchanged(self.path, self.stamp)
        assert self._cache is not None
        return self._groups.read(places, self._cache)

    def blocks(self, n_rows: int) -> Iterator[Numbers]:
        """Yield all rows from the first to the last, at most `n_rows` at a time."""
        check_unchanged(self.path, self.stamp)
        start = 0
        with translated(self._source):
            for batch in self._batches(n_rows):
                yield self._layout.matrix(batch, start)
                start += batch.num_rows

    def labels(self) -> Numbers | None:
        """Read the target of all rows, (n,); None if there is none."""
        if self._layout.target is None:
            return None
        with translated(self._source):
            file = open_parquet(self.path, metadata=self._metadata)
            return self._layout.labels(file.read([self._layout.target]).column(0))

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""

    def _decoded(self, group: int, n_rows: int) -> Numbers:
        """Decode a row group, (rows, V)."""
        rows = np.empty((n_rows, len(self.columns)), self.kind)
        start, n_before = 0, self._groups.rows_before(group)
        with translated(self._source):
            for batch in self._batches(row_groups=[group]):
                rows[start : start + batch.num_rows] = self._layout.matrix(batch, n_before + start)
                start += batch.num_rows
        if start != n_rows:
            raise FileFormatError(
                f"{self._source} is damaged: row group {group} should have {n_rows:,} rows, but "
                f"has {start:,}. Save it again."
            )
        return rows

    def _batches(self, most: int | None = None, **groups: Any) -> Iterator[Any]:
        n_rows = max(1, _BATCH_CELLS // self._layout.n_decoded)
        file = open_parquet(self.path, metadata=self._metadata)
        size = n_rows if most is None else min(n_rows, most)
        names = [*self._layout.names]
        # Decoding many columns on pyarrow's threads takes longer than on one.
        for batch in file.iter_batches(size, columns=names, use_threads=False, **groups):
            yield batch.select(names)  # the file's order is another one


def parquet_schema(path: Path) -> Any:
    """Return the Arrow schema of a file.

    Raises
    ------
    MissingExtraError, FileFormatError
        If pyarrow is not installed, or cannot read the file.
    """
    check_installed(str(path), "a Parquet file")
    with translate_os_errors(path, "read"), translated(str(path)):
        return open_parquet(path).schema_arrow
