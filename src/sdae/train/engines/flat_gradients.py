"""The gradients of a step in one buffer, which processes sum.

Axes: B samples of a minibatch, N numbers of the buffer.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from sdae.core.conversions import widened
from sdae.core.minibatches import Minibatch

Given = Callable[[int], None]
"""Takes the place of a parameter whose gradient is in the buffer."""


class FlatGradients:
    """The gradients of parameters in one buffer, behind the summed cost of the samples.

    It also holds for each parameter how many shares gave it a gradient: one without any must not
    be updated, not even by its weight decay. Numbers are those of the parameters' type, or float32
    where that is narrower.

    Attributes
    ----------
    parts : list of slice
        The numbers of each parameter in the buffer, in the order of the parameters.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self._parameters = [each for each in parameters if each.requires_grad]
        self.parts: list[slice] = []
        end = 1 + len(self._parameters)
        for parameter in self._parameters:
            self.parts.append(slice(end, end + parameter.numel()))
            end += parameter.numel()
        self._n_numbers = end
        self._given: list[bool] | None = None  # known after the first step
        self._kind = max((widened(each[:0]).dtype for each in self._parameters), key=_width)

    def room(self) -> Tensor:
        """Return a new buffer, (N,)."""
        device = self._parameters[0].device
        return torch.zeros(self._n_numbers, dtype=self._kind, device=device)

    def compute(
        self,
        share: Minibatch,
        n_samples: int,
        losses_of: Callable[[Minibatch], Tensor],
        buffer: Tensor,
        given: Given | None = None,
    ) -> Tensor | None:
        """Write the gradients of a share of `n_samples` samples into a buffer; return its losses.

        A share without samples has no losses, and its gradients are zeros. `given` is called for
        each gradient as soon as it is there, while others are still computed; not for zeros.
        """
        if not len(share.samples):
            buffer.zero_()
            return None
        for parameter in self._parameters:
            parameter.grad = None
        losses = losses_of(share)
        summed = losses.sum()
        buffer[0] = summed.detach()
        with self._giving(buffer, given):
            (summed / n_samples).backward()
        for place, parameter in enumerate(self._parameters):
            if given is None or parameter.grad is None:
                self._write(place, parameter, buffer)
        return losses.detach()

    def cost(self, buffer: Tensor) -> Tensor:
        """Return the summed cost, a scalar."""
        return buffer[0].clone()

    def give(self, buffer: Tensor) -> None:
        """Give the parameters their gradients from a buffer."""
        if self._given is None:
            counts = buffer[1 : 1 + len(self._parameters)]
            self._given = [n_shares > 0 for n_shares in counts.tolist()]
        for place, parameter in enumerate(self._parameters):
            if self._given[place]:
                part = buffer[self.parts[place]].view_as(parameter)
                parameter.grad = part.to(parameter.dtype)
            else:
                parameter.grad = None

    @contextmanager
    def _giving(self, buffer: Tensor, given: Given | None) -> Iterator[None]:
        """Write each gradient when back-propagation has it, and call `given` then."""
        if given is None:
            yield
            return

        def write(place: int, parameter: Tensor) -> None:
            self._write(place, parameter, buffer)
            given(place)

        hooks = [
            parameter.register_post_accumulate_grad_hook(partial(write, place))
            for place, parameter in enumerate(self._parameters)
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _write(self, place: int, parameter: Tensor, buffer: Tensor) -> None:
        part, gradient = buffer[self.parts[place]], parameter.grad
        buffer[1 + place] = float(gradient is not None)
        if gradient is None:
            part.zero_()
        else:
            part.view_as(parameter).copy_(gradient)


def _width(kind: torch.dtype) -> int:
    return torch.finfo(kind).bits
