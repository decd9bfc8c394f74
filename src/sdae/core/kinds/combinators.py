"""The combinators of a ladder: how a layer's estimate is made from below and from above.

A combinator computes ẑ, the estimate of a layer's clean values, from z̃, the noisy values of that
layer (the lateral connection), and u, the normalised signal from the layer above. Each unit is
estimated by itself.

To add one, add a member here, and its function to ``COMBINATORS`` of ``app/export/numpy_ladder.py``
(NumPy) and to ``combinators`` of ``app/report/static/ladder.js`` (JavaScript). Axes: B samples, d
units of a layer.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sdae.core.kinds.activations import Node, sigmoid_nodes
from sdae.core.kinds.kind import Kind

_HIDDEN = 4
_LEAK = 0.1


@dataclass(frozen=True)
class Facts:
    """The facts of a combinator.

    Attributes
    ----------
    initial : callable
        Makes the initial coefficients of a layer of d units, a matrix, from d and a generator.
    estimate : callable
        Computes ẑ from u, z̃ and the coefficients: (B, d), (B, d) -> (B, d).
    onnx : callable
        Adds ẑ to a graph. It gets a function that adds a node, and the names of u, of z̃ and of each
        row of the coefficients.
    n_rows : int
        Rows of the matrix of coefficients.
    per_unit : bool
        Whether it has d columns, one for each unit; otherwise one, which all units share.
    has_kernel : bool
        Whether the compiled engine computes it.
    """

    initial: Callable[[int, np.random.Generator], Tensor]
    estimate: Callable[[Tensor, Tensor, Tensor], Tensor]
    onnx: Callable[[Node, str, str, Sequence[str]], str]
    n_rows: int
    per_unit: bool
    has_kernel: bool

    def shape(self, n_units: int) -> tuple[int, int]:
        """Return the shape of the coefficients of a layer."""
        return self.n_rows, n_units if self.per_unit else 1


def _initial_gaussian(n_units: int, _generator: np.random.Generator) -> Tensor:
    a = torch.zeros(10, n_units)
    a[1] = a[6] = 1
    return a


def _gaussian(u: Tensor, z_tilde: Tensor, a: Tensor) -> Tensor:
    """ẑ = (z̃ − μ(u)) v(u) + μ(u), which is exact where z given u is Gaussian."""
    mu = a[0] * torch.sigmoid(a[1] * u + a[2]) + a[3] * u + a[4]
    v = a[5] * torch.sigmoid(a[6] * u + a[7]) + a[8] * u + a[9]
    return (z_tilde - mu) * v + mu


def _gaussian_nodes(node: Node, u: str, z_tilde: str, coefficients: Sequence[str]) -> str:
    def bent(a: Sequence[str]) -> str:
        share = sigmoid_nodes(node, node("Add", node("Mul", a[1], u), a[2]))
        line = node("Add", node("Mul", a[3], u), a[4])
        return node("Add", node("Mul", a[0], share), line)

    mu, v = bent(coefficients[:5]), bent(coefficients[5:])
    return node("Add", node("Mul", node("Sub", z_tilde, mu), v), mu)


def _initial_augmented(_n_units: int, generator: np.random.Generator) -> Tensor:
    inner = generator.normal(0, 1 / math.sqrt(3), (3, _HIDDEN))
    outer = generator.normal(0, 1 / math.sqrt(_HIDDEN), _HIDDEN)
    parts = [inner.ravel(), np.zeros(_HIDDEN), outer, np.zeros(1)]
    return torch.from_numpy(np.concatenate(parts)[:, None])


def _augmented(u: Tensor, z_tilde: Tensor, a: Tensor) -> Tensor:
    """Compute ẑ by a small network of u, z̃ and u z̃, which all units of a layer share."""
    inner, bias = a[: 3 * _HIDDEN].view(3, _HIDDEN), a[3 * _HIDDEN : 4 * _HIDDEN, 0]
    outer, shift = a[4 * _HIDDEN : 5 * _HIDDEN, 0], a[5 * _HIDDEN, 0]
    seen = torch.stack((u, z_tilde, u * z_tilde), dim=-1)  # (B, d, 3)
    hidden = F.leaky_relu(seen @ inner + bias, _LEAK)  # (B, d, 4)
    return hidden @ outer + shift


def _augmented_nodes(node: Node, u: str, z_tilde: str, coefficients: Sequence[str]) -> str:
    seen, inner = (u, z_tilde, node("Mul", u, z_tilde)), iter(coefficients)
    hidden = [""] * _HIDDEN
    for value in seen:
        for unit in range(_HIDDEN):
            amount = node("Mul", value, next(inner))
            hidden[unit] = node("Add", hidden[unit], amount) if hidden[unit] else amount
    hidden = [node("Add", each, next(inner)) for each in hidden]
    bent = [node("Max", each, node("Mul", each, _LEAK)) for each in hidden]  # the leaky ReLU
    parts = [node("Mul", each, next(inner)) for each in bent]
    estimate = next(inner)  # the shift
    for part in parts:
        estimate = node("Add", estimate, part)
    return estimate


class Combinator(Kind):
    """The function that estimates a layer from its noisy values and the layer above."""

    facts: Facts

    # Rasmus et al. 2015, equation 2
    GAUSSIAN = (
        "gaussian",
        Facts(_initial_gaussian, _gaussian, _gaussian_nodes, 10, per_unit=True, has_kernel=True),
    )
    # Pezeshki et al. 2016, "augmented MLP", with four hidden units
    AUGMENTED_MLP = (
        "augmented_mlp",
        Facts(
            _initial_augmented,
            _augmented,
            _augmented_nodes,
            5 * _HIDDEN + 1,
            per_unit=False,
            has_kernel=False,
        ),
    )
