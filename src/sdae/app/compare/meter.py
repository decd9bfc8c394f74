"""Measure wall-clock seconds, CPU seconds and memory."""

import ctypes
import gc
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_STATM = Path("/proc/self/statm")
_INTERVAL = 0.02


@dataclass
class Cost:
    """The measured cost of a block; complete when the block ends.

    Attributes
    ----------
    seconds, cpu_seconds : float
        Wall-clock seconds, and CPU seconds of all threads of this process.
    memory : int or None
        Peak of anonymous memory in bytes above the start, sampled every 20 ms. None where the
        system does not report it (other than Linux).
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory: int | None = None

    def plus(self, other: "Cost") -> "Cost":
        """Return the cost of both, one after the other."""
        known = [cost.memory for cost in (self, other) if cost.memory is not None]
        return Cost(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            max(known, default=None),
        )


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure the block; the cost is complete when it ends."""
    cost = Cost()
    before = _settled_memory()
    peaks = [before or 0]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_INTERVAL):
            peaks[0] = max(peaks[0], anonymous_memory() or 0)

    watcher = threading.Thread(target=watch, daemon=True) if before is not None else None
    if watcher is not None:
        watcher.start()
    start, cpu_start = time.perf_counter(), time.process_time()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - start
        cost.cpu_seconds = time.process_time() - cpu_start
        over.set()
        if watcher is not None and before is not None:
            watcher.join()
            cost.memory = max(0, max(peaks[0], anonymous_memory() or 0) - before)


def anonymous_memory() -> int | None:
    """Return the resident bytes of this process that are not of files; None if unknown."""
    try:
        pages = [int(word) for word in _STATM.read_text().split()[1:3]]
    except OSError:
        return None
    return (pages[0] - pages[1]) * os.sysconf("SC_PAGE_SIZE")


def _settled_memory() -> int | None:
    """Free unused memory, so that it cannot hide new use; return the memory in use."""
    gc.collect(1)  # a full collection would take longer than many fits
    with suppress(OSError, AttributeError):  # other C libraries do not have this function
        ctypes.CDLL(None).malloc_trim(0)
    return anonymous_memory()
