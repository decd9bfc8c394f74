"""A model of the time of a step that processes share: computing, summing and reading.

A process computes its rows of the minibatch and its own update; the sums of gradients go round a
ring or through a tree of processes. The constants are measured by ``scaling_processes.py``.

Axes: P processes, B rows of a minibatch, N numbers that are summed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

BYTES = 4  # of a number in float32


@dataclass(frozen=True)
class Computing:
    """Seconds of a step without sums: of any step, and of a row."""

    step: float
    row: float

    def seconds(self, n_rows: float) -> float:
        """Return the seconds of a step on some rows."""
        return self.step + self.row * n_rows

    @classmethod
    def fitted(cls, seconds: Mapping[int, float]) -> "Computing":
        """Fit to the seconds of steps by their rows; each counts by its relative error."""
        n_rows, times = np.array(list(seconds)), np.array(list(seconds.values()))
        terms = np.stack([np.ones(len(times)), n_rows], axis=1) / times[:, None]
        step, row = np.linalg.lstsq(terms, np.ones(len(times)), rcond=None)[0]
        return cls(float(step), float(row))


@dataclass(frozen=True)
class Link:
    """Between two processes: seconds until a message arrives, and bytes a second."""

    latency: float
    bytes_per_second: float

    def ring(self, n_processes: int, n_numbers: int) -> float:
        """Return the seconds of a sum that goes round a ring, in pieces, twice."""
        hops = 2 * (n_processes - 1)
        piece = n_numbers * BYTES / n_processes
        return hops * (self.latency + piece / self.bytes_per_second)

    def tree(self, n_processes: int, n_numbers: int) -> float:
        """Return the seconds of a sum that goes up a binary tree, whole, and down again."""
        hops = 2 * math.ceil(math.log2(n_processes))
        return hops * (self.latency + n_numbers * BYTES / self.bytes_per_second)

    @classmethod
    def fitted(cls, seconds: Mapping[int, float], n_processes: int) -> "Link":
        """Fit to the seconds of sums round a ring, by their numbers."""
        hops = 2 * (n_processes - 1)
        pieces = np.array(list(seconds)) * BYTES / n_processes
        times = np.array(list(seconds.values()))
        terms = hops * np.stack([np.ones(len(times)), pieces], axis=1) / times[:, None]
        latency, byte = np.linalg.lstsq(terms, np.ones(len(times)), rcond=None)[0]
        return cls(max(float(latency), 0.0), 1 / float(byte))


Sum = Callable[[int, int], float]
"""Seconds of a sum, by processes and numbers."""


@dataclass(frozen=True)
class Step:
    """What a step consists of.

    Attributes
    ----------
    computing : Computing
        Of a process with a core of its own.
    n_numbers : int
        Numbers that are summed, N.
    reading : float
        Seconds to read a row from the disk; 0 for rows in memory.
    """

    computing: Computing
    n_numbers: int
    reading: float = 0.0

    def seconds(
        self, n_processes: int, batch_size: int, summed: Sum, cores: float = math.inf
    ) -> float:
        """Return the seconds of a step; `cores` are shared by all processes.

        Sums begin after back-propagation, and every process is as fast as the others.
        """
        n_rows = math.ceil(batch_size / n_processes)
        crowd = max(1.0, n_processes / cores)
        own = self.computing.seconds(n_rows) + self.reading * n_rows
        sums = summed(n_processes, self.n_numbers) if n_processes > 1 else 0.0
        return crowd * (own + sums)

    def speedup(self, n_processes: int, batch_size: int, summed: Sum) -> float:
        """Return how many times as fast processes on machines of their own are as one."""
        one = self.seconds(1, batch_size, summed)
        return one / self.seconds(n_processes, batch_size, summed)


def most_useful(step: Step, batch_size: int, summed: Sum, counts: Sequence[int]) -> int:
    """Return the number of processes that is fastest."""
    return min(counts, key=lambda count: step.seconds(count, batch_size, summed))
