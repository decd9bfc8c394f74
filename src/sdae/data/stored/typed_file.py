"""Tables of columns of any type that stay on the disk, and are read a block of rows at a time.

Axes: n rows, V columns.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from sdae.core.schema.raw_table import RawColumn, RawTable
from sdae.core.schema.table_schema import Written
from sdae.data.stored.shard import Stamp
from sdae.data.tables.remarks import Remark

_CELLS = 1 << 18


class TypedFile(Protocol):
    """A file, or the files of a folder, whose columns and their types are known."""

    @property
    def source(self) -> str:
        """What it is called in messages."""
        ...

    @property
    def stamp(self) -> Stamp:
        """The state in which the first file was opened."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that are read, targets and those that name rows included."""
        ...

    @property
    def n_rows(self) -> int:
        """The number of rows, n."""
        ...

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What was left out, or not understood."""
        ...

    @property
    def written(self) -> Written:
        """How a CSV is written, where that is not the usual way."""
        ...

    def blocks(self, names: Sequence[str]) -> Iterator[RawTable]:
        """Yield all rows of some columns, from the first to the last, some at a time.

        Raises
        ------
        FileAccessError, FileFormatError
            If a file cannot be read, or is not as it was when it was opened.
        """
        ...

    def labels(self, name: str) -> tuple[RawColumn, RawColumn]:
        """Return a column of all rows: typed, and as texts."""
        ...


class TextFile(Protocol):
    """A file, or the files of a folder, whose cells are read as they stand there."""

    @property
    def names(self) -> list[str]:
        """The names of all columns."""
        ...

    def texts(self, names: Sequence[str]) -> Iterator[list[str]]:
        """Yield the rows of some columns as they stand in the file; a gap is empty.

        Raises
        ------
        FileAccessError, FileFormatError
            If a file cannot be read, or is not as it was when it was opened.
        """
        ...


def rows_of_a_block(n_columns: int) -> int:
    """Return how many rows are read at a time."""
    return max(1, _CELLS // max(1, n_columns))
