"""Levels that ``fit`` did not see, for schemas that refuse them.

Axes: n rows.
"""

from collections.abc import Sequence

from sdae.core.errors import DataError
from sdae.core.schema.columns import UsedColumn
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn, Level, check_type, shown
from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.core.wording import listed, quoted

_MOST_LEVELS = 5  # in a message


def check_levels(columns: Sequence[RawColumn], used: Sequence[UsedColumn], caller: str) -> None:
    """Raise an error for levels that ``fit`` did not see.

    Parameters
    ----------
    columns : sequence of RawColumn
        Of the new rows, each as one of `used`.
    used : sequence of UsedColumn
    caller : str
        What the rows are called in the message.

    Raises
    ------
    DataError
        If there are some: all columns that have them are named.
    """
    found = []
    for raw, column in zip(columns, used, strict=True):
        if raw.missing.all() or not isinstance(column, BinaryColumn | CategoryColumn):
            continue
        if unseen := _unseen(column, as_learned(raw, column)):
            levels = listed([quoted(shown(level)) for level in unseen], _MOST_LEVELS)
            found.append(f"{quoted(column.name)} ({levels})")
    if found:
        raise DataError(
            f"{caller} has levels that fit did not have in column{'s' * (len(found) > 1)} "
            f"{', '.join(found)}. Mark them as missing, map them to levels of fit, or fit with "
            "handle_unknown='infrequent_if_exist'."
        )


def as_learned(raw: RawColumn, column: UsedColumn) -> RawColumn:
    """Return a raw column as texts, if it held texts in ``fit`` and its type is not sure.

    Words for true and false, which a CSV has, are truth values where ``fit`` had those.
    """
    learned = getattr(column, "type", None)
    is_plain = raw.type in (ColumnType.NUMBER, ColumnType.BOOLEAN)
    if raw.loose and learned is ColumnType.TEXT and is_plain:
        return raw.as_texts()
    if raw.type is ColumnType.TEXT and learned is ColumnType.BOOLEAN:
        return raw.as_truth_values() or raw
    return raw


def _unseen(column: BinaryColumn | CategoryColumn, raw: RawColumn) -> list[Level]:
    """Return the levels of a raw column that ``fit`` did not see, in order; none of 0 and 1."""
    if isinstance(column, BinaryColumn):
        known: set[Level] = set(column.levels)
        if column.is_zero_one:
            return []
    else:
        known = {*column.decoded_levels, *column.rare}
    check_type(raw, column.type)
    return sorted(set(raw.values[~raw.missing].tolist()) - known)
