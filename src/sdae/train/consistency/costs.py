"""What consistency costs: of answers to two versions of a row, and of answers that are not sure.

Each cost is of one row, and at least 0. Axes: B rows of a minibatch, V columns, C classes.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

_PROBE = 0.05
_LEAST = 1e-12


def disagreement(logits: Tensor, taught: Tensor) -> Tensor:
    """Return Σ (p − q)² of answers p and a teacher's probabilities q, two (B, C) -> (B,)."""
    return (logits.softmax(dim=1) - taught).square().sum(dim=1)


def entropy(log_p: Tensor) -> Tensor:
    """Return −Σ p log p of log-probabilities, (B, C) -> (B,)."""
    return -(log_p.exp() * log_p).sum(dim=1)


def divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return Σ p (log p − log q), two (B, C) -> (B,)."""
    return (log_p.exp() * (log_p - log_q)).sum(dim=1)


def adversarial(
    output: Callable[[Tensor], Tensor], x: Tensor, log_p: Tensor, probe: Tensor, radius: float
) -> Tensor:
    """Return the rows at distance `radius` whose answers differ most: one power iteration.

    Miyato et al. 2018, "Virtual adversarial training", algorithm 1: the gradient of the divergence
    at a small random step points along the direction that changes the answers most.

    Parameters
    ----------
    output : function
        The network up to its logits, (B, V) -> (B, C).
    x, log_p : Tensor
        Rows (B, V), and the network's log-probabilities for them (B, C), without gradients.
    probe : Tensor, shape (B, V)
        Random directions.
    radius : float
        ε, in the units of the network.
    """
    step = (_PROBE * radius * directions(probe)).requires_grad_(True)
    with torch.enable_grad():
        apart = divergence(log_p, F.log_softmax(output(x + step), dim=1))
        (gradient,) = torch.autograd.grad(apart.sum(), step)
    return x + radius * directions(gradient.detach())


def directions(d: Tensor) -> Tensor:
    """Scale each row to length 1; a row of zeros stays, (B, V) -> (B, V)."""
    largest = d.abs().amax(dim=1, keepdim=True)
    d = d / largest.where(largest > 0, 1)  # so that squares do not vanish
    return d / (d.square().sum(dim=1, keepdim=True).sqrt() + _LEAST)
