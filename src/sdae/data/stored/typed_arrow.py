"""Parquet and Feather files as a table of typed columns, read a block of rows at a time.

Axes: n rows.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sdae.core.errors import DataError
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable, below_each_other
from sdae.core.schema.table_schema import AS_USUAL
from sdae.core.wording import quoted
from sdae.data.bounds import check_columns
from sdae.data.stored.arrow_tables import ArrowTable
from sdae.data.stored.typed_file import rows_of_a_block
from sdae.data.tables.arrow_cells import rows_of_batch
from sdae.data.tables.arrow_columns import column_of, numbers_of, texts_of, type_of, unsupported
from sdae.data.tables.options import ReadOptions
from sdae.data.tables.reading import as_texts, check_remarks, checked_names, without_index
from sdae.data.tables.remarks import Remark


class TypedArrow:
    """The rows of files with the same columns, one file after the other.

    Parameters
    ----------
    files : sequence of ArrowTable
    source : str
        What they are called in messages.
    options : ReadOptions
    always : sequence of str
        Columns that are read whatever `options.keep` says.

    Raises
    ------
    DataError
        If a column that is named is not there, or cannot be used, or there are no rows.
    """

    def __init__(
        self, files: Sequence[ArrowTable], source: str, options: ReadOptions, always: Sequence[str]
    ) -> None:
        self._files, self.source, self._options = files, source, options
        first = files[0]
        self.stamp, self.written = first.stamp, AS_USUAL
        check_columns(len(first.header), source)
        remarks: list[Remark] = []
        names = checked_names(first.header, options, always, source)
        kept = without_index(names, names, options, always, remarks)
        for name in kept:
            if type_of(first.types[name]) is None:
                remarks.append(unsupported(name, str(first.types[name])))
        check_remarks(remarks, source)
        self.columns, self.remarks = tuple(kept), tuple(remarks)
        for file in files[1:]:
            self._check_alike(file)
        self.n_rows = sum(file.n_rows for file in files)
        if not self.n_rows or not kept:
            raise DataError(
                f"{source} is empty: it has {self.n_rows} rows and {len(kept)} columns. Both must "
                "be at least 1."
            )

    def blocks(self, names: Sequence[str]) -> Iterator[RawTable]:
        """Yield all rows of some columns, from the first to the last, some at a time."""
        n_rows = rows_of_a_block(len(names))
        for file in self._files:
            for batch in file.batches(names, n_rows):
                if batch.num_rows:
                    yield RawTable([self._column(file, batch, name) for name in names])

    def labels(self, name: str) -> tuple[RawColumn, RawColumn]:
        """Return a column of all rows: typed, and as texts."""
        column = below_each_other([block.columns[0] for block in self.blocks([name])])
        return column, as_texts(column)

    def _column(self, file: ArrowTable, batch: Any, name: str) -> RawColumn:
        part = batch.column(batch.schema.get_field_index(name))
        arrow_type, options = file.types[name], self._options
        kind = type_of(arrow_type)
        assert kind is not None  # others are refused
        values = texts_of(part) if kind is ColumnType.TEXT else numbers_of(part)
        declared = name in file.declared or name in options.categorical
        remarks: list[Remark] = []
        found = column_of(name, arrow_type, kind, values, options, remarks, declared=declared)
        check_remarks(remarks, self.source)
        return found

    def _check_alike(self, file: ArrowTable) -> None:
        """Raise an error for a file without the columns of the first, or with others' types."""
        first = self._files[0]
        for name in self.columns:
            if name not in file.types:
                raise DataError(
                    f"{file.path} has no column {quoted(name)}, which {first.path.name} has. All "
                    "files of a folder must have the same columns: convert it, or move it "
                    "elsewhere."
                )
            ours, theirs = file.types[name], first.types[name]
            if type_of(ours) is not type_of(theirs):
                raise DataError(
                    f"{file.path} has values of type {ours} in column {quoted(name)}, where "
                    f"{first.path.name} has {theirs}. All files of a folder must have the same "
                    "columns: convert it, or move it elsewhere."
                )


class ArrowTexts:
    """The cells of files with the same columns, as Python writes them."""

    def __init__(self, files: Sequence[ArrowTable]) -> None:
        self._files, self.names = files, files[0].header

    def texts(self, names: Sequence[str]) -> Iterator[list[str]]:
        """Yield the rows of some columns; a gap is empty."""
        for file in self._files:
            for batch in file.batches(names, rows_of_a_block(len(names))):
                for row in rows_of_batch(batch):
                    yield ["" if value is None else str(value) for value in row]
