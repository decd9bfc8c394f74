"""The fused engine of pre-training: passes a slice to the compiled kernels, one sample per step.

The kernels work on padded, aligned copies of the parameters, which are taken before each slice and
written back after it. So a caller may assign parameters between slices, and a slice that ends with
numbers that are not finite does not change the parameters.

Axes: m samples of a slice, V visible, H hidden.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.kernels.compiling import is_cold
from sdae.core.kernels.layout import LANES, PAGE, aligned_zeros, padded, row_length, shares
from sdae.core.kernels.team import Counter, Team
from sdae.core.kinds.activations import kernel_of
from sdae.core.kinds.noises import Noise
from sdae.core.minibatches import Minibatches
from sdae.core.randomness import NoiseKey, Stream
from sdae.core.rows import RowSource
from sdae.core.small_numbers import rounded_to_zero
from sdae.train.engines.asked_rows import rows_of
from sdae.train.engines.drawing import draw_corrupted
from sdae.train.engines.safeguard import check_finite
from sdae.train.engines.slice_sizes import parts_and_threads, samples_for
from sdae.train.kernels.fused import autoencoder_step as kernels
from sdae.train.kernels.fused.autoencoder_memory import Parameters, Samples, Scratch

Real = NDArray[np.floating]

_ROWS = 4
_WEIGHTS, _INPUTS, _SUMS, _SLOPES = (PAGE * quarter // 4 for quarter in range(4))


class FusedPretraining:
    """Train one denoising autoencoder on the rows below it, by SGD with batch size 1."""

    name = "fused"

    def __init__(
        self, autoencoder: DenoisingAutoencoder, rows: RowSource, noise: Noise, seed: int
    ) -> None:
        self.autoencoder = autoencoder
        self._rows = rows
        self._noise = noise
        self._seed = seed
        n_visible, n_hidden = autoencoder.n_visible, autoencoder.n_hidden
        self.slice_samples = samples_for(n_visible)
        n_parts, n_threads = parts_and_threads(n_visible * n_hidden)
        self._team = Team(n_threads, rounded_to_zero)
        self._kind = autoencoder.weight.detach().numpy().dtype
        v, h = padded(n_visible), padded(n_hidden, _ROWS)
        self._row_length = row_length(n_visible, self._kind)
        matrix = partial(self._zeros, h, self._row_length, place=_WEIGHTS)
        self._parameters = Parameters(matrix(), self._zeros(h), self._zeros(v))
        self._decoder = None if autoencoder.tied else matrix()
        self._row_shares = shares(h, n_parts, _ROWS)
        self._scratch = Scratch(
            h=self._zeros(h),
            live=self._zeros(h),
            delta=self._zeros(v, place=_SLOPES),
            zeros=self._zeros(v),
            partial=self._zeros(n_parts, padded(v, PAGE) + PAGE, place=_SUMS),
            dots=self._zeros(2, n_parts, LANES),
            order=np.zeros((n_parts, h + PAGE), np.intp),
        )
        self._scratch.live[:n_hidden] = 1
        self._column_shares = shares(n_visible, n_parts, LANES)

    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> Tensor:
        """Do a step on each sample; return their summed cost, a scalar.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before.
        """
        slice_ = minibatches.joined
        x = rows_of(self._rows, slice_, self.autoencoder.weight)
        samples = self._corrupted(x, slice_.samples, epoch)
        costs = np.zeros((len(self._row_shares) - 1, len(slice_.samples)))
        loss = self.autoencoder.decoder.facts.kernel
        assert loss is not None  # checked when the engine was chosen
        self._take_parameters()
        for array in (self._scratch.h, self._scratch.delta, self._scratch.dots):
            array.fill(0)
        order = self._scratch.order  # ReLU units leave it changed
        order[:] = self._row_shares[:-1, None] + np.arange(order.shape[1])

        def steps(first: int, last: int, rank: int, n_workers: int, counter: Counter) -> None:
            kernels.train_slice(
                self._parameters,
                self._decoder,
                self._scratch,
                samples,
                self._kind.type(rate),
                kernel_of(self.autoencoder.activation),
                loss,
                costs,
                self._row_shares,
                self._column_shares,
                first,
                last,
                rank,
                n_workers,
                counter,
            )

        self._team.run_steps(steps, len(slice_.samples) + 1)
        cost_of = costs.sum(axis=0)  # (parts, m) -> (m,)
        decoder = () if self._decoder is None else (self._decoder,)
        check_finite(cost_of, slice_.samples, *self._parameters, *decoder)
        self._give_parameters()
        return torch.tensor(cost_of.sum())

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

    def _corrupted(self, x: Real, numbers: NDArray[np.int64], epoch: int) -> Samples:
        """Corrupt the rows of a slice, (m, V), on all threads."""
        n_rows, n_visible = x.shape
        emphasis = self.autoencoder.emphasis
        x_tilde = self._zeros(n_rows, self._row_length, place=_INPUTS)
        drawn = np.zeros((0, 0) if emphasis is None else x.shape, np.bool_)
        if self._noise.level == 0:
            x_tilde[:, :n_visible] = x
        else:
            key = NoiseKey(self._seed, Stream.CORRUPTION, self.autoencoder.layer, epoch)
            draw_corrupted(self._team, self._noise, key, x, numbers, x_tilde, drawn)
        weights = np.zeros((0, 0), self._kind)
        if emphasis is not None:
            alpha, beta = self._kind.type(emphasis.alpha), self._kind.type(emphasis.beta)
            weights = np.where(drawn, alpha, beta)
        return Samples(x, x_tilde, weights)

    def _take_parameters(self) -> None:
        for inside, outside in self._pairs():
            inside[...] = outside

    def _give_parameters(self) -> None:
        for inside, outside in self._pairs():
            outside[...] = inside

    def _pairs(self) -> list[tuple[Real, Real]]:
        """Return pairs of the kernels' parameters, without padding, and the network's."""
        ours, theirs = self._parameters, self.autoencoder
        n_hidden, n_visible = theirs.n_hidden, theirs.n_visible
        pairs: list[tuple[Real, Tensor]] = [
            (ours.weight[:n_hidden, :n_visible], theirs.weight),
            (ours.hidden_bias[:n_hidden], theirs.hidden_bias),
            (ours.visible_bias[:n_visible], theirs.visible_bias),
        ]
        if self._decoder is not None:
            pairs.append((self._decoder[:n_hidden, :n_visible], theirs.decoder_weight.t()))
        return [(inside, outside.detach().numpy()) for inside, outside in pairs]

    def _zeros(self, *shape: int, place: int | None = None) -> Real:
        return aligned_zeros(shape, self._kind, place)
