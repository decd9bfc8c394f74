"""The closed-form engine: plain gradient descent on minibatches, without autograd, in place.

Pre-training, the rows of X and X̃ being a minibatch, η the learning rate, D the transpose of the
decoder's weight, which is W itself when tied::

    H = s(X̃ Wᵀ + b)      A = H D + b'      Δ = ∂L/∂A                               (B, V)
    E = s'(H) ∘ (Δ Dᵀ)                                                             (B, H)
    D −= η/B Hᵀ Δ        W −= η/B Eᵀ X̃     b' −= η/B Σ Δ     b −= η/B Σ E

Tied, both updates of W are one product, [H; E]ᵀ [Δ; X̃]. Autograd makes a matrix of each, adds them,
and subtracts the sum. Fine-tuning is the same for a network with a softmax: its last Δ is
softmax(A) − onehot(y), and Δ of the layer below is s'(H) ∘ (Δ W).

Axes: m samples of a slice, B of a minibatch, V visible, H hidden, C classes.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sdae.core.autoencoder import DenoisingAutoencoder, activate
from sdae.core.corruption import Corrupted, Noise, corrupt
from sdae.core.donors import RowDonors
from sdae.core.losses import reconstruction_loss, reconstruction_slope
from sdae.core.minibatches import Minibatch, Minibatches
from sdae.core.randomness import NoiseKey, Stream
from sdae.core.rows import RowSource, index_of
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.engines.costs import SummedCosts
from sdae.train.engines.dropout import kept
from sdae.train.engines.products import product
from sdae.train.engines.safeguard import Safeguard
from sdae.train.engines.slice_sizes import samples_between_looks
from sdae.train.settings import FinetuningConfig


class _ClosedForm:
    """What both stages share: plain gradient descent, without state and without threads."""

    name = "closed_form"
    compiles = False

    def state(self) -> dict[str, Tensor]:
        """Return nothing: plain gradient descent has no state."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Do nothing: there is no state."""

    def close(self) -> None:
        """Do nothing: there are no threads."""


class ClosedFormPretraining(_ClosedForm):
    """Train one denoising autoencoder on the rows below it."""

    def __init__(
        self,
        autoencoder: DenoisingAutoencoder,
        rows: RowSource,
        noise: Noise,
        batch_size: int,
        seed: int,
    ) -> None:
        self._autoencoder = autoencoder
        self._rows = rows
        self._donors = RowDonors(rows)
        self._noise = noise
        self._seed = seed
        trained = list(autoencoder.parameters())
        self._safeguard = Safeguard(autoencoder)
        self.slice_samples = samples_between_looks(trained, batch_size)

    @torch.no_grad()
    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> Tensor:
        """Do a step on each minibatch; return the summed cost of their samples, a scalar.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before the slice.
        """
        key = NoiseKey(self._seed, Stream.CORRUPTION, self._autoencoder.layer, epoch)
        costs = SummedCosts(self._autoencoder.weight)
        with self._safeguard.slice(int(minibatches.joined.samples[-1])):
            for minibatch in minibatches:
                x = self._rows.batch(minibatch)  # (B, V)
                corrupted = corrupt(
                    x, self._noise, key, minibatch.samples, self._donors, self._autoencoder.columns
                )
                costs.add(self._step(x, corrupted, rate), minibatch)
            return costs.total()

    def _step(self, x: Tensor, corrupted: Corrupted, rate: float) -> Tensor:
        """Do one step; return the loss of each sample before it, (B,)."""
        layer, x_tilde = self._autoencoder, corrupted.x_tilde
        decoder = layer.weight if layer.tied else layer.decoder_weight.t()  # (H, V)
        a = product(x_tilde, layer.weight, layer.hidden_bias)  # (B, V) -> (B, H)
        h = activate(a, layer.activation)
        decoded = product(h, decoder.t(), layer.visible_bias)  # (B, H) -> (B, V)
        losses = reconstruction_loss(x, decoded, layer.decoding, layer.emphasis, corrupted.drawn)
        delta = reconstruction_slope(x, decoded, layer.decoding, layer.emphasis, corrupted.drawn)
        e = product(delta, decoder).mul_(layer.activation.facts.slope(a, h))  # (B, V) -> (B, H)
        factor = _factor(rate, x)
        if layer.tied:
            left, right = torch.cat((h, e)), torch.cat((delta, x_tilde))  # (2B, H), (2B, V)
            layer.weight.add_(product(left.t(), right.t()), alpha=factor)
        else:
            layer.decoder_weight.add_(product(delta.t(), h.t()), alpha=factor)
            layer.weight.add_(product(e.t(), x_tilde.t()), alpha=factor)
        layer.visible_bias.add_(delta.sum(dim=0), alpha=factor)
        layer.hidden_bias.add_(e.sum(dim=0), alpha=factor)
        return losses


class ClosedFormFinetuning(_ClosedForm):
    """Train the whole network on labelled rows."""

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        rows: RowSource,
        labels: Tensor,
        config: FinetuningConfig,
        seed: int,
    ) -> None:
        self._stack = stack
        self._layers = [module for module in stack.mlp if isinstance(module, nn.Linear)]
        self._rows = rows
        self._labels = labels
        self._config = config
        self._seed = seed
        trained = list(stack.mlp.parameters())
        self._safeguard = Safeguard(stack.mlp)
        self.slice_samples = samples_between_looks(trained, config.batch_size)

    @torch.no_grad()
    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> Tensor:
        """Do a step on each minibatch; return the summed cost of their samples, a scalar.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before the slice.
        """
        costs = SummedCosts(self._stack.head.weight)
        with self._safeguard.slice(int(minibatches.joined.samples[-1])):
            for minibatch in minibatches:
                costs.add(self._step(minibatch, epoch, rate), minibatch)
            return costs.total()

    def _step(self, minibatch: Minibatch, epoch: int, rate: float) -> Tensor:
        """Do one step; return the loss of each sample before it, (B,)."""
        x, y = self._rows.batch(minibatch), self._labels[index_of(minibatch)]  # (B, V), (B,)
        inputs, slopes = self._forward(x, minibatch.samples, epoch)
        head = self._stack.head
        output = product(inputs[-1], head.weight, head.bias)  # (B, H) -> (B, C)
        losses = F.cross_entropy(output, y, reduction="none")  # (B, C), (B,) -> (B,)
        delta = output.softmax(dim=1)
        delta[torch.arange(len(y)), y] -= 1
        factor = _factor(rate, x)
        for depth in reversed(range(len(self._layers))):
            layer = self._layers[depth]
            # Uses the weight of the forward pass, so before its update.
            below = product(delta, layer.weight.t()).mul_(slopes[depth - 1]) if depth else delta
            layer.weight.add_(product(delta.t(), inputs[depth].t()), alpha=factor)
            layer.bias.add_(delta.sum(dim=0), alpha=factor)
            delta = below
        return losses

    def _forward(
        self, x: Tensor, samples: NDArray[np.int64], epoch: int
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return the input of each layer, and the slopes of the hidden units, with dropout."""
        activation = self._stack.activation
        level = self._config.input_dropout
        inputs, slopes = [x if level == 0 else x * self._kept(x, level, samples, 0, epoch)], []
        level = self._config.dropout
        for depth, layer in enumerate(self._layers[:-1], start=1):
            a = product(inputs[-1], layer.weight, layer.bias)  # (B, H below) -> (B, H)
            h = activate(a, activation)
            slope = activation.facts.slope(a, h)
            if level > 0:
                stays = self._kept(h, level, samples, depth, epoch)
                h, slope = h.mul_(stays), slope.mul_(stays)
            inputs.append(h)
            slopes.append(slope)
        return inputs, slopes

    def _kept(
        self, like: Tensor, level: float, samples: NDArray[np.int64], depth: int, epoch: int
    ) -> Tensor:
        """Return 0 for what is dropped and 1 / (1 − level) elsewhere, of the shape of `like`."""
        key = NoiseKey(self._seed, Stream.DROPOUT, depth, epoch)
        return kept(like, level, key, samples).div_(1 - level)


def _factor(rate: float, minibatch: Tensor) -> float:
    """Return the factor of the summed gradient of a minibatch: −η / B."""
    # Infinite if it overflows the type, since PyTorch would raise an error.
    most = torch.finfo(minibatch.dtype).max
    return -(rate if rate <= most else math.inf) / len(minibatch)
