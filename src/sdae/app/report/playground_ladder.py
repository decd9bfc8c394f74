"""What the page needs to reconstruct as a ladder does, as plain JSON; ``static/ladder.js`` uses it.

The way up is that of the plain network that predicts as the ladder does. Axes: d_k units at depth
k.
"""

from typing import Any

import torch
from torch import Tensor

from sdae.app.report.packing import Matrix, packed_floats
from sdae.core.ladder.network import VARIANCE_FLOOR, LadderNetwork

Numbers = dict[str, Any]


def page_ladder(ladder: LadderNetwork, network: Numbers | None) -> Numbers:
    """Return the lateral connections and the way down.

    `network` is the plain network, where the page does not have it to predict.
    """
    last = ladder.layer(ladder.n_layers - 1)
    scale = _inverse_root(last.variance)
    top = {
        "weight": Matrix.of(last.weight * scale[:, None]).to_json(),
        "bias": packed_floats(-last.mean * scale),
    }
    depths = [_depth(ladder, depth) for depth in range(ladder.n_layers + 1)]
    return {
        "combinator": str(ladder.combinator),
        "network": network,
        "top": top,
        "depths": depths,
    }


def _depth(ladder: LadderNetwork, depth: int) -> Numbers:
    """Return the lateral connection of a depth, its bias, and the weights down from it."""
    lateral = ladder.lateral(depth)
    below = ladder.layer(depth - 1) if depth else None
    return {
        "bias": None if below is None else packed_floats(below.bias),
        "mean": packed_floats(lateral.mean),
        "scale": packed_floats(_inverse_root(lateral.variance)),
        "coefficients": packed_floats(lateral.coefficients),
        "width": lateral.coefficients.shape[1],
        "down": None if below is None else Matrix.of(below.decoder_weight).to_json(),
    }


def _inverse_root(variance: Tensor) -> Tensor:
    return torch.rsqrt(variance + VARIANCE_FLOOR)
