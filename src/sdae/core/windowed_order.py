"""An order of many rows that is random within a window: rows on a disk are read near each other.

The rows are cut into blocks of consecutive rows. The blocks are permuted; then the rows of a window
of blocks are permuted together. Only the order of the blocks and of the window in use is ever in
memory, and any position can be asked for without those before it.

Axes: n rows, m positions that are asked for.
"""

import numpy as np
from numpy.typing import NDArray

from sdae.core.randomness import NoiseKey, generator, visiting_order

BLOCKS_OF_A_WINDOW = 64
"""Blocks in a window: with fewer, rows that are sorted by class are learned worse."""


class WindowedOrder:
    """A permutation of rows, a function of `key`, `n_rows` and `window` alone.

    Parameters
    ----------
    key : NoiseKey
        Seed, stream, layer and epoch.
    n_rows : int
        n.
    window : int
        Rows that are permuted together, at most; a block is a 64th of it. A window that covers all
        rows is the full shuffle, :func:`sdae.core.randomness.visiting_order`.
    """

    def __init__(self, key: NoiseKey, n_rows: int, window: int) -> None:
        self._key, self._n_rows = key, n_rows
        self._rows_of_block = block_of(window) if window < n_rows else n_rows
        self._blocks_of_window = min(window, n_rows) // self._rows_of_block
        n_blocks = -(-n_rows // self._rows_of_block)
        self._blocks = visiting_order(key, n_blocks) if n_blocks > 1 else np.zeros(1, np.int64)
        self._missing = n_blocks * self._rows_of_block - n_rows  # of the last block
        self._place_of_last = int(np.argmax(self._blocks))
        self._window: tuple[int, NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        """Return n."""
        return self._n_rows

    def between(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the rows at the positions from `start` to before `stop`, (m,)."""
        start, stop, _ = slice(start, stop).indices(self._n_rows)
        parts = []
        while start < stop:
            window = self._window_at(start)
            first = self._start_of(window)
            part = self._rows_of(window)[start - first : stop - first]
            parts.append(part)
            start += len(part)
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def _start_of(self, window: int) -> int:
        """Return the position at which a window starts; the last block is shorter than others."""
        n_before = window * self._blocks_of_window
        shorter = self._missing if self._place_of_last < n_before else 0
        return n_before * self._rows_of_block - shorter

    def _window_at(self, position: int) -> int:
        """Return the window of a position."""
        window = position // (self._blocks_of_window * self._rows_of_block)
        return window + (self._start_of(window + 1) <= position)

    def _rows_of(self, window: int) -> NDArray[np.int64]:
        """Return the rows of a window in the order of their visit; the last window is kept."""
        if self._window is None or self._window[0] != window:
            if self._rows_of_block == self._n_rows:
                rows = visiting_order(self._key, self._n_rows)
            else:
                first = window * self._blocks_of_window
                blocks = self._blocks[first : first + self._blocks_of_window]
                within = np.arange(self._rows_of_block)
                rows = (blocks[:, None] * self._rows_of_block + within).reshape(-1)
                rows = generator(self._key, window).permutation(rows[rows < self._n_rows])
            self._window = window, rows
        return self._window[1]


def block_of(window: int) -> int:
    """Return how many consecutive rows are a block of a window."""
    return max(1, window // BLOCKS_OF_A_WINDOW)
