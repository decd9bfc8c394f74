"""The fused engine of fine-tuning: passes a slice to the compiled kernels, one sample per step.

As in :mod:`sdae.train.engines.fused_pretraining`, the kernels work on copies, which are written
back to the parameters when a slice has ended without error.

Axes: m samples of a slice, V visible, C classes, U all units.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdae.core.kernels.compiling import is_cold
from sdae.core.kernels.layout import LANES, aligned_zeros, padded, shares
from sdae.core.kernels.team import Counter, Team
from sdae.core.kinds.activations import kernel_of
from sdae.core.minibatches import Minibatches
from sdae.core.randomness import NoiseKey, Stream
from sdae.core.rows import RowSource
from sdae.core.small_numbers import rounded_to_zero
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.engines.asked_rows import rows_of
from sdae.train.engines.drawing import draw_stays
from sdae.train.engines.safeguard import check_finite
from sdae.train.engines.slice_sizes import parts_and_threads, samples_for
from sdae.train.kernels.fused import network_memory as memory
from sdae.train.kernels.fused import network_step as kernels
from sdae.train.settings import FinetuningConfig

Real = NDArray[np.floating]

_PAGE = 4096


class FusedFinetuning:
    """Train the whole network on labelled rows, by SGD with batch size 1."""

    name = "fused"

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        rows: RowSource,
        labels: Tensor,
        config: FinetuningConfig,
        seed: int,
    ) -> None:
        self.stack = stack
        self._rows = rows
        self._labels = labels.numpy()
        self._config = config
        self._seed = seed
        self._layers = [module for module in stack.mlp if isinstance(module, nn.Linear)]
        self._kind = stack.head.weight.detach().numpy().dtype
        n_weights = sum(layer.weight.numel() for layer in self._layers)
        n_parts, n_threads = parts_and_threads(n_weights)
        self._team = Team(n_threads, rounded_to_zero)
        self.slice_samples = samples_for(max(stack.n_visible, *stack.hidden_layer_sizes))
        sizes = [stack.n_visible, *(layer.out_features for layer in self._layers)]
        self._plan, n_places, n_units = plan(sizes, n_parts)
        self._n_units = n_units
        self._state = memory.State(
            weights=self._zeros(n_places),
            biases=self._zeros(n_units),
            h=self._zeros(2, n_units),
            slopes=self._zeros(n_units),
            delta=self._zeros(n_units),
            nothing=self._zeros(n_units),
            partial=self._zeros(n_parts, n_units + _PAGE),
            active=np.zeros((n_parts, max(sizes) + _PAGE), np.intp),
            every=np.arange(max(sizes), dtype=np.intp),
        )

    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> Tensor:
        """Do a step on each sample; return their summed cost, a scalar.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before.
        """
        slice_ = minibatches.joined
        x = rows_of(self._rows, slice_, self._layers[0].weight)
        x = self._input(x, slice_.samples, epoch)
        y = self._labels[slice_.samples]
        kept = self._kept(slice_.samples, epoch)
        costs = np.zeros(len(x))
        self._move_parameters(inwards=True)
        for array in (self._state.h, self._state.delta):
            array.fill(0)

        def steps(first: int, last: int, rank: int, n_workers: int, counter: Counter) -> None:
            kernels.train_slice(
                self._plan,
                self._state,
                x,
                y,
                kept,
                self._kind.type(1 / (1 - self._config.dropout)),
                self._kind.type(rate),
                kernel_of(self.stack.activation),
                costs,
                first,
                last,
                rank,
                n_workers,
                counter,
            )

        self._team.run_steps(steps, len(x) + 1)
        check_finite(costs, slice_.samples, self._state.weights, self._state.biases)
        self._move_parameters(inwards=False)
        return torch.tensor(costs.sum())

    @property
    def compiles(self) -> bool:
        """Whether the kernels must still be compiled for the type of the weights."""
        return is_cold(kernels.train_slice)

    def state(self) -> dict[str, Tensor]:
        """Return nothing: plain gradient descent has no state."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Do nothing: there is no state."""

    def close(self) -> None:
        """End the threads."""
        self._team.close()

    def _input(self, x: Real, samples: NDArray[np.int64], epoch: int) -> Real:
        """Drop components of the input, (m, V)."""
        level = self._config.input_dropout
        if level == 0:
            return x
        kept = np.zeros(x.shape, np.bool_)
        self._draw(kept, 0, x.shape[1], samples, level, 0, epoch)
        dropped: Real = x * kept / self._kind.type(1 - level)
        return dropped

    def _kept(self, samples: NDArray[np.int64], epoch: int) -> NDArray[np.bool_]:
        """Draw the hidden units that are kept, (m, U); (0, 0) for all."""
        if self._config.dropout == 0:
            return np.zeros((0, 0), np.bool_)
        kept = np.zeros((len(samples), self._n_units), np.bool_)
        for layer, n_hidden in enumerate(self.stack.hidden_layer_sizes):
            start = int(self._plan.units[layer + 1])
            self._draw(kept, start, n_hidden, samples, self._config.dropout, layer + 1, epoch)
        return kept

    def _draw(
        self,
        kept: NDArray[np.bool_],
        start: int,
        n: int,
        samples: NDArray[np.int64],
        level: float,
        depth: int,
        epoch: int,
    ) -> None:
        key = NoiseKey(self._seed, Stream.DROPOUT, depth, epoch)
        draw_stays(self._team, level, key, samples, start, n, kept)

    def _move_parameters(self, *, inwards: bool) -> None:
        """Copy the network's parameters into the kernels' blocks, or back, on all threads."""
        weights = [layer.weight.detach().numpy() for layer in self._layers]
        biases = [layer.bias.detach().numpy() for layer in self._layers]
        for layer, bias in enumerate(biases):
            start = int(self._plan.units[layer + 1])
            inside = self._state.biases[start : start + len(bias)]
            source, target = (bias, inside) if inwards else (inside, bias)
            target[:] = source

        def work(rank: int, n_workers: int, _counter: Counter) -> None:
            for layer, weight in enumerate(weights):
                for part in range(rank, self._plan.blocks.shape[1], n_workers):
                    memory.move_block(self._plan, self._state, weight, layer, part, inwards)

        self._team.run(work)

    def _zeros(self, *shape: int) -> Real:
        return aligned_zeros(shape, self._kind)


def plan(sizes: Sequence[int], n_parts: int) -> tuple[memory.Plan, int, int]:
    """Return the memory layout, and the numbers of all weights and units, padded."""
    n_layers = len(sizes) - 1
    owned = np.stack([shares(n, n_parts, LANES) for n in sizes[1:]])  # (L + 1, parts + 1)
    blocks = np.zeros((n_layers, n_parts), np.intp)
    n_weights = 0
    for layer in range(n_layers):
        for part in range(n_parts):
            blocks[layer, part] = n_weights
            width = int(owned[layer, part + 1] - owned[layer, part])
            n_weights += sizes[layer] * padded(width)
    units = np.cumsum([0, *(padded(n) for n in sizes)])
    return (
        memory.Plan(np.array(sizes, np.intp), owned, blocks, units[:-1].astype(np.intp)),
        n_weights,
        int(units[-1]),
    )
