"""The fused engine of pre-training on a GPU: a slice is one launch, one sample per step."""

import numpy as np
from torch import Tensor

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.kinds.activations import kernel_of
from sdae.core.kinds.noises import Noise
from sdae.core.minibatches import Minibatches
from sdae.core.randomness import NoiseKey, Stream, hash_key
from sdae.core.rows import RowSource
from sdae.train.engines.asked_rows import checked_batch
from sdae.train.engines.cuda_device import Device
from sdae.train.engines.cuda_stage import CudaStage
from sdae.train.kernels.cuda.plans import NO_NOISE, autoencoder_program


class CudaPretraining(CudaStage):
    """Train one tied denoising autoencoder on the rows below it, by SGD with batch size 1."""

    def __init__(
        self,
        autoencoder: DenoisingAutoencoder,
        rows: RowSource,
        noise: Noise,
        seed: int,
        device: Device,
    ) -> None:
        self._autoencoder, self._rows, self._seed = autoencoder, rows, seed
        n_visible = autoencoder.n_visible
        arguments, loss = noise.kernel_arguments(n_visible), autoencoder.decoder.facts.kernel
        assert arguments is not None  # checked when the engine was chosen
        assert loss is not None
        kind, self._limit, self._low, self._high = arguments
        program = autoencoder_program(
            device.chip,
            n_visible,
            autoencoder.n_hidden,
            kernel_of(autoencoder.activation),
            loss,
            kind if noise.level > 0 else NO_NOISE,
            emphasis=autoencoder.emphasis is not None,
        )
        super().__init__(device, program, n_visible)

    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> Tensor:
        """Do a step on each sample; return their summed cost, a scalar.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before.
        DeviceFaultError
            If the GPU did not finish; likewise.
        """
        slice_ = minibatches.joined
        emphasis = self._autoencoder.emphasis
        alpha, beta = (1.0, 1.0) if emphasis is None else (emphasis.alpha, emphasis.beta)
        key = NoiseKey(self._seed, Stream.CORRUPTION, self._autoencoder.layer, epoch)
        return self._run(
            slice_,
            checked_batch(self._rows, slice_, self._autoencoder.weight),  # (m, V)
            [],
            rate,
            np.uint64(hash_key(key)),
            self._limit,
            np.float32(self._low),
            np.float32(self._high),
            np.float32(alpha),
            np.float32(beta),
        )

    def _outside(self) -> list[Tensor]:
        """Return the autoencoder's parameters in the order of the kernel's."""
        theirs = self._autoencoder
        return [theirs.weight, theirs.hidden_bias, theirs.visible_bias]
