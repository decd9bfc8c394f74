"""The text of a CSV: a header line, and rows of fields in chunks.

Python's csv reader splits the text into fields. This module finds what the reader needs to know or
would not notice: the encoding, the separator, and lines of another length than the header.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice

from sdae.core.errors import DataError, FileFormatError
from sdae.core.wording import reason
from sdae.data.bounds import check_columns

# Few enough rows that Python's garbage collector, which counts lists, is not triggered.
_CHUNK_ROWS = 500
_CHUNK_CELLS = 1 << 16
_CHUNK_BYTES = 1 << 20
_MAX_LINE = 16 << 20
_DELIMITERS = ",;\t"
_LINE_ENDS = b"\r\n"
_LAST_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")


class CsvRows:
    """The rows of a CSV, from lines of text that are read once.

    Parameters
    ----------
    lines : iterable of str
        With their ends; the first is the header.
    source : str
        What the file is called in messages.
    separator : str
        The character between fields.

    Attributes
    ----------
    header : list of str

    Raises
    ------
    FileFormatError
        If the header is not valid.
    DataError
        If it is missing, or has too many columns.
    """

    def __init__(self, lines: Iterable[str], source: str, separator: str) -> None:
        self._source = source
        self._reader = csv.reader(lines, delimiter=separator, strict=True)
        self.header = [name.strip() for fields in self._next(1) for name in fields]
        if not self.header:
            raise DataError(
                f"{source} is empty: it has no header line. Put a line with the names of the "
                "columns first."
            )
        check_columns(len(self.header), source)

    def chunks(self) -> Iterator[list[list[str]]]:
        """Yield rows in chunks, after counting the fields of each; empty lines are skipped."""
        n_rows = min(_CHUNK_ROWS, max(1, _CHUNK_CELLS // len(self.header)))
        first_line = self._reader.line_num + 1
        while rows := self._next(n_rows):
            lengths = set(map(len, rows))
            if not lengths <= {0, len(self.header)}:
                raise self._uneven(rows, first_line)
            if 0 in lengths:
                rows = [fields for fields in rows if fields]
            if rows:
                yield rows
            first_line = self._reader.line_num + 1

    def _next(self, n_rows: int) -> list[list[str]]:
        try:
            return list(islice(self._reader, n_rows))
        except csv.Error as error:
            raise FileFormatError(
                f"{self._source}, line {self._reader.line_num}, is not valid CSV: {reason(error)}. "
                "Check its quotes."
            ) from None

    def _uneven(self, rows: list[list[str]], first_line: int) -> FileFormatError:
        """Return the error for the first of `rows` that is not as long as the header."""
        wanted = (0, len(self.header))
        place = next(place for place, fields in enumerate(rows) if len(fields) not in wanted)
        # A quoted field may span several lines; report the last line of the row.
        before = sum(_count_line_ends(field) for fields in rows[: place + 1] for field in fields)
        return FileFormatError(
            f"{self._source}, line {first_line + place + before}, has {len(rows[place])} fields, "
            f"but the header has {len(self.header)}. Quote fields that contain the separator."
        )


class CsvLines(CsvRows):
    """The lines of a CSV that is in memory: its header, then its rows.

    Parameters
    ----------
    content : bytes
    source : str
        What the file is called in messages.
    separator : str or None
        The character between fields; None finds a comma, semicolon or tab in the first line.

    Raises
    ------
    FileFormatError
        If it is not UTF-8 text, or a line has another number of fields than the header.
    DataError
        If the header is missing, or has too many columns.
    """

    def __init__(self, content: bytes, source: str, separator: str | None = None) -> None:
        content = _without_last_lines(content)
        self._content = content
        _check_text(content, source)
        _check_line_lengths(content, source)
        text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")
        first = text.readline()
        text.seek(0)
        super().__init__(text, source, separator or find_delimiter(first))

    def most_rows(self, n_numbers: int) -> int:
        """Return the maximum number of rows that have numbers in `n_numbers` columns."""
        content = self._content
        line_ends = content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")
        # A row has a separator or a line end after each field, and a digit for each number.
        return 1 + min(line_ends, len(content) // (len(self.header) + n_numbers))


def _without_last_lines(content: bytes) -> bytes:
    """Leave out empty lines at the end: the reader would take time for each of them."""
    return content.rstrip(_LINE_ENDS) if content.endswith(_LAST_LINES) else content


def _check_text(content: bytes, source: str) -> None:
    place = content.find(b"\0")
    if place >= 0:
        raise FileFormatError(
            f"{source} is not text: byte {place} is zero. Save it as CSV in UTF-8."
        )
    if content.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    # In pieces: as one text of four bytes per character, it could be four times as large.
    for start in range(0, len(content), _CHUNK_BYTES):
        n_pending = len(decoder.getstate()[0])
        stop = start + _CHUNK_BYTES
        try:
            decoder.decode(content[start:stop], final=stop >= len(content))
        except UnicodeDecodeError as error:
            raise FileFormatError(
                f"{source} is not UTF-8 text: byte {start - n_pending + error.start} is not valid. "
                "Save it as CSV in UTF-8."
            ) from None


def _check_line_lengths(content: bytes, source: str) -> None:
    """Raise an error for a line so long that its fields would take as much memory as a table."""
    start = 0
    while len(content) - start > _MAX_LINE:
        stop = start + _MAX_LINE
        end = max(content.rfind(b"\n", start, stop), content.rfind(b"\r", start, stop))
        if end < 0:
            raise FileFormatError(
                f"{source} has a line of more than {_MAX_LINE:,} bytes, from byte {start} on. Save "
                "it as CSV with one line per row."
            )
        start = end + 1


def find_delimiter(first_line: str) -> str:
    """Return the separator that splits the first line into most fields, ignoring quoted ones."""
    outside_quotes = "".join(first_line.split('"')[::2])
    return max(_DELIMITERS, key=outside_quotes.count)


def _count_line_ends(field: str) -> int:
    return field.count("\n") + field.count("\r") - field.count("\r\n")
