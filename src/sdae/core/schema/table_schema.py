"""The schema of a table: its typed columns, learned once and kept with the model as data.

A schema turns a raw table into rows for the network, and rows of the network into values of the
table again. The components stand in the order of :mod:`sdae.core.blocks`: numbers, binaries,
categories, indicators.

Axes: n rows, V components, S components of one column.
"""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdae.core.blocks import Blocks
from sdae.core.errors import DataError
from sdae.core.schema.column_json import Block, text
from sdae.core.schema.columns import COLUMN_KINDS, Column, IgnoredColumn, UsedColumn, objects_of
from sdae.core.schema.raw_table import RawColumn, RawTable
from sdae.core.schema.unseen import as_learned, check_levels
from sdae.core.user_warnings import warn_user
from sdae.core.wording import listed

logger = logging.getLogger("sdae")

INFREQUENT_IF_EXIST, ERROR = "infrequent_if_exist", "error"
"""What is done with a level that ``fit`` did not see, in scikit-learn's words."""

_AT_ONCE = 1 << 16  # rows


class Written(NamedTuple):
    """How a file of texts is written, where that is not the usual way.

    Attributes
    ----------
    decimal : str or None
        The decimal character that the numbers of the file decided.
    separator : str or None
        The character between fields, where it cannot be found.
    """

    decimal: str | None = None
    separator: str | None = None

    def to_json(self) -> dict[str, str]:
        """Return what is known."""
        return {name: value for name, value in self._asdict().items() if value is not None}


AS_USUAL = Written()


class Schema:
    """The columns of a table, in its order.

    Parameters
    ----------
    columns : sequence of Column
        At least one of them used.
    named : bool
        Whether columns are matched by name; otherwise by position.
    missing_marks : sequence of str
        Texts of a file that mean a missing value, besides the usual ones.
    left_out : sequence of IgnoredColumn
        Columns of the file that are not columns of the schema, each with the reason; new files may
        lack them.
    written : Written
        How the file of training was written, for files that do not show it.
    handle_unknown : str
        ``infrequent_if_exist`` takes a level that ``fit`` did not see as a rare one, or if there
        are none as none of the levels; ``error`` refuses it.

    Attributes
    ----------
    blocks : Blocks
        Which components of the network's input belong to which column.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        named: bool = True,
        missing_marks: Sequence[str] = (),
        left_out: Sequence[IgnoredColumn] = (),
        written: Written = AS_USUAL,
        handle_unknown: str = INFREQUENT_IF_EXIST,
    ) -> None:
        self.columns = tuple(columns)
        self.left_out = tuple(left_out)
        self.written = written
        self.handle_unknown = handle_unknown
        self.missing_marks = tuple(missing_marks)
        self.named = named
        names = [column.name for column in (*self.columns, *self.left_out)]
        if len(set(names)) != len(names):
            raise ValueError("two columns have the same name")
        numbers, binaries, categories = (
            tuple(column for column in self._used_in_table_order if column.block is block)
            for block in (Block.NUMBER, Block.BINARY, Block.CATEGORY)
        )
        self.used: tuple[UsedColumn, ...] = (*numbers, *binaries, *categories)
        self.blocks = Blocks(
            numbers=tuple(column.size for column in numbers),
            n_binaries=len(binaries),
            levels=tuple(column.size for column in categories),
            indicators=tuple(k for k, column in enumerate(self.used) if column.has_gaps),
            gap_values=tuple(gap for column in (*numbers, *binaries) for gap in column.gaps),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns of the table."""
        return tuple(column.name for column in self.columns)

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of the columns that name rows."""
        return tuple(column.name for column in self.left_out if column.why == "identifier")

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The name of each component, (V,)."""
        values = [part for column in self.used for part in column.parts]
        return (*values, *(f"{self.used[k].name} is missing" for k in self.blocks.indicators))

    def encode(
        self, table: RawTable, caller: str = "X", *, expects_gaps: bool = False
    ) -> NDArray[np.float32]:
        """Return rows for the network, (n, V).

        Columns are matched by name; others than those of ``fit`` are left out.

        Parameters
        ----------
        table : RawTable
        caller : str
            What the table is called in messages.
        expects_gaps : bool
            Whether there is no warning of gaps in a column that had none in ``fit``.

        Raises
        ------
        DataError
            If columns are missing, or hold values of another type than in ``fit``, or levels that
            `handle_unknown` refuses.
        """
        rows, unexpected = self.encoded(table, caller)
        if not expects_gaps:
            self.warn_of_gaps(unexpected, caller)
        return rows

    def encoded(self, table: RawTable, caller: str = "X") -> tuple[NDArray[np.float32], set[str]]:
        """Return rows for the network, (n, V), and the columns with gaps that had none in ``fit``.

        Raises
        ------
        DataError
            As :meth:`encode` does.
        """
        columns = self.matched(table, caller)
        if self.handle_unknown == ERROR:
            check_levels(columns, self.used, caller)
        rows = np.empty((len(table), self.blocks.n_components), np.float32)
        unexpected = set[str]()
        for start in range(0, len(table), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            unexpected.update(self._encode([column.at(part) for column in columns], rows[part]))
        return rows, unexpected

    def warn_of_gaps(self, unexpected: Collection[str], caller: str) -> None:
        """Warn of columns with gaps that had none in ``fit``, if there are some."""
        if unexpected:
            warn_user(
                f"{caller} has missing values in {_columns(sorted(unexpected))}, which had none in "
                "fit. They are treated as a corrupted value: the mean of the column, or no level."
            )

    def decode(self, rows: NDArray[np.floating]) -> dict[str, NDArray[Any]]:
        """Return a value for each used column from reconstructed rows, (n, V), by name.

        Numbers in their own unit, dates in seconds since 1970, the most probable level of others.
        """
        return {
            column.name: column.decode(rows[:, place].astype(np.float64))
            for column, place in self.places()
        }

    @property
    def used_places(self) -> list[int]:
        """The place in the table of each used column, in the order of the network."""
        place = {name: k for k, name in enumerate(self.names)}
        return [place[column.name] for column in self.used]

    def decoded_rows(self, rows: NDArray[np.floating]) -> NDArray[np.object_]:
        """Return reconstructed rows, (n, V), as values of the table, one column each.

        A column that was left out has its constant, or None.
        """
        values = np.empty((len(rows), len(self.columns)), object)
        for place, column in enumerate(self.columns):
            if isinstance(column, IgnoredColumn):
                values[:, place] = column.value
        for place, (column, part) in zip(self.used_places, self.places(), strict=True):
            found = column.decode(rows[:, part].astype(np.float64))
            values[:, place] = objects_of(column, found)
        return values

    def places(self) -> Iterator[tuple[UsedColumn, slice]]:
        """Yield the used columns, in the order of the network, with their components."""
        start = 0
        for column in self.used:
            yield column, slice(start, start + column.size)
            start += column.size

    def missing(self, table: RawTable, caller: str = "X") -> NDArray[np.bool_]:
        """Return which values of the used columns are missing, (n, C)."""
        columns = self.matched(table, caller)
        return np.stack([column.missing for column in columns], axis=1)

    def matched(self, table: RawTable, caller: str = "X") -> list[RawColumn]:
        """Return the raw columns of the used ones, in the order of the network.

        Raises
        ------
        DataError
            If some are missing.
        """
        if not self.named or not table.named:
            if len(table.columns) != len(self.columns):
                raise DataError(
                    f"{caller} must have {len(self.columns)} columns, as in fit. Got "
                    f"{len(table.columns)} instead."
                )
            raw = dict(zip(self.names, table.columns, strict=True))
        else:
            raw = {column.name: column for column in table.columns}
            wanted = {column.name for column in self.used}
            lacking = [name for name in self.names if name in wanted and name not in raw]
            if lacking:
                raise DataError(
                    f"{caller} lacks {_columns(lacking)}, which fit had. Its columns are: "
                    f"{listed(table.names)}."
                )
            extra = [name for name in table.names if name not in self.names]
            if extra:
                logger.info("%s has %s, which fit did not have: left out.", caller, _columns(extra))
        return [raw[column.name] for column in self.used]

    # -- JSON --------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        columns = [{"kind": column.kind, **column.to_json()} for column in self.columns]
        marks = {"missing_marks": list(self.missing_marks)} if self.missing_marks else {}
        left = [{"name": column.name, "why": column.why} for column in self.left_out]
        return {
            "named": self.named,
            "columns": columns,
            **marks,
            **({"left_out": left} if left else {}),
            **self.written.to_json(),
            **({"handle_unknown": ERROR} if self.handle_unknown == ERROR else {}),
        }

    @classmethod
    def of_json(cls, entry: Mapping[str, Any]) -> "Schema":
        """Read what :meth:`to_json` returned.

        Raises
        ------
        ValueError, LookupError, TypeError
            If it is something else.
        """
        if not isinstance(entry["named"], bool):
            raise TypeError("named must be true or false")
        columns = [COLUMN_KINDS[column["kind"]].of_json(column) for column in entry["columns"]]
        marks = entry.get("missing_marks", [])
        if not isinstance(marks, list):
            raise TypeError("missing_marks must be a list")
        marks = [text(mark) for mark in marks]
        left = entry.get("left_out", [])
        if not isinstance(left, list):
            raise TypeError("left_out must be a list")
        left = [IgnoredColumn(text(column["name"]), text(column["why"])) for column in left]
        written = Written(*(_character(entry.get(each)) for each in Written._fields))
        unknown = entry.get("handle_unknown", INFREQUENT_IF_EXIST)
        if unknown not in (INFREQUENT_IF_EXIST, ERROR):
            raise ValueError(f"handle_unknown is {unknown!r}")
        return cls(
            columns,
            named=entry["named"],
            missing_marks=marks,
            left_out=left,
            written=written,
            handle_unknown=unknown,
        )

    def with_columns(self, columns: Sequence[Column]) -> "Schema":
        """Return a schema of other columns, which is the same in all else."""
        return Schema(
            columns,
            named=self.named,
            missing_marks=self.missing_marks,
            left_out=self.left_out,
            written=self.written,
            handle_unknown=self.handle_unknown,
        )

    # -- helpers -----------------------------------------------------------------------------

    @property
    def _used_in_table_order(self) -> list[Any]:
        return [column for column in self.columns if not isinstance(column, IgnoredColumn)]

    def _encode(self, columns: Sequence[RawColumn], rows: NDArray[np.float32]) -> set[str]:
        """Fill rows, (n, V); return the columns with gaps that had none in ``fit``."""
        unexpected = set[str]()
        indicators = {k: place for place, k in enumerate(self.blocks.indicators)}
        n_values = self.blocks.n_components - len(indicators)
        for k, (raw, (column, place)) in enumerate(zip(columns, self.places(), strict=True)):
            missing = raw.missing
            if missing.all():  # then its type is not known
                rows[:, place] = column.gaps or 0.0
            else:
                values = column.encode(as_learned(raw, column))
                values[missing] = column.gaps or 0.0
                with np.errstate(over="ignore"):  # beyond float32: inference clips it
                    rows[:, place] = values
            if k in indicators:
                rows[:, n_values + indicators[k]] = missing
            elif missing.any():
                unexpected.add(column.name)
        return unexpected


def _character(value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and len(value) == 1):
        raise TypeError("decimal and separator must be one character")
    return value


def _columns(names: Sequence[str]) -> str:
    return f"column{'s' if len(names) > 1 else ''} {listed(names)}"
