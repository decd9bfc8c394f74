"""Rows of a table on the disk of which all columns are plain numbers: a copy of them, not rounded.

Axes: n rows, V columns, m rows that are asked for.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import numpy as np

from sdae.core.files import translate_os_errors
from sdae.core.schema.table_rows import TableRows
from sdae.core.source_rows import SourceRows
from sdae.data.exact import fits_float32
from sdae.data.plain_numbers import plain_numbers
from sdae.data.stored.rows import DiskRows
from sdae.data.stored.scratch import CopiedRows, ScratchFile, check_room_on_disk
from sdae.data.stored.shard import Groups, Numbers, stamp_of

logger = logging.getLogger("sdae")


def numbers_on_disk(rows: TableRows, memory: int, scratch: Path | None) -> SourceRows | None:
    """Copy rows of plain numbers; None if a column holds something else, or has a gap.

    Raises
    ------
    SdaeError
        If the files cannot be read, or the copy cannot be written.
    """
    kind = _kind_of(rows)
    if kind is None:
        return None
    shard = NumberShard(rows, kind, Path(gettempdir()) if scratch is None else scratch)
    return SourceRows(DiskRows([shard], None, None, memory))


class NumberShard(CopiedRows):
    """The numbers of a table, read from a copy of them.

    Parameters
    ----------
    rows : TableRows
        In the order of the file.
    kind : numpy.dtype
        A type that holds them.
    folder : Path
        Where to make the copy.

    Raises
    ------
    FileAccessError, DataError
        If the copy cannot be written; nothing is left of it.
    """

    def __init__(self, rows: TableRows, kind: "np.dtype[np.floating]", folder: Path) -> None:
        self.path, self.named = Path(rows.source), True
        with translate_os_errors(self.path, "read"):
            self.stamp = stamp_of(self.path.stat())
        self.n_rows, self.columns, self.kind = len(rows), rows.names, kind
        self.groups: Groups | None = None
        n_bytes = self.n_rows * len(self.columns) * kind.itemsize
        check_room_on_disk(folder, n_bytes, rows.source)
        logger.warning(
            "The rows of %s were copied to %s, where they take %s bytes until they are not used "
            "any more.",
            rows.source,
            folder,
            f"{n_bytes:,}",
        )
        self._copy = ScratchFile(folder, kind, _blocks(rows))


def _kind_of(rows: TableRows) -> "np.dtype[np.floating] | None":
    """Return the narrowest type that holds all rows; None if they are not plain numbers."""
    kind: np.dtype[np.floating] = np.dtype(np.float32)
    for block in rows.blocks():
        numbers = plain_numbers(block)
        if numbers is None:
            return None
        if kind == np.float32 and not fits_float32(numbers):
            kind = np.dtype(np.float64)
    return kind


def _blocks(rows: TableRows) -> Iterator[Numbers]:
    for block in rows.blocks():
        numbers = plain_numbers(block)
        assert numbers is not None  # as they were looked at before
        yield numbers
