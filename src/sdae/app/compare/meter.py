"""What something costs: seconds of the clock and of the processor, and memory."""

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
    """What something took; filled in when it is over.

    Attributes
    ----------
    seconds, cpu_seconds : float
        By the clock, and of all threads of this process together.
    memory : int or None
        Most bytes of anonymous memory at a time beyond those before, looked at every 20 ms. None
        where the system does not say (other than Linux).
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
    """Measure what happens inside; the cost is complete afterwards."""
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
    """Return the resident bytes of this process that belong to no file; None if unknown."""
    try:
        pages = [int(word) for word in _STATM.read_text().split()[1:3]]
    except OSError:
        return None
    return (pages[0] - pages[1]) * os.sysconf("SC_PAGE_SIZE")


def _settled_memory() -> int | None:
    """Give back what lies idle, so that nothing hides in it; return what is left."""
    gc.collect(1)  # of all that is old it would take longer than many a fit
    with suppress(OSError, AttributeError):  # other libraries of C have no such function
        ctypes.CDLL(None).malloc_trim(0)
    return anonymous_memory()
