"""A CSV of numbers, read from a copy of its rows.

Axes: n rows, V columns, m rows that are asked for.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import gettempdir

import numpy as np

from sdae.core.files import translate_os_errors
from sdae.data.stored.csv_stream import CsvStream, WiderType
from sdae.data.stored.scratch import CopiedRows, ScratchFile
from sdae.data.stored.shard import Groups, Numbers, stamp_of

logger = logging.getLogger("sdae")


class CsvShard(CopiedRows):
    """The rows of a CSV of numbers.

    Parameters
    ----------
    path : Path
    columns : sequence of str or None
        Names of the columns, in the order of delivery; None: all but the target.
    target : str or None
        Name of the column of labels, which are texts as they stand in the file.
    scratch : Path or None
        Folder for the copy; None: that for temporary files, which TMPDIR sets.
    with_codes : bool or None, default None
        Whether codes of digits, such as 007, are read as numbers; None: if columns are named.

    Raises
    ------
    NotNumbers
        If a value is missing, or is not a number.
    FileAccessError, FileFormatError, DataError
        If the file cannot be read, or the copy cannot be written; nothing is left of it.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str] | None,
        target: str | None,
        scratch: Path | None,
        *,
        with_codes: bool | None = None,
    ) -> None:
        self.path, self.named = path, True
        self.groups: Groups | None = None
        with translate_os_errors(path, "read"):
            self.stamp = stamp_of(path.stat())
        folder = Path(gettempdir()) if scratch is None else scratch
        stream = CsvStream(path, columns, target, as_written=True, with_codes=with_codes)
        self._copy, self._labels = _copied(stream, folder)
        self.columns, self.kind = stream.columns, stream.kind
        self.n_rows = self._copy.rows.n_rows
        logger.warning(
            "The rows of %s were copied to %s, where they take %s bytes until they are not used "
            "any more.",
            path,
            folder,
            f"{self.n_rows * len(self.columns) * self.kind.itemsize:,}",
        )

    def labels(self) -> Numbers | None:
        """Return the target of all rows, (n,); None if there is none."""
        if not self._labels:
            return None
        if any(part.dtype.kind == "O" for part in self._labels):
            return np.concatenate([part.astype(object) for part in self._labels])
        return np.concatenate(self._labels)


def _copied(stream: CsvStream, folder: Path) -> tuple[ScratchFile, list[Numbers]]:
    """Copy the rows of a CSV, and return the copy and the labels."""
    while True:
        labels: list[Numbers] = []
        try:
            return ScratchFile(folder, stream.kind, _rows(stream, labels)), labels
        except WiderType:
            continue


def _rows(stream: CsvStream, labels: list[Numbers]) -> Iterator[Numbers]:
    for rows, some in stream.blocks():
        if some is not None:
            labels.append(some)
        yield rows
