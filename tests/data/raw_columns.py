"""Reading a table for a test, and its columns as plain values."""

from pathlib import Path
from typing import Any

from sdae.core.errors import SdaeError
from sdae.core.schema.raw_table import RawColumn, RawTable
from sdae.data.tables import ReadOptions, TableFile, read_table


def plain(column: RawColumn) -> list[Any]:
    """Return the values of a column, None where missing."""
    pairs = zip(column.values.tolist(), column.missing.tolist(), strict=True)
    return [None if is_missing else value for value, is_missing in pairs]


def columns(table: RawTable) -> dict[str, tuple[str, list[Any]]]:
    """Return the type and the values of each column."""
    return {column.name: (str(column.type), plain(column)) for column in table}


def read(content: str | bytes, folder: Path, name: str = "t.csv", **options: Any) -> TableFile:
    """Write a file, and read it as a table."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(path, ReadOptions(**options))


def outcome(content: bytes, folder: Path, name: str) -> TableFile | str:
    """Return the table of a file that may be damaged, or the message of its refusal."""
    try:
        return read(content, folder, name)
    except SdaeError as error:
        return str(error)
