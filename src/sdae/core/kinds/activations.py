"""The non-linearities s of an encoder, h = s(a) with a = W x + b.

To add one, add a member here, and s to ``FUNCTIONS`` of ``app/export/numpy_program.py`` (NumPy) and
to ``activations`` of ``app/report/static/network.js`` (JavaScript): see docs/adding-a-kind.md.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdae.core.kinds.kind import Kind

Node = Callable[..., str]
"""Adds an operation of ONNX: its name, then its inputs, names of values or numbers."""


@dataclass(frozen=True)
class Facts:
    """The facts of an activation.

    Attributes
    ----------
    function : callable
        Computes s(a) for pre-activations of any shape.
    slope : callable
        Computes s'(a) from a and h = s(a).
    module : callable
        Makes the PyTorch module.
    low, high : float
        Bounds of the codes.
    weight_bound : callable
        Computes b from V inputs and H units; initial weights are uniform in ±b.
    onnx : callable
        Adds s(a) to a graph. It gets a function that adds a node, and the name of a.
    keeps_small_codes : bool
        Whether an export must keep all digits of codes near 0.
    off_at_zero : bool
        Whether all pre-activations below some number give exactly 0, so that units can die.
    saturated_within : float or None
        A unit is saturated when its code is at most this far from a bound: its slope is then below
        4 percent of the maximum.
    number : int or None
        Its number in the kernels of inference and of minibatches, or None if they do not have it:
        then PyTorch applies the network, and trains it.
    slope_follows : bool
        Whether s'(a) follows from s(a), so that the kernels of minibatches need not keep it.
    is_fused : bool
        Whether the fused engine's kernels have it too, by the same number.
    """

    function: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor, Tensor], Tensor]
    module: Callable[[], nn.Module]
    low: float
    high: float
    weight_bound: Callable[[int, int], float]
    onnx: Callable[[Node, str], str]
    keeps_small_codes: bool = False
    off_at_zero: bool = False
    saturated_within: float | None = None
    number: int | None = None
    slope_follows: bool = True
    is_fused: bool = False

    @property
    def kernel(self) -> int | None:
        """Its number in the fused engine's kernels, or None if they do not have it."""
        return self.number if self.is_fused else None

    @property
    def limits(self) -> tuple[float, float]:
        """Lower and upper bound of the codes."""
        return self.low, self.high

    @property
    def within_unit_interval(self) -> bool:
        """Whether all codes lie in [0, 1]."""
        return self.low >= 0 and self.high <= 1


def glorot(n_in: int, n_out: int) -> float:
    """Return √(6 / (V + H)) (Glorot and Bengio 2010)."""
    return math.sqrt(6.0 / (n_in + n_out))


def steep_glorot(n_in: int, n_out: int) -> float:
    """Return 4 √(6 / (V + H)), for the sigmoid: its slope at 0 is a quarter of tanh's (ibid.)."""
    return 4.0 * glorot(n_in, n_out)


def he(n_in: int, _n_out: int) -> float:
    """Return √(6 / V) (He et al. 2015)."""
    return math.sqrt(6.0 / n_in)


def sigmoid_nodes(node: Node, a: str) -> str:
    """Add 1 / (1 + exp(-a)), as exp(min(a, 0)) / (exp(min(a, 0)) + exp(min(-a, 0))).

    No exponential is then large, and the result keeps all digits while it is a normal number.
    """
    up = node("Exp", node("Min", a, 0.0))
    down = node("Exp", node("Min", node("Neg", a), 0.0))
    return node("Div", up, node("Add", up, down))


def _gelu_nodes(node: Node, a: str) -> str:
    share = node("Add", node("Erf", node("Mul", a, math.sqrt(0.5))), 1.0)
    return node("Mul", node("Mul", a, 0.5), share)


def _gelu_slope(a: Tensor, _h: Tensor) -> Tensor:
    share = 0.5 * (1 + torch.erf(a * math.sqrt(0.5)))
    return share + a * torch.exp(-0.5 * a * a) / math.sqrt(2 * math.pi)


def _silu_slope(a: Tensor, h: Tensor) -> Tensor:
    share = torch.sigmoid(a)
    return share + h * (1 - share)


class Activation(Kind):
    """The non-linearity s of an encoder."""

    facts: Facts

    SIGMOID = (
        "sigmoid",
        Facts(
            function=torch.sigmoid,
            slope=lambda _, h: h * (1 - h),
            module=nn.Sigmoid,
            low=0.0,
            high=1.0,
            weight_bound=steep_glorot,
            onnx=sigmoid_nodes,
            keeps_small_codes=True,
            saturated_within=0.01,
            number=0,
            is_fused=True,
        ),
    )
    TANH = (
        "tanh",
        Facts(
            function=torch.tanh,
            slope=lambda _, h: 1 - h * h,
            module=nn.Tanh,
            low=-1.0,
            high=1.0,
            weight_bound=glorot,
            onnx=lambda node, a: node("Tanh", a),
            saturated_within=0.02,
            number=1,
            is_fused=True,
        ),
    )
    RELU = (
        "relu",
        Facts(
            function=torch.relu,
            slope=lambda _, h: (h > 0).to(h),
            module=nn.ReLU,
            low=0.0,
            high=math.inf,
            weight_bound=he,
            onnx=lambda node, a: node("Relu", a),
            off_at_zero=True,
            number=2,
            is_fused=True,
        ),
    )
    GELU = (  # Hendrycks and Gimpel 2016, the form with the error function
        "gelu",
        Facts(
            function=F.gelu,
            slope=_gelu_slope,
            module=nn.GELU,
            low=-0.1700,
            high=math.inf,
            weight_bound=he,
            onnx=_gelu_nodes,
            number=5,
            slope_follows=False,
        ),
    )
    SILU = (  # Elfwing et al. 2018
        "silu",
        Facts(
            function=F.silu,
            slope=_silu_slope,
            module=nn.SiLU,
            low=-0.2785,
            high=math.inf,
            weight_bound=he,
            onnx=lambda node, a: node("Mul", a, sigmoid_nodes(node, a)),
            number=3,
            slope_follows=False,
        ),
    )
    IDENTITY = (
        "identity",
        Facts(
            function=lambda a: a,
            slope=lambda a, _: torch.ones_like(a),
            module=nn.Identity,
            low=-math.inf,
            high=math.inf,
            weight_bound=glorot,
            onnx=lambda node, a: node("Identity", a),
            number=4,
        ),
    )


def number_of(activation: Activation) -> int:
    """Return the number of an activation in the compiled engine's kernels, which must have it."""
    number = activation.facts.number
    assert number is not None  # checked when the engine was chosen
    return number


def kernel_of(activation: Activation) -> int:
    """Return the number of an activation in the fused engine's kernels, which must have it."""
    number = activation.facts.kernel
    assert number is not None  # checked when the engine was chosen
    return number
