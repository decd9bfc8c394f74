"""How recorded work is played again: on a GPU as a CUDA graph, which needs no Python to start.

A CUDA graph repeats the same kernels on the same addresses. So the work must read all that changes
(rows, noise, learning rates) from tensors that stay where they are, and may neither wait for a
result nor make a tensor that has to outlive it.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

logger = logging.getLogger("sdae")

_WARM_UPS = 2

Work = Callable[[], None]


class Player(Protocol):
    """Plays work again and again."""

    def record(self, work: Work, changed: Sequence[Tensor]) -> Work:
        """Return a function that does the work at each call.

        `changed` are all tensors that the work changes and that are used outside of it: they are
        as before when this returns.
        """
        ...


class EagerPlayer:
    """Does the work itself at each call, on any device."""

    def record(self, work: Work, changed: Sequence[Tensor]) -> Work:  # noqa: ARG002 - nothing is run before
        """Return the work."""
        return work


class GraphPlayer:
    """Captures the work in a CUDA graph, and launches it at each call.

    Parameters
    ----------
    device : torch.device
        The GPU.

    Attributes
    ----------
    n_captured : int
        How many graphs were captured.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)
        # Graphs run one after the other, and nothing in their memory outlives a launch.
        self._pool = torch.cuda.graph_pool_handle()
        self.n_captured = 0

    def record(self, work: Work, changed: Sequence[Tensor]) -> Work:
        """Return a function that launches the graph.

        The work runs before, to set up libraries, on a stream that may be captured. Where the
        driver refuses the capture, the work itself is returned, which is slower, and the log says
        so.
        """
        with torch.cuda.device(self._device):
            current = torch.cuda.current_stream()
            self._stream.wait_stream(current)
            with torch.cuda.stream(self._stream):
                warm_up(work, changed)
            current.wait_stream(self._stream)
            graph = torch.cuda.CUDAGraph()
            try:
                # Other threads, such as one that reads ahead, are not disturbed.
                mode = "thread_local"
                with torch.cuda.graph(graph, self._pool, self._stream, mode):
                    work()
            except RuntimeError as error:
                logger.warning("No CUDA graph: steps are started one by one (%s).", error)
                torch.cuda.set_stream(current)  # a capture that fails leaves its own
                torch.cuda.synchronize()
                return work
        self.n_captured += 1
        launch: Work = graph.replay
        return launch


def warm_up(work: Work, changed: Sequence[Tensor]) -> None:
    """Do the work some times, and give what it changes its values again."""
    before = [tensor.clone() for tensor in changed]
    for _ in range(_WARM_UPS):
        work()
    for tensor, value in zip(changed, before, strict=True):
        tensor.copy_(value)
