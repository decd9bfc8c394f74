"""Open a table of typed columns that stays on the disk."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.constraints import integer
from sdae.core.errors import DataError, invalid_parameter
from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.core.schema.table_rows import TableRows
from sdae.data.stored.disk_table import DiskTable
from sdae.data.stored.opening import MEMORY, holds_lists, name_in
from sdae.data.stored.shard import check_list
from sdae.data.stored.typed_opening import open_typed
from sdae.data.tables import ReadOptions
from sdae.data.tables.options import check_names
from sdae.data.typed_dataset import no_columns


def open_table(
    path: str | Path,
    columns: Sequence[str] | None = None,
    target: str | None = None,
    *,
    parse_dates: Collection[str] = (),
    na_values: Collection[str] = (),
    memory: int = MEMORY,
    scratch: str | Path | None = None,
) -> TableRows:
    r"""Open a table with texts, dates and gaps that stays on the disk, for estimators.

    ``fit`` reads it once to learn its columns and once to write its rows, as the network takes
    them, to a copy in `scratch`, which is removed when nothing uses it any more. ``predict`` and
    its like read it once.

    Parameters
    ----------
    path : str or Path
        A ``.csv``, ``.tsv`` or ``.txt`` file, packed with gzip or not, a ``.parquet``,
        ``.feather`` or ``.arrow`` file, or a folder with Parquet or with Feather files, whose rows
        follow each other in the order of the files' names. A CSV is read once more, to find the
        types of its columns.
    columns : sequence of str or None
        The columns to read. None: all but the target, and but those that look like the index of a
        data frame.
    target : str or None
        The column of labels. It is read at once, as ``.targets``; a missing label is NaN or None,
        which estimators take for a row without one.
    parse_dates : collection of str
        Columns of texts that hold dates (ISO 8601).
    na_values : collection of str
        Words that mean a missing value, beside the usual ones.
    memory : int, default 512 MiB
        Bytes for rows. A table that takes less is read into memory by estimators.
    scratch : str, Path or None
        Folder for the copy. None: that for temporary files, which TMPDIR sets.

    Returns
    -------
    TableRows
        Takes the place of a data frame in the methods of estimators.

    Raises
    ------
    InvalidParameterError
        If `memory` is not a positive integer.
    FileAccessError, FileFormatError
        If a file cannot be read, or is damaged.
    DataError
        If it is not a table, or columns are not there or of types that a table does not have.
    MissingExtraError
        If a Parquet or Feather file is read without pyarrow.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sdae import SDAEClassifier
    >>> from sdae.data import open_table
    >>> path = Path(tempfile.mkdtemp(), "people.csv")
    >>> rows = ["1.7,Ghent,yes", "1.8,,no", ",Mons,yes", "1.9,Ghent,no"] * 25
    >>> _ = path.write_text("\n".join(["size,town,smoker", *rows]))
    >>> people = open_table(path, target="smoker", memory=500)
    >>> people
    TableRows('.../people.csv', shape=(100, 2))
    >>> model = SDAEClassifier((4,), random_state=0).fit(people, people.targets)
    >>> model.predict(people).shape
    (100,)
    """
    try:
        memory = integer(1).read(memory)
    except ValueError:
        wanted = "an integer ≥ 1, a number of bytes"
        raise invalid_parameter("memory", "open_table", wanted, memory) from None
    lists = {"columns": columns, "parse_dates": parse_dates, "na_values": na_values}
    for name, value in lists.items():
        check_list(name, value)
    options = ReadOptions(
        keep=frozenset(columns or ()),
        parse_dates=frozenset(parse_dates),
        na_values=frozenset(na_values),
    )
    targets = () if target is None else (name_in(target),)
    if holds_lists(Path(path)):
        raise DataError(
            f"{path} has a column of whole rows of numbers, as sdae convert writes them. Open it "
            "with sdae.data.open_rows."
        )
    file = open_typed(Path(path), options, targets)
    names = [name for name in file.columns if name != target]
    if columns is not None:
        check_names(columns, file.columns, file.source)
        names = [name for name in dict.fromkeys(columns) if name != target]
    if not names:
        raise no_columns(file.source)
    labels = None if target is None else _labels(file.labels(target)[0])
    folder = None if scratch is None else Path(scratch)
    return TableRows(DiskTable(file, names, memory, folder), labels)


def _labels(column: RawColumn) -> NDArray[Any]:
    """Return the values of a target, (n,); of numbers a missing one is NaN, otherwise None."""
    missing = column.missing
    if column.type is ColumnType.NUMBER and (missing.any() or not column.whole):
        return column.values
    if column.type is ColumnType.DATE:
        raise DataError(
            f"The target {column.name!r} holds dates, neither classes nor numbers. Name another."
        )
    if column.type is ColumnType.TEXT:
        return column.values if missing.any() else column.values.astype(np.str_)
    kind = np.int64 if column.type is ColumnType.NUMBER else np.bool_
    if not missing.any():
        return column.values.astype(kind)
    values = np.empty(len(missing), object)
    values[~missing] = column.values[~missing].astype(kind)
    return values
