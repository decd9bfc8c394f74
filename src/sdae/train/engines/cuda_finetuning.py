"""The fused engine of fine-tuning on a GPU: a slice is one launch, one sample per step.

Axes: L hidden layers.
"""

import numpy as np
import torch
from torch import Tensor, nn

from sdae.core.kinds.activations import kernel_of
from sdae.core.minibatches import Minibatches
from sdae.core.randomness import NoiseKey, Stream, hash_key, threshold
from sdae.core.rows import RowSource, index_of
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.engines.asked_rows import checked_batch
from sdae.train.engines.cuda_device import Device
from sdae.train.engines.cuda_stage import CudaStage
from sdae.train.kernels.cuda.plans import network_program
from sdae.train.settings import FinetuningConfig


class CudaFinetuning(CudaStage):
    """Train the whole network on labelled rows, by SGD with batch size 1."""

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        rows: RowSource,
        labels: Tensor,
        config: FinetuningConfig,
        seed: int,
        device: Device,
    ) -> None:
        self._rows, self._labels, self._seed = rows, labels, seed
        self._levels = (config.input_dropout, config.dropout)
        self._layers = [module for module in stack.mlp if isinstance(module, nn.Linear)]
        sizes = [stack.n_visible, *stack.hidden_layer_sizes]
        program = network_program(
            device.chip,
            sizes,
            len(stack.head.weight),
            kernel_of(stack.activation),
            dropout=config.dropout > 0,
            input_dropout=config.input_dropout > 0,
        )
        super().__init__(device, program, max(sizes))

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
        x = checked_batch(self._rows, slice_, self._layers[0].weight)  # (m, V)
        dropout = [
            number
            for level in self._levels
            for number in (np.uint64(threshold(level)), np.float32(1 / (1 - level)))
        ]
        labels = self._labels[index_of(slice_)].contiguous()
        return self._run(slice_, x, [labels], rate, self._keys(epoch).to(x.device), *dropout)

    def _outside(self) -> list[Tensor]:
        """Return the network's parameters in the order of the kernel's."""
        return [tensor for layer in self._layers for tensor in (layer.weight, layer.bias)]

    def _keys(self, epoch: int) -> Tensor:
        """Return the keys of dropout of the input and of each hidden layer, (L + 1,)."""
        keys = [
            hash_key(NoiseKey(self._seed, Stream.DROPOUT, depth, epoch))
            for depth in range(len(self._layers))
        ]
        return torch.from_numpy(np.array(keys, np.uint64).view(np.int64))
