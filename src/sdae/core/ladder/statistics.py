"""What a trained ladder takes from all rows: the statistics of its normalisation.

In training each batch is normalised by itself. Predictions must not depend on the batch, so the
mean and the variance of every unit are measured afterwards, on clean rows, layer by layer: the
codes of a layer are computed with the statistics of the layers below. Running averages would be
those of noisy rows.

Axes: n rows, B rows at a time, d_k units at depth k.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from sdae.core.ladder.network import VARIANCE_FLOOR, LadderNetwork
from sdae.core.ladder.passes import estimated, prediction_of
from sdae.core.minibatches import Minibatches, minibatches
from sdae.core.rows import RowSource

_AT_A_TIME = 1000
FARTHEST_SIGNAL = 1e9
"""Standard deviations from the mean at which u is clipped: products with it are still finite."""
_MOST_NUMBERS = 1 << 27
_MOST_DECODED = 10_000


@torch.no_grad()
def settle(network: LadderNetwork, rows: RowSource, most: int | None = None) -> None:
    """Measure the statistics of clean rows, and keep them in the network.

    `most` rows, evenly spaced, are a quick estimate; None takes all.
    """
    _settle_upwards(network, rows, most)
    _settle_downwards(network, rows)


def clean_codes(network: LadderNetwork, x: Tensor, depth: int) -> Tensor:
    """Return z + β of a depth from 1 on, by the kept statistics: (B, V) -> (B, d_k)."""
    h = x
    for layer in range(depth):
        part = network.layer(layer)
        a = h @ part.weight.t()
        shifted = (a - part.mean) * torch.rsqrt(part.variance + VARIANCE_FLOOR) + part.bias
        h = shifted if layer == depth - 1 else torch.relu(shifted)
    return h


def product(x: Tensor, weight: Tensor) -> Tensor:
    """Return W x, (B, d) -> (B, d')."""
    return x @ weight.t()


@torch.no_grad()
def reconstructed(
    network: LadderNetwork, x: Tensor, product: Callable[[Tensor, Tensor], Tensor] = product
) -> Tensor:
    """Return ẑ_0, the estimate of clean rows, without adding noise: (B, V) -> (B, V).

    `product` computes W x from x and W.
    """
    z, output = clean_way_up(network, x, product)
    u = prediction_of(network, output)
    for depth in range(network.n_layers, 0, -1):
        estimate = _estimate(network, depth, u, z[depth])
        u = product(estimate, network.layer(depth - 1).decoder_weight)
    return _estimate(network, 0, u, z[0])


def _settle_upwards(network: LadderNetwork, rows: RowSource, most: int | None) -> None:
    """Measure a_k of each layer, from the bottom up; codes are kept where memory allows."""
    keeps = min(len(rows), most or len(rows)) * max(network.sizes) <= _MOST_NUMBERS
    kept: list[Tensor] = []
    for layer in range(network.n_layers):
        part, moments = network.layer(layer), _Moments()
        below = kept if kept else _codes_below(network, rows, layer, most)
        parts = []
        for h in below:
            a = h @ part.weight.t()
            moments.add(a)
            if keeps:
                parts.append(a)
        part.mean.copy_(moments.mean)
        part.variance.copy_(moments.variance)
        scale = torch.rsqrt(part.variance + VARIANCE_FLOOR)
        kept = [a.sub_(part.mean).mul_(scale).add_(part.bias).relu_() for a in parts]


def _settle_downwards(network: LadderNetwork, rows: RowSource) -> None:
    """Measure u_k at each depth, from the top down, on some thousand rows."""
    most = max(1, min(_MOST_DECODED, _MOST_NUMBERS // sum(network.sizes)))
    signals, lateral_values = [], []
    for minibatch in _parts_of(rows, most):
        z, output = clean_way_up(network, rows.batch(minibatch))
        signals.append(prediction_of(network, output))
        lateral_values.append(z)
    for depth in reversed(range(network.n_layers + 1)):
        lateral, moments = network.lateral(depth), _Moments()
        for u in signals:
            moments.add(u)
        lateral.mean.copy_(moments.mean)
        lateral.variance.copy_(moments.variance)
        if depth:
            signals = [
                _estimate(network, depth, u, z[depth]) @ network.layer(depth - 1).decoder_weight.t()
                for u, z in zip(signals, lateral_values, strict=True)
            ]


def _codes_below(
    network: LadderNetwork, rows: RowSource, layer: int, most: int | None
) -> Iterator[Tensor]:
    for minibatch in _parts_of(rows, most):
        x = rows.batch(minibatch)
        yield torch.relu(clean_codes(network, x, layer)) if layer else x


def _parts_of(rows: RowSource, most: int | None = None) -> Minibatches:
    """Cut rows into parts; of more than `most`, take that many, evenly spaced."""
    n_rows = len(rows)
    if most is None or n_rows <= most:
        return minibatches(n_rows, _AT_A_TIME)
    chosen = torch.linspace(0, n_rows - 1, most, dtype=torch.float64).round().long()
    return minibatches(most, _AT_A_TIME, order=chosen.numpy())


def clean_way_up(
    network: LadderNetwork, x: Tensor, product: Callable[[Tensor, Tensor], Tensor] = product
) -> tuple[list[Tensor], Tensor]:
    """Return z of each depth, (B, d_k), and the output, (B, O), by the kept statistics."""
    z, h = [x], x
    for layer in range(network.n_layers):
        part = network.layer(layer)
        a = product(h, part.weight)
        z.append((a - part.mean) * torch.rsqrt(part.variance + VARIANCE_FLOOR))
        h = torch.relu(z[-1] + part.bias)
    return z, network.gain * (z[-1] + part.bias)


def _estimate(network: LadderNetwork, depth: int, u: Tensor, z: Tensor) -> Tensor:
    """Return ẑ of a depth, (B, d_k), with u normalised by the kept statistics."""
    lateral = network.lateral(depth)
    normal = (u - lateral.mean) * torch.rsqrt(lateral.variance + VARIANCE_FLOOR)
    return estimated(network, depth, normal.clamp(-FARTHEST_SIGNAL, FARTHEST_SIGNAL), z)


class _Moments:
    """Mean and variance of many rows, added a part at a time (Chan et al. 1979), in float64."""

    def __init__(self) -> None:
        self._n = 0
        self.mean: Tensor = torch.zeros(())
        self._squares: Tensor = torch.zeros(())

    @property
    def variance(self) -> Tensor:
        """The variance over all rows added, (d,)."""
        return self._squares / self._n

    def add(self, part: Tensor) -> None:
        """Add rows, (B, d)."""
        variance, mean = (t.cpu().double() for t in torch.var_mean(part, dim=0, correction=0))
        n, before = len(part), self._n
        self._n += n
        if not before:
            self.mean, self._squares = mean, variance * n
            return
        off = mean - self.mean
        self.mean = self.mean + off * (n / self._n)
        self._squares = self._squares + variance * n + off.square() * (before * n / self._n)
