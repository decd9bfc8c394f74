"""A teacher: the network with the running mean of its parameters (Tarvainen and Valpola 2017)."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

DECAY = 0.99


class Teacher:
    """The running mean of parameters, at first these themselves.

    After update t (from 0) it is d · mean + (1 − d) · parameters, with d the lower of 0.99 and
    1 − 1 / (t + 1): so early parameters are forgotten fast.
    """

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self._parameters = parameters
        self.mean = {name: p.detach().clone() for name, p in parameters.items()}

    @torch.no_grad()
    def after_update(self, update: int) -> None:
        """Take in the parameters after an update, from 0."""
        decay = min(DECAY, 1 - 1 / (update + 1))
        for name, parameter in self._parameters.items():
            self.mean[name].lerp_(parameter, 1 - decay)

    def restore(self, values: Sequence[Tensor]) -> None:
        """Restore the mean, in the order of the parameters."""
        for mean, value in zip(self.mean.values(), values, strict=True):
            mean.copy_(value)
