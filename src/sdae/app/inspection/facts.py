"""What the checks of a column need to know: its values that are there, and how often each occurs.

Axes: n rows.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.schema.raw_table import ColumnType, RawColumn

LARGEST = 1e150
"""The variance of larger numbers is infinite."""


@dataclass(frozen=True, eq=False)
class Facts:
    """A column, counted.

    Attributes
    ----------
    column : RawColumn
    """

    column: RawColumn

    @property
    def name(self) -> str:
        """The name of the column."""
        return self.column.name

    @property
    def type(self) -> ColumnType:
        """The type of its values."""
        return self.column.type

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(self.column.values)

    @cached_property
    def known(self) -> NDArray[Any]:
        """The values that are there."""
        values: NDArray[Any] = self.column.values[~self.column.missing]
        return values

    @property
    def n_missing(self) -> int:
        """The number of gaps."""
        return self.n_rows - len(self.known)

    @cached_property
    def counts(self) -> dict[Any, int]:
        """How often each value occurs; numbers in ascending order, texts the most frequent first.

        Of equally frequent texts, the first in order.
        """
        if self.type is not ColumnType.TEXT:
            values, counts = np.unique(self.known, return_counts=True)
            return dict(zip(values.tolist(), counts.tolist(), strict=True))
        counted = Counter(self.known.tolist())
        return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """The different numbers that can be scaled, ascending."""
        values = np.array(list(self.counts), np.float64)
        return values[np.abs(values) <= LARGEST]

    @cached_property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers only."""
        return bool(len(self.numbers)) and bool((self.numbers == np.round(self.numbers)).all())

    @property
    def differs_in_each_row(self) -> bool:
        """Whether no value is missing, and none occurs twice."""
        return self.n_rows > 1 and len(self.counts) == self.n_rows
