"""Write an NPY file a block of rows at a time, without knowing how many there will be.

Axes: V columns.
"""

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from sdae.data.stored.shard import Numbers


class NpyWriter:
    """A file of rows that is being written; a context manager.

    NumPy leaves room in a header for any number of rows, so the header is written again at the end.

    Parameters
    ----------
    path : Path
    kind : numpy.dtype
        Type of the numbers.
    """

    def __init__(self, path: Path, kind: "np.dtype[Any]") -> None:
        self._kind = kind.newbyteorder("<")
        self._file = path.open("wb")
        self._shape = (0, 0)

    def __enter__(self) -> "NpyWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                start = self._file.tell()
                self._file.seek(0)
                self._write_header()
                self._file.seek(start)
        finally:
            self._file.close()

    def add(self, block: Numbers) -> None:
        """Append rows, (rows, V)."""
        if self._shape == (0, 0):
            self._shape = (0, block.shape[1])
            self._write_header()
        self._shape = (self._shape[0] + len(block), self._shape[1])
        self._file.write(np.ascontiguousarray(block, self._kind).data)

    def _write_header(self) -> None:
        header = {"descr": self._kind.str, "fortran_order": False, "shape": self._shape}
        np.lib.format.write_array_header_1_0(self._file, header)
