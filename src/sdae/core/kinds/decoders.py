"""The decoders, each with its loss, and the emphasis of that loss on what was corrupted.

To add one, add a member here. Axes: B samples, V components.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from sdae.core.errors import invalid_parameter
from sdae.core.kinds.activations import Activation
from sdae.core.kinds.kind import Kind
from sdae.core.kinds.text import is_number


class Decoding(Protocol):
    """The loss of a decoder, and its slope."""

    @property
    def loss(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Computes the loss of each component from x and a: two (B, V) -> (B, V)."""
        ...

    @property
    def slope(self) -> Callable[[Tensor, Tensor], Tensor]:
        """Computes the derivative of the loss with respect to a: two (B, V) -> (B, V)."""
        ...


@dataclass(frozen=True)
class Facts:
    """The facts of a decoder.

    Attributes
    ----------
    output : Activation
        The function s' that turns the decoder's pre-activations into the reconstruction, x̂ =
        s'(a).
    loss : callable
        Computes the loss of each component from x and a: two (B, V) -> (B, V).
    slope : callable
        Computes the derivative of the loss with respect to a from x and a: two (B, V) -> (B, V).
    within_unit_interval : bool
        Whether the data must lie in [0, 1].
    kernel : int or None
        Its number in the fused engine's kernels, or None if they do not have it.
    """

    output: Activation
    loss: Callable[[Tensor, Tensor], Tensor]
    slope: Callable[[Tensor, Tensor], Tensor]
    within_unit_interval: bool = False
    kernel: int | None = None


def _cross_entropy(x: Tensor, a: Tensor) -> Tensor:
    """−x log x̂ − (1 − x) log(1 − x̂), from a: no finite input gives inf or NaN."""
    return F.binary_cross_entropy_with_logits(a, x, reduction="none")


class Decoder(Kind):
    """The output of a decoder and, with it, the loss.

    ``sigmoid`` pairs with cross-entropy, for data in [0, 1]; ``linear`` with the squared error, for
    real values. Two do not have facts: ``auto`` is replaced by one of these once the data are
    known; those of ``blocks``, for the columns of a table, are in :mod:`sdae.core.blocks`.
    """

    facts: Facts

    AUTO = "auto"
    BLOCKS = "blocks"
    SIGMOID = (
        "sigmoid",
        Facts(
            output=Activation.SIGMOID,
            loss=_cross_entropy,
            slope=lambda x, a: torch.sigmoid(a) - x,
            within_unit_interval=True,
            kernel=0,
        ),
    )
    LINEAR = (
        "linear",
        Facts(
            output=Activation.IDENTITY,
            loss=lambda x, a: (x - a).square(),
            slope=lambda x, a: 2 * (a - x),
            kernel=1,
        ),
    )


@dataclass(frozen=True)
class Emphasis:
    """Weights of the reconstruction loss (Vincent et al. 2010, section 3.4).

    The loss is α times its sum over the components drawn for corruption, whether or not the noise
    changed them, plus β times its sum over the others. Vincent's *double* emphasis is α=1, β=0.5;
    *full* emphasis is α=1, β=0.
    """

    alpha: float = 1.0
    beta: float = 0.5

    def __post_init__(self) -> None:
        for name, weight in (("alpha", self.alpha), ("beta", self.beta)):
            if not is_number(weight) or weight < 0:
                raise invalid_parameter(name, "Emphasis", "a finite number ≥ 0", weight)
            object.__setattr__(self, name, float(weight))

    def __str__(self) -> str:
        return f"{self.alpha!r}:{self.beta!r}"


def parse_emphasis(value: object) -> Emphasis | None:
    """Read an emphasis from an object, ``none``, ``double``, ``full`` or ``ALPHA:BETA``."""
    if value is None or isinstance(value, Emphasis):
        return value
    named = {"none": None, "double": Emphasis(1.0, 0.5), "full": Emphasis(1.0, 0.0)}
    if isinstance(value, str):
        if value in named:
            return named[value]
        try:
            alpha, beta = (float(word) for word in value.split(":"))
        except ValueError:
            pass
        else:
            return Emphasis(alpha, beta)
    forms = "an Emphasis, 'none', 'double' (1:0.5), 'full' (1:0) or 'ALPHA:BETA'"
    raise invalid_parameter("emphasis", "the autoencoder", forms, value)
