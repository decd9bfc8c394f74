"""What all tests share: one thread, because the networks are tiny and the machine may be busy."""

import os

import torch

from tests.tracing import trace_no_process

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start
torch.set_num_threads(1)
trace_no_process()
