"""The lines of a text file of any size, packed or not, some at a time."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from sdae.core.errors import FileFormatError
from sdae.core.files import translate_os_errors

_MOST_LINE = 16 << 20
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
_DAMAGES = (gzip.BadGzipFile, EOFError, zlib.error)


@contextmanager
def lines_of(path: Path) -> Iterator[tuple[Callable[[], int], Iterator[str]]]:
    """Open a text file; yield what returns the position in it, and its lines with their ends.

    Raises
    ------
    FileAccessError
        If it cannot be read.
    FileFormatError
        If it is not UTF-8 text, is damaged, or has a line longer than any table has.
    """
    with _unpacked(path) as (file, raw):
        text = io.TextIOWrapper(raw, "utf-8-sig", newline="")
        try:
            yield file.tell, _lines(text, str(path))
        finally:
            text.detach()


def beginning_of(path: Path, n_bytes: int) -> bytes:
    """Return the first bytes of a file, unpacked.

    Raises
    ------
    FileAccessError, FileFormatError
        As :func:`lines_of` does.
    """
    with _unpacked(path) as (_, raw):
        try:
            return raw.read(n_bytes)
        except _DAMAGES as error:
            raise _damaged(str(path), error) from None


def takes_more(path: Path, n_bytes: int) -> bool:
    """Return whether a file has more bytes, unpacked.

    Raises
    ------
    FileAccessError, FileFormatError
        As :func:`lines_of` does.
    """
    with translate_os_errors(path, "read"):
        if path.stat().st_size > n_bytes:
            return True
    left = n_bytes
    with _unpacked(path) as (file, raw):
        try:
            while raw is not file and left >= 0 and (piece := raw.read(_CHUNK)):
                left -= len(piece)
        except _DAMAGES as error:
            raise _damaged(str(path), error) from None
    return left < 0


@contextmanager
def _unpacked(path: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Open a file; yield it, and what reads its unpacked bytes."""
    with translate_os_errors(path, "read"), path.open("rb") as file:
        packed = file.peek(2)[:2] == _GZIP
        raw: IO[bytes] = gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[assignment] # it reads as one
        yield file, raw


def _damaged(source: str, error: BaseException) -> FileFormatError:
    return FileFormatError(
        f"{source} is damaged: its gzip stream cannot be unpacked ({error}). Download it again."
    )


def _lines(text: TextIO, source: str) -> Iterator[str]:
    number = 0
    while True:
        try:
            line = text.readline(_MOST_LINE)
        except UnicodeDecodeError:
            raise FileFormatError(
                f"{source} is not UTF-8 text near line {number + 1}. Save it as CSV in UTF-8."
            ) from None
        except _DAMAGES as error:
            raise _damaged(source, error) from None
        if not line:
            return
        number += 1
        if len(line) == _MOST_LINE:
            raise FileFormatError(
                f"{source}, line {number}, has more than {_MOST_LINE:,} characters. Save it as CSV "
                "with one line per row."
            )
        if "\0" in line:
            raise FileFormatError(
                f"{source}, line {number}, is not text: it has a zero byte. Save it as CSV in "
                "UTF-8."
            )
        yield line
