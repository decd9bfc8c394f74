"""Tables of a recipe of which all columns are plain numbers: they are trained as arrays are.

Axes: n rows, V columns.
"""

from dataclasses import replace
from pathlib import Path

from sdae.app.recipes.memory_sizes import bytes_of
from sdae.app.recipes.recipe import DataConfig
from sdae.app.runs.number_rows import NumberRows
from sdae.app.runs.prepared_data import AnyRows
from sdae.app.runs.typed_rows import LoadedTable, read_options
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.table_rows import TableRows
from sdae.data.exact import exact_rows
from sdae.data.plain_numbers import must_remember, plain_numbers
from sdae.data.stored.dataset import limits
from sdae.data.stored.number_copy import numbers_on_disk
from sdae.data.table import Table


def numbers_of_table(
    config: DataConfig, table: LoadedTable, scratch: Path | None
) -> NumberRows | None:
    """Return the rows of a table as numbers; None if it needs a schema.

    It does where a column is not of plain numbers, or has a gap, and where the run must remember
    how the file is read.

    Raises
    ------
    SdaeError
        If rows on the disk cannot be read, or copied.
    """
    dataset = table.found.dataset
    if must_remember(read_options(config), table.found.written):
        return None
    parts: list[AnyRows] = []
    for rows in (dataset.train.x, dataset.unlabelled, table.extra):
        numbers = None if rows is None else _numbers(rows, config, scratch)
        if rows is not None and numbers is None:
            return None
        parts.append(numbers)
    x, unlabelled, extra = parts
    names = dataset.train.x.names
    dataset = replace(
        dataset, train=replace(dataset.train, x=x, feature_names=names), unlabelled=unlabelled
    )
    if extra is None:
        return NumberRows(dataset, None)
    return NumberRows(dataset, Table(extra, None, names, None, str(config.unlabeled)))


def _numbers(
    rows: RawTable | TableRows, config: DataConfig, scratch: Path | None
) -> AnyRows | None:
    """Return rows of plain numbers, not rounded, (n, V); None if they are others."""
    if isinstance(rows, TableRows):
        _, room = limits(bytes_of(config.memory))
        return numbers_on_disk(rows, room, scratch)
    numbers = plain_numbers(rows)
    return None if numbers is None else exact_rows(numbers)
