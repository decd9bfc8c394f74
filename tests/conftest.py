"""What all tests share: one thread, because the networks are tiny and the machine may be busy."""

import os
from collections.abc import Generator

import pytest
import torch
from hypothesis import settings

from tests.tracing import Tracing, leave_out_compilation, trace_no_process

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start
torch.set_num_threads(1)
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")
trace_no_process()
TRACING = Tracing()
leave_out_compilation(TRACING)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Trace a test if it may show something new."""
    if TRACING.shows_something_new(item):
        return (yield)
    with TRACING.paused():
        return (yield)
