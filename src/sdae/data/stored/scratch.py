"""A copy of rows whose groups are too large for the memory, in a temporary file.

The copy is an NPY file, of which single rows can be read. Its folder is removed when nothing uses
the copy any more, and at the latest when the process ends.

Axes: n rows, V columns, m rows that are asked for.
"""

import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError, FileAccessError
from sdae.core.files import translate_os_errors
from sdae.data.stored.gaps import without_gaps
from sdae.data.stored.npy_shard import NpyShard
from sdae.data.stored.npy_writing import NpyWriter
from sdae.data.stored.paths import COPY
from sdae.data.stored.shard import Groups, Numbers, Shard

logger = logging.getLogger("sdae")

_MOST_ROWS = 4096
_SHARE = 8  # of the memory for rows, that a block may take while it is rewritten


class CopiedRows:
    """What shards have in common whose rows are read from a copy: reading, and the end."""

    _copy: "ScratchFile"

    def read(self, places: NDArray[np.int64]) -> Numbers:
        """Read rows by their places, which never fall, (m,) -> (m, V)."""
        return self._copy.rows.read(places)

    def blocks(self, n_rows: int) -> Iterator[Numbers]:
        """Yield all rows from the first to the last, at most `n_rows` at a time."""
        return self._copy.rows.blocks(n_rows)

    def labels(self) -> Numbers | None:
        """Return None: labels are read from the file itself, or with its table."""
        return None

    def close(self) -> None:
        """Remove the copy; rows cannot be read any more."""
        self._copy.close()


class ScratchShard(CopiedRows):
    """The rows of another shard, read from a copy of them.

    Parameters
    ----------
    shard : Shard
        With groups; it is read once, from the first row to the last.
    groups : Groups
        Those of the shard.
    folder : Path
        Where to make the copy.
    memory : int
        Bytes for rows.
    with_gaps : bool
        Whether missing values are copied too.

    Raises
    ------
    FileAccessError
        If the copy cannot be written, for example because the disk is full; nothing is left of it.
    GapInCopy
        If a value is missing, and gaps are not to be copied.
    """

    def __init__(
        self, shard: Shard, groups: Groups, folder: Path, memory: int, *, with_gaps: bool
    ) -> None:
        self.path, self.stamp = shard.path, shard.stamp
        self.n_rows, self.columns, self.kind = shard.n_rows, shard.columns, shard.kind
        self.named = shard.named
        self.groups: Groups | None = None
        n_bytes = shard.n_rows * groups.row_bytes
        check_room_on_disk(folder, n_bytes, str(shard.path))
        logger.warning(
            "%s, more than memory=%s. Its rows are first rewritten to %s, where they take %s bytes "
            "until they are not used any more.",
            groups.described(),
            f"{memory:,}",
            folder,
            f"{n_bytes:,}",
        )
        n_rows = max(1, min(_MOST_ROWS, memory // _SHARE // groups.row_bytes))
        blocks = shard.blocks(n_rows)
        if not with_gaps:
            blocks = without_gaps(blocks, shard.path, shard.columns, groups)
        self._copy = ScratchFile(folder, shard.kind, blocks)


class ScratchFile:
    """Rows in an NPY file of their own, in a folder that is removed with them.

    Parameters
    ----------
    folder : Path
        Where to make the folder.
    kind : numpy.dtype
        Type of the numbers.
    blocks : iterable of ndarray
        All rows, (n, V), some at a time.

    Attributes
    ----------
    rows : NpyShard

    Raises
    ------
    FileAccessError
        If it cannot be written, for example because the disk is full; nothing is left of it.
    """

    def __init__(self, folder: Path, kind: "np.dtype[Any]", blocks: Iterable[Numbers]) -> None:
        with translate_os_errors(folder / "rows", "write"):
            own = Path(tempfile.mkdtemp(prefix=COPY, dir=folder))
        self._remove = weakref.finalize(self, _remove_own, own, os.getpid())
        try:
            path = own / "rows.npy"
            with translate_os_errors(path, "write"), NpyWriter(path, kind) as writer:
                for block in blocks:
                    writer.add(block)
            self.rows = NpyShard(path, None, None)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the file; rows cannot be read any more."""
        self._remove()


def check_room_on_disk(folder: Path, n_bytes: int, source: str) -> None:
    """Raise an error before writing to a disk that is too small.

    Raises
    ------
    FileAccessError
        If the folder is not there.
    DataError
        If its disk has less room.
    """
    with translate_os_errors(folder, "read"):
        if not folder.is_dir():
            raise FileAccessError(
                f"The scratch parameter of open_rows must be a folder. Got {str(folder)!r}, which "
                "is not there or is not a folder."
            )
        free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise DataError(
            f"The rows of {source} take {n_bytes:,} bytes, but the disk of scratch={str(folder)!r} "
            f"has {free:,} bytes free. Name a folder on a larger disk by scratch (--scratch on the "
            "command line), or raise memory."
        )


def _remove_own(folder: Path, process: int) -> None:
    """Remove the folder of a copy, but not in a forked child, whose parent still reads it."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
