"""Which columns of an Arrow schema hold the rows, and how they become an array.

The rows are one column of fixed-size lists of numbers, or plain columns of numbers.

Axes: n rows, V columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdae.core.errors import DataError, MissingExtraError
from sdae.core.wording import plain, quoted
from sdae.data.bounds import check_columns
from sdae.data.csv_table import find_targets
from sdae.data.parquet_table import check_type, is_single
from sdae.data.stored.listed_columns import listed_columns
from sdae.data.stored.shard import Numbers, check_apart, check_different
from sdae.data.tables.arrow_columns import is_text, numbers_of


@dataclass(frozen=True)
class ArrowLayout:
    """Where the rows of a file lie.

    Attributes
    ----------
    source : str
        What the file is called in messages.
    names : tuple of str
        The columns of the file that hold the rows, in the order of delivery.
    length : int or None
        The length of the lists, if the rows are one column of lists.
    kind : numpy.dtype
        Type of the numbers.
    columns : tuple of str
        Names of the V columns of the rows.
    target : str or None
        The column of labels.
    named : bool
        Whether the file has names of the V columns.
    picked : sequence of int or None
        Positions in the lists of the V columns; None: these are whole lists, or no lists.
    types : sequence of pyarrow.DataType
        The types of plain columns; of a column of lists none.
    """

    source: str
    names: tuple[str, ...]
    length: int | None
    kind: "np.dtype[Any]"
    columns: tuple[str, ...]
    target: str | None
    named: bool
    picked: Sequence[int] | None = None
    types: Sequence[Any] = ()

    @property
    def n_decoded(self) -> int:
        """How many numbers of a row are decoded."""
        return len(self.names) if self.length is None else self.length

    def matrix(self, batch: Any, n_before: int) -> Numbers:
        """Return the rows of a batch of the columns `names`, or of some of them, (rows, V).

        Missing values become NaN. In the file there are `n_before` rows before the batch.

        Raises
        ------
        DataError
            If a list, or a number in it, is missing.
        """
        if self.length is None:
            if self._is_uniform(batch):
                return np.asarray(batch.to_tensor(null_to_nan=True, row_major=True).to_numpy())
            rows = np.empty((batch.num_rows, batch.num_columns), self.kind)
            for column in range(batch.num_columns):
                with np.errstate(over="ignore"):
                    rows[:, column] = numbers_in(batch.column(column))
            return rows
        lists = batch.column(0)
        values = lists.flatten()
        if lists.null_count or values.null_count:
            row = n_before + _first_gap(lists, values)
            raise DataError(
                f"{self.source}, column {quoted(self.names[0])}, has missing rows or numbers, as "
                f"in row {row} (counted from 0). Drop those rows, or fill them in."
            )
        rows = np.asarray(values.to_numpy(zero_copy_only=False)).reshape(len(lists), -1)
        return rows if self.picked is None else rows[:, [*self.picked]]

    def _is_uniform(self, batch: Any) -> bool:
        """Return whether all columns of a batch have the floats that the rows have."""
        import pyarrow as pa

        return batch.num_rows > 0 and set(batch.schema.types) == {pa.from_numpy_dtype(self.kind)}

    def labels(self, column: Any) -> Numbers:
        """Return a column of labels, (rows,); missing ones are NaN among floats, otherwise None."""
        import pyarrow as pa

        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        kind = column.type
        if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
            return numbers_of(column)
        if column.null_count:
            return np.array(column.to_pylist(), object)
        return np.array(column.to_pylist()) if is_text(kind) else np.asarray(column.to_numpy())


def layout_of(
    schema: Any, columns: Sequence[str] | None, target: str | None, source: str
) -> ArrowLayout:
    """Return where the rows lie in a file with a schema.

    Raises
    ------
    DataError
        If it does not hold rows of numbers, or not these columns.
    """
    listed, picked = listed_columns(schema), None
    if listed is not None and target is not None and target not in schema.names:
        reason = listed.why_no_target(target, source)
        if reason is not None:
            raise DataError(reason)
    if listed is not None and columns is not None and listed.are_meant(columns, schema):
        picked = find_targets([*listed.names], columns, source)
        check_different(columns, source)
        columns = [listed.column]
    names, types = _features(schema, columns, target, source), list[Any]()
    length = _length_of_list(schema, names, source)
    if length is None:
        for name in names:
            check_type(schema.field(name).type, name, source, is_label=False)
        types = [schema.field(name).type for name in names]
        single = all(map(is_single, types))
        kind: np.dtype[Any] = np.dtype(np.float32 if single else np.float64)
        shown, named = tuple(names), True
    else:
        kind = np.dtype(schema.field(names[0]).type.value_type.to_pandas_dtype())
        named = listed is not None and listed.named
        every = [f"{names[0]}.{place}" for place in range(length)]
        if listed is not None:
            every = [*listed.names]
        shown = tuple(every if picked is None else [every[place] for place in picked])
    if not shown:
        raise DataError(f"{source}, column {quoted(names[0])}, has lists without numbers.")
    check_columns(len(shown), source)
    if target is not None:
        check_type(schema.field(target).type, target, source, is_label=True)
    return ArrowLayout(source, tuple(names), length, kind, shown, target, named, picked, types)


def _first_gap(lists: Any, values: Any) -> int:
    """Return the first row whose list, or a number in it, is missing.

    `values` are those of the lists that are there, one list after the other.
    """
    gone = np.asarray(lists.is_null().to_numpy(zero_copy_only=False))
    lacks = np.asarray(values.is_null().to_numpy(zero_copy_only=False))
    there = np.flatnonzero(~gone)
    gone[there] = lacks.reshape(len(there), -1).any(axis=1)
    return int(np.argmax(gone))


def numbers_in(column: Any) -> Numbers:
    """Return a column of a batch, (rows,), without a copy where it has plain numbers."""
    import pyarrow as pa

    kind = column.type
    if column.null_count == 0 and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return np.asarray(column.to_numpy())
    return numbers_of(column)


def check_installed(source: str, what: str) -> None:
    """Raise an error if pyarrow, which reads a file, is not installed.

    Raises
    ------
    MissingExtraError
        If it is not.
    """
    try:
        import pyarrow  # noqa: F401 - is it installed?
    except ImportError:
        raise MissingExtraError(
            f'{source} is {what}, and reading it needs pyarrow: pip install "sdae[tables]"'
        ) from None


def _features(
    schema: Any, columns: Sequence[str] | None, target: str | None, source: str
) -> list[str]:
    """Return the names of the columns of rows: those asked for, or all but the target."""
    there = [field.name for field in schema]
    asked = [] if columns is None else [str(column) for column in columns]
    targets = [] if target is None else [target]
    find_targets(there, [*asked, *targets], source)
    check_apart(asked, target, source)
    names = [name for name in there if name != target] if columns is None else asked
    check_different(names, source)
    return names


def _length_of_list(schema: Any, names: list[str], source: str) -> int | None:
    """Return the length of the lists, if the rows are one column of lists; None for numbers."""
    import pyarrow as pa

    kinds = [schema.field(name).type for name in names]
    lists = [
        (name, kind)
        for name, kind in zip(names, kinds, strict=True)
        if pa.types.is_nested(kind) or pa.types.is_fixed_size_binary(kind)
    ]
    if not lists:
        return None
    name, kind = lists[0]
    inner = kind.value_type if pa.types.is_fixed_size_list(kind) else None
    if inner is None or not (pa.types.is_integer(inner) or pa.types.is_floating(inner)):
        others = " Or leave the column out, by columns." if len(names) > 1 else ""
        raise DataError(
            f"{source}, column {quoted(name)}, has values of type {plain(str(kind))}. A column of "
            "whole rows must be a fixed-size list of numbers: cast it to "
            f"pyarrow.list_(pyarrow.float32(), length).{others}"
        )
    if len(names) > 1:
        raise DataError(
            f"{source} has a column {quoted(name)} of {plain(str(kind))} beside others. Name the "
            f"one to read with columns=[{name!r}], and the labels with target."
        )
    return int(kind.list_size)
