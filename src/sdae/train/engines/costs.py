"""The costs of a slice's samples: their sum, and the first that is not finite."""

import math

import numpy as np
from torch import Tensor

from sdae.core.conversions import widened
from sdae.core.minibatches import Minibatch
from sdae.train.engines.safeguard import NotFiniteError


class SummedCosts:
    """The summed cost of a slice, each sample's measured before the step that follows from it.

    It is a sum in the type of the parameters, or in float32 where that is narrower.

    On a GPU the check waits for the end of the slice, so steps do not wait for results.
    """

    def __init__(self, like: Tensor) -> None:
        self._total = widened(like.new_zeros(()))
        self._waits = like.device.type != "cpu"
        self._unseen: list[tuple[Tensor, Minibatch]] = []

    def add(self, losses: Tensor, minibatch: Minibatch) -> None:
        """Add the costs of a minibatch, (B,).

        Raises
        ------
        NotFiniteError
            If one is not finite.
        """
        losses = losses.detach()
        summed = losses.sum()
        self._total += summed
        if self._waits:
            self._unseen.append((losses, minibatch))
        elif not math.isfinite(summed):
            _check(losses, minibatch)

    def total(self) -> Tensor:
        """Return the sum, a scalar.

        Raises
        ------
        NotFiniteError
            If a cost that has not been checked yet is not finite.
        """
        if self._waits and not math.isfinite(self._total):
            for losses, minibatch in self._unseen:
                _check(losses, minibatch)
        return self._total


def _check(losses: Tensor, minibatch: Minibatch) -> None:
    finite = losses.isfinite().cpu().numpy()  # (B,)
    if not finite.all():
        raise NotFiniteError("The cost", int(minibatch.samples[np.argmin(finite)]))
