"""A table of typed columns on the disk: its rows as a schema encodes them go to a copy, as NPY.

Axes: n rows, V components, m rows that are asked for.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import gettempdir

import numpy as np
from numpy.typing import NDArray

from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.table_schema import Schema
from sdae.core.schema.unfit import check_numbers
from sdae.core.source_rows import SourceRows
from sdae.data.stored.rows import DiskRows
from sdae.data.stored.scratch import CopiedRows, ScratchFile, check_room_on_disk
from sdae.data.stored.shard import Groups
from sdae.data.stored.typed_file import TypedFile

logger = logging.getLogger("sdae")

_PER_CELL = 8


class DiskTable:
    """Some columns of a file of typed columns.

    Parameters
    ----------
    file : TypedFile
    names : sequence of str
        The columns.
    memory : int
        Bytes for rows.
    scratch : Path or None
        Folder for copies; None: that for temporary files, which TMPDIR sets.
    """

    def __init__(
        self, file: TypedFile, names: Sequence[str], memory: int, scratch: Path | None
    ) -> None:
        self._file, self.names = file, tuple(names)
        self._memory, self._scratch = memory, scratch
        self.source, self.n_rows = file.source, file.n_rows
        self.window = memory // (_PER_CELL * len(self.names))
        self._known: tuple[Schema, SourceRows] | None = None

    def blocks(self, names: Sequence[str]) -> Iterator[RawTable]:
        """Yield all rows of some columns, some at a time.

        Raises
        ------
        DataError
            If a number is infinite or too large to scale.
        """
        for block in self._file.blocks(names):
            check_numbers(block, self.source)
            yield block

    def encoded(self, schema: Schema) -> SourceRows:
        """Return all rows as a schema encodes them; they are written once.

        Raises
        ------
        DataError
            If the disk is too small for them; nothing is written then.
        """
        if self._known is None or self._known[0] is not schema:
            self._known = None  # an older copy is removed before
            folder = Path(gettempdir()) if self._scratch is None else self._scratch
            used = [column.name for column in schema.used]
            shard = EncodedShard(self._file, self.blocks(used), schema, folder)
            self._known = schema, SourceRows(DiskRows([shard], None, None, self._memory))
        return self._known[1]


class EncodedShard(CopiedRows):
    """The rows of a table as a schema encodes them, read from a copy of them.

    Raises
    ------
    FileAccessError, DataError
        If the copy cannot be written; nothing is left of it.
    """

    def __init__(
        self, file: TypedFile, blocks: Iterator[RawTable], schema: Schema, folder: Path
    ) -> None:
        self.path, self.stamp = Path(file.source), file.stamp
        self.n_rows, self.columns = file.n_rows, schema.parts
        self.kind: np.dtype[np.floating] = np.dtype(np.float32)
        self.named = False
        self.groups: Groups | None = None
        n_bytes = self.n_rows * len(self.columns) * self.kind.itemsize
        check_room_on_disk(folder, n_bytes, file.source)
        logger.warning(
            "The rows of %s are encoded once, to %s, where they take %s bytes until they are not "
            "used any more.",
            file.source,
            folder,
            f"{n_bytes:,}",
        )
        self._copy = ScratchFile(folder, self.kind, _encoded(blocks, schema, file.source))


def _encoded(
    blocks: Iterator[RawTable], schema: Schema, caller: str
) -> Iterator[NDArray[np.float32]]:
    unexpected = set[str]()
    for block in blocks:
        rows, gaps = schema.encoded(block, caller)
        unexpected |= gaps
        yield rows
    schema.warn_of_gaps(unexpected, caller)
