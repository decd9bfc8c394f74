"""Parquet and Feather files of columns of any type, from the first row to the last.

Axes: n rows.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from sdae.core.files import checked_size, translate_os_errors
from sdae.data.parquet_table import open_parquet, translated
from sdae.data.stored.arrow_layout import check_installed
from sdae.data.stored.feather_file import FeatherFile, reading
from sdae.data.stored.shard import Stamp, check_unchanged, stamp_of
from sdae.data.tables.arrow_file import dictionaries_in


class ArrowTable(Protocol):
    """A file of Arrow's columns."""

    @property
    def path(self) -> Path:
        """Where the file is."""
        ...

    @property
    def stamp(self) -> Stamp:
        """The state in which it was opened."""
        ...

    @property
    def types(self) -> dict[str, Any]:
        """The Arrow type of each column."""
        ...

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        ...

    @property
    def declared(self) -> set[str]:
        """The columns that were dictionaries before they were written."""
        ...

    @property
    def n_rows(self) -> int:
        """The number of rows, n."""
        ...

    def batches(self, names: Sequence[str], n_rows: int) -> Iterator[Any]:
        """Yield the record batches of some columns, of at most `n_rows` rows.

        Raises
        ------
        FileAccessError, FileFormatError
            If the file cannot be read, or is not as it was when it was opened.
        """
        ...


class ParquetTable:
    """A Parquet file.

    Raises
    ------
    MissingExtraError, FileAccessError, FileFormatError
        If pyarrow is not installed, or the file cannot be read or is damaged.
    """

    def __init__(self, path: Path) -> None:
        checked_size(path)
        self.path, self._source = path, str(path)
        check_installed(self._source, "a Parquet file")
        with translate_os_errors(path, "read"):
            self.stamp = stamp_of(path.stat())
        with translated(self._source):
            file = open_parquet(path)
            self._metadata = file.metadata
            fields = list(file.schema_arrow)
            self.declared = dictionaries_in(self._metadata.metadata or {})
        self.header = [field.name for field in fields]
        self.types = {field.name: field.type for field in fields}
        self.n_rows: int = self._metadata.num_rows

    def batches(self, names: Sequence[str], n_rows: int) -> Iterator[Any]:
        """Yield the record batches of some columns, of at most `n_rows` rows."""
        check_unchanged(self.path, self.stamp)
        with translated(self._source):
            file = open_parquet(self.path, metadata=self._metadata)
            found = 0
            for batch in file.iter_batches(n_rows, columns=[*names], use_threads=False):
                found += batch.num_rows
                yield batch.select([*names])  # the file's order is another one
            if found != self.n_rows:
                raise ValueError(f"{found} rows instead of {self.n_rows}")


class FeatherTable:
    """A Feather file; each of its record batches is read whole.

    Raises
    ------
    MissingExtraError, FileAccessError, FileFormatError
        If pyarrow is not installed, or the file cannot be read or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._file = path, FeatherFile(path)
        self.stamp = self._file.stamp
        self.header = [field.name for field in self._file.schema]
        self.types = {field.name: field.type for field in self._file.schema}
        self.declared = set[str]()
        self.n_rows = sum(self._file.sizes)

    def batches(self, names: Sequence[str], n_rows: int) -> Iterator[Any]:
        """Yield the record batches of some columns, of at most `n_rows` rows."""
        check_unchanged(self.path, self.stamp)
        for number, size in enumerate(self._file.sizes):
            with reading(str(self.path)):
                self._file.check_batch(number)
                batch = self._file.columns_of(number, names)
                if batch.num_rows != size:
                    raise ValueError(f"a batch has {batch.num_rows} rows instead of {size}")
            for start in range(0, size, n_rows):
                yield batch.slice(start, n_rows)
