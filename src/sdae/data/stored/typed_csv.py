"""A CSV of any size as a table of typed columns, read a block of rows at a time.

The types of its columns, and how its numbers are written, are known when all rows have been seen:
they are read once for that.

Axes: n rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sdae.core.errors import DataError
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.table_schema import Written
from sdae.core.wording import quoted
from sdae.data.stored.csv_text import CsvText
from sdae.data.tables.dialect import Numerals, decide, dialects
from sdae.data.tables.options import SEPARATORS, ReadOptions
from sdae.data.tables.reading import check_header, check_remarks, checked_names, without_index
from sdae.data.tables.remarks import Remark
from sdae.data.tables.text_kinds import Evidence, Kind
from sdae.data.tables.typed_texts import SAMPLE, SEPARATOR, TextColumn, as_texts


class TypedCsv:
    """A CSV, packed with gzip or not.

    Parameters
    ----------
    path : Path
    options : ReadOptions
    targets : sequence of str
        Columns of labels, which are kept in memory.
    always : sequence of str
        More columns that are read whatever `options.keep` says.

    Raises
    ------
    FileAccessError, FileFormatError
        If the file cannot be read, or is not a CSV.
    DataError
        If a column that is named is not there, or cannot be used, or there are no rows.
    """

    def __init__(
        self, path: Path, options: ReadOptions, targets: Sequence[str], always: Sequence[str]
    ) -> None:
        self._text, self._options = (
            CsvText(path, options.separator, options.usual_separator),
            options,
        )
        self.source, self.stamp = self._text.source, self._text.stamp
        names, header = self._text.names, self._text.header
        remarks: list[Remark] = []
        checked_names(names, options, (*always, *targets), self.source)
        check_header(header, remarks)
        kept = without_index(names, header, options, (*always, *targets), remarks)
        self._kinds: Mapping[str, Kind] = {}
        self._labels: dict[str, TextColumn] = {}
        self.n_rows = 0
        decided = self._find_kinds(kept, targets, remarks)
        unnamed = {name for name, title in zip(names, header, strict=True) if not title}
        for name in [name for name in kept if name in unnamed and name in self._empty]:
            text = f"{quoted(name)} has no name and no values: left out."
            remarks.append(Remark(name, "unnamed_and_empty", text))
            kept.remove(name)
        check_remarks(remarks, self.source)
        self.columns, self.remarks = tuple(kept), tuple(remarks)
        separator = self._text.separator
        self.written = Written(decided, separator if separator not in SEPARATORS else None)

    def blocks(self, names: Sequence[str]) -> Iterator[RawTable]:
        """Yield all rows of some columns, from the first to the last, some at a time."""
        for columns in self._text.columns(names):
            yield RawTable(
                [self._kinds[column.name].values(column, self._options) for column in columns]
            )

    def labels(self, name: str) -> tuple[RawColumn, RawColumn]:
        """Return a target of all rows: typed, and as the texts that stand in the file."""
        column = self._labels[name]
        typed = self._kinds[name].values(column, self._options)
        is_text = typed.type is ColumnType.TEXT
        return typed, typed if is_text else as_texts(column, self._options)

    def _find_kinds(
        self, kept: Sequence[str], targets: Sequence[str], remarks: list[Remark]
    ) -> str | None:
        """Read all rows, and find the kinds of the columns; return the decimal character."""
        options = self._options
        numerals = Numerals(dialects(options))
        evidence = {name: Evidence(name, options, numerals) for name in kept}
        beginnings = {name: _Beginning(name) for name in kept}
        labels: dict[str, list[str]] = {name: [] for name in targets}
        for columns in self._text.columns(kept):
            for column in columns:
                evidence[column.name].add(column)
                beginnings[column.name].add(column)
                if column.name in labels:
                    labels[column.name].append(column.joined)
            self.n_rows += columns[0].joined.count(SEPARATOR) + 1
        if not self.n_rows or not kept:
            raise DataError(
                f"{self.source} is empty: it has {self.n_rows} rows and {len(kept)} columns. Both "
                "must be at least 1."
            )
        self._labels = {
            name: TextColumn(name, SEPARATOR.join(pieces)) for name, pieces in labels.items()
        }
        self._empty = {name for name in kept if not evidence[name].has_values}
        has_commas = any(beginning.has_comma for beginning in beginnings.values())
        found = [each for each in beginnings.values() if each.has_comma or each.has_point]
        known = (each.column.beginning.known(options) for each in found)
        decided = decide(known if has_commas else (), options).decided
        self._kinds = {name: evidence[name].kind(decided, remarks) for name in kept}
        return None if decided is None else decided.decimal


class _Beginning:
    """The first texts of a column, and which characters are in all of them."""

    def __init__(self, name: str) -> None:
        self.column = TextColumn(name, "")
        self.has_comma = self.has_point = False
        self._is_new = True

    def add(self, column: TextColumn) -> None:
        """Add rows."""
        self.has_comma = self.has_comma or "," in column.joined
        self.has_point = self.has_point or "." in column.joined
        if len(self.column.joined) <= SAMPLE:
            before = [] if self._is_new else [self.column.joined]
            joined = SEPARATOR.join([*before, column.joined])
            self.column = TextColumn(column.name, joined[: SAMPLE + 1])
        self._is_new = False
