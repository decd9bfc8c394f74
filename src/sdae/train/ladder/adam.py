"""Adam's moments in the compiled engine of ladders, in the form of PyTorch's optimiser."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdae.train.kernels.ladder.adam import adam

Real = NDArray[np.float32]

_NAMES = ("step", "exp_avg", "exp_avg_sq")
_BETA_1, _BETA_2 = 0.9, 0.999


class LadderAdam:
    """The moments of all parameters of a network.

    Attributes
    ----------
    n_updates : int
        Updates done.
    """

    def __init__(self, network: nn.Module) -> None:
        self._parameters = list(network.parameters())
        self.n_updates = 0
        self._means = [torch.zeros_like(p).detach() for p in self._parameters]
        self._squares = [torch.zeros_like(p).detach() for p in self._parameters]
        numbers = {id(p): number for number, p in enumerate(self._parameters)}
        self._arrays = {
            id(p): tuple(_matrix(t) for t in (p, self._means[k], self._squares[k]))
            for p, k in ((p, numbers[id(p)]) for p in self._parameters)
        }

    def factors(self, rate: float, update: int) -> tuple[np.float32, np.float32]:
        """Return what the kernel takes for an update, counted from 1: rate and root."""
        scaled = rate / (1 - _BETA_1**update)
        return np.float32(scaled), np.float32(math.sqrt(1 - _BETA_2**update))

    def step(
        self,
        parameter: Tensor,
        gradient: Real,
        factors: tuple[np.float32, np.float32],
        rows: slice | None = None,
    ) -> None:
        """Update a parameter, or some of its rows, by its gradient, of the same shape."""
        values = self._arrays[id(parameter)]
        if rows is not None:
            values = tuple(value[rows] for value in values)
        of_it = gradient if gradient.ndim == 2 else gradient.reshape(1, -1)
        adam(values[0], of_it, values[1], values[2], *factors)

    def state(self) -> dict[str, Tensor]:
        """Return the state, named as :func:`sdae.train.engines.optimizer_state.state_of` does."""
        if not self.n_updates:
            return {}
        return {
            f"{number}.{name}": value
            for number, moments in enumerate(zip(self._means, self._squares, strict=True))
            for name, value in zip(
                _NAMES, (torch.tensor(float(self.n_updates)), *moments), strict=True
            )
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore a state.

        Raises
        ------
        ValueError
            If it does not fit the parameters; nothing is then changed.
        """
        if not state:
            return
        wanted = {f"{k}.{name}" for k in range(len(self._parameters)) for name in _NAMES}
        steps = {float(value) for key, value in state.items() if key.endswith(".step")}
        if state.keys() != wanted or len(steps) != 1:
            raise ValueError("the moments do not fit the optimiser")
        for number, (mean, square) in enumerate(zip(self._means, self._squares, strict=True)):
            for name, mine in zip(_NAMES[1:], (mean, square), strict=True):
                theirs = state[f"{number}.{name}"]
                if theirs.shape != mine.shape or theirs.dtype != mine.dtype:
                    raise ValueError(f"{number}.{name} does not fit the optimiser")
        self.n_updates = int(steps.pop())
        for number, (mean, square) in enumerate(zip(self._means, self._squares, strict=True)):
            mean.copy_(state[f"{number}.exp_avg"])
            square.copy_(state[f"{number}.exp_avg_sq"])


def _matrix(value: Tensor) -> Real:
    array: Real = value.detach().numpy()
    return array if array.ndim == 2 else array.reshape(1, -1)
