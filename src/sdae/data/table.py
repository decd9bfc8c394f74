"""Loaded data: tables of rows, whole or split into parts.

Axes: n rows, V columns.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.core.schema.raw_table import RawTable
from sdae.core.wording import listed, nearest, quoted
from sdae.data.exact import Rows, exact_rows, is_usable

OF_NUMBERS = (".csv", ".csv.gz", ".parquet")
"""Tables that are first read as numbers alone, which makes the network of earlier versions."""

Targets = NDArray[np.int64] | NDArray[np.str_] | NDArray[np.float64]

_BLOCK_CELLS = 1 << 20


class NotNumbers(DataError):
    """A column holds texts, or values or labels are missing: `load_typed` reads such a table."""


class Split(NamedTuple):
    """Rows and their class numbers; unpacks as ``x, y``.

    Attributes
    ----------
    x : ndarray of float32, shape (n, V)
    y : ndarray of int64, shape (n,)
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]


class Splits(NamedTuple):
    """The three parts of a labelled data set."""

    train: Split
    validation: Split
    test: Split


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of one source.

    Attributes
    ----------
    x : ndarray of float32 or float64, or RawTable, shape (n, V)
        Features, in the type that does not round them; of any types in a raw table.
    y : ndarray or None
        Labels as they are in the source, (n,) of int64 or of str; of several columns zeros and
        ones, (n, L) of int64; the values of a regression, (n, T) of float64.
    feature_names : tuple of str or None
        Names of the columns.
    image_shape : (int, int) or None
        Height and width, where rows are images.
    source : str
        Name of the source in messages.
    label_names : tuple of str or None
        Names of several columns of labels, or of those of a regression.
    """

    x: Any
    y: Targets | None
    feature_names: tuple[str, ...] | None
    image_shape: tuple[int, int] | None
    source: str
    label_names: tuple[str, ...] | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows, n."""
        return int(self.x.shape[0])

    @property
    def n_features(self) -> int:
        """Number of columns, V."""
        return int(self.x.shape[1])

    def rows(self, chosen: NDArray[np.int64], part: str) -> "Table":
        """Return some of the rows, called `part` of the source in messages."""
        y = None if self.y is None else self.y[chosen]
        return replace(self, x=self.x[chosen], y=y, source=f"{self.source} ({part})")

    def rounded(self) -> "Table":
        """Return a copy with float32 features; a raw table is not changed."""
        if isinstance(self.x, RawTable):
            return self
        return replace(self, x=self.x.astype(np.float32, copy=False))


@dataclass(frozen=True, eq=False)
class Dataset:
    """The data of a source, with the parts that it has or that were cut from it.

    Attributes
    ----------
    name : str
    train : Table
        The rows that have labels or, if there are none, all.
    validation, test : Table or None
    unlabelled : ndarray, SourceRows, RawTable, TableRows or None
        Rows of the same columns without a label, where others have one.
    """

    name: str
    train: Table
    validation: Table | None = None
    test: Table | None = None
    unlabelled: Any = None

    def rounded(self) -> "Dataset":
        """Return a copy with float32 features."""
        train = self.train.rounded()
        validation, test = (part and part.rounded() for part in (self.validation, self.test))
        others = self.unlabelled
        if isinstance(others, np.ndarray):
            others = others.astype(np.float32, copy=False)
        return replace(self, train=train, validation=validation, test=test, unlabelled=others)


def checked_table(
    x: NDArray[np.generic],
    y: Targets | None,
    source: str,
    feature_names: tuple[str, ...] | None = None,
    image_shape: tuple[int, int] | None = None,
    label_names: tuple[str, ...] | None = None,
) -> Table:
    """Make a table of exact rows after checking that training can use them.

    Raises
    ------
    DataError
        If there are no rows or no columns, a value is missing, infinite or too large for float32,
        or there is not one label per row.
    """
    if x.size == 0:
        raise DataError(
            f"{source} is empty: it has shape {x.shape}, rows by columns. Both must be at least 1."
        )
    if y is not None:
        check_lengths(len(x), len(y), source)
    rows = exact_rows(x)
    if x.dtype.kind == "f":
        check_finite(rows, source, feature_names)
    return Table(rows, y, feature_names, image_shape, source, label_names)


def check_lengths(n_rows: int, n_labels: int, source: str) -> None:
    """Raise an error unless there is one label per row.

    Raises
    ------
    DataError
        If their numbers differ.
    """
    if n_rows != n_labels:
        raise DataError(
            f"{source} has {n_rows:,} rows but {n_labels:,} labels. Give each row one label."
        )


def check_finite(x: Rows, source: str, feature_names: tuple[str, ...] | None = None) -> None:
    """Raise an error for rows (n, V) with a value that is not finite, or too large for float32.

    The check goes block by block and stops at the first block with such a value.

    Raises
    ------
    DataError
        If a value is missing (NaN) or infinite; the message says where the first one is.
    """
    n_rows = max(1, _BLOCK_CELLS // max(1, x.shape[1]))
    for start in range(0, len(x), n_rows):
        block = x[start : start + n_rows]
        if not is_usable(block).all():
            more = start + n_rows < len(x)
            raise not_finite(block, source, feature_names, first_row=start, more=more)


def not_finite(
    x: Rows,
    source: str,
    feature_names: tuple[str, ...] | None,
    *,
    first_row: int,
    more: bool,
) -> DataError:
    """Return the error for rows (n, V) with values that are not finite in float32.

    `first_row` is the number of rows of the source before them; `more`: later rows were not
    checked.
    """
    bad = ~is_usable(x)
    row, column = (int(place) for place in np.unravel_index(np.argmax(bad), bad.shape))
    n_bad = int(np.count_nonzero(bad))
    number = f"{'at least ' if more else ''}{n_bad:,} {'value' if n_bad == 1 else 'values'}"
    return NotNumbers(
        f"{source} has {number} missing, infinite or too large for float32, the first in "
        f"{_where(first_row + row + 1, column, feature_names)}. Impute missing values "
        "(scikit-learn's SimpleImputer does) or drop the rows."
    )


def _where(row: int, column: int, names: tuple[str, ...] | None) -> str:
    """Return the place of a cell in words: both from 1, or the name of its column."""
    if names is None:
        return f"row {row}, column {column + 1} (both counted from 1)"
    if names[column].isdecimal():  # a column of an array is named by its index, from 0
        return f"row {row} (counted from 1), the column named {quoted(names[column])}"
    return f"row {row}, column {quoted(names[column])}"


def match_columns(table: Table, feature_names: tuple[str, ...]) -> Table:
    """Return the table with the columns of `feature_names`, in that order; others are dropped.

    Parameters
    ----------
    table : Table
        If it does not have names, only the number of its columns is checked.
    feature_names : tuple of str
        Columns that the model was trained on.

    Raises
    ------
    DataError
        If a column is missing; if the table does not have names, if the number of columns differs.
    """
    if table.feature_names is None:
        if table.x.shape[1] != len(feature_names):
            raise DataError(
                f"{table.source} must have {len(feature_names)} columns, as the training data. Got "
                f"{table.x.shape[1]} columns without names instead. Leave others, such as labels, "
                "out of it."
            )
        return table
    if table.feature_names == feature_names:
        return table
    places = {name: place for place, name in enumerate(table.feature_names)}
    if not places.keys() >= set(feature_names):
        raise LacksColumns(table.source, feature_names, table.feature_names)
    columns = [places[name] for name in feature_names]
    x: Rows = np.ascontiguousarray(table.x[:, columns])
    return replace(table, x=x, feature_names=feature_names)


class LacksColumns(DataError):
    """A source lacks columns of the training data.

    Parameters
    ----------
    source : str
    wanted, there : collection of str
        The columns that are needed, and those that it has.
    whose : str
        Whose columns are needed.
    remedy : str
    """

    def __init__(
        self,
        source: str,
        wanted: Collection[str],
        there: Collection[str],
        whose: str = "the training data",
        remedy: str = "Add what is missing to the file.",
    ) -> None:
        self._parts = source, wanted, there
        known = set(there)
        missing = [name for name in wanted if name not in known]
        near = nearest(missing[0], there, most=3)
        hint = f" Similar names: {listed(near)}." if near else ""
        super().__init__(
            f"{source} lacks {len(missing)} of the {len(wanted)} columns of {whose}, the first "
            f"{quoted(missing[0])}.{hint} {remedy}"
        )

    def said_of(self, other: str) -> "LacksColumns":
        """Return the error for a file of more rows, which must have the columns of another."""
        remedy = "Add what is missing, or leave it out of the training with --drop."
        return LacksColumns(*self._parts, other, remedy)
