"""Filling the gaps of encoded rows with what a network for tables predicts.

A gap is predicted from what was observed in its row. In a round of refilling, each gap of a row is
predicted once more, from the observed values and the predictions for the other gaps. A drawn row
fills its gaps one column after the other, each from the observed values and those drawn before, so
that the values drawn for a row fit one another.

Axes: n rows, V components, C columns, N components of numbers, K levels of a category, S components
of values (without indicators).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdae.core.blocks import Blocks
from sdae.core.inference import rebuilt
from sdae.core.randomness import NoiseKey, Stream, random_bits, standard_normal
from sdae.core.stack import StackedDenoisingAutoencoder

Rows = NDArray[np.float32]
Cells = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Filler:
    """Fills gaps by a network whose layer 0 decodes the columns of a table.

    Attributes
    ----------
    network : StackedDenoisingAutoencoder
    blocks : Blocks
    n_threads : int or None
    depth : int or None
        Layers to encode with before decoding; None: all.
    constants : ndarray, shape (S,), or None
        Components of columns that are predicted by a constant; NaN where the network predicts.
    """

    network: StackedDenoisingAutoencoder
    blocks: Blocks
    n_threads: int | None = None
    depth: int | None = None
    constants: Rows | None = None

    def masked(self, x: Rows, cells: Cells) -> Rows:
        """Return rows in which some cells are missing, (n, V), (n, C) -> (n, V)."""
        rows: Rows = np.where(cells[:, self.blocks.column_of], self._gap, x)
        return rows

    def predicted(self, x: Rows) -> Rows:
        """Return reconstructed rows, (n, V) -> (n, V): numbers, and shares of levels."""
        rows = rebuilt(self.network, x, None, self.depth, self.n_threads)
        if self.constants is not None:
            fixed = np.flatnonzero(~np.isnan(self.constants))
            rows[:, fixed] = self.constants[fixed]
        return rows

    def rounds(self, x: Rows, missing: Cells) -> Iterator[Rows]:
        """Yield rows with filled gaps, (n, V), without end: first predicted, then refilled."""
        gaps = missing[:, self.blocks.column_of]  # (n, V)
        filled = np.where(gaps, self.predicted(x), x)
        while True:
            yield filled
            before, filled = filled, filled.copy()
            for column in np.flatnonzero(missing.any(axis=0)):
                rows = np.flatnonzero(missing[:, column])
                filled[rows, self._place(column)] = self._alone(before[rows], column)

    def filled(self, x: Rows, missing: Cells, n_rounds: int) -> Rows:
        """Return rows with gaps filled and refilled `n_rounds` times, (n, V)."""
        for done, rows in enumerate(self.rounds(x, missing)):
            if done == n_rounds:
                return rows
        raise AssertionError  # the rounds have no end

    def alone(self, x: Rows, column: int) -> Rows:
        """Return the values of a column predicted from all others, (n, V) -> (n, K)."""
        cells = np.zeros((len(x), self.blocks.n_columns), bool)
        cells[:, column] = True
        return self.predicted(self.masked(x, cells))[:, self._place(column)]

    def drawn(self, x: Rows, missing: Cells, spread: NDArray[np.float64], key: NoiseKey) -> Rows:
        """Return rows with gaps filled by draws, (n, V); one row's depend on its number and `key`.

        Parameters
        ----------
        x, missing
            Rows with masked gaps, (n, V), and their gaps, (n, C).
        spread : ndarray, shape (N,)
            Standard deviation of each component of numbers about its prediction.
        key : NoiseKey
        """
        filled = x.copy()
        numbers = np.arange(len(x), dtype=np.int64)
        for column in np.flatnonzero(missing.any(axis=0)):
            rows = np.flatnonzero(missing[:, column])
            place = self._place(column)
            shares = self.predicted(filled[rows])[:, place]
            own = NoiseKey(key.seed, Stream.IMPUTATION, int(column), key.epoch)
            values = self._draw(
                int(column), shares, spread[place.start : place.stop], own, numbers[rows]
            )
            filled[rows, place] = values
            filled[rows, self._indicators(column)] = 0
        return filled

    # -- helpers -----------------------------------------------------------------------------

    @property
    def _gap(self) -> Rows:
        n_levels, n_indicators = sum(self.blocks.levels), len(self.blocks.indicators)
        gap = [*self.blocks.gap_values, *[0.0] * n_levels, *[1.0] * n_indicators]
        return np.array(gap, np.float32)

    def _place(self, column: int | np.integer) -> slice:
        """Return the components of the value of a column."""
        ends = np.cumsum(self.blocks.sizes)
        return slice(int(ends[column] - self.blocks.sizes[column]), int(ends[column]))

    def _indicators(self, column: int | np.integer) -> slice:
        """Return the component that says that a column is missing; an empty slice if none does."""
        start = int(self.blocks.sizes.sum()) + sum(k < column for k in self.blocks.indicators)
        return slice(start, start + (column in self.blocks.indicators))

    def _alone(self, x: Rows, column: int | np.integer) -> Rows:
        """Predict a column of rows whose other gaps are filled, as if these were observed."""
        rows = x.copy()
        rows[:, int(self.blocks.sizes.sum()) :] = 0
        return self.alone(rows, int(column))

    def _draw(
        self,
        column: int,
        shares: Rows,
        spread: NDArray[np.float64],
        key: NoiseKey,
        numbers: NDArray[np.int64],
    ) -> Rows:
        """Draw values of a column about its predictions, (m, K)."""
        n_numbers = len(self.blocks.numbers)
        if column < n_numbers:
            noise = standard_normal(key, numbers, shares.shape[1])
            return (shares + spread * noise).astype(np.float32)
        uniform = (random_bits(key, numbers, 1).astype(np.float64) + 0.5) * 2.0**-32  # (m, 1)
        if column < n_numbers + self.blocks.n_binaries:
            return (uniform < shares).astype(np.float32)
        ends = np.cumsum(shares.astype(np.float64), axis=1)
        level = (uniform * ends[:, -1:] >= ends).sum(axis=1)  # (m,)
        drawn: Rows = np.eye(shares.shape[1], dtype=np.float32)[level]
        return drawn
