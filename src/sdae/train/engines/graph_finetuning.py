"""The graph engine of fine-tuning.

Axes: m rows of a block, B of a minibatch, V visible, H hidden, O outputs.
"""

import torch
from torch import Tensor

from sdae.core.kinds.draws import DeviceDraws
from sdae.core.minibatches import Minibatch
from sdae.core.randomness import NoiseKey, Stream, threshold
from sdae.core.rows import RowSource, index_of
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.engines.autograd import limit_norms
from sdae.train.engines.graph_stage import GraphStage, Parts
from sdae.train.engines.player import Player
from sdae.train.settings import FinetuningConfig


class GraphFinetuning(GraphStage):
    """Train the whole network on labelled rows, by any optimiser and for any head, on a GPU.

    Parameters
    ----------
    stack, rows, config, seed
        The network, its rows, the settings and the seed.
    y : Tensor
        Targets of the head: classes (n,), or labels or values (n, O).
    weights : Tensor of shape (n,), or None
        Factors of the loss of each sample.
    player : Player or None
        As for :class:`sdae.train.engines.graph_stage.GraphStage`.
    """

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        rows: RowSource,
        y: Tensor,
        config: FinetuningConfig,
        seed: int,
        weights: Tensor | None = None,
        player: Player | None = None,
    ) -> None:
        width = stack.n_visible + sum(stack.hidden_layer_sizes)
        super().__init__(stack.mlp, config, width, player)
        self._stack, self._rows, self._config, self._seed = stack, rows, config, seed
        self._y, self._weights = y, weights

    @torch.no_grad()
    def _parts(self, block: Minibatch, epoch: int) -> Parts:
        """Return rows, targets and weights of a block, and the factors of dropout."""
        config, index = self._config, index_of(block)
        x = self._rows.batch(block)  # (m, V)
        if isinstance(index, Tensor):
            index = index.to(self._y.device)
        if config.input_dropout > 0:
            x = x * self._kept(x, config.input_dropout, block, 0, epoch)
        parts = [x, self._y[index]]
        if self._weights is not None:
            parts.append(self._weights[index])
        if config.dropout > 0:
            for depth, size in enumerate(self._stack.hidden_layer_sizes, start=1):
                like = x.new_empty((0, size))
                parts.append(self._kept(like, config.dropout, block, depth, epoch))
        return parts

    def _losses(self, parts: Parts) -> Tensor:
        """Return the loss of each row of a minibatch, multiplied by its weight, (B,)."""
        h, y, *rest = parts
        weights = None if self._weights is None else rest.pop(0)
        for layer in range(self._stack.n_layers):
            h = self._stack.autoencoder(layer).encode(h)  # (B, H_{layer-1}) -> (B, H_layer)
            if rest:
                h = h * rest[layer]
        losses = self._stack.head_facts.loss(self._stack.head(h), y)  # (B, O) -> (B,)
        return losses if weights is None else losses * weights

    def _after_step(self) -> None:
        """Limit the norms of incoming weights."""
        if self._config.max_norm is not None:
            limit_norms(self._stack, self._config.max_norm)

    def _kept(self, like: Tensor, level: float, block: Minibatch, depth: int, epoch: int) -> Tensor:
        """Return 0 for what is dropped and 1 / (1 − level) elsewhere, (m, H)."""
        key = NoiseKey(self._seed, Stream.DROPOUT, depth, epoch)
        draws = DeviceDraws.of(key, block.samples, like.device)
        dropped = draws.below(like.shape[1], threshold(level))
        return dropped.logical_not_().to(like).div_(1 - level)
