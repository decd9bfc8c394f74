"""Rows of a Parquet file: a row group is decoded whole, and kept while there is room for it.

The rows are one column of fixed-size lists of numbers, or plain columns of numbers. A group is
decoded a batch at a time into its place, so that decoding takes little more than the group.

Axes: n rows, V columns, m rows that are asked for.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError, FileFormatError, MissingExtraError
from sdae.core.files import checked_size, translate_os_errors
from sdae.core.wording import plain, quoted
from sdae.data.bounds import check_columns
from sdae.data.csv_table import find_targets
from sdae.data.parquet_table import check_type, is_single, numbers_of, open_parquet, translated
from sdae.data.stored.group_cache import GroupCache
from sdae.data.stored.shard import Numbers, check_unchanged, stamp_of

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
        If it does not hold rows of numbers, not these columns, or if a row group is too large.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str] | None,
        target: str | None,
        cache: GroupCache | None,
    ) -> None:
        checked_size(path)
        self.path, self._cache, self._target = path, cache, target
        source = self._source = str(path)
        _check_installed(source)
        with translate_os_errors(path, "read"):
            self.stamp = stamp_of(path.stat())
        with translated(source):
            file = open_parquet(path)
            self._metadata, schema = file.metadata, file.schema_arrow
        self._names = _features(schema, columns, target, source)
        self._length = _length_of_list(schema, self._names, source)
        self.named = self._length is None
        if self._length is None:
            for name in self._names:
                check_type(schema.field(name).type, name, source, is_label=False)
            single = all(is_single(schema.field(name).type) for name in self._names)
            self.kind: np.dtype[Any] = np.dtype(np.float32 if single else np.float64)
            self.columns = tuple(self._names)
        else:
            (name,) = self._names
            self.kind = np.dtype(schema.field(name).type.value_type.to_pandas_dtype())
            self.columns = tuple(f"{name}.{place}" for place in range(self._length))
        check_columns(len(self.columns), source)
        if target is not None:
            check_type(schema.field(target).type, target, source, is_label=True)
        groups = [
            self._metadata.row_group(g).num_rows for g in range(self._metadata.num_row_groups)
        ]
        self._starts = np.concatenate([[0], np.cumsum(groups, dtype=np.int64)]).astype(np.int64)
        self.n_rows = int(self._starts[-1])
        if self.n_rows <= 0:
            raise DataError(f"{source} is empty: it has no rows. Remove it, or save rows in it.")
        self.rows_of_group = max(groups)
        if cache is not None:
            self._check_groups(self.rows_of_group, cache.memory)

    def read(self, places: NDArray[np.int64]) -> Numbers:
        """Read rows by their places, which never fall, (m,) -> (m, V); a group at a time."""
        check_unchanged(self.path, self.stamp)
        cache = self._cache
        assert cache is not None
        rows = np.empty((len(places), len(self.columns)), self.kind)
        groups = np.searchsorted(self._starts, places, side="right") - 1
        breaks = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(places)]
        # Groups in the cache come first: those decoded for others would push them out unused.
        parts = sorted(
            pairwise(breaks), key=lambda part: (self._source, int(groups[part[0]])) not in cache
        )
        for first, end in parts:
            group = int(groups[first])
            start, stop = (int(place) for place in self._starts[group : group + 2])
            n_bytes = (stop - start) * len(self.columns) * self.kind.itemsize
            decode = partial(self._decoded, group, stop - start)
            decoded = cache.get((self._source, group), n_bytes, decode)
            np.take(decoded, places[first:end] - start, axis=0, out=rows[first:end])
        return rows

    def blocks(self, n_rows: int) -> Iterator[Numbers]:
        """Yield all rows from the first to the last, at most `n_rows` at a time."""
        check_unchanged(self.path, self.stamp)
        with translated(self._source):
            for batch in self._batches(n_rows):
                yield self._matrix(batch)

    def labels(self) -> Numbers | None:
        """Read the target of all rows, (n,); None if there is none."""
        import pyarrow as pa

        if self._target is None:
            return None
        with translated(self._source):
            file = open_parquet(self.path, metadata=self._metadata)
            column = file.read([self._target]).column(0)
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            if column.null_count:
                row = column.is_null(nan_is_null=False).index(True).as_py()
                raise DataError(
                    f"{self._source}, row {row} (counted from 0), has no label in column "
                    f"{quoted(self._target)}. Drop rows without labels, or leave target out and "
                    "pre-train on all of them."
                )
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                return np.array(column.to_pylist())
            if pa.types.is_decimal(column.type):
                column = column.cast(pa.float64())
            return np.asarray(column.to_numpy())

    def _decoded(self, group: int, n_rows: int) -> Numbers:
        """Decode a row group, (rows, V)."""
        rows = np.empty((n_rows, len(self.columns)), self.kind)
        start = 0
        with translated(self._source):
            for batch in self._batches(row_groups=[group]):
                rows[start : start + batch.num_rows] = self._matrix(batch)
                start += batch.num_rows
        if start != n_rows:
            raise FileFormatError(
                f"{self._source} is damaged: row group {group} should have {n_rows:,} rows, but "
                f"has {start:,}. Save it again."
            )
        return rows

    def _batches(self, most: int | None = None, **groups: Any) -> Iterator[Any]:
        n_rows = max(1, _BATCH_CELLS // len(self.columns))
        file = open_parquet(self.path, metadata=self._metadata)
        size = n_rows if most is None else min(n_rows, most)
        # Decoding many columns on pyarrow's threads takes longer than on one.
        yield from file.iter_batches(size, columns=self._names, use_threads=False, **groups)

    def _matrix(self, batch: Any) -> Numbers:
        """Return the rows of a batch as an array, (rows, V); missing values become NaN."""
        if self._length is None:
            rows = np.empty((batch.num_rows, len(self.columns)), self.kind)
            for column, name in enumerate(self._names):
                with np.errstate(over="ignore"):
                    rows[:, column] = _numbers(batch.column(name))
            return rows
        lists = batch.column(0)
        values = lists.flatten()
        if lists.null_count or values.null_count:
            raise DataError(
                f"{self._source}, column {quoted(self._names[0])}, has missing rows or numbers. "
                "Drop those rows, or fill them in."
            )
        return np.asarray(values.to_numpy(zero_copy_only=False)).reshape(len(lists), -1)

    def _check_groups(self, largest: int, memory: int) -> None:
        """Raise an error if the largest row group does not fit into the memory for rows."""
        n_bytes = largest * len(self.columns) * self.kind.itemsize
        if n_bytes > memory:
            raise DataError(
                f"{self._source} has a row group of {largest:,} rows, which takes {n_bytes:,} "
                f"bytes, more than memory={memory:,}. Rewrite the file with smaller groups by "
                "sdae.data.convert(path, new_path, rows_per_group=2048), or raise memory."
            )


def _numbers(column: Any) -> Numbers:
    """Return a column of a batch, (rows,), without a copy where it has plain numbers."""
    import pyarrow as pa

    kind = column.type
    if column.null_count == 0 and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return np.asarray(column.to_numpy())
    return numbers_of(column)


def _check_installed(source: str) -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            f'{source} is a Parquet file, and reading it needs pyarrow: pip install "sdae[tables]"'
        ) from None


def _features(
    schema: Any, columns: Sequence[str] | None, target: str | None, source: str
) -> list[str]:
    """Return the names of the columns of rows: those asked for, or all but the target."""
    there = [field.name for field in schema]
    asked = [] if columns is None else [str(column) for column in columns]
    targets = [] if target is None else [target]
    find_targets(there, [*asked, *targets], source)
    names = [name for name in there if name != target] if columns is None else asked
    if not names or len(set(names)) < len(names):
        raise DataError(f"{source} must be read by one or more different columns. Got {names}.")
    return names


def _length_of_list(schema: Any, names: list[str], source: str) -> int | None:
    """Return the length of the lists, if the rows are one column of lists; None for numbers."""
    import pyarrow as pa

    kinds = [schema.field(name).type for name in names]
    lists = [
        (name, kind)
        for name, kind in zip(names, kinds, strict=True)
        if pa.types.is_nested(kind) or pa.types.is_fixed_size_binary(kind)
    ]
    if not lists:
        return None
    name, kind = lists[0]
    if len(names) > 1:
        raise DataError(
            f"{source} has a column {quoted(name)} of {plain(str(kind))} beside others. Name the "
            f"one to read with columns=[{name!r}], and the labels with target."
        )
    inner = kind.value_type if pa.types.is_fixed_size_list(kind) else None
    if inner is None or not (pa.types.is_integer(inner) or pa.types.is_floating(inner)):
        raise DataError(
            f"{source}, column {quoted(name)}, has values of type {plain(str(kind))}. A column of "
            "whole rows must be a fixed-size list of numbers: cast it to "
            "pyarrow.list_(pyarrow.float32(), length)."
        )
    return int(kind.list_size)
