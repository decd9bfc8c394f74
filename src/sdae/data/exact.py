"""Numbers without rounding: float32 if it holds every value of a table, else float64.

Rows are scaled in float64, and only then become float32. Until then a table keeps the values of its
source: in float32, times near 1.7e9 would be 128 apart. Whole numbers beyond 2**53 are rounded to
float64.

Axes: n rows, V columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.floating]

_BLOCK_CELLS = 1 << 20


def exact_rows(x: NDArray[Any]) -> Rows:
    """Return rows of numbers, (n, V), in C order: as float32 if no value changes, else float64."""
    n_rows = max(1, _BLOCK_CELLS // max(1, x.shape[1]))
    blocks = (x[start : start + n_rows] for start in range(0, len(x), n_rows))
    if np.can_cast(x.dtype, np.float32) or all(map(fits_float32, blocks)):
        return np.ascontiguousarray(x, dtype=np.float32)
    with np.errstate(over="ignore"):  # numbers wider than float64
        return np.ascontiguousarray(x, dtype=np.float64)


class ExactRows:
    """Rows that arrive in blocks; each is written to its final place in memory.

    Parameters
    ----------
    n_rows : int
        Maximum number of rows; unused memory is never touched.
    n_columns : int
        V.
    """

    def __init__(self, n_rows: int, n_columns: int) -> None:
        self._shape = (n_rows, n_columns)
        self._x: Rows | None = None
        self._n_rows = 0

    def __len__(self) -> int:
        return self._n_rows

    def add(self, block: NDArray[np.float64]) -> None:
        """Append rows, (rows, V)."""
        rows = self._x
        if rows is None:
            rows = np.empty(self._shape, np.float32 if fits_float32(block) else np.float64)
        elif rows.dtype == np.float32 and not fits_float32(block):
            exact = np.empty(self._shape, np.float64)
            exact[: self._n_rows] = rows[: self._n_rows]
            rows = exact
        stop = self._n_rows + len(block)
        rows[self._n_rows : stop] = block
        self._x, self._n_rows = rows, stop

    def rows(self) -> Rows:
        """Return all rows, (n, V)."""
        return (
            np.empty((0, self._shape[1]), np.float32) if self._x is None else self._x[: len(self)]
        )


def is_usable(x: NDArray[Any]) -> NDArray[np.bool_]:
    """Return for each number whether training can use it: it is finite, also in float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.isfinite(x.astype(np.float32, copy=False))


def fits_float32(block: NDArray[Any]) -> bool:
    """Return whether float32 holds every number of a block."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool((block.astype(np.float32) == block).all())
