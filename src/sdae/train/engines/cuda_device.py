"""Launching the kernels of ``train/kernels/cuda``: what both engines on a GPU share.

A launch is a slice. A device does it: a GPU, or its emulation in the tests. Memory is PyTorch's.

Axes: m samples of a slice, V visible.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.errors import DeviceFaultError
from sdae.train.engines.safeguard import NotFiniteError
from sdae.train.kernels.cuda.plans import Chip
from sdae.train.kernels.cuda.program import Program

Argument = Tensor | np.generic
"""An argument of a kernel: a tensor stands for its memory, a number has the parameter's type."""

_MOST_SAMPLES, _MOST_NUMBERS = 8192, 1 << 26


class Device(Protocol):
    """An object that compiles and launches kernels."""

    @property
    def chip(self) -> Chip:
        """What plans depend on."""
        ...

    def is_ready(self, program: Program) -> bool:
        """Return whether a program has been compiled, in this process or in an earlier one."""
        ...

    def launch(
        self, program: Program, exchange: Tensor, status: Tensor, arguments: Sequence[Argument]
    ) -> None:
        """Start a kernel after all work on tensors that was asked for before.

        Its first arguments are the memory of the exchange, that of the status, and how long a wait
        may take.
        """
        ...


class Launcher:
    """A program on a device, with the memory that its blocks need to work together.

    Parameters
    ----------
    device : Device
    program : Program
    like : Tensor
        A tensor on the device.
    """

    def __init__(self, device: Device, program: Program, like: Tensor) -> None:
        self._device = device
        self._program = program
        self._exchange = like.new_zeros(program.exchange_words, dtype=torch.int32)
        self._status = like.new_zeros(4, dtype=torch.int32)

    @property
    def is_ready(self) -> bool:
        """Whether the kernel has been compiled."""
        return self._device.is_ready(self._program)

    def run(self, *arguments: Argument) -> bool:
        """Train on a slice; return whether all parameters are finite afterwards.

        Raises
        ------
        DeviceFaultError
            If blocks waited in vain for each other: then there is no result.
        """
        self._exchange.zero_()
        self._status.zero_()
        self._device.launch(self._program, self._exchange, self._status, arguments)
        where, not_finite = self._status[:2].tolist()  # waits for the kernel
        if where:
            raise DeviceFaultError(
                f"The GPU did not finish a part of an epoch: a block waited in vain for others "
                f"(place {where}). The parameters are those from before it. Is another program "
                "using the GPU? Or train with engine='graph'."
            )
        return not not_finite


def samples_of_a_slice(n_columns: int) -> int:
    """Return how many samples to take at once: 8,192, or fewer where rows are very wide."""
    return max(64, min(_MOST_SAMPLES, _MOST_NUMBERS // n_columns))


def padded(n: int) -> int:
    """Return the numbers that a row of n takes in the kernels' memory: a multiple of four."""
    return -(-n // 4) * 4


def padded_rows(x: Tensor) -> Tensor:
    """Return rows (m, V) as the kernels take them, (m, padded V)."""
    if x.shape[1] % 4 == 0 and x.is_contiguous() and x.data_ptr() % 16 == 0:
        return x
    wide = x.new_zeros(len(x), padded(x.shape[1]))
    wide[:, : x.shape[1]] = x
    return wide


def checked_cost(costs: Tensor, finite: bool, samples: NDArray[np.int64]) -> Tensor:
    """Return the summed cost of a slice, a scalar, from the cost of each sample (m,).

    Raises
    ------
    NotFiniteError
        If a cost is not finite, or the parameters after the last sample are not.
    """
    on_cpu = costs.cpu().numpy().astype(np.float64)
    fine = np.isfinite(on_cpu)
    if not fine.all():
        raise NotFiniteError("The cost", int(samples[np.argmin(fine)]))
    if not finite:
        raise NotFiniteError("A parameter", int(samples[-1]))
    return torch.tensor(on_cpu.sum())
