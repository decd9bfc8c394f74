"""Rows of a Feather (Arrow IPC) file: a record batch is read whole, and kept while there is room.

The file is read, not mapped: pages of a map stay in memory, and a map of a file that is truncated
ends the process. Where a batch lies, and how large it gets when it is unpacked, its message says.

Axes: n rows, V columns, m rows that are asked for.
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.files import checked_size, translate_os_errors
from sdae.data.bounds import check_room
from sdae.data.parquet_table import translated
from sdae.data.stored.arrow_layout import check_installed, layout_of
from sdae.data.stored.group_cache import GroupCache
from sdae.data.stored.row_groups import RowGroups
from sdae.data.stored.shard import Groups, Numbers, check_unchanged, stamp_of
from sdae.data.tables.arrow_file import ARROW
from sdae.data.tables.arrow_messages import Block, blocks_of, claimed_bytes, rows_in

_WHAT = "a Feather (Arrow IPC) file"
_END, _LENGTH = ARROW.rstrip(b"\0"), struct.Struct("<i")
_CONTINUES = b"\xff\xff\xff\xff"
_COLUMNS = 64  # read together, so that a batch of columns takes little more than its rows


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
        self._n_bytes = checked_size(path)
        self.path, self._cache = path, cache
        self._source = str(path)
        check_installed(self._source, _WHAT)
        with translate_os_errors(path, "read"), path.open("rb") as file:
            self.stamp = stamp_of(path.stat())
            with _reading(self._source):
                dictionaries, self._batches = self._blocks_in(file)
                sizes = [rows_in(self._metadata_of(file, block)) for block in self._batches]
                if min(sizes, default=0) < 0:
                    raise ValueError("a batch has less than no rows")
                self._check_unpacked(file, dictionaries)
        with _reading(self._source):
            self._schema = self._reader().schema
            self._layout = layout_of(self._schema, columns, target, self._source)
        self.columns, self.kind = self._layout.columns, self._layout.kind
        self._groups = RowGroups(self._layout, sizes, "record batch", self._decoded)
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
        for batch in range(len(self._batches)):
            rows = self._decoded(batch, self._groups.size_of(batch))
            for start in range(0, len(rows), n_rows):
                yield rows[start : start + n_rows]

    def labels(self) -> Numbers | None:
        """Read the target of all rows, (n,); None if there is none."""
        import pyarrow as pa

        target = self._layout.target
        if target is None:
            return None
        with _reading(self._source):
            parts = []
            for batch in range(len(self._batches)):
                self._check_batch(batch)
                parts.append(self._columns_of(batch, [target]).column(0))
            if pa.types.is_dictionary(self._schema.field(target).type):
                parts = [part.cast(part.type.value_type) for part in parts]
            return self._layout.labels(pa.chunked_array(parts))

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""

    def _decoded(self, batch: int, n_rows: int) -> Numbers:
        """Decode a record batch, (rows, V)."""
        names = self._layout.names
        with _reading(self._source):
            self._check_batch(batch)
            if self._layout.length is not None:
                return self._checked(self._layout.matrix(self._columns_of(batch, names)), n_rows)
            rows = np.empty((n_rows, len(names)), self.kind)
            for first in range(0, len(names), _COLUMNS):
                some = names[first : first + _COLUMNS]
                found = self._layout.matrix(self._columns_of(batch, some))
                rows[:, first : first + _COLUMNS] = self._checked(found, n_rows)
            return rows

    def _checked(self, rows: Numbers, n_rows: int) -> Numbers:
        if len(rows) != n_rows:
            raise ValueError(f"a batch has {len(rows)} rows instead of {n_rows}")
        return rows

    def _columns_of(self, batch: int, names: Sequence[str]) -> Any:
        """Read some columns of a batch, in the order given."""
        places = [self._schema.get_field_index(name) for name in names]
        found = self._reader(sorted(places)).get_batch(batch).select([*names])
        found.validate(full=True)
        return found

    def _reader(self, places: Sequence[int] | None = None) -> Any:
        """Open the file for some of its columns; only their bytes are read."""
        import pyarrow as pa

        options = pa.ipc.IpcReadOptions(included_fields=places, use_threads=False)
        return pa.ipc.open_file(pa.OSFile(str(self.path)), options=options)

    def _blocks_in(self, file: IO[bytes]) -> tuple[list[Block], list[Block]]:
        """Return where the dictionaries and the record batches lie."""
        end = self._n_bytes - len(_END) - _LENGTH.size
        if end < len(ARROW) or self._at(file, 0, len(ARROW)) != ARROW:
            raise ValueError("it does not begin with ARROW1")
        tail = self._at(file, end, self._n_bytes - end)
        if not tail.endswith(_END):
            raise ValueError("it does not end with ARROW1")
        (n_footer,) = _LENGTH.unpack_from(tail)
        return blocks_of(memoryview(self._at(file, end - n_footer, n_footer)))

    def _metadata_of(self, file: IO[bytes], block: Block) -> memoryview:
        """Read the metadata of a message, without what says how long they are."""
        metadata = self._at(file, block.offset, block.n_metadata)
        if block.n_body < 0 or block.offset + block.n_metadata + block.n_body > self._n_bytes:
            raise ValueError("a message lies outside the file")
        return memoryview(metadata)[8 if metadata.startswith(_CONTINUES) else 4 :]

    def _check_batch(self, batch: int) -> None:
        with self.path.open("rb") as file:
            self._check_unpacked(file, [self._batches[batch]])

    def _check_unpacked(self, file: IO[bytes], blocks: Sequence[Block]) -> None:
        """Raise an error before messages take more memory than the file justifies."""
        total = 0
        for block in blocks:
            start = block.offset + block.n_metadata

            def claimed(offset: int, start: int = start) -> int:
                value: int = struct.unpack("<q", self._at(file, start + offset, 8))[0]
                return value

            total += claimed_bytes(self._metadata_of(file, block), block.n_body, claimed)
            check_room(total, self._n_bytes, self._source)

    def _at(self, file: IO[bytes], offset: int, n_bytes: int) -> bytes:
        if offset < 0 or n_bytes < 0 or offset + n_bytes > self._n_bytes:
            raise ValueError("a message lies outside the file")
        file.seek(offset)
        content = file.read(n_bytes)
        if len(content) != n_bytes:
            raise ValueError("it ends too early")
        return content


@contextmanager
def _reading(source: str) -> Iterator[None]:
    """Turn an error that says that a file is damaged into ours."""
    with translated(source, _WHAT):
        try:
            yield
        except struct.error as error:
            raise ValueError(*error.args) from None


def feather_schema(path: Path) -> Any:
    """Return the Arrow schema of a file.

    Raises
    ------
    MissingExtraError, FileFormatError
        If pyarrow is not installed, or cannot read the file.
    """
    source = str(path)
    check_installed(source, _WHAT)
    import pyarrow as pa

    with translate_os_errors(path, "read"), _reading(source), pa.OSFile(source) as file:
        return pa.ipc.open_file(file).schema
