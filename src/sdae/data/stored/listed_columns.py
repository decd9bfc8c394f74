"""Names of the columns of rows that are one column of lists: they are in the metadata of a file.

Axes: V columns of rows.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sdae.core.wording import quoted

_COLUMNS, _NAMED = b"sdae.columns", b"sdae.named"


class ListedColumns(NamedTuple):
    """The column of lists of a file, and the columns of the rows that it holds.

    Attributes
    ----------
    column : str
        Name of the column of lists.
    names : tuple of str
        Names of the V columns.
    named : bool
        Whether these are names, and not positions.
    """

    column: str
    names: tuple[str, ...]
    named: bool

    def are_meant(self, asked: Sequence[str], schema: Any) -> bool:
        """Return whether columns that somebody asks for are some of these, not of the file."""
        return not set(asked) <= set(schema.names) or not set(asked).isdisjoint(self.names)

    def why_no_target(self, target: str, source: str) -> str | None:
        """Say why a column of the rows cannot be the target; None if it is none of them."""
        if target not in self.names:
            return None
        return (
            f"{source} holds column {quoted(target)} among the numbers of its rows, so it is not a "
            "target. Convert the original file again, with the target named: sdae convert "
            "--target, or convert(…, target=…)."
        )


def described(names: Sequence[str], *, named: bool) -> dict[bytes, bytes]:
    """Return the metadata of a file whose rows have these columns."""
    return {_COLUMNS: json.dumps(list(names)).encode(), _NAMED: json.dumps(named).encode()}


def listed_columns(schema: Any) -> ListedColumns | None:
    """Return the columns of rows in lists of a file with a schema; None if it does not name them.

    Metadata that do not fit are not believed: other programs keep them when they change columns.
    """
    metadata, lists = schema.metadata or {}, _lists(schema)
    if len(lists) != 1 or _COLUMNS not in metadata:
        return None
    try:
        names, named = json.loads(metadata[_COLUMNS]), json.loads(metadata.get(_NAMED, b"true"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    if len(set(names)) < len(names) or len(names) != lists[0].type.list_size:
        return None
    return ListedColumns(lists[0].name, tuple(names), named is True)


def names_in(schema: Any) -> tuple[str, ...]:
    """Return the names of all columns that can be asked for."""
    listed = listed_columns(schema)
    if listed is None:
        return tuple(schema.names)
    others = [name for name in schema.names if name != listed.column]
    return (*listed.names, *others)


def has_lists(schema: Any) -> bool:
    """Return whether a file with a schema has a column of lists of one length."""
    return bool(_lists(schema))


def _lists(schema: Any) -> list[Any]:
    return [field for field in schema if hasattr(field.type, "list_size")]  # else lengths differ
