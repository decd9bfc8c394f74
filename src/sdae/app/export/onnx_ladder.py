"""The reconstruction of rows by a ladder, as nodes of an ONNX graph.

The way up is that of the folded network, of which the graph has the values already. Axes: n rows,
d_k units at depth k, O outputs.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdae.app.export.onnx_nodes import Graph
from sdae.core.kinds.activations import Node
from sdae.core.ladder.network import VARIANCE_FLOOR, LadderNetwork
from sdae.core.ladder.statistics import FARTHEST_SIGNAL


def add_way_down(
    graph: Graph,
    ladder: LadderNetwork,
    x: str,
    pre_activations: Sequence[str],
    prediction: str,
    dtype: "np.dtype[Any]",
    output: str,
) -> str:
    """Add ẑ_0, the estimate of clean scaled rows, (n, V), as `output`.

    Parameters
    ----------
    graph : Graph
    ladder : LadderNetwork
    x : str
        Scaled rows, (n, V).
    pre_activations : sequence of str
        z_k + β_k of the hidden layers, (n, d_k).
    prediction : str
        What the head predicts, (n, O): probabilities, or values.
    dtype : dtype
        Type of the network.
    output : str
    """
    z = [
        x,
        *_without_bias(graph, ladder, pre_activations),
        _top(graph, ladder, pre_activations[-1]),
    ]
    u = prediction
    for depth in reversed(range(ladder.n_layers + 1)):
        normal = _normal(graph, ladder, depth, u, dtype)
        coefficients = [
            graph.constant(f"laterals.{depth}.coefficients.{k}", row)
            for k, row in enumerate(ladder.lateral(depth).coefficients)
        ]
        estimate = partial(_estimate, ladder, z[depth], coefficients)
        name = f"z_hat{depth}" if depth else output
        u = graph.expression(estimate, normal, dtype, name)
        if depth:
            weight = ladder.layer(depth - 1).decoder_weight
            below = graph.constant(f"layers.{depth - 1}.decoder_weight", weight)
            u = graph.node("Gemm", [u, below], f"u{depth - 1}", transB=1)  # (n, d_{k-1})
    return u


def _estimate(
    ladder: LadderNetwork, z_tilde: str, coefficients: Sequence[str], node: Node, u: str
) -> str:
    return ladder.combinator.facts.onnx(node, u, z_tilde, coefficients)


def _without_bias(graph: Graph, ladder: LadderNetwork, pre_activations: Sequence[str]) -> list[str]:
    """Add z of the hidden layers, (n, d_k)."""
    values = []
    for layer, shifted in enumerate(pre_activations):
        bias = graph.constant(f"layers.{layer}.bias", ladder.layer(layer).bias)
        values.append(graph.node("Sub", [shifted, bias], f"z{layer + 1}"))
    return values


def _top(graph: Graph, ladder: LadderNetwork, pre_activation: str) -> str:
    """Add z of the outputs, (n, O): the head's own weights hold the gain, which may be 0."""
    part = ladder.layer(ladder.n_layers - 1)
    scale = _inverse_root(part.variance)
    name = f"layers.{ladder.n_layers - 1}"
    weight = graph.constant(f"{name}.weight", part.weight * scale[:, None])
    shift = graph.constant(f"{name}.shift", -part.mean * scale)
    h = graph.node("Relu", [pre_activation], "h_top")
    return graph.node("Gemm", [h, weight, shift], f"z{ladder.n_layers}", transB=1)


def _normal(graph: Graph, ladder: LadderNetwork, depth: int, u: str, dtype: "np.dtype[Any]") -> str:
    """Add u normalised by the kept statistics, and clipped, (n, d_k)."""
    lateral, name = ladder.lateral(depth), f"laterals.{depth}"
    mean = graph.constant(f"{name}.mean", lateral.mean)
    scale = graph.constant(f"{name}.scale", _inverse_root(lateral.variance))
    moved = graph.node("Sub", [u, mean], f"u{depth}_moved")
    scaled = graph.node("Mul", [moved, scale], f"u{depth}_scaled")
    ends = [
        graph.constant(f"{end}_signal", np.array(sign * FARTHEST_SIGNAL, dtype))
        for end, sign in (("lowest", -1), ("highest", 1))
    ]
    return graph.node("Clip", [scaled, *ends], f"u{depth}_normal")


def _inverse_root(variance: Tensor) -> Tensor:
    return torch.rsqrt(variance + VARIANCE_FLOOR)
