"""What both stages of the fused engine share on a GPU: padded parameters, and the frame of a slice.

The kernels work on padded copies of the parameters, which are written back when a slice has ended
without error.

Axes: m samples of a slice, V columns of its rows.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

import numpy as np
import torch
from torch import Tensor

from sdae.core.minibatches import Minibatch
from sdae.train.engines.cuda_device import (
    Argument,
    Device,
    Launcher,
    checked_cost,
    padded,
    padded_rows,
    samples_of_a_slice,
)
from sdae.train.kernels.cuda.program import Program


class CudaStage:
    """A program on a device, with the parameters that it trains.

    Parameters
    ----------
    device : Device
    program : Program
    widest : int
        The largest number of columns of a slice's tensors.
    """

    name = "fused"

    def __init__(self, device: Device, program: Program, widest: int) -> None:
        outside = self._outside()
        shapes = [(*each.shape[:-1], padded(each.shape[-1])) for each in outside]
        ends = list(accumulate(map(math.prod, shapes), initial=0))
        self._parameters = outside[0].detach().new_zeros(ends[-1])
        self._inside = [
            self._parameters[start:end].view(shape)[..., : each.shape[-1]]
            for (start, end), shape, each in zip(pairwise(ends), shapes, outside, strict=True)
        ]
        self._launcher = Launcher(device, program, self._parameters)
        self.slice_samples = samples_of_a_slice(widest)

    @property
    def compiles(self) -> bool:
        """Whether the kernel must still be compiled for these sizes."""
        return not self._launcher.is_ready

    def state(self) -> dict[str, Tensor]:
        """Return nothing: plain gradient descent has no state."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Do nothing: there is no state."""

    def close(self) -> None:
        """Do nothing: there are no threads."""

    def _outside(self) -> Sequence[Tensor]:
        """Return the network's parameters in the order of the kernel's: matrices and biases."""
        raise NotImplementedError

    @torch.no_grad()
    def _run(
        self,
        slice_: Minibatch,
        x: Tensor,
        targets: Sequence[Tensor],
        rate: float,
        *others: Argument,
    ) -> Tensor:
        """Do a step on each row of a slice, (m, V); return their summed cost, a scalar.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before.
        DeviceFaultError
            If the GPU did not finish; likewise.
        """
        costs, outside = self._parameters.new_zeros(len(x)), self._outside()
        self._parameters.zero_()  # a slice that failed may have left NaN in the padding
        for inside, parameter in zip(self._inside, outside, strict=True):
            inside.copy_(parameter)
        finite = self._launcher.run(
            self._parameters,
            padded_rows(x),  # (m, padded V)
            torch.from_numpy(slice_.samples).to(x.device),
            *targets,
            costs,
            np.int32(len(x)),
            np.float32(rate),
            *others,
        )
        cost = checked_cost(costs, finite, slice_.samples)
        for inside, parameter in zip(self._inside, outside, strict=True):
            parameter.copy_(inside)
        return cost
