"""Tables of estimators that stay on the disk: see :func:`sdae.data.open_table`.

Axes: n rows, V columns.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np

from sdae.core.errors import DataError
from sdae.core.schema.raw_table import RawTable
from sdae.core.schema.table_rows import TableRows
from sdae.core.schema.table_schema import Schema
from sdae.core.source_rows import SourceRows
from sdae.train.joined_rows import joined

AnyTable = RawTable | TableRows


def checked_table_rows(estimator: Any, X: TableRows, *, reset: bool, marker: Any) -> AnyTable:
    """Check a table on the disk for an estimator; if it has few rows, they are read now.

    Raises
    ------
    DataError
        If the estimator needs all rows in memory, or was fitted to rows of numbers, or `marker`
        stands for missing values.
    """
    name = type(estimator).__name__
    if len(X) == 0:
        raise ValueError(
            f"Found array with 0 sample(s) in X of {name} while a minimum of 1 is required."
        )
    if not reset and estimator.schema_ is None:
        raise DataError(
            f"X of {name} is a table, and the rows of fit were numbers without gaps. Open such "
            "rows with sdae.data.open_rows, or read them."
        )
    if not (isinstance(marker, float) and np.isnan(marker)):
        raise DataError(
            f"missing_values of {name} must be NaN for a table on the disk. Name the words that "
            "stand for missing values by open_table(…, na_values=[…])."
        )
    if reset:
        estimator.n_features_in_ = len(X.names)
        estimator.feature_names_in_ = np.array(X.names, object)
    return X.in_memory() if X.are_few else X


def table_blocks(table: AnyTable) -> Iterable[RawTable]:
    """Return a table in blocks of rows; one in memory is a single block."""
    return table.blocks() if isinstance(table, TableRows) else [table]


def table_below(x: AnyTable, more: AnyTable) -> AnyTable:
    """Return the rows of a table with those of another, of the same columns, below them."""
    if isinstance(x, RawTable) and isinstance(more, RawTable):
        return x.below(more)
    return TableRows(_JoinedTables([x, more]))


class _JoinedTables:
    """Tables with the same columns, one below the other, of which some stay on the disk."""

    def __init__(self, parts: Sequence[AnyTable]) -> None:
        self._parts = parts
        self.names = parts[0].names
        self.source = next(part.source for part in parts if isinstance(part, TableRows))
        self.n_rows = sum(len(part) for part in parts)
        self.window = 0

    def blocks(self, names: Sequence[str]) -> Iterator[RawTable]:
        """Yield all rows of some columns, some at a time."""
        for part in self._parts:
            for block in table_blocks(part):
                columns = {column.name: column for column in block}
                yield RawTable([columns[name] for name in names])

    def encoded(self, schema: Schema) -> SourceRows:
        """Return all rows as a schema encodes them."""
        found: SourceRows = reduce(joined, [encoded_table(schema, part) for part in self._parts])
        return found


def encoded_table(schema: Schema, table: AnyTable) -> Any:
    """Return rows of a table as a schema encodes them; those on the disk go to a copy."""
    return table.encoded(schema) if isinstance(table, TableRows) else schema.encode(table)
