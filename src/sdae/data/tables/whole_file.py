"""A file of a table as a whole: all of its columns, to be written again with gaps filled."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sdae.core.schema.raw_table import RawTable
from sdae.data.tables.arrow_cells import arrow_of, completed_arrow, rows_of, write_arrow
from sdae.data.tables.arrow_file import ARROW, PARQUET, ArrowFile
from sdae.data.tables.csv_cells import CsvCells
from sdae.data.tables.csv_file import SHARE
from sdae.data.tables.filled_column import FilledColumn
from sdae.data.tables.formats import check_content
from sdae.data.tables.options import ReadOptions
from sdae.data.tables.reading import read_table
from sdae.data.tables.unpacking import unpacked


@dataclass(frozen=True, eq=False)
class CompletedCsv:
    """What is written as a CSV.

    Attributes
    ----------
    header : list of str
    rows : iterable of list
    separator : str
    """

    header: list[str]
    rows: Iterable[list[Any]]
    separator: str


class WholeFile:
    """All columns of a file, those too that a model does not use.

    Parameters
    ----------
    content : bytes
        The bytes of the file.
    source : str
        What the file is called in messages.
    usual_separator : str or None
        The separator of earlier files.

    Attributes
    ----------
    names : list of str

    Raises
    ------
    SdaeError
        If the file cannot be read.
    """

    def __init__(self, content: bytes, source: str, usual_separator: str | None = None) -> None:
        check_content(content, source)
        self._content, self._source = content, source
        self._csv: CsvCells | None = None
        if content.startswith((PARQUET, ARROW)):
            self._arrow = ArrowFile(content, source)
            self.names = self._arrow.header
        else:
            self._csv = CsvCells(unpacked(content, source, SHARE), source, usual_separator)
            self.names = self._csv.names

    def texts(self, names: Sequence[str]) -> list[list[str]]:
        """Return some columns as they stand in the file, a list for each row; a gap is empty."""
        if self._csv is not None:
            return self._csv.texts(names)
        rows = rows_of(self._arrow.whole().select(list(names)))
        return [["" if value is None else str(value) for value in row] for row in rows]

    def as_csv(self, columns: Sequence[FilledColumn], decimal: str | None) -> CompletedCsv:
        """Return what to write as a CSV, with gaps filled; `decimal` is that of a CSV."""
        if self._csv is not None:
            rows = self._csv.completed(columns, decimal or ".")
            return CompletedCsv(self._csv.header, rows, self._csv.separator)
        return CompletedCsv(self.names, self._rows(columns), ",")

    def write_arrow(
        self, columns: Sequence[FilledColumn], options: ReadOptions, kind: str, path: Path
    ) -> None:
        """Write the table, with gaps filled.

        Parameters
        ----------
        columns : sequence of FilledColumn
        options : ReadOptions
            How the columns of a CSV are read.
        kind : str
            ``.parquet``, ``.feather`` or ``.arrow``.
        path : Path
        """
        is_arrow = self._csv is None
        table = self._arrow.whole() if is_arrow else arrow_of(list(self._typed(options)))
        write_arrow(completed_arrow(table, columns), kind, path)

    def _rows(self, columns: Sequence[FilledColumn]) -> Iterator[list[Any]]:
        yield from rows_of(completed_arrow(self._arrow.whole(), columns))

    def _typed(self, options: ReadOptions) -> RawTable:
        """Return the columns of a CSV, in its order, each as what it holds."""
        options = replace(options, keep=frozenset(self.names))  # an index column too
        found = read_table(self._source, options, content=self._content, strict=False)
        columns = {column.name: column for column in (*found.table, *found.ids)}
        return RawTable([columns[name] for name in self.names if name in columns])
