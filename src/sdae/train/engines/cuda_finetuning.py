"""The fused engine of fine-tuning on a GPU: a slice is one launch, one sample per step.

As in :mod:`sdae.train.engines.cuda_pretraining`, the kernel works on padded copies of the
parameters.

Axes: m samples of a slice, V visible, L hidden layers.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from sdae.core.kinds.activations import kernel_of
from sdae.core.minibatches import Minibatches
from sdae.core.randomness import NoiseKey, Stream, hash_key, threshold
from sdae.core.rows import RowSource, index_of
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.engines.cuda_device import (
    Device,
    Launcher,
    checked_cost,
    padded,
    padded_rows,
    samples_of_a_slice,
)
from sdae.train.kernels.cuda.plans import network_program
from sdae.train.settings import FinetuningConfig


class CudaFinetuning:
    """Train the whole network on labelled rows, by SGD with batch size 1."""

    name = "fused"

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        rows: RowSource,
        labels: Tensor,
        config: FinetuningConfig,
        seed: int,
        device: Device,
    ) -> None:
        self._rows = rows
        self._labels = labels
        self._config = config
        self._seed = seed
        self._layers = [module for module in stack.mlp if isinstance(module, nn.Linear)]
        sizes = [stack.n_visible, *stack.hidden_layer_sizes]
        weight = stack.head.weight.detach()
        program = network_program(
            device.chip,
            sizes,
            len(weight),
            kernel_of(stack.activation),
            dropout=config.dropout > 0,
            input_dropout=config.input_dropout > 0,
        )
        self._launcher = Launcher(device, program, weight)
        shapes = [layer.weight.shape for layer in self._layers]
        self._parameters = weight.new_zeros(sum(n * padded(m) + padded(n) for n, m in shapes))
        self._inside: list[Tensor] = []
        start = 0
        for n, m in shapes:  # outputs, inputs
            bias = start + n * padded(m)
            self._inside.append(self._parameters[start:bias].view(n, padded(m))[:, :m])
            self._inside.append(self._parameters[bias : bias + n])
            start = bias + padded(n)
        self.slice_samples = samples_of_a_slice(max(sizes))

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
        levels = (self._config.input_dropout, self._config.dropout)
        outside = [tensor for layer in self._layers for tensor in (layer.weight, layer.bias)]
        self._parameters.zero_()  # a slice that failed may have left NaN in the padding
        for inside, parameter in zip(self._inside, outside, strict=True):
            inside.copy_(parameter)
        finite = self._launcher.run(
            self._parameters,
            x,
            torch.from_numpy(slice_.samples).to(x.device),
            self._labels[index_of(slice_)].contiguous(),
            costs,
            np.int32(len(x)),
            np.float32(rate),
            self._keys(epoch).to(x.device),
            *(
                number
                for level in levels
                for number in (np.uint64(threshold(level)), np.float32(1 / (1 - level)))
            ),
        )
        cost = checked_cost(costs, finite, slice_.samples)
        for inside, parameter in zip(self._inside, outside, strict=True):
            parameter.copy_(inside)
        return cost

    @property
    def compiles(self) -> bool:
        """Whether the kernel must still be compiled for this network."""
        return not self._launcher.is_ready

    def state(self) -> dict[str, Tensor]:
        """Return nothing: plain gradient descent has no state."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Do nothing: there is no state."""

    def close(self) -> None:
        """Do nothing: there are no threads."""

    def _keys(self, epoch: int) -> Tensor:
        """Return the keys of dropout of the input and of each hidden layer, (L + 1,)."""
        keys = [
            hash_key(NoiseKey(self._seed, Stream.DROPOUT, depth, epoch))
            for depth in range(len(self._layers))
        ]
        return torch.from_numpy(np.array(keys, np.uint64).view(np.int64))
