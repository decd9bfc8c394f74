"""The costs of a slice's samples: their sum, and the first that is not finite."""

import math
from collections.abc import Callable

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
        self._unseen: list[Callable[[], int | None]] = []

    def add(self, losses: Tensor, minibatch: Minibatch) -> None:
        """Add the costs of a minibatch, (B,).

        Raises
        ------
        NotFiniteError
            If one is not finite.
        """
        losses = losses.detach()
        self.add_sum(losses.sum(), lambda: first_not_finite(losses, minibatch))

    def add_sum(self, summed: Tensor, culprit: Callable[[], int | None]) -> None:
        """Add the summed cost of a minibatch, a scalar.

        `culprit` returns its first sample whose cost is not finite, or None; it is called only if
        the sum is not finite.

        Raises
        ------
        NotFiniteError
            If there is such a sample.
        """
        self._total += summed
        if self._waits:
            self._unseen.append(culprit)
        elif not math.isfinite(summed):
            _check(culprit)

    def total(self) -> Tensor:
        """Return the sum, a scalar.

        Raises
        ------
        NotFiniteError
            If a cost that has not been checked yet is not finite.
        """
        if self._waits and not math.isfinite(self._total):
            for culprit in self._unseen:
                _check(culprit)
        return self._total


def first_not_finite(losses: Tensor, minibatch: Minibatch) -> int | None:
    """Return the number of the first sample whose cost, of (B,), is not finite, or None."""
    finite = losses.isfinite().cpu().numpy()  # (B,)
    return None if finite.all() else int(minibatch.samples[np.argmin(finite)])


def _check(culprit: Callable[[], int | None]) -> None:
    sample = culprit()
    if sample is not None:
        raise NotFiniteError("The cost", sample)
