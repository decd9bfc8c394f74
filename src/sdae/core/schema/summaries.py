"""What learning a schema needs to know of the columns of a table, from blocks of its rows.

A table in memory is one block. Of several blocks counts are added up, and means and variances are
merged as in Chan, Golub and LeVeque (1983), "Algorithms for computing the sample variance".

Axes: n rows, L levels.
"""

import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.column_statistics import ColumnStatistics, moments
from sdae.core.errors import DataError
from sdae.core.schema.number_columns import PERIODS, waves
from sdae.core.schema.raw_table import ColumnType, RawColumn, other_type
from sdae.core.wording import quoted

Numbers = NDArray[np.float64]

_PER_LEVEL = 150  # bytes in the table of counts, without the text


@dataclass(frozen=True, eq=False)
class NumberSummary:
    """Numbers that are there, of one block or of several.

    Attributes
    ----------
    n : int
    low, high : float
    mean, rest : float
        The mean is their sum: of numbers that hardly differ, `mean` alone is not exact enough to
        merge.
    variance : float
    n_zeros, n_ones : int
    has_time : bool
        Whether a date is not the beginning of a day.
    waves : ndarray of float64
        The means of the waves of dates, in all cycles; empty for other numbers.
    known : ndarray of float64, shape (n,), or None
        The numbers themselves, of a single block.
    """

    n: int
    low: float
    high: float
    mean: float
    rest: float
    variance: float
    n_zeros: int
    n_ones: int
    has_time: bool
    waves: Numbers
    known: Numbers | None

    @classmethod
    def of(cls, known: Numbers, *, are_dates: bool) -> "NumberSummary":
        """Sum up numbers, (n,), n ≥ 1."""
        with np.errstate(over="ignore", invalid="ignore"):  # infinite ones are refused later
            means, variances = moments(known[:, None])
            rest = float((known - means[0]).mean())
        return cls(
            n=len(known),
            low=float(known.min()),
            high=float(known.max()),
            mean=float(means[0]),
            rest=rest,
            variance=float(variances[0]),
            n_zeros=int(np.count_nonzero(known == 0)),
            n_ones=int(np.count_nonzero(known == 1)),
            has_time=are_dates and bool(np.mod(known, PERIODS["day"]).any()),
            waves=waves(known, tuple(PERIODS)).mean(axis=0) if are_dates else np.empty(0),
            known=known,
        )

    def merged(self, more: "NumberSummary") -> "NumberSummary":
        """Return the summary of these numbers and more of them."""
        n = self.n + more.n
        share = more.n / n
        step = (more.mean - self.mean) + (more.rest - self.rest)
        moved = self.rest + step * share
        mean = self.mean + moved
        spread = self.variance + (more.variance - self.variance) * share
        return NumberSummary(
            n=n,
            low=min(self.low, more.low),
            high=max(self.high, more.high),
            mean=mean,
            rest=(self.mean - mean) + moved,
            variance=spread + step * step * share * (1 - share),
            n_zeros=self.n_zeros + more.n_zeros,
            n_ones=self.n_ones + more.n_ones,
            has_time=self.has_time or more.has_time,
            waves=self.waves + (more.waves - self.waves) * share,
            known=None,
        )

    @property
    def are_zero_one(self) -> bool:
        """Whether they are zeros and ones, and both occur."""
        return self.n_zeros + self.n_ones == self.n and self.n_zeros > 0 and self.n_ones > 0

    @property
    def largest(self) -> float:
        """The largest absolute value."""
        return max(-self.low, self.high)

    @property
    def rows(self) -> Numbers | ColumnStatistics:
        """What a scaling is fitted to: the numbers as a column, (n, 1), or what is known of it."""
        if self.known is not None:
            return self.known[:, None]
        low, high, mean, variance = (
            np.array([value]) for value in (self.low, self.high, self.mean, self.variance)
        )
        return ColumnStatistics((self.n, 1), np.dtype(np.float64), low, high, mean, variance)


class ColumnSummary:
    """A column, of which blocks of rows are added.

    Parameters
    ----------
    name : str
    are_counted : bool
        Whether numbers are levels of a category, which are counted as texts are.

    Attributes
    ----------
    type : ColumnType or None
        That of the values; None before a block is added.
    declared, whole : bool
        As those of :class:`sdae.core.schema.raw_table.RawColumn`.
    n_rows, n_known : int
        Number of rows, and of values that are there.
    first : str, float or None
        The first value that is there.
    numbers : NumberSummary or None
        Of numbers, truth values and dates.
    counts : dict
        How often each level occurs: each text, and each number that is counted.
    n_bytes : int
        What the levels take in memory.
    """

    def __init__(self, name: str, *, are_counted: bool) -> None:
        self.name, self._are_counted = name, are_counted
        self.type: ColumnType | None = None
        self.declared = self.whole = False
        self.n_rows = self.n_known = self.n_bytes = 0
        self.first: str | float | None = None
        self.numbers: NumberSummary | None = None
        self.counts: Counter[Any] = Counter()

    @property
    def has_gaps(self) -> bool:
        """Whether values are missing."""
        return self.n_known < self.n_rows

    @property
    def is_constant(self) -> bool:
        """Whether all values that are there are the same."""
        if self.numbers is not None:
            return self.numbers.low == self.numbers.high
        return len(self.counts) == 1

    def add(self, column: RawColumn) -> None:
        """Add a block of rows.

        Raises
        ------
        DataError
            If its values are of another type than those before.
        """
        known = column.values[~column.missing]
        self._take_type(column, is_empty=not len(known))
        self.n_rows += len(column.values)
        if not len(known):
            return
        if self.first is None:
            self.first = known[0]
        self.n_known += len(known)
        if column.type is ColumnType.TEXT or self._are_counted:
            found = Counter(known.tolist())
            new = found.keys() - self.counts.keys()
            self.n_bytes += sum(map(sys.getsizeof, new)) + _PER_LEVEL * len(new)
            self.counts.update(found)
        if column.type is not ColumnType.TEXT:
            more = NumberSummary.of(known, are_dates=column.type is ColumnType.DATE)
            self.numbers = more if self.numbers is None else self.numbers.merged(more)

    def _take_type(self, column: RawColumn, *, is_empty: bool) -> None:
        """Take over what a block says of the column; one without values does not know its type."""
        if column.declared and not self._are_counted and self.numbers is not None:
            raise DataError(
                f"Column {quoted(self.name)} is a category in some rows, and holds numbers in "
                "others. Name it as a category for all."
            )
        self.declared |= column.declared
        if self.n_known == 0:
            if self.type is None or not is_empty:
                self.type, self.whole = column.type, column.whole
            return
        if is_empty:
            return
        assert self.type is not None
        if {self.type, column.type} == {ColumnType.NUMBER, ColumnType.BOOLEAN}:
            self.type = ColumnType.NUMBER
        elif column.type is not self.type:
            raise other_type(column, self.type)
        self.whole = self.whole and column.whole
