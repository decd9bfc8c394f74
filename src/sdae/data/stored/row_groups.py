"""Groups of rows that are decoded whole: the row groups or record batches of a file.

Axes: n rows, V columns, m rows that are asked for.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.data.stored.arrow_layout import ArrowLayout
from sdae.data.stored.group_cache import GroupCache
from sdae.data.stored.shard import Numbers


class RowGroups:
    """The groups of a file, in their order.

    Parameters
    ----------
    layout : ArrowLayout
    sizes : sequence of int
        Rows of each group.
    word : str
        What a group is called in messages.
    decode : callable
        Decodes a group, by its number and its number of rows, (rows, V).

    Raises
    ------
    DataError
        If there are no rows.
    """

    def __init__(
        self,
        layout: ArrowLayout,
        sizes: Sequence[int],
        word: str,
        decode: Callable[[int, int], Numbers],
    ) -> None:
        self._layout, self._word, self._decode = layout, word, decode
        self._starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)
        self.n_rows = int(self._starts[-1])
        if self.n_rows <= 0:
            raise DataError(
                f"{layout.source} is empty: it has no rows. Remove it, or save rows in it."
            )
        self.types = layout.types
        self.largest = max(sizes)
        self.row_bytes = len(layout.columns) * layout.kind.itemsize
        self.largest_bytes = self.largest * self.row_bytes

    def size_of(self, group: int) -> int:
        """Return the number of rows of a group."""
        return int(self._starts[group + 1] - self._starts[group])

    def rows_before(self, group: int) -> int:
        """Return the number of rows before a group."""
        return int(self._starts[group])

    def described(self) -> str:
        """Say how large the largest group is, for messages."""
        return (
            f"{self._layout.source} has a {self._word} of {self.largest:,} rows, which takes "
            f"{self.largest_bytes:,} bytes"
        )

    def read(self, places: NDArray[np.int64], cache: GroupCache) -> Numbers:
        """Read rows by their places, which never fall, (m,) -> (m, V); a group at a time."""
        source, kind = self._layout.source, self._layout.kind
        rows = np.empty((len(places), len(self._layout.columns)), kind)
        groups = np.searchsorted(self._starts, places, side="right") - 1
        breaks = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(places)]
        # Groups in the cache come first: those decoded for others would push them out unused.
        parts = sorted(
            pairwise(breaks), key=lambda part: (source, int(groups[part[0]])) not in cache
        )
        for first, end in parts:
            group = int(groups[first])
            start, stop = (int(place) for place in self._starts[group : group + 2])
            decode = partial(self._decode, group, stop - start)
            decoded = cache.get((source, group), (stop - start) * self.row_bytes, decode)
            np.take(decoded, places[first:end] - start, axis=0, out=rows[first:end])
        return rows
