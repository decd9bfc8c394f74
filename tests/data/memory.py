"""A bound on the memory that a test may take."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def memory_below(n_bytes: float) -> Iterator[None]:
    """Check that at no time more than `n_bytes` were allocated, beyond those there were before."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < n_bytes, f"{peak:,} bytes were allocated"
