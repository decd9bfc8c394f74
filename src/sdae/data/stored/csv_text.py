"""The texts of a CSV of any size, some rows at a time.

Axes: n rows.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sdae.core.files import checked_size, translate_os_errors
from sdae.data.csv_lines import CsvRows
from sdae.data.stored.shard import check_unchanged, stamp_of
from sdae.data.stored.text_lines import beginning_of, lines_of
from sdae.data.stored.typed_file import rows_of_a_block
from sdae.data.tables.csv_file import SAMPLE_BYTES, separator_of
from sdae.data.tables.typed_texts import SEPARATOR, TextColumn


class CsvText:
    """A CSV, packed with gzip or not, whose types are not looked at.

    Parameters
    ----------
    path : Path
    separator : str or None
        The character between fields; None finds it.
    usual : str or None
        That of earlier files.

    Attributes
    ----------
    source : str
        What the file is called in messages.
    stamp : Stamp
        The state in which it was opened.
    separator : str
    header : list of str
        The names as they stand in the file.
    names : list of str
        The names of the columns, also of those without one.

    Raises
    ------
    FileAccessError, FileFormatError, DataError
        If the file cannot be read, or is not a CSV.
    """

    def __init__(self, path: Path, separator: str | None = None, usual: str | None = None) -> None:
        checked_size(path)
        self._path, self.source = path, str(path)
        with translate_os_errors(path, "read"):
            self.stamp = stamp_of(path.stat())
        sample = beginning_of(path, SAMPLE_BYTES + 1)
        self.separator = separator or separator_of(sample, usual)
        with self._rows() as rows:
            self.header = rows.header
        # As pandas names them.
        self.names = [each or f"Unnamed: {place}" for place, each in enumerate(self.header)]

    def columns(self, names: Sequence[str]) -> Iterator[list[TextColumn]]:
        """Yield all rows of some columns, from the first to the last, some at a time.

        Raises
        ------
        FileAccessError, FileFormatError
            If the file cannot be read, or is not as it was when it was opened.
        """
        most = rows_of_a_block(len(names))
        pieces: list[list[str]] = [[] for _ in names]
        for chunk in self._chunks(names):
            for place, piece in enumerate(pieces):
                piece += [fields[place] for fields in chunk]
            if names and len(pieces[0]) >= most:
                yield _joined(names, pieces)
                pieces = [[] for _ in names]
        if names and pieces[0]:
            yield _joined(names, pieces)

    def texts(self, names: Sequence[str]) -> Iterator[list[str]]:
        """Yield the rows of some columns as they stand in the file."""
        for chunk in self._chunks(names):
            yield from chunk

    def _chunks(self, names: Sequence[str]) -> Iterator[list[list[str]]]:
        """Yield some rows of some columns at a time."""
        check_unchanged(self._path, self.stamp)
        places = [self.names.index(name) for name in names]
        with self._rows() as rows:
            for chunk in rows.chunks():
                yield [[fields[place] for place in places] for fields in chunk]

    @contextmanager
    def _rows(self) -> Iterator[CsvRows]:
        with lines_of(self._path) as (_, lines):
            yield CsvRows(lines, self.source, self.separator)


def _joined(names: Sequence[str], pieces: Sequence[Sequence[str]]) -> list[TextColumn]:
    return [
        TextColumn(name, SEPARATOR.join(texts)) for name, texts in zip(names, pieces, strict=True)
    ]
