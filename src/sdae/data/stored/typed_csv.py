"""A CSV of any size as a table of typed columns, read a block of rows at a time.

The types of its columns, and how its numbers are written, are known when all rows have been seen:
they are read once for that.

Axes: n rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sdae.core.errors import DataError
from sdae.core.files import checked_size, translate_os_errors
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.table_schema import Written
from sdae.core.wording import quoted
from sdae.data.csv_lines import CsvRows
from sdae.data.stored.shard import check_unchanged, stamp_of
from sdae.data.stored.text_lines import beginning_of, lines_of
from sdae.data.stored.typed_file import rows_of_a_block
from sdae.data.tables.csv_file import SAMPLE_BYTES, separator_of
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
        checked_size(path)
        self._path, self.source, self._options = path, str(path), options
        with translate_os_errors(path, "read"):
            self.stamp = stamp_of(path.stat())
        sample = beginning_of(path, SAMPLE_BYTES + 1)
        self._separator = options.separator or separator_of(sample, options.usual_separator)
        remarks: list[Remark] = []
        with self._rows() as rows:
            header = rows.header
        # As pandas names them.
        self._names = [each or f"Unnamed: {place}" for place, each in enumerate(header)]
        checked_names(self._names, options, (*always, *targets), self.source)
        check_header(header, remarks)
        kept = without_index(self._names, header, options, (*always, *targets), remarks)
        self._kinds: Mapping[str, Kind] = {}
        self._labels: dict[str, TextColumn] = {}
        self.n_rows = 0
        decided = self._find_kinds(kept, targets, remarks)
        unnamed = {name for name, title in zip(self._names, header, strict=True) if not title}
        for name in [name for name in kept if name in unnamed and name in self._empty]:
            text = f"{quoted(name)} has no name and no values: left out."
            remarks.append(Remark(name, "unnamed_and_empty", text))
            kept.remove(name)
        check_remarks(remarks, self.source)
        self.columns, self.remarks = tuple(kept), tuple(remarks)
        unusual = self._separator if self._separator not in SEPARATORS else None
        self.written = Written(decided, unusual)

    def blocks(self, names: Sequence[str]) -> Iterator[RawTable]:
        """Yield all rows of some columns, from the first to the last, some at a time."""
        for columns in self._text_columns(names):
            yield RawTable(
                [self._kinds[column.name].values(column, self._options) for column in columns]
            )

    def labels(self, name: str) -> tuple[RawColumn, RawColumn]:
        """Return a target of all rows: typed, and as the texts that stand in the file."""
        column = self._labels[name]
        typed = self._kinds[name].values(column, self._options)
        is_text = typed.type is ColumnType.TEXT
        return typed, typed if is_text else as_texts(column, self._options)

    def texts(self, names: Sequence[str]) -> Iterator[list[str]]:
        """Yield the rows of some columns as they stand in the file."""
        places = [self._names.index(name) for name in names]
        with self._rows() as rows:
            for chunk in rows.chunks():
                yield from ([fields[place] for place in places] for fields in chunk)

    def _find_kinds(
        self, kept: Sequence[str], targets: Sequence[str], remarks: list[Remark]
    ) -> str | None:
        """Read all rows, and find the kinds of the columns; return the decimal character."""
        options = self._options
        numerals = Numerals(dialects(options))
        evidence = {name: Evidence(name, options, numerals) for name in kept}
        beginnings = {name: _Beginning(name) for name in kept}
        labels: dict[str, list[str]] = {name: [] for name in targets}
        for columns in self._text_columns(kept):
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

    def _text_columns(self, names: Sequence[str]) -> Iterator[list[TextColumn]]:
        """Yield some rows of some columns at a time."""
        check_unchanged(self._path, self.stamp)
        places = [self._names.index(name) for name in names]
        most = rows_of_a_block(len(names))
        pieces: list[list[str]] = [[] for _ in names]
        with self._rows() as rows:
            for chunk in rows.chunks():
                for piece, place in zip(pieces, places, strict=True):
                    piece += [fields[place] for fields in chunk]
                if names and len(pieces[0]) >= most:
                    yield _joined(names, pieces)
                    pieces = [[] for _ in names]
        if names and pieces[0]:
            yield _joined(names, pieces)

    @contextmanager
    def _rows(self) -> Iterator[CsvRows]:
        with lines_of(self._path) as (_, lines):
            yield CsvRows(lines, self.source, self._separator)


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


def _joined(names: Sequence[str], pieces: Sequence[Sequence[str]]) -> list[TextColumn]:
    return [
        TextColumn(name, SEPARATOR.join(texts)) for name, texts in zip(names, pieces, strict=True)
    ]
