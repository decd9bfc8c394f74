"""Coverage of the processes that tests start: of few, since it takes half as long again."""

import os
from collections.abc import Mapping

_CONFIG, _KEPT = "COVERAGE_PROCESS_CONFIG", "SDAE_TESTS_COVERAGE"


def trace_no_process() -> None:
    """Let the processes of this worker be left out, unless they are asked for."""
    if "PYTEST_XDIST_WORKER" in os.environ and _CONFIG in os.environ:
        os.environ[_KEPT] = os.environ.pop(_CONFIG)


def traced(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that runs what no other test does."""
    kept = os.environ.get(_KEPT)
    return {**environment, **({} if kept is None else {_CONFIG: kept})}
