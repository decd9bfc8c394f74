"""The graph engine of pre-training.

Axes: m rows of a block, B of a minibatch, V visible.
"""

import torch
from torch import Tensor

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.corruption import Corrupted, corrupt_by
from sdae.core.donors import RowDonors
from sdae.core.kinds.draws import DeviceDraws
from sdae.core.kinds.noises import Noise
from sdae.core.minibatches import Minibatch
from sdae.core.randomness import NoiseKey, Stream
from sdae.core.rows import RowSource
from sdae.train.engines.graph_stage import GraphStage, Parts
from sdae.train.engines.player import Player
from sdae.train.settings import PretrainingConfig


class GraphPretraining(GraphStage):
    """Train one denoising autoencoder on the rows below it, by any optimiser, on a GPU."""

    def __init__(
        self,
        autoencoder: DenoisingAutoencoder,
        rows: RowSource,
        noise: Noise,
        config: PretrainingConfig,
        seed: int,
        player: Player | None = None,
    ) -> None:
        super().__init__(autoencoder, config, autoencoder.n_visible, player)
        self._autoencoder, self._rows, self._noise = autoencoder, rows, noise
        self._seed = seed
        self._donors = RowDonors(rows)

    @torch.no_grad()
    def _parts(self, block: Minibatch, epoch: int) -> Parts:
        """Return the rows of a block, corrupted and clean, and with an emphasis what was drawn."""
        layer = self._autoencoder
        x = self._rows.batch(block)  # (m, V)
        key = NoiseKey(self._seed, Stream.CORRUPTION, layer.layer, epoch)
        draws = DeviceDraws.of(key, block.samples, x.device)
        x_tilde, drawn = corrupt_by(x, self._noise, draws, self._donors, layer.columns)
        parts = [x] if x_tilde is x else [x, x_tilde]
        return parts if layer.emphasis is None or drawn is None else [*parts, drawn]

    def _losses(self, parts: Parts) -> Tensor:
        """Return the loss of each row of a minibatch, (B,)."""
        x, *noisy = parts
        x_tilde = noisy[0] if noisy else x
        drawn = noisy[1] if len(noisy) > 1 else None
        return self._autoencoder.loss_of(x, Corrupted(x_tilde, drawn))
