"""Decoded row groups of Parquet files, the last used ones, within a bound of bytes."""

import warnings
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress

from sdae.core.user_warnings import SlowReadingWarning
from sdae.data.stored.shard import Numbers

_OFTEN = 8
_PASSES = 4  # more than a look at a few rows of every group, as the doctor takes, adds to an epoch


class GroupCache:
    """Groups that were decoded last; the one unused for longest goes first.

    Threads may share it: two that want a group at the same time both decode it, and one is kept.

    Parameters
    ----------
    memory : int
        Bytes that all groups in the cache may take together.
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self._groups: OrderedDict[tuple[str, int], Numbers] = OrderedDict()
        self._decoded = self._delivered = 0
        self._said = False

    def __contains__(self, key: tuple[str, int]) -> bool:
        """Return whether a group is in the cache."""
        return key in self._groups

    def get(self, key: tuple[str, int], n_bytes: int, decode: Callable[[], Numbers]) -> Numbers:
        """Return a group of `n_bytes`, decoded now if it is not in the cache."""
        group = self._groups.pop(key, None)
        if group is None:
            self._make_room(n_bytes)
            group = decode()
            self._decoded += len(group)
        self._groups[key] = group
        return group

    def clear(self) -> None:
        """Let go of all groups."""
        self._groups.clear()

    def delivered(self, n_rows: int, n_all: int) -> None:
        """Count rows; warn once if, over some passes, most decoded rows were not used."""
        self._delivered += n_rows
        if self._said or self._decoded < _PASSES * n_all:
            return
        if self._decoded > _OFTEN * self._delivered:
            self._said = True
            warnings.warn(self._slow(), stacklevel=2)
        self._decoded = self._delivered = 0

    def _slow(self) -> SlowReadingWarning:
        return SlowReadingWarning(
            f"Reading is slow: {self._decoded:,} rows of row groups were decoded to use "
            f"{self._delivered:,} of them, since the groups that are needed together take more "
            f"than memory={self.memory:,} bytes.",
            "Rewrite the file with smaller groups by sdae.data.convert, with a shuffle_window of "
            "at most 64 of them, or raise memory.",
            "Give more --memory, or rewrite the file with smaller groups by sdae convert.",
        )

    def _make_room(self, n_bytes: int) -> None:
        """Let go of groups until there is room for so many bytes, or none is left."""
        kept = list(self._groups.values())
        while kept and sum(group.nbytes for group in kept) + n_bytes > self.memory:
            with suppress(KeyError):  # another thread was faster
                self._groups.popitem(last=False)
            kept = list(self._groups.values())
