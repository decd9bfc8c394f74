"""A bound on the memory that a test may take."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

_POOLS: list[pa.MemoryPool] = []
"""Pools that were used: a thread of pyarrow may free a buffer after the call that needed it."""


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


@contextmanager
def arrow_memory_below(n_bytes: float) -> Iterator[None]:
    """Check that pyarrow, whose memory is not Python's, took no more than `n_bytes` at any time."""
    before, pool = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    _POOLS.append(pool)
    pa.set_memory_pool(pool)
    try:
        yield
    finally:
        pa.set_memory_pool(before)
    assert pool.max_memory() < n_bytes, f"{pool.max_memory():,} bytes were allocated"
