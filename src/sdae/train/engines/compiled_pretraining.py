"""The compiled engine of pre-training: a slice of minibatches at a time, on the CPU.

Axes: m samples of a slice, V visible.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.blocks import BlockLayout
from sdae.core.corruption import corrupt
from sdae.core.donors import RowDonors
from sdae.core.kernels.compiling import is_cold
from sdae.core.kernels.team import Counter
from sdae.core.kinds.activations import number_of
from sdae.core.kinds.noises import Noise
from sdae.core.minibatches import Minibatches
from sdae.core.randomness import NoiseKey, Stream
from sdae.core.rows import RowSource
from sdae.train.engines.asked_rows import rows_of
from sdae.train.engines.compiled_stage import CompiledStage
from sdae.train.engines.drawing import draw_corrupted
from sdae.train.kernels.minibatch import autoencoder_step, tied_step
from sdae.train.kernels.minibatch.reconstructions import BLOCKS, NO_COLUMNS, Columns
from sdae.train.settings import PretrainingConfig

Real = NDArray[np.floating]

_NONE = np.zeros((0, 0), np.bool_)


class CompiledPretraining(CompiledStage):
    """Train one denoising autoencoder on the rows below it, by any optimiser."""

    def __init__(
        self,
        autoencoder: DenoisingAutoencoder,
        rows: RowSource,
        noise: Noise,
        config: PretrainingConfig,
        seed: int,
    ) -> None:
        self._autoencoder, self._rows, self._noise = autoencoder, rows, noise
        self._config, self._seed = config, seed
        self._donors = RowDonors(rows)
        has_kernel = noise.level > 0 and noise.kernel_arguments(1) is not None
        self._draws = has_kernel and autoencoder.layout is None
        decoder_weight = None if autoencoder.tied else autoencoder.decoder_weight
        layers = [
            (autoencoder.weight, autoencoder.hidden_bias),
            (decoder_weight, autoencoder.visible_bias),
        ]
        super().__init__(
            layers,
            autoencoder,
            config,
            autoencoder.activation,
            len(rows),
            2 * autoencoder.weight.numel(),
        )
        self._activation = number_of(autoencoder.activation)
        self._columns = _columns_of(autoencoder.layout)
        decoder = BLOCKS if autoencoder.layout is not None else autoencoder.decoder.facts.kernel
        assert decoder is not None  # checked when the engine was chosen
        self._decoder = decoder
        step = tied_step if autoencoder.tied else autoencoder_step
        self._kernel = step.train_slice

    @property
    def compiles(self) -> bool:
        """Whether the kernels must still be compiled for the type of the weights."""
        return is_cold(self._kernel)

    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> float:
        """Do a step on each minibatch; return the summed cost of their samples.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before the slice.
        """
        slice_, memory = minibatches.joined, self._memory
        x = rows_of(self._rows, slice_, self._autoencoder.weight)
        x_tilde, weights = self._corrupted(x, slice_.samples, epoch)
        n_steps, costs = len(minibatches), np.zeros(len(x))
        steps = memory.coefficients(rate, n_steps)

        def work(first: int, last: int, rank: int, n_workers: int, counter: Counter) -> None:
            self._kernel(
                memory.plan,
                memory.state,
                x,
                x_tilde,
                weights,
                _NONE,
                self._activation,
                self._decoder,
                self._columns,
                memory.rule,
                memory.settings,
                self._config.weight_decay,
                steps,
                minibatches.batch_size,
                costs,
                first,
                last,
                rank,
                n_workers,
                counter,
            )

        return self._run(work, n_steps, slice_.samples, costs)

    def _corrupted(self, x: Real, samples: NDArray[np.int64], epoch: int) -> tuple[Real, Real]:
        """Return corrupted rows, (m, V), and the weights of their components, (m, V) or (0, 0)."""
        layer, noise = self._autoencoder, self._noise
        key = NoiseKey(self._seed, Stream.CORRUPTION, layer.layer, epoch)
        drawn: NDArray[np.bool_] | None = None
        if self._draws:
            x_tilde = np.empty_like(x)
            drawn = _NONE if layer.emphasis is None else np.zeros(x.shape, np.bool_)
            draw_corrupted(self._team, noise, key, x, samples, x_tilde, drawn)
        else:
            with torch.no_grad():  # donors may be computed
                corrupted = corrupt(
                    torch.from_numpy(x), noise, key, samples, self._donors, layer.columns
                )
            x_tilde = corrupted.x_tilde.numpy()
            drawn = None if corrupted.drawn is None else corrupted.drawn.numpy()
        weights = np.zeros((0, 0), x.dtype)
        if layer.layout is not None:
            weights = layer.layout.counted(torch.from_numpy(x)).contiguous().numpy()
        if layer.emphasis is not None:
            alpha, beta = x.dtype.type(layer.emphasis.alpha), x.dtype.type(layer.emphasis.beta)
            emphasised = np.full(x.shape, beta) if drawn is None else np.where(drawn, alpha, beta)
            weights = emphasised if layer.layout is None else weights * emphasised
        return np.ascontiguousarray(x_tilde), weights


def _columns_of(layout: BlockLayout | None) -> Columns:
    """Return where the numbers, binaries and categories of a table lie."""
    if layout is None:
        return NO_COLUMNS
    bounds = layout.n_bounded + np.cumsum([0, *layout.blocks.levels])
    return Columns(layout.n_numbers, layout.n_bounded, bounds.astype(np.intp))
