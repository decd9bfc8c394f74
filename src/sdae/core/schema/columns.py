"""The kinds of columns of a table: how values become components, and components values again.

A column is a frozen value with a JSON form, learned from the rows of ``fit``
(:mod:`sdae.core.schema.learning`). To add a kind, add a class to ``COLUMN_KINDS``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from sdae.core.schema.column_json import number, text
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn, Level
from sdae.core.schema.number_columns import DateColumn, NumberColumn
from sdae.core.schema.raw_table import ColumnType


@dataclass(frozen=True)
class IgnoredColumn:
    """A column that does not go into the network: a constant, an index, an empty one, or dropped.

    Those that the reader of a file leaves out are ``left_out`` of the schema, not its columns.

    Attributes
    ----------
    name : str
    why : str
        ``constant`` or ``empty``; of a file also ``index``, ``identifier`` or ``dropped``.
    value : Level or None
        The value of a constant.
    type : ColumnType or None
        What the value of a constant is; None: not known, as in files of earlier versions.
    """

    kind: ClassVar[str] = "ignored"
    block: ClassVar[None] = None
    size: ClassVar[int] = 0
    has_gaps: ClassVar[bool] = False

    name: str
    why: str
    value: Level | None = None
    type: ColumnType | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the kind."""
        plain = {"name": self.name, "why": self.why, "value": self.value}
        return plain if self.type is None else {**plain, "type": str(self.type)}

    @classmethod
    def of_json(cls, entry: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` returned."""
        value = entry["value"]
        if value is not None:
            value = text(value) if isinstance(value, str) else number(value)
        type_ = ColumnType(entry["type"]) if "type" in entry else None
        if type_ is not None and (type_ is ColumnType.TEXT) != isinstance(value, str):
            raise ValueError(f"{value!r} is not of type {type_}")
        return cls(text(entry["name"]), text(entry["why"]), value, type_)


UsedColumn = NumberColumn | DateColumn | BinaryColumn | CategoryColumn
Column = UsedColumn | IgnoredColumn
_LARGEST_WHOLE = 2.0**63
COLUMN_KINDS: dict[str, type[Column]] = {
    kind.kind: kind
    for kind in (NumberColumn, DateColumn, BinaryColumn, CategoryColumn, IgnoredColumn)
}


def objects_of(column: UsedColumn, values: NDArray[Any]) -> NDArray[Any]:
    """Return values of a column as Python's: dates, integers, booleans, floats or texts, (n,)."""
    if isinstance(column, DateColumn):
        moments: NDArray[Any] = np.rint(values * 1e6).astype("datetime64[us]").astype(object)
        return moments
    if isinstance(column, BinaryColumn) and column.is_zero_one:
        kind = bool if column.type is ColumnType.BOOLEAN else int
        return values.astype(kind).astype(object)
    is_whole = isinstance(column, NumberColumn) and column.whole
    near = np.abs(values.astype(np.float64)) < _LARGEST_WHOLE if is_whole else None
    return values if near is None or not near.all() else values.astype(np.int64).astype(object)
