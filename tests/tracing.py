"""What coverage traces: on Python 3.11 a traced test takes half as long again, compilation thrice.

Left out is what shows nothing new: most of the processes that tests start, what numba compiles,
cases of a test whose every value was in a case before, and tests that are marked ``untraced``.
All of it is run and checked all the same.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

_CONFIG, _KEPT = "COVERAGE_PROCESS_CONFIG", "SDAE_TESTS_COVERAGE"


def trace_no_process() -> None:
    """Let the processes of this worker be left out, unless they are asked for."""
    if "PYTEST_XDIST_WORKER" in os.environ and _CONFIG in os.environ:
        os.environ[_KEPT] = os.environ.pop(_CONFIG)


def traced(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that runs what no other test does."""
    kept = os.environ.get(_KEPT)
    return {**environment, **({} if kept is None else {_CONFIG: kept})}


class Tracing:
    """Whether this process is traced, and which cases of its tests need not be."""

    def __init__(self, collector: Callable[[], Any] | None = None) -> None:
        self._collector = collector or _collector
        self._n_pauses = 0
        self._stopped: Any = None
        self._seen: set[tuple[str, str, int]] = set()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Trace nothing, if anything is traced."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def pause(self) -> None:
        """Trace nothing until as many calls of `resume`."""
        self._n_pauses += 1
        if self._n_pauses == 1 and (collector := self._collector()) is not None:
            collector.stop()
            self._stopped = collector

    def resume(self) -> None:
        """End a pause."""
        self._n_pauses -= 1
        if self._n_pauses == 0 and self._stopped is not None:
            self._stopped.start()
            self._stopped = None

    def shows_something_new(self, item: pytest.Item) -> bool:
        """Return whether a parameter has a value that it had in no case before."""
        if item.get_closest_marker("untraced"):
            return False
        parameters = getattr(item, "callspec", None)
        if parameters is None:
            return True
        test = item.nodeid.partition("[")[0]
        values = {(test, name, id(value)) for name, value in parameters.params.items()}
        new = not values <= self._seen
        self._seen |= values
        return new


def leave_out_compilation(tracing: Tracing) -> None:
    """Pause while numba compiles in the main thread; another thread's tracing is not ours."""
    try:
        from numba.core import event
    except ImportError:
        return

    class Pauses(event.Listener):  # type: ignore[misc]
        def on_start(self, _event: object) -> None:
            if threading.current_thread() is threading.main_thread():
                tracing.pause()

        def on_end(self, _event: object) -> None:
            if threading.current_thread() is threading.main_thread():
                tracing.resume()

    event.register("numba:compiler_lock", Pauses())


def _collector() -> Any:
    """Return what traces this process, or None; to start all of coverage anew would be slow."""
    try:
        from coverage import Coverage
    except ImportError:
        return None
    return getattr(Coverage.current(), "_collector", None)
