"""Threads that run one kernel together, and the barrier at which they wait for each other."""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from sdae.core.kernels.compiling import inlined, intrinsic, kernel

Counter = NDArray[np.int64]
Task = Callable[[int, int, Counter], None]
Steps = Callable[[int, int, int, int, Counter], None]

_RELEASED = 1 << 62
_SPINS_BEFORE_YIELDING = 200_000
_CHUNK = 256
_LONGEST_PAUSE = 16
_CLEARLY_SLOWER = 1.2


class Team:
    """A number of threads that run the steps of a slice in parallel.

    Work is split into parts, at least as many as threads. The result does not depend on which
    thread does which part, so the number of threads can vary. When another program takes a core,
    threads that wait for each other at every step become very slow; then one thread does all parts,
    until a trial shows that the core is free again. The first trial comes soon, since most
    interruptions are short; later trials come at growing intervals.

    Parameters
    ----------
    n_threads : int
        At least 1; the calling thread is one of them. With 1 nothing is started. In a child forked
        later, the calling thread does all the work, since the others do not exist there.
    around_steps : callable
        Returns what each thread enters while it does steps.
    """

    def __init__(
        self, n_threads: int, around_steps: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self.n_threads = n_threads
        self._around_steps = around_steps
        self._process = os.getpid()
        self._pool = (
            ThreadPoolExecutor(n_threads - 1, thread_name_prefix="sdae") if n_threads > 1 else None
        )
        self._tried = False  # together
        self._seconds_alone = 0.0  # of the last chunk; 0 before the first
        self._chunks_alone = 0
        self._pause = 0  # chunks to do alone before the next trial
        self._started = False

    def run_steps(self, steps: Steps, n_steps: int) -> None:
        """Call ``steps(first, last, rank, n_workers, counter)`` for all steps, a chunk at a time.

        Measured speed decides whether threads work together or one works alone; the result is the
        same.
        """

        def work(first: int, last: int, rank: int, n_workers: int, counter: Counter) -> None:
            with self._around_steps():
                steps(first, last, rank, n_workers, counter)

        for first in range(0, n_steps, _CHUNK):
            last = min(first + _CHUNK, n_steps)
            together = self._works_together()
            start = time.perf_counter()
            self._run(partial(work, first, last), self.n_threads if together else 1)
            # The time of a short chunk, and of the first one, is mostly the time to start.
            if last - first == _CHUNK and self._started:
                self._note(together, time.perf_counter() - start)
            self._started = True

    def run(self, task: Task) -> None:
        """Call ``task(rank, n_workers, counter)`` once per thread, for work without barriers."""
        self._run(task, self.n_threads if self._pool is not None and self._complete() else 1)

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None and self._complete():
            self._pool.shutdown()

    def _complete(self) -> bool:
        """Return whether the started threads still exist, or can be started."""
        return os.getpid() == self._process

    def _works_together(self) -> bool:
        if self._pool is None or not self._complete():
            return False
        if self._tried and self._seconds_alone == 0:
            return False
        return self._chunks_alone >= self._pause

    def _note(self, together: bool, seconds: float) -> None:
        if not together:
            self._seconds_alone, self._chunks_alone = seconds, self._chunks_alone + 1
            return
        self._tried, self._chunks_alone = True, 0
        if 0 < _CLEARLY_SLOWER * self._seconds_alone < seconds:
            self._pause = min(max(1, 2 * self._pause), _LONGEST_PAUSE)
        else:
            self._pause = 0

    def _run(self, task: Task, n_workers: int) -> None:
        """Call the task once per worker and wait for all.

        If one fails, the others pass their barriers, so that none waits for ever, and its error is
        raised.
        """
        counter = np.zeros(16, np.int64)
        if n_workers == 1:
            task(0, 1, counter)
            return

        def run_rank(rank: int) -> None:
            try:
                task(rank, n_workers, counter)
            except BaseException:
                counter[0] = _RELEASED
                raise

        others: list[Future[None]] = []
        try:
            if self._pool is not None:
                others = [self._pool.submit(run_rank, rank) for rank in range(1, n_workers)]
            run_rank(0)
        except BaseException:
            counter[0] = _RELEASED
            raise
        finally:
            errors = [other.exception() for other in others]
        for error in errors:
            if error is not None:
                raise error


@intrinsic
def _add_one(_context: Any, counter: Any) -> Any:
    """Add 1 to the first element of `counter`, atomically."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.atomic_rmw("add", array.data, ir.Constant(ir.IntType(64), 1), "acq_rel")

    return types.int64(counter), generate


@intrinsic
def _read(_context: Any, counter: Any) -> Any:
    """Return the first element of `counter`, with everything written before it by others."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.load_atomic(array.data, "acquire", 8)

    return types.int64(counter), generate


# Lets another thread have the core when the machine has more threads to run than cores.
_give_way = types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32()
)


@inlined
def barrier(counter: Counter, n_workers: int, number: int) -> None:
    """Wait until all workers have come to their barrier `number` (1, 2, … for each)."""
    if n_workers == 1:
        return
    _add_one(counter)
    spins = 0
    while _read(counter) < number * n_workers:
        spins += 1
        if spins > _SPINS_BEFORE_YIELDING:
            _give_way()


@kernel
def meet(counter: Counter, n_workers: int, number: int) -> None:
    """Wait as :func:`barrier` does, called from Python: other threads may run meanwhile."""
    barrier(counter, n_workers, number)
