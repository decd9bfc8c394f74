"""What an update of a ladder descends: the cost of labels, and of reconstructions.

Axes: B rows of each kind, d_k units at depth k.
"""

from collections.abc import Sequence

from torch import Tensor

from sdae.core.ladder.network import LadderNetwork
from sdae.core.ladder.passes import WayUp, prediction_of, way_down, way_up


def cost_of_labels(
    network: LadderNetwork,
    x: Tensor,
    y: Tensor,
    noise: Sequence[Tensor],
    weights: Tensor | None = None,
) -> Tensor:
    """Return the mean cost of labelled rows, (B, V), on the noisy way up: a scalar.

    `weights`, (B,), multiply the costs of the rows.
    """
    losses = network.head_kind.facts.loss(way_up(network, x, noise).output, y)  # (B,)
    return (losses if weights is None else losses * weights).mean()


def cost_of_reconstruction(
    network: LadderNetwork, x: Tensor, noise: Sequence[Tensor], factors: Sequence[float]
) -> Tensor:
    """Return Σ_k λ_k · mean of the squared error of ẑ_k, for unlabelled rows: a scalar.

    At depth 0 the error is that of the input. Above it is (ẑ_k − m_k) / √(s_k + ε) − z_k, with
    statistics and values of the clean way up, through which gradients pass too. That equals
    (ẑ_k − a_k) / √(s_k + ε), for a_k the clean values before normalisation.
    """
    noisy = way_up(network, x, noise)
    estimates = way_down(network, prediction_of(network, noisy.output), noisy.z)
    clean = way_up(network, x) if any(factors[1:]) else WayUp([], [x], [x.new_ones(())], x)
    cost = x.new_zeros(())
    for depth, factor in enumerate(factors):
        if factor or depth == 0:  # the input also by 0, so that all parameters have gradients
            error = (estimates[depth] - clean.a[depth]) * clean.scale[depth]
            cost = cost + factor * error.square().mean()
    return cost
