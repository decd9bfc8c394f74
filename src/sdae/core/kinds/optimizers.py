"""The optimisers of autograd training, and the state that each keeps between steps.

To add one, add a member here. Plain gradient descent also has other engines than autograd.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from sdae.core.kinds.kind import Kind

Groups = Sequence[dict[str, Any]]
"""Parameters in the form of torch.optim, each with its ``weight_decay``."""


class OptimizerSettings(Protocol):
    """The optimiser settings of a training stage."""

    @property
    def momentum(self) -> float:
        """Momentum of SGD and RMSprop."""
        ...

    @property
    def nesterov(self) -> bool:
        """Whether SGD uses Nesterov momentum."""
        ...

    @property
    def beta_1(self) -> float:
        """Decay of the mean gradient in Adam and its variants."""
        ...

    @property
    def beta_2(self) -> float:
        """Decay of the mean squared gradient in Adam and its variants."""
        ...

    @property
    def epsilon(self) -> float:
        """Term added to the denominator by the adaptive optimisers."""
        ...


Make = Callable[[Groups, OptimizerSettings, str], torch.optim.Optimizer]


@dataclass(frozen=True)
class Facts:
    """The facts of an optimiser.

    Attributes
    ----------
    make : callable
        Makes the optimiser for parameters on a type of device.
    state : callable
        Returns the names of the state that it keeps per parameter after its first step.
    kernel : int
        Its number in the compiled engine's kernels.
    means, squares : str or None
        What PyTorch calls the two numbers that those keep for each parameter, if they keep them.
    """

    make: Make
    state: Callable[[OptimizerSettings], frozenset[str]]
    kernel: int
    means: str | None = "exp_avg"
    squares: str | None = "exp_avg_sq"


# Where PyTorch has one, a fused kernel does a whole step, instead of several kernels per parameter.
_FUSED = ("cpu", "cuda")


def _sgd(groups: Groups, settings: OptimizerSettings, device: str) -> torch.optim.Optimizer:
    momentum = settings.momentum
    # Without momentum a step is one addition, which a CPU does faster unfused.
    fused = device in _FUSED and not (device == "cpu" and momentum == 0)
    return torch.optim.SGD(
        groups, lr=0.0, momentum=momentum, nesterov=settings.nesterov, fused=fused
    )


def _adam(kind: Callable[..., torch.optim.Optimizer]) -> Make:
    def make(groups: Groups, settings: OptimizerSettings, device: str) -> torch.optim.Optimizer:
        betas = settings.beta_1, settings.beta_2
        return kind(groups, betas=betas, eps=settings.epsilon, fused=device in _FUSED)

    return make


def _nadam(groups: Groups, settings: OptimizerSettings, _device: str) -> torch.optim.Optimizer:
    return torch.optim.NAdam(groups, betas=(settings.beta_1, settings.beta_2), eps=settings.epsilon)


def _rmsprop(groups: Groups, settings: OptimizerSettings, _device: str) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(groups, momentum=settings.momentum, eps=settings.epsilon)


def _with_momentum(*names: str) -> Callable[[OptimizerSettings], frozenset[str]]:
    def state(settings: OptimizerSettings) -> frozenset[str]:
        return frozenset((*names, "momentum_buffer") if settings.momentum else names)

    return state


_MOMENTS = frozenset({"step", "exp_avg", "exp_avg_sq"})


class Optimizer(Kind):
    """The rule that updates parameters from their gradients."""

    facts: Facts

    SGD = "sgd", Facts(_sgd, _with_momentum(), 0, "momentum_buffer", None)
    ADAM = "adam", Facts(_adam(torch.optim.Adam), lambda _: _MOMENTS, 1)  # Kingma and Ba 2015
    # Loshchilov and Hutter 2019
    ADAMW = "adamw", Facts(_adam(torch.optim.AdamW), lambda _: _MOMENTS, 2)
    NADAM = "nadam", Facts(_nadam, lambda _: _MOMENTS | {"mu_product"}, 3)  # Dozat 2016
    # Tieleman and Hinton 2012; the squares decay at 0.99, PyTorch's default
    RMSPROP = (
        "rmsprop",
        Facts(_rmsprop, _with_momentum("step", "square_avg"), 4, "momentum_buffer", "square_avg"),
    )
