"""The autograd engine: every combination of noise, activation, loss and optimiser, on any device.

An engine trains on a *slice*, some consecutive minibatches, and returns the summed cost of their
samples, each measured before the update it led to. Nothing is copied from the device before the
slice ends.

Axes: n samples, B of a minibatch, V visible, H hidden, C classes, T targets of regression; O is C
or T.
"""

import math
from collections.abc import Iterable, Mapping
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.corruption import Noise, corrupt
from sdae.core.donors import RowDonors
from sdae.core.minibatches import Minibatch, Minibatches
from sdae.core.randomness import NoiseKey, Stream
from sdae.core.rows import RowSource, index_of
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.engines.costs import SummedCosts
from sdae.train.engines.dropout import kept
from sdae.train.engines.optimizer_state import give_state, state_of
from sdae.train.engines.precision import forward_in, products_in
from sdae.train.engines.products import faster_products
from sdae.train.engines.safeguard import Safeguard
from sdae.train.engines.slice_sizes import samples_between_looks
from sdae.train.engines.steps import steps_of
from sdae.train.processes.together import ALONE, Processes
from sdae.train.settings import FinetuningConfig, PretrainingConfig


class AutogradPretraining:
    """Train one denoising autoencoder on the rows below it, alone or with other processes."""

    name = "autograd"
    compiles = False

    def __init__(
        self,
        autoencoder: DenoisingAutoencoder,
        rows: RowSource,
        noise: Noise,
        config: PretrainingConfig,
        seed: int,
        processes: Processes = ALONE,
    ) -> None:
        self._autoencoder = autoencoder
        self._rows = rows
        self._donors = RowDonors(rows)
        self._config = config
        self._noise = noise
        self._seed = seed
        self._optimizer = new_optimizer(autoencoder.parameters(), config)
        trained = list(autoencoder.parameters())
        self._steps = steps_of(self._optimizer, trained, processes, fixed=config.deterministic)
        self._safeguard = Safeguard(autoencoder)
        self.slice_samples = samples_between_looks(trained, config.batch_size)

    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> Tensor:
        """Do a step on each minibatch; return the summed cost of their samples, a scalar.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before the slice.
        """
        set_rate(self._optimizer, rate)
        key = NoiseKey(self._seed, Stream.CORRUPTION, self._autoencoder.layer, epoch)
        costs = SummedCosts(self._autoencoder.weight)
        losses_of = partial(self._losses, key)
        faster = faster_products(self._autoencoder, minibatches.batch_size)
        products = products_in(self._config.precision)
        with self._safeguard.slice(int(minibatches.joined.samples[-1])), faster, products:
            for minibatch in minibatches:
                self._steps.take(minibatch, losses_of, costs)
            return costs.total()

    def state(self) -> dict[str, Tensor]:
        """Return the state of the optimiser."""
        return state_of(self._optimizer)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state of the optimiser."""
        give_state(self._optimizer, state, self._config.optimizer.facts.state(self._config))

    def close(self) -> None:
        """Do nothing: there are no threads."""

    def _losses(self, key: NoiseKey, minibatch: Minibatch) -> Tensor:
        """Return the loss of each sample, with its noise of an epoch, (B,)."""
        x = self._rows.batch(minibatch)  # (B, V)
        corrupted = corrupt(
            x, self._noise, key, minibatch.samples, self._donors, self._autoencoder.columns
        )
        with forward_in(self._config.precision, x.device):
            return self._autoencoder.loss_of(x, corrupted)  # (B,)


class AutogradFinetuning:
    """Train the whole network on labelled rows, alone or with other processes.

    Parameters
    ----------
    stack, rows, config, seed
        The network, its rows, the settings and the seed.
    y : Tensor
        Targets of the head: classes (n,), or labels or values (n, O).
    weights : Tensor of shape (n,), or None
        Factors of the loss of each sample.
    processes : Processes
        The processes that share each minibatch.
    """

    name = "autograd"
    compiles = False

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        rows: RowSource,
        y: Tensor,
        config: FinetuningConfig,
        seed: int,
        weights: Tensor | None = None,
        processes: Processes = ALONE,
    ) -> None:
        self._stack = stack
        self._rows = rows
        self._y = y
        self._loss = stack.head_facts.loss
        self._weights = weights
        self._config = config
        self._seed = seed
        self._optimizer = new_optimizer(stack.mlp.parameters(), config)
        trained = list(stack.mlp.parameters())
        self._steps = steps_of(self._optimizer, trained, processes, fixed=config.deterministic)
        self._safeguard = Safeguard(stack.mlp)
        self.slice_samples = samples_between_looks(trained, config.batch_size)

    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> Tensor:
        """Do a step on each minibatch; return the summed cost of their samples, a scalar.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before the slice.
        """
        set_rate(self._optimizer, rate)
        costs = SummedCosts(self._stack.head.weight)
        losses_of = partial(self._losses, epoch)
        faster = faster_products(self._stack.mlp, minibatches.batch_size)
        products = products_in(self._config.precision)
        with self._safeguard.slice(int(minibatches.joined.samples[-1])), faster, products:
            for minibatch in minibatches:
                self._steps.take(minibatch, losses_of, costs)
                if self._config.max_norm is not None:
                    limit_norms(self._stack, self._config.max_norm)
            return costs.total()

    def state(self) -> dict[str, Tensor]:
        """Return the state of the optimiser."""
        return state_of(self._optimizer)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state of the optimiser."""
        give_state(self._optimizer, state, self._config.optimizer.facts.state(self._config))

    def close(self) -> None:
        """Do nothing: there are no threads."""

    def _losses(self, epoch: int, minibatch: Minibatch) -> Tensor:
        """Return the loss of each sample, multiplied by its weight, (B,)."""
        index = index_of(minibatch)
        x = self._rows.batch(minibatch)  # (B, V)
        with forward_in(self._config.precision, x.device):
            output = self._output(x, minibatch.samples, epoch)  # (B, V) -> (B, O)
        losses = self._loss(output, self._y[index])  # (B, O) -> (B,)
        return losses if self._weights is None else losses * self._weights[index]

    def _output(self, x: Tensor, samples: NDArray[np.int64], epoch: int) -> Tensor:
        """Run the network with dropout, (B, V) -> (B, O)."""
        if self._config.dropout == 0 and self._config.input_dropout == 0:
            return self._stack.output(x)
        h = self._drop(x, self._config.input_dropout, samples, 0, epoch)
        for layer in range(self._stack.n_layers):
            h = self._stack.autoencoder(layer).encode(h)  # (B, H_{layer-1}) -> (B, H_layer)
            h = self._drop(h, self._config.dropout, samples, layer + 1, epoch)
        output: Tensor = self._stack.head(h)  # (B, H) -> (B, O)
        return output

    def _drop(
        self, h: Tensor, level: float, samples: NDArray[np.int64], depth: int, epoch: int
    ) -> Tensor:
        """Zero components with probability `level` and scale the rest by 1 / (1 − level)."""
        if level == 0:
            return h
        key = NoiseKey(self._seed, Stream.DROPOUT, depth, epoch)
        return h * kept(h, level, key, samples) / (1 - level)


def limit_norms(stack: StackedDenoisingAutoencoder, max_norm: float) -> None:
    """Scale down the incoming weights of hidden units whose norm exceeds `max_norm`."""
    with torch.no_grad():
        for layer in range(stack.n_layers):
            weight = stack.autoencoder(layer).weight  # (H, V)
            weight.copy_(weight.renorm(p=2, dim=0, maxnorm=max_norm))


def new_optimizer(
    parameters: Iterable[nn.Parameter], config: PretrainingConfig | FinetuningConfig
) -> torch.optim.Optimizer:
    """Make the optimiser of a stage; weight decay acts on weights, not on biases."""
    trained = list(parameters)
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim == 1], "weight_decay": 0.0},
    ]
    return config.optimizer.facts.make(groups, config, trained[0].device.type)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give all parameters a learning rate."""
    for group in optimizer.param_groups:
        # Rounded to the type of the parameters, since PyTorch would raise an error otherwise.
        most = torch.finfo(group["params"][0].dtype).max
        group["lr"] = rate if rate <= most else math.inf
