"""Columns that a schema cannot be learned of: identifiers, free text, numbers that overflow."""

from collections.abc import Sequence

import numpy as np

from sdae.core.errors import DataError
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.scales import OF_VALUES
from sdae.core.schema.schema_options import SchemaOptions
from sdae.core.schema.summaries import ColumnSummary
from sdae.core.wording import listed, quoted

MOST_BYTES = 256 << 20
"""The levels of a table that comes in blocks take at most so many bytes while they are counted."""

_MOST_DISTINCT = 0.5  # share of the rows: a text column with more looks like an identifier
_LARGEST = 1e150
_FEW = 20  # so many different texts are always levels


def is_named(column: RawColumn | ColumnSummary, options: SchemaOptions) -> bool:
    """Return whether the user says that a column is a category."""
    return column.name in (options.categorical or ())


def is_free_text(column: ColumnSummary, options: SchemaOptions) -> bool:
    """Return whether a column, not declared as a category, has about as many texts as rows."""
    if column.type is not ColumnType.TEXT or column.declared or is_named(column, options):
        return False
    n_distinct = len(column.counts)
    return n_distinct > _FEW and n_distinct > _MOST_DISTINCT * column.n_known


def check_columns(columns: Sequence[ColumnSummary], options: SchemaOptions, caller: str) -> None:
    """Raise an error for columns of free text, and of numbers whose squares overflow.

    Raises
    ------
    DataError
        If there are some: all are named.
    """
    if unfit := [column.name for column in columns if is_free_text(column, options)]:
        raise _differs_from_row_to_row(unfit, options, caller)
    sizes = {column.name: column.numbers.largest for column in columns if column.numbers}
    _refuse_large([name for name, size in sizes.items() if size > _LARGEST], caller)


def check_several_blocks(
    columns: Sequence[ColumnSummary], options: SchemaOptions, caller: str
) -> None:
    """Raise an error for what can be learned from a table in memory only.

    Raises
    ------
    DataError
        If a scale needs all values, or the levels take too much memory.
    """
    if options.scale in OF_VALUES:
        raise DataError(
            f"scale={options.scale!r} needs all values of a column at once, and the rows of "
            f"{caller} stay on the disk. Use 'standard', 'minmax' or 'none', or read the rows into "
            "memory."
        )
    if sum(column.n_bytes for column in columns) <= MOST_BYTES:
        return
    if unfit := [column.name for column in columns if is_free_text(column, options)]:
        raise _differs_from_row_to_row(unfit, options, caller)
    largest = max(columns, key=lambda column: column.n_bytes)
    raise DataError(
        f"{caller} has {len(largest.counts):,} different levels in the first {largest.n_rows:,} "
        f"rows of column {quoted(largest.name)}, more than can be counted. Leave the column out, "
        "or encode it."
    )


def check_numbers(table: RawTable, caller: str) -> None:
    """Raise an error for numbers that are infinite, or so large that their squares overflow.

    Raises
    ------
    DataError
        If there are some: all columns that hold them are named.
    """
    _refuse_large([column.name for column in table if _is_too_large(column)], caller)


def _refuse_large(names: Sequence[str], caller: str) -> None:
    if names:
        raise DataError(
            f"{caller} has numbers that are infinite or too large to scale in column"
            f"{'s' * (len(names) > 1)} {listed(names)}. Divide them by a constant, or mark such "
            "values as missing."
        )


def _is_too_large(column: RawColumn) -> bool:
    """Return whether numbers are infinite, or their squares overflow."""
    if column.type is ColumnType.TEXT:
        return False
    return bool((np.abs(column.values) > _LARGEST).any())  # NaN is not


def _differs_from_row_to_row(
    names: Sequence[str], options: SchemaOptions, caller: str
) -> DataError:
    return DataError(
        f"{caller} has text that differs from row to row in column{'s' * (len(names) > 1)} "
        f"{listed(names)}: it looks like an identifier or like free text. {options.remedy}"
    )
