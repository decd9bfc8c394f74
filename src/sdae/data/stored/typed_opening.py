"""Find the files of a table of typed columns at a path, and open them where they are large."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sdae.core.errors import DataError
from sdae.core.files import translate_os_errors
from sdae.data.stored.arrow_tables import ArrowTable, FeatherTable, ParquetTable
from sdae.data.stored.csv_text import CsvText
from sdae.data.stored.paths import NPY, PARQUET, check_flat, files_at, kind_of, no_rows_in
from sdae.data.stored.shard import check_exists
from sdae.data.stored.text_lines import takes_more
from sdae.data.stored.typed_arrow import ArrowTexts, TypedArrow
from sdae.data.stored.typed_csv import TypedCsv
from sdae.data.stored.typed_file import TextFile, TypedFile
from sdae.data.tables.formats import STANDARD_INPUT
from sdae.data.tables.options import ReadOptions

TEXTS = tuple(f"{kind}{packed}" for kind in (".csv", ".tsv", ".txt") for packed in ("", ".gz"))
_PER_CELL = 8


def open_typed(
    path: Path, options: ReadOptions, targets: Sequence[str] = (), wanted: Sequence[str] = ()
) -> TypedFile:
    """Open a table of typed columns, of any size.

    Parameters
    ----------
    path : Path
    options : ReadOptions
    targets, wanted : sequence of str
        Columns that are read whatever `options.keep` says; the targets are those of labels.

    Raises
    ------
    SdaeError
        Whatever is wrong with the files.
    """
    check_exists(path)
    if is_text(path):
        return TypedCsv(path, options, targets, wanted)
    if path.is_dir() and kind_of(path) is None:
        check_flat(path)
        raise no_rows_in(path)
    if kind_of(path) in (None, NPY):
        raise DataError(
            f"{path} is not a table that is read from the disk. Such a table is one of "
            f"{', '.join(TEXTS)}, .parquet, .feather, .arrow, or a folder of Parquet or of Feather "
            "files."
        )
    files = [_arrow(each) for each in files_at(path)]
    return TypedArrow(files, str(path), options, (*wanted, *targets))


def open_texts(path: Path, usual_separator: str | None) -> TextFile:
    """Open a table of any size to read its cells as they stand there.

    Raises
    ------
    SdaeError
        Whatever is wrong with the files.
    """
    if is_text(path):
        return CsvText(path, usual=usual_separator)
    return ArrowTexts([_arrow(each) for each in files_at(path)])


def is_large(source: str, few: int) -> bool:
    """Return whether a table takes more than some bytes, so that it is to stay on the disk.

    A folder always stays there, since nothing else reads it.

    Raises
    ------
    FileAccessError, FileFormatError, MissingExtraError
        If it cannot be read.
    """
    if source in ("mnist", STANDARD_INPUT) or "\0" in source:
        return False
    path = Path(source)
    if is_text(path):
        return takes_more(path, few)
    kind = kind_of(path)
    if kind in (None, NPY):
        return False
    if path.is_dir():
        return True
    with translate_os_errors(path, "read"):
        n_bytes = path.stat().st_size
    if n_bytes > few or n_bytes * _MOST_TIMES <= few:
        return n_bytes > few
    file = _arrow(path)
    return file.n_rows * len(file.header) * _PER_CELL > few


_MOST_TIMES = 1024
"""As many times its size a packed file may take in memory; more is looked at."""


def is_text(path: Path) -> bool:
    """Return whether a path is a file of texts, which is read from its first line to its last."""
    return path.name.lower().endswith(TEXTS) and path.is_file()


def _arrow(path: Path) -> ArrowTable:
    kind: Callable[[Path], ArrowTable] = (
        ParquetTable if path.suffix.lower() == PARQUET else FeatherTable
    )
    return kind(path)
