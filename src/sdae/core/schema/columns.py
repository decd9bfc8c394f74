"""The kinds of columns of a table: how values become components, and components values again.

A column is a frozen value with a JSON form, learned from the rows of ``fit``
(:mod:`sdae.core.schema.learning`). To add a kind, add a class to ``COLUMN_KINDS``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sdae.core.schema.column_json import number, text
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn, Level
from sdae.core.schema.number_columns import DateColumn, NumberColumn


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
    """

    kind: ClassVar[str] = "ignored"
    block: ClassVar[None] = None
    size: ClassVar[int] = 0
    has_gaps: ClassVar[bool] = False

    name: str
    why: str
    value: Level | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the kind."""
        return {"name": self.name, "why": self.why, "value": self.value}

    @classmethod
    def of_json(cls, entry: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_json` returned."""
        value = entry["value"]
        if value is not None:
            value = text(value) if isinstance(value, str) else number(value)
        return cls(text(entry["name"]), text(entry["why"]), value)


UsedColumn = NumberColumn | DateColumn | BinaryColumn | CategoryColumn
Column = UsedColumn | IgnoredColumn
COLUMN_KINDS: dict[str, type[Column]] = {
    kind.kind: kind
    for kind in (NumberColumn, DateColumn, BinaryColumn, CategoryColumn, IgnoredColumn)
}
