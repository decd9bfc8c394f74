"""A table as it is read, before a schema is known: columns of five types, with gaps.

What files, data frames and arrays hold is brought into this form once: a missing number or date is
NaN, a missing text None, whatever the source calls it.

Axes: n rows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.wording import listed


class ColumnType(StrEnum):
    """What the values of a column are."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"
    DATE = "date"


TRUTH_WORDS = ({"true": 1.0, "false": 0.0}, {"yes": 1.0, "no": 0.0})
"""Words that a column of booleans may have in a file; those of one column are of one kind."""


@dataclass(frozen=True, eq=False)
class RawColumn:
    """One column of a table.

    Attributes
    ----------
    name : str
    type : ColumnType
    values : ndarray, shape (n,)
        Numbers and booleans (0 and 1) as float64, dates as seconds since 1970 in float64, each with
        NaN where missing; texts as objects, with None where missing.
    declared : bool
        Whether its type says that it is a category, as a pandas category does.
    whole : bool
        Whether its type holds whole numbers only.
    loose : bool
        Whether its type is that of the values alone, as of an array of objects: texts of ``fit``
        may come as numbers, if a few rows hold nothing else.
    """

    name: str
    type: ColumnType
    values: NDArray[Any]
    declared: bool = False
    whole: bool = False
    loose: bool = False

    @cached_property
    def missing(self) -> NDArray[np.bool_]:
        """Which values are missing, (n,)."""
        if self.type is ColumnType.TEXT:
            return np.array([value is None for value in self.values], bool)
        absent: NDArray[np.bool_] = np.isnan(self.values)
        return absent

    def as_texts(self) -> "RawColumn":
        """Return a column of numbers or booleans as the texts that Python writes."""
        texts = np.empty(len(self.values), object)
        for row, value in enumerate(self.values.tolist()):
            if not np.isnan(value):
                is_boolean = self.type is ColumnType.BOOLEAN
                texts[row] = str(bool(value) if is_boolean else int(value) if self.whole else value)
        return replace(self, type=ColumnType.TEXT, values=texts)

    def as_truth_values(self) -> "RawColumn | None":
        """Return a column of texts as booleans, if all of them are words for true and false."""
        known = {str(value).strip().lower() for value in self.values[~self.missing]}
        words = next((words for words in TRUTH_WORDS if known <= words.keys()), None)
        if words is None:
            return None
        each = [np.nan if text is None else words[text.strip().lower()] for text in self.values]
        return replace(self, type=ColumnType.BOOLEAN, values=np.array(each, np.float64))

    def without(self, cells: NDArray[np.bool_]) -> "RawColumn":
        """Return the column with some of its values missing, (n,)."""
        values = self.values.copy()
        values[cells] = None if self.type is ColumnType.TEXT else np.nan
        return replace(self, values=values)

    def at(self, rows: Any) -> "RawColumn":
        """Return the column with some of its rows."""
        return replace(self, values=self.values[rows])


class HasNames(Protocol):
    """A table whose columns have names."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        ...


class RawTable:
    """Columns of one length, with names if the source has them.

    It takes the place of an array of rows: it has a shape, and an index picks rows.

    Parameters
    ----------
    columns : sequence of RawColumn
    named : bool
        Whether columns are known by name; otherwise by position.
    """

    def __init__(self, columns: Sequence[RawColumn], *, named: bool = True) -> None:
        self.columns = tuple(columns)
        self.named = named
        if len({len(column.values) for column in columns}) > 1:
            raise DataError("The columns of a table must have the same number of rows.")

    def __len__(self) -> int:
        return len(self.columns[0].values) if self.columns else 0

    def __iter__(self) -> Iterator[RawColumn]:
        return iter(self.columns)

    def __getitem__(self, rows: Any) -> "RawTable":
        """Return some rows, by indices, a mask or a slice."""
        return RawTable([column.at(rows) for column in self.columns], named=self.named)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return len(self), len(self.columns)

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The type of the rows in estimators' records."""
        return np.dtype(object)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def like(self, other: "HasNames", caller: str) -> "RawTable":
        """Return the table with the columns of another, in its order; more columns are left out.

        Raises
        ------
        DataError
            If columns are missing.
        """
        check_columns_of(self.names, other.names, caller)
        known = {column.name: column for column in self.columns}
        return RawTable([known[name] for name in other.names])

    def below(self, more: "RawTable", caller: str = "") -> "RawTable":
        """Return this table with the rows of another, of the same columns, below it.

        `caller` says what the other table is, where this one is not that of an earlier fit.

        Raises
        ------
        DataError
            If a column has values of another type there.
        """
        joined = []
        for column, other in zip(self.columns, more.columns, strict=True):
            joined.append(_joined(column, other, caller))
        return RawTable(joined, named=self.named)


def check_columns_of(names: Sequence[str], wanted: Sequence[str], caller: str) -> None:
    """Raise an error if a table lacks columns of another.

    Raises
    ------
    DataError
        If it does: all are named.
    """
    lacking = [name for name in wanted if name not in set(names)]
    if lacking:
        raise DataError(
            f"{caller} lacks column{'s' * (len(lacking) > 1)} {listed(lacking)}. Its columns "
            f"are: {listed(names)}."
        )


def below_each_other(parts: Sequence[RawColumn]) -> RawColumn:
    """Return the rows of parts of a column, all of one type."""
    values = np.concatenate([part.values for part in parts])
    return replace(parts[0], values=values, whole=all(part.whole for part in parts))


def _joined(column: RawColumn, other: RawColumn, caller: str) -> RawColumn:
    """Return a column with the values of another below its own."""
    declared = column.declared or other.declared
    if column.missing.all():
        column = _empty_like(other, len(column.values))
    elif other.missing.all():
        other = _empty_like(column, len(other.values))
    kinds = {column.type, other.type}
    if kinds == {ColumnType.NUMBER, ColumnType.BOOLEAN}:
        column = replace(column, type=ColumnType.NUMBER)
    elif len(kinds) > 1:
        raise other_type(other, column.type, caller)
    return replace(
        column,
        values=np.concatenate([column.values, other.values]),
        declared=declared,
        whole=column.whole and other.whole,
    )


def _empty_like(column: RawColumn, n_rows: int) -> RawColumn:
    """Return a column of the same type in which all values are missing."""
    missing = None if column.type is ColumnType.TEXT else np.nan
    return replace(column, values=np.full(n_rows, missing, column.values.dtype))


def other_type(column: RawColumn, wanted: ColumnType, caller: str = "") -> DataError:
    """Return the error for a column whose values are of another type than before, or than in X."""
    known = column.values[~column.missing]
    odd = [value for value in known.tolist() if not _is_number(value)] or known.tolist()
    example = f", such as {str(odd[0])[:40]!r}" if odd else ""
    if caller:
        return DataError(
            f"Column {column.name!r} of {caller} holds {PLURAL[column.type]}{example}, but "
            f"{PLURAL[wanted]} in X. Bring both to one type, and leave a cell empty where its "
            "value is missing."
        )
    return DataError(
        f"Column {column.name!r} held {PLURAL[wanted]} in fit, but holds {PLURAL[column.type]} now"
        f"{example}. Bring it to the type that it had in fit, and leave a cell empty where its "
        "value is missing."
    )


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


PLURAL = {
    ColumnType.NUMBER: "numbers",
    ColumnType.BOOLEAN: "booleans",
    ColumnType.TEXT: "texts",
    ColumnType.DATE: "dates",
}
"""The types in messages."""
