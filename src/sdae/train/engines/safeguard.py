"""Numbers that must stay finite: parameters are given back as they were before they were not."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdae.core.errors import InvalidParameterError


class NotFiniteError(ArithmeticError):
    """The cost of a sample, or a parameter after the last sample of a slice, is not finite.

    Parameters
    ----------
    what : str
        ``The cost`` or ``A parameter``.
    sample : int
        Its number in the data set.
    """

    def __init__(self, what: str, sample: int) -> None:
        super().__init__(f"{what} is not finite at sample {sample}")
        self.what = what
        self.sample = sample


class Safeguard:
    """Gives parameters back as they were before a slice that ended in numbers not finite.

    Parameters
    ----------
    module : nn.Module
        Whose parameters the slice trains.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._trained = list(module.parameters())
        self._parameters = [parameter.detach() for parameter in self._trained]
        self._before = [torch.empty_like(parameter) for parameter in self._parameters]

    @contextmanager
    def slice(self, last_sample: int) -> Iterator[None]:
        """Guard what happens inside.

        Raises
        ------
        NotFiniteError
            If a parameter is not finite at the end.
        InvalidParameterError
            If the module has other parameters now, which nobody would train.
        """
        self._check_same()
        for before, parameter in zip(self._before, self._parameters, strict=True):
            before.copy_(parameter)
        try:
            yield
            # A sum shows NaN and infinity, and needs no array of answers.
            sums = torch.stack([parameter.sum() for parameter in self._parameters])
            if not bool(sums.isfinite().all()) and not self._finite():
                raise NotFiniteError("A parameter", last_sample)
        except NotFiniteError:
            for before, parameter in zip(self._before, self._parameters, strict=True):
                parameter.copy_(before)
            raise

    def _check_same(self) -> None:
        now = list(self._module.parameters())
        if len(now) != len(self._trained) or any(
            one is not other for one, other in zip(now, self._trained, strict=True)
        ):
            raise InvalidParameterError(
                "A parameter of the network was replaced while it trains, so training would not "
                "reach it. Copy values into the parameters, as load_state_dict does without assign."
            )

    def _finite(self) -> bool:
        return all(bool(parameter.isfinite().all()) for parameter in self._parameters)


def check_finite(
    costs: NDArray[np.float64], samples: NDArray[np.int64], *parameters: NDArray[np.floating]
) -> None:
    """Refuse costs (m,) or parameters that are not finite.

    Raises
    ------
    NotFiniteError
        Naming the first sample whose cost is not finite; the last one if only parameters are not.
    """
    finite = np.isfinite(costs)
    if not finite.all():
        raise NotFiniteError("The cost", int(samples[np.argmin(finite)]))
    # A sum shows NaN and infinity, and needs no array of answers as large as the parameters.
    with np.errstate(invalid="ignore", over="ignore"):
        sums = [parameter.sum(dtype=np.float64) for parameter in parameters]
    if not np.isfinite(sums).all():
        raise NotFiniteError("A parameter", int(samples[-1]))
