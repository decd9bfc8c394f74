"""Tables of which all columns are plain numbers: they are trained as arrays are.

Axes: n rows, V columns.
"""

import numpy as np
from numpy.typing import NDArray

from sdae.core.schema.raw_table import ColumnType, RawTable
from sdae.core.schema.table_schema import Written
from sdae.data.tables.options import ReadOptions


def plain_numbers(table: RawTable) -> NDArray[np.float64] | None:
    """Return the rows of a table, (n, V); None if a column is not of numbers, or has a gap."""
    for column in table:
        if column.type is not ColumnType.NUMBER or column.declared or column.missing.any():
            return None
    return np.stack([column.values for column in table], axis=1)


def must_remember(options: ReadOptions, written: Written) -> bool:
    """Return whether later files of a table can be read only by what a schema remembers.

    That is words for gaps, columns that name rows, a decimal comma, and a separator that cannot be
    found.
    """
    in_options = bool(options.na_values or options.id)
    return in_options or written.decimal == "," or written.separator is not None
