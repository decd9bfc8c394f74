"""The compiled engine of fine-tuning: a slice of minibatches at a time, on the CPU.

Axes: m samples of a slice, V visible, O outputs, U all hidden units.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from sdae.core.kernels.compiling import is_cold
from sdae.core.kernels.team import Counter
from sdae.core.kinds.activations import number_of
from sdae.core.minibatches import Minibatches
from sdae.core.randomness import NoiseKey, Stream
from sdae.core.rows import RowSource
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.engines.asked_rows import rows_of
from sdae.train.engines.compiled_stage import CompiledStage
from sdae.train.engines.drawing import draw_stays
from sdae.train.kernels.minibatch import network_step as kernels
from sdae.train.settings import FinetuningConfig

Real = NDArray[np.floating]


class CompiledFinetuning(CompiledStage):
    """Train the whole network on labelled rows, by any optimiser and for any head.

    Parameters
    ----------
    stack, rows, config, seed
        The network, its rows, the settings and the seed.
    y : Tensor
        Targets of the head: classes (n,), or labels or values (n, O).
    weights : Tensor of shape (n,), or None
        Factors of the loss of each sample.
    """

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        rows: RowSource,
        y: Tensor,
        config: FinetuningConfig,
        seed: int,
        weights: Tensor | None = None,
    ) -> None:
        self._stack, self._rows, self._config, self._seed = stack, rows, config, seed
        kind, targets = stack.head.weight.detach().numpy().dtype, np.ascontiguousarray(y.numpy())
        self._classes = targets if y.ndim == 1 else np.zeros(0, np.int64)
        self._values = targets if y.ndim == 2 else np.zeros((0, 0), kind)
        self._weights = np.zeros(0, kind) if weights is None else weights.contiguous().numpy()
        self._activation, self._head = number_of(stack.activation), stack.head_facts.kernel
        self._scale: Any = kind.type(1 / (1 - config.dropout))
        self._max_norm = config.max_norm or 0.0
        layers = [(m.weight, m.bias) for m in stack.mlp if isinstance(m, nn.Linear)]
        n_products = sum(weight.numel() for weight, _ in layers)
        super().__init__(layers, stack.mlp, config, stack.activation, len(rows), n_products)

    @property
    def compiles(self) -> bool:
        """Whether the kernels must still be compiled for the type of the weights."""
        return is_cold(kernels.train_slice)

    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> float:
        """Do a step on each minibatch; return the summed cost of their samples.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before the slice.
        """
        slice_, memory = minibatches.joined, self._memory
        x = rows_of(self._rows, slice_, self._stack.autoencoder(0).weight)
        x = self._input(x, slice_.samples, epoch)
        here = slice_.samples if slice_.span is None else slice_.span
        classes = self._classes[here] if len(self._classes) else self._classes
        values = self._values[here] if len(self._values) else self._values
        weights = self._weights[here] if len(self._weights) else self._weights
        kept = self._kept(slice_.samples, epoch)
        n_steps, costs = len(minibatches), np.zeros(len(x))
        steps = memory.coefficients(rate, n_steps)

        def work(first: int, last: int, rank: int, n_workers: int, counter: Counter) -> None:
            kernels.train_slice(
                memory.plan,
                memory.state,
                x,
                classes,
                values,
                weights,
                kept,
                self._scale,
                self._activation,
                self._head,
                memory.rule,
                memory.settings,
                self._config.weight_decay,
                self._max_norm,
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

    def _input(self, x: Real, samples: NDArray[np.int64], epoch: int) -> Real:
        """Drop components of the input, (m, V)."""
        level = self._config.input_dropout
        if level == 0:
            return x
        kept = np.zeros(x.shape, np.bool_)
        key = NoiseKey(self._seed, Stream.DROPOUT, 0, epoch)
        draw_stays(self._team, level, key, samples, 0, x.shape[1], kept)
        dropped: Real = x * kept / x.dtype.type(1 - level)
        return dropped

    def _kept(self, samples: NDArray[np.int64], epoch: int) -> NDArray[np.bool_]:
        """Draw the hidden units that stay, (m, U); (0, 0) for all."""
        level, sizes = self._config.dropout, self._stack.hidden_layer_sizes
        if level == 0:
            return np.zeros((0, 0), np.bool_)
        kept = np.zeros((len(samples), sum(sizes)), np.bool_)
        for depth, n_units in enumerate(sizes, start=1):
            key = NoiseKey(self._seed, Stream.DROPOUT, depth, epoch)
            start = int(self._memory.plan.drawn[depth])
            draw_stays(self._team, level, key, samples, start, n_units, kept)
        return kept
