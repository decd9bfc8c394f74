"""Rows of an array beside a table: their columns have no names.

Axes: n rows.
"""

from dataclasses import replace

from sdae.core.schema.raw_table import RawTable
from sdae.data.sources import load_dataset
from sdae.data.table import match_columns
from sdae.data.typed_dataset import as_raw

ARRAYS = (".npy", ".npz")
"""Files of rows whose columns have no names."""


def rows_of_array(source: str, names: tuple[str, ...]) -> RawTable:
    """Load rows whose columns have no names, in the order of those of a table.

    Raises
    ------
    SdaeError
        If the file cannot be read, or has another number of columns.
    """
    table = match_columns(load_dataset(source, features=names, labels=False).train, names)
    numbers = as_raw(replace(table, feature_names=names)).x
    assert isinstance(numbers, RawTable)
    return numbers
