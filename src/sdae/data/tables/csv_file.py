"""Tables of texts: comma-separated values, and what else is between fields.

The texts of a column are kept as one text until its type is found: as Python objects they would
take ten times the memory of the file. Axes: n rows, V columns.
"""

import csv
import sys
from collections.abc import Collection, Sequence
from typing import NamedTuple

from sdae.core.errors import DataError
from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.data.bounds import check_room
from sdae.data.csv_lines import CsvLines
from sdae.data.tables.dialect import Numerals, decide
from sdae.data.tables.options import SEPARATORS, ReadOptions
from sdae.data.tables.remarks import Remark
from sdae.data.tables.text_kinds import typed
from sdae.data.tables.typed_texts import SEPARATOR, TextColumn, as_texts

SHARE = 4
"""A table takes at most so many times the memory of its text, checked again when it is known."""

_SAMPLE_LINES, SAMPLE_BYTES = 20, 1 << 16
_PER_CELL, _PER_TEXT = 8, 60  # bytes of a number or a reference; of a text, without its characters


class CsvTable(NamedTuple):
    """What a CSV holds.

    Attributes
    ----------
    columns : list of RawColumn
    labels : list of RawColumn
        The targets as they stand in the file.
    separator : str
    decimal : str
    decided : str or None
        The decimal character, if the numbers of the file or the user decide it.
    """

    columns: list[RawColumn]
    labels: list[RawColumn]
    separator: str
    decimal: str
    decided: str | None


class CsvFile:
    """A CSV whose columns are known, and whose rows are not read yet.

    Raises
    ------
    FileFormatError, DataError
        As :class:`~sdae.data.csv_lines.CsvLines` does.
    """

    def __init__(self, content: bytes, source: str, options: ReadOptions, n_packed: int) -> None:
        self._options, self._source, self._n_packed = options, source, n_packed
        self._n_bytes = len(content)
        self.separator = options.separator or separator_of(content, options.usual_separator)
        self._lines = CsvLines(content, source, self.separator)
        self.header = self._lines.header

    def read(
        self,
        names: Sequence[str],
        wanted: Sequence[str],
        remarks: list[Remark],
        targets: Collection[str] = (),
    ) -> CsvTable:
        """Read the columns `wanted` of `names`, the names of all columns.

        Raises
        ------
        DataError
            If there are no rows.
        FileFormatError
            If lines have different numbers of fields, or the table would take too much memory.
        """
        chosen = set(wanted)
        places = [place for place, name in enumerate(names) if name in chosen]
        pieces: list[list[str]] = [[] for _ in places]
        n_rows = 0
        for rows in self._lines.chunks():
            for piece, place in zip(pieces, places, strict=True):
                piece.append(SEPARATOR.join([row[place] for row in rows]))
            n_rows += len(rows)
            self._check(n_rows * len(places) * _PER_CELL)
        if not n_rows or not places:
            raise DataError(
                f"{self._source} is empty: it has {n_rows} rows and {len(places)} columns. Both "
                "must be at least 1."
            )
        joined = [SEPARATOR.join(piece) for piece in pieces]
        columns = [
            TextColumn(names[place], text) for place, text in zip(places, joined, strict=True)
        ]
        return self._typed(columns, n_rows, remarks, targets)

    def _typed(
        self,
        columns: list[TextColumn],
        n_rows: int,
        remarks: list[Remark],
        targets: Collection[str],
    ) -> CsvTable:
        numerals = self._numerals(columns)
        # The column at work is a list of texts for a while.
        used = n_rows * (len(columns) * _PER_CELL + _PER_TEXT + _PER_CELL)
        found, labels = [], []
        for column in columns:
            raw = typed(column, self._options, numerals, remarks)
            if raw.type is ColumnType.TEXT:
                used += sum(map(sys.getsizeof, set(raw.values.tolist())))
            if column.name in targets:
                is_text = raw.type is ColumnType.TEXT
                labels.append(raw if is_text else as_texts(column, self._options))
                used += n_rows * _PER_CELL
            self._check(used)
            found.append(raw)
        decided = numerals.decided or numerals.possible[0]
        known = None if numerals.decided is None else numerals.decided.decimal
        return CsvTable(found, labels, self.separator, decided.decimal, known)

    def _numerals(self, columns: list[TextColumn]) -> Numerals:
        """Find the dialect of the numbers; most files have no decimal comma, and are not searched.

        Columns with points count too where others have commas.
        """
        commas = [column for column in columns if "," in column.joined]
        points = [column for column in columns if "." in column.joined] if commas else []
        unique = {column.name: column for column in (*commas, *points)}
        return decide(
            (column.beginning.known(self._options) for column in unique.values()), self._options
        )

    def _check(self, n_bytes: int) -> None:
        check_room(self._n_bytes + n_bytes, self._n_packed, self._source)


def separator_of(content: bytes, usual: str | None) -> str:
    """Return the usual separator if it is in the first line, otherwise the one that is found."""
    first = content[:SAMPLE_BYTES].partition(b"\n")[0].decode("utf-8-sig", "replace")
    return usual if usual is not None and usual in first else find_separator(content)


def find_separator(content: bytes) -> str:
    """Return the character that splits the first lines into most fields, equally many in each.

    If none does so, it is the one that splits the header into most.
    """
    sample = content[:SAMPLE_BYTES].decode("utf-8-sig", "replace")
    lines = [line for line in sample.splitlines() if line]
    if len(content) > SAMPLE_BYTES and len(lines) > 1:
        lines = lines[:-1]  # the last one is cut
    lines = lines[:_SAMPLE_LINES]
    counts = {separator: _fields(lines, separator) for separator in SEPARATORS}
    even = [separator for separator in SEPARATORS if len(set(counts[separator])) == 1]
    best = max(even, key=lambda separator: counts[separator][0], default=",")
    if counts[best] and counts[best][0] > 1:
        return best
    return max(SEPARATORS, key=lambda separator: counts[separator][0] if counts[separator] else 0)


def _fields(lines: list[str], separator: str) -> list[int]:
    """Return how many fields each line has."""
    try:
        return [len(fields) for fields in csv.reader(lines, delimiter=separator)]
    except csv.Error:
        return []
