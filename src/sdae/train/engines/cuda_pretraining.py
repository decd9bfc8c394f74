"""The fused engine of pre-training on a GPU: a slice is one launch, one sample per step.

As on the CPU (:mod:`sdae.train.engines.fused_pretraining`), the kernel works on padded copies of
the parameters, which are written back when a slice has ended without error.

Axes: m samples of a slice, V visible, H hidden.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.kinds.activations import kernel_of
from sdae.core.kinds.noises import Noise
from sdae.core.minibatches import Minibatches
from sdae.core.randomness import NoiseKey, Stream, hash_key
from sdae.core.rows import RowSource
from sdae.train.engines.cuda_device import (
    Device,
    Launcher,
    checked_cost,
    padded,
    padded_rows,
    samples_of_a_slice,
)
from sdae.train.kernels.cuda.plans import NO_NOISE, autoencoder_program


class CudaPretraining:
    """Train one tied denoising autoencoder on the rows below it, by SGD with batch size 1."""

    name = "fused"

    def __init__(
        self,
        autoencoder: DenoisingAutoencoder,
        rows: RowSource,
        noise: Noise,
        seed: int,
        device: Device,
    ) -> None:
        self.autoencoder = autoencoder
        self._rows = rows
        self._seed = seed
        n_visible, n_hidden = autoencoder.n_visible, autoencoder.n_hidden
        arguments, loss = noise.kernel_arguments(n_visible), autoencoder.decoder.facts.kernel
        assert arguments is not None  # checked when the engine was chosen
        assert loss is not None
        kind, self._limit, self._low, self._high = arguments
        weight = autoencoder.weight.detach()
        program = autoencoder_program(
            device.chip,
            n_visible,
            n_hidden,
            kernel_of(autoencoder.activation),
            loss,
            kind if noise.level > 0 else NO_NOISE,
            emphasis=autoencoder.emphasis is not None,
        )
        self._launcher = Launcher(device, program, weight)
        wide = padded(n_visible)
        places = np.cumsum([0, n_hidden * wide, padded(n_hidden), wide])
        self._parameters = weight.new_zeros(int(places[-1]))
        matrix, hidden_bias, visible_bias = (
            self._parameters[start:stop] for start, stop in pairwise(places.tolist())
        )
        self._inside = (
            matrix.view(n_hidden, wide)[:, :n_visible],
            hidden_bias[:n_hidden],
            visible_bias[:n_visible],
        )
        self.slice_samples = samples_of_a_slice(n_visible)

    @torch.no_grad()
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
        x = padded_rows(self._rows.batch(slice_))  # (m, padded V)
        costs = self._parameters.new_zeros(len(x))
        emphasis = self.autoencoder.emphasis
        alpha, beta = (1.0, 1.0) if emphasis is None else (emphasis.alpha, emphasis.beta)
        key = NoiseKey(self._seed, Stream.CORRUPTION, self.autoencoder.layer, epoch)
        outside = self._outside()
        self._parameters.zero_()  # a slice that failed may have left NaN in the padding
        for inside, parameter in zip(self._inside, outside, strict=True):
            inside.copy_(parameter)
        finite = self._launcher.run(
            self._parameters,
            x,
            torch.from_numpy(slice_.samples).to(x.device),
            costs,
            np.int32(len(x)),
            np.float32(rate),
            np.uint64(hash_key(key)),
            self._limit,
            np.float32(self._low),
            np.float32(self._high),
            np.float32(alpha),
            np.float32(beta),
        )
        cost = checked_cost(costs, finite, slice_.samples)
        for inside, parameter in zip(self._inside, outside, strict=True):
            parameter.copy_(inside)
        return cost

    @property
    def compiles(self) -> bool:
        """Whether the kernel must still be compiled for this layer."""
        return not self._launcher.is_ready

    def state(self) -> dict[str, Tensor]:
        """Return nothing: plain gradient descent has no state."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Do nothing: there is no state."""

    def close(self) -> None:
        """Do nothing: there are no threads."""

    def _outside(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the network's parameters, in the order of the kernel's."""
        theirs = self.autoencoder
        return theirs.weight, theirs.hidden_bias, theirs.visible_bias
