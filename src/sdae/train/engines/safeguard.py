"""Check that numbers are finite; otherwise restore the last finite parameters."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sdae.core.errors import InvalidParameterError

_FEW, _SOME = 1 << 13, 1 << 16


class NotFiniteError(ArithmeticError):
    """The cost of a sample, or a parameter after the last sample of a slice, is not finite.

    Parameters
    ----------
    what : str
        ``The cost`` or ``A parameter``.
    sample : int
        Number of the sample in the data set.
    """

    def __init__(self, what: str, sample: int) -> None:
        super().__init__(f"{what} is not finite at sample {sample}")
        self.what = what
        self.sample = sample


class SameParts:
    """The parameters of a module, and the modules in it, which must not be replaced.

    A look at all takes a microsecond; to collect the parameters anew takes several.
    """

    def __init__(self, module: nn.Module) -> None:
        self._held: list[tuple[dict[str, Any], str, Any]] = [
            (held, name, part)
            for each in module.modules()
            for held in (each._parameters, each._modules)
            for name, part in held.items()
        ]

    def check(self) -> None:
        """Raise an error if one was replaced.

        Raises
        ------
        InvalidParameterError
            It would not be trained.
        """
        if any(held.get(name) is not part for held, name, part in self._held):
            raise InvalidParameterError(
                "A parameter of the network was replaced during training, so it would not be "
                "trained. Copy values into the parameters, as load_state_dict does without assign."
            )


class Safeguard:
    """Restores the parameters from before a slice that ended with numbers that are not finite.

    Parameters
    ----------
    module : nn.Module
        The module that the slice trains.
    """

    def __init__(self, module: nn.Module) -> None:
        self._parts = SameParts(module)
        self._parameters = [parameter.detach() for parameter in module.parameters()]
        self._before = [torch.empty_like(parameter) for parameter in self._parameters]

    @contextmanager
    def slice(self, last_sample: int) -> Iterator[None]:
        """Guard the block.

        Raises
        ------
        NotFiniteError
            If a parameter is not finite at the end.
        InvalidParameterError
            If a parameter of the module was replaced, so that it would not be trained.
        """
        self._parts.check()
        for before, parameter in zip(self._before, self._parameters, strict=True):
            before.copy_(parameter)
        try:
            yield
            # A sum shows NaN and infinity without a temporary array.
            sums = torch.stack([parameter.sum() for parameter in self._parameters])
            if not bool(sums.isfinite().all()) and not self._finite():
                raise NotFiniteError("A parameter", last_sample)
        except NotFiniteError:
            for before, parameter in zip(self._before, self._parameters, strict=True):
                parameter.copy_(before)
            raise

    def _finite(self) -> bool:
        return all(bool(parameter.isfinite().all()) for parameter in self._parameters)


def check_finite(
    costs: NDArray[np.float64], samples: NDArray[np.int64], *parameters: NDArray[np.floating]
) -> None:
    """Raise an error for costs (m,) or parameters that are not finite.

    Raises
    ------
    NotFiniteError
        With the first sample whose cost is not finite, or the last one if only parameters are not.
    """
    if not _is_finite(costs):
        raise NotFiniteError("The cost", int(samples[np.argmin(np.isfinite(costs))]))
    if not all(map(_is_finite, parameters)):
        raise NotFiniteError("A parameter", int(samples[-1]))


def _is_finite(numbers: NDArray[np.floating]) -> bool:
    # The sum of their squares shows it at once, unless it is too large for a number itself.
    if numbers.size <= _FEW and math.isfinite(np.vdot(numbers, numbers)):
        return True
    if numbers.size <= _SOME:
        return bool(np.isfinite(numbers).all())
    # A sum shows NaN and infinity without a temporary array as large as the parameters.
    with np.errstate(invalid="ignore", over="ignore"):
        return math.isfinite(numbers.sum(dtype=np.float64))
