"""Read a table from a file: choose the reader, and leave out index columns, with a word."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sdae.core.errors import DataError
from sdae.core.files import read_bytes
from sdae.core.schema.columns import IgnoredColumn
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.table_schema import AS_USUAL, Written
from sdae.core.wording import quoted
from sdae.data.tables.arrow_file import ARROW, PARQUET, ArrowFile
from sdae.data.tables.csv_file import SHARE, CsvFile
from sdae.data.tables.formats import STANDARD_INPUT, check_content, check_format, name_of, not_kept
from sdae.data.tables.options import SEPARATORS, ReadOptions, check_names
from sdae.data.tables.remarks import (
    NO_NAMES,
    Remark,
    index_columns,
    looks_like_a_row,
    option,
)
from sdae.data.tables.unpacking import unpacked

_LEFT_OUT = {"index": "index", "unnamed_and_empty": "empty"}  # kind of the remark: why


@dataclass(frozen=True)
class TableFile:
    """A table that was read from a file.

    Attributes
    ----------
    source : str
        The file, as messages name it.
    table : RawTable
        All columns but those that were left out and those that name rows.
    ids : RawTable
        The columns that name rows, as texts.
    remarks : tuple of Remark
        What was left out, or not understood.
    separator, decimal : str or None
        How a CSV is written; None for other files.
    written : Written
        How a CSV is written, where that is not the usual way.
    labels : RawTable
        The targets as texts: of a CSV as they stand there, otherwise as Python writes them.
    left_out : tuple of IgnoredColumn
        The columns that are not in `table`, except those that `options.keep` leaves out.
    """

    source: str
    table: RawTable
    ids: RawTable
    remarks: tuple[Remark, ...]
    separator: str | None = None
    decimal: str | None = None
    written: Written = AS_USUAL
    labels: RawTable = field(default_factory=lambda: RawTable(()))
    left_out: tuple[IgnoredColumn, ...] = ()


def read_table(
    source: str | Path,
    options: ReadOptions | None = None,
    *,
    content: bytes | None = None,
    targets: Sequence[str] = (),
    wanted: Sequence[str] = (),
    strict: bool = True,
) -> TableFile:
    """Read a table: ``.csv``, ``.tsv``, ``.txt`` (packed too), Parquet or Feather.

    Parameters
    ----------
    source : str or Path
        The file; "-" names standard input in messages.
    options : ReadOptions or None
    content : bytes or None
        The bytes of the file, if they are known already; its format is then found by its beginning.
    targets : sequence of str
        Columns that are read whatever `options.keep` says.
    wanted : sequence of str
        More columns that are read whatever `options.keep` says.
    strict : bool
        Whether a column that cannot be used is an error; otherwise it is a remark.

    Returns
    -------
    TableFile

    Raises
    ------
    FileAccessError
        If the file is missing or unreadable.
    FileFormatError
        If it is damaged, or would take too much memory.
    MissingExtraError
        If pyarrow is needed and not installed.
    DataError
        If it is of another format, a column that is named is not there, or cannot be used.
    """
    options = options or ReadOptions()
    name = name_of(source)
    if content is None:
        if str(source) == STANDARD_INPUT:
            raise not_kept()
        check_format(Path(source))
        content = read_bytes(source)
    check_content(content, name)
    remarks: list[Remark] = []
    if content.startswith((PARQUET, ARROW)):
        arrow = ArrowFile(content, name)
        always = (*wanted, *targets)
        names = checked_names(arrow.header, options, always, name)
        kept = without_index(names, names, options, always, remarks)
        columns = arrow.read(kept, options, remarks)
        labels = [as_texts(column) for column in columns if column.name in targets]
        found = TableFile(name, *_parted(columns, options), tuple(remarks), labels=RawTable(labels))
    else:
        found = _read_csv(content, name, options, targets, wanted, remarks)
    found = replace(found, left_out=left_out(found.remarks, found.ids.names, options))
    if strict:
        check_remarks(found.remarks, name)
    return found


def check_remarks(remarks: Sequence[Remark], name: str) -> None:
    """Raise an error for columns that cannot be used.

    Raises
    ------
    DataError
        If there are some: all are named.
    """
    stopping = [remark.text for remark in remarks if remark.stops]
    if stopping:
        raise DataError(" ".join([f"{name}:", *stopping]))


def _read_csv(
    content: bytes,
    name: str,
    options: ReadOptions,
    targets: Sequence[str],
    wanted: Sequence[str],
    remarks: list[Remark],
) -> TableFile:
    n_packed = len(content)
    content = unpacked(content, name, SHARE)
    file = CsvFile(content, name, options, n_packed)
    # As pandas names them.
    names = [each or f"Unnamed: {place}" for place, each in enumerate(file.header)]
    always = (*wanted, *targets)
    names = checked_names(names, options, always, name)
    check_header(file.header, remarks)
    kept = without_index(names, file.header, options, always, remarks)
    table = file.read(names, kept, remarks, targets)
    unnamed = {name for name, title in zip(names, file.header, strict=True) if not title}
    columns = []
    for column in table.columns:
        if column.name in unnamed and column.missing.all():
            text = f"{quoted(column.name)} has no name and no values: left out."
            remarks.append(Remark(column.name, "unnamed_and_empty", text))
        else:
            columns.append(column)
    parts = _parted(columns, options)
    labels = RawTable(table.labels)
    separator = table.separator if table.separator not in SEPARATORS else None
    return TableFile(
        name,
        *parts,
        tuple(remarks),
        table.separator,
        table.decimal,
        Written(table.decided, separator),
        labels,
    )


def as_texts(column: RawColumn) -> RawColumn:
    """Return a column of labels as texts, as Python writes them."""
    is_plain = column.type in (ColumnType.NUMBER, ColumnType.BOOLEAN)
    return column.as_texts() if is_plain else column


def checked_names(
    names: list[str], options: ReadOptions, targets: Sequence[str], source: str
) -> list[str]:
    """Return the names of the columns, after checking that those that are named are there.

    Raises
    ------
    DataError
        If they are not, or a name occurs twice.
    """
    check_names((*targets, *options.named), names, source)
    return names


def without_index(
    names: Sequence[str],
    header: Sequence[str],
    options: ReadOptions,
    targets: Sequence[str],
    remarks: list[Remark],
) -> list[str]:
    """Return the columns to read: not those that number the rows, unless the user names them."""
    meant = {*options.keep, *options.id, *options.categorical, *options.parse_dates, *targets}
    index = {names[place]: text for place, text in index_columns(header).items()}
    wanted = []
    for name in options.kept(names, targets):
        if name in index and name not in meant:
            remarks.append(Remark(name, "index", index[name], option("--keep", name)))
        else:
            wanted.append(name)
    return wanted


def check_header(header: Sequence[str], remarks: list[Remark]) -> None:
    """Add to `remarks` what is odd about the line of names."""
    if len(header) == 1 and len(header[0].split()) > 1:
        text = f"The file has a single column, {quoted(header[0])}: its separator was not found."
        remarks.append(Remark(None, "separator", text, "--sep"))
    if looks_like_a_row(header):
        remarks.append(Remark(None, "no_header", NO_NAMES))


def _parted(columns: Sequence[RawColumn], options: ReadOptions) -> tuple[RawTable, RawTable]:
    """Return the columns of rows, and those that name rows, in the order of `options.id`."""
    known = {column.name: column for column in columns}
    ids = [known.pop(name) for name in options.id if name in known]
    return RawTable(list(known.values())), RawTable(ids)


def left_out(
    remarks: Sequence[Remark], ids: Sequence[str], options: ReadOptions
) -> tuple[IgnoredColumn, ...]:
    """Return the columns that are not in a table, with the reason for each."""
    why = dict.fromkeys(sorted(options.drop), "dropped")
    for remark in remarks:
        if remark.column is not None and remark.kind in _LEFT_OUT:
            why[remark.column] = _LEFT_OUT[remark.kind]
    why.update(dict.fromkeys(ids, "identifier"))
    return tuple(IgnoredColumn(name, reason) for name, reason in why.items())
