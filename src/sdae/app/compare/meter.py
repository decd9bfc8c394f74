"""Measure wall-clock seconds, CPU seconds and memory."""

import gc
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

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
        system does not report it.
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
    """Return the resident bytes of this process that are not of files; None if unknown.

    Only Linux counts them. Elsewhere it is the memory that is not shared with other processes.
    """
    try:
        process = psutil.Process()
        usage = process.memory_info()
        anonymous: int = (
            usage.rss - usage.shared if hasattr(usage, "shared") else process.memory_full_info().uss
        )
    except (psutil.Error, OSError):
        return None
    return anonymous


def _settled_memory() -> int | None:
    """Free unused memory, so that it cannot hide new use; return the memory in use."""
    gc.collect(1)  # a full collection would take longer than many fits
    if hasattr(psutil, "heap_trim"):  # not with every C library
        psutil.heap_trim()
    return anonymous_memory()
