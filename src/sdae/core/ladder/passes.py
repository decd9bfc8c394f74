"""The ways of a ladder: up, noisy or clean, and down again.

In training every batch is normalised by its own statistics; in prediction, by those of all training
rows (:mod:`sdae.core.ladder.statistics`). Axes: B samples, d_k units at depth k, O outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sdae.core.ladder.network import VARIANCE_FLOOR, LadderNetwork


@dataclass(frozen=True)
class WayUp:
    """What a batch of rows became on its way up.

    Attributes
    ----------
    z : list of Tensor, (B, d_k)
        z̃_k at each depth: after normalisation and noise, before bias and gain.
    a : list of Tensor, (B, d_k)
        a_k at each depth from 1 on, before normalisation; ``a[0]`` is x itself.
    scale : list of Tensor, (d_k,)
        1 / √(s_k + ε) of the batch; 1 at depth 0.
    output : Tensor, shape (B, O)
        What the head computes: logits, or values.
    """

    z: list[Tensor]
    a: list[Tensor]
    scale: list[Tensor]
    output: Tensor


def way_up(network: LadderNetwork, x: Tensor, noise: Sequence[Tensor] | None = None) -> WayUp:
    """Carry a batch up, normalised by its own statistics: (B, V) -> (B, O).

    `noise` are standard normal numbers for each depth, (B, d_k); None adds none.
    """
    h = x if noise is None else x + network.input_noise * noise[0]
    way = WayUp([h], [x], [x.new_ones(())], x)
    for layer in range(network.n_layers):
        part = network.layer(layer)
        a = h @ part.weight.t()  # (B, d_k)
        z, scale = normalised(a)
        if noise is not None:
            z = z + network.hidden_noise * noise[layer + 1]
        h = torch.relu(z + part.bias)
        way.z.append(z)
        way.a.append(a)
        way.scale.append(scale)
    output = network.gain * (way.z[-1] + network.layer(network.n_layers - 1).bias)
    return WayUp(way.z, way.a, way.scale, output)


def way_down(network: LadderNetwork, prediction: Tensor, z: Sequence[Tensor]) -> list[Tensor]:
    """Estimate the clean values of every depth: (B, O) and (B, d_k) -> (B, d_k), from depth 0 on.

    `prediction` is the noisy one, such as probabilities; each u is normalised over the batch.
    """
    estimates, u = [], prediction
    for depth in reversed(range(network.n_layers + 1)):
        u, _ = normalised(u)
        estimate = estimated(network, depth, u, z[depth])
        estimates.append(estimate)
        if depth:
            u = estimate @ network.layer(depth - 1).decoder_weight.t()  # (B, d_{k-1})
    return estimates[::-1]


def estimated(network: LadderNetwork, depth: int, u: Tensor, z_tilde: Tensor) -> Tensor:
    """Return ẑ of a depth, (B, d_k), from the normalised u and z̃."""
    coefficients = network.lateral(depth).coefficients
    return network.combinator.facts.estimate(u, z_tilde, coefficients)


def normalised(a: Tensor) -> tuple[Tensor, Tensor]:
    """Return `a` with mean 0 and variance 1 over the batch, and the factor 1 / √(s + ε)."""
    variance, mean = torch.var_mean(a, dim=0, correction=0)
    scale = torch.rsqrt(variance + VARIANCE_FLOOR)
    return (a - mean) * scale, scale


def prediction_of(network: LadderNetwork, output: Tensor) -> Tensor:
    """Return what the head predicts, smoothly, from its output: probabilities, or values."""
    probabilities = network.head_kind.facts.probabilities
    return output if probabilities is None else probabilities(output)
