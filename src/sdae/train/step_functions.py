"""The tutorial's functions: one step of training at a time, by the index of a minibatch.

With them a script looks like the tutorial's::

    pretraining_fns = stack.pretraining_functions(train_x, batch_size=1)
    for index in range(n_train_batches):
        cost = pretraining_fns[0](index, corruption=0.1, lr=0.001)

Axes: B samples of a minibatch, V visible, H hidden.
"""

from collections.abc import Callable, Sequence
from functools import partial
from operator import is_
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.conversions import Array, Labels
from sdae.core.corruption import corrupt
from sdae.core.donors import RowDonors
from sdae.core.errors import InvalidParameterError
from sdae.core.minibatches import Minibatch, minibatches
from sdae.core.randomness import NoiseKey, Stream, check_seed
from sdae.core.rows import RowSource, row_source
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.core.surroundings import make_ordinary, undisturbed
from sdae.train.engines.autograd import new_optimizer, set_rate
from sdae.train.engines.steps import descend
from sdae.train.labelled import labelled_rows
from sdae.train.processes.started import warn_that_each_trains
from sdae.train.ready import make_ready
from sdae.train.settings import FinetuningConfig, PretrainingConfig


class PretrainFunction:
    """One step of gradient descent on the denoising autoencoder of one layer.

    Lower codes are computed from the *current* weights of the layers below.
    """

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        layer: int,
        rows: RowSource,
        batches: Sequence[Minibatch],
        config: PretrainingConfig,
        seed: int,
    ) -> None:
        self._stack = stack
        self._autoencoder: DenoisingAutoencoder = stack.autoencoder(layer)
        self._rows = rows
        self._donors = RowDonors(rows, partial(stack.encode, depth=layer))
        self._batches = batches
        self._steps = _Steps(config)
        self._seed = seed
        self._calls = 0

    @undisturbed()
    def __call__(self, index: int, corruption: float = 0.2, lr: float = 0.1) -> float:
        """Train on minibatch `index`.

        Parameters
        ----------
        index : int
            Index of the minibatch, from 0.
        corruption : float, default 0.2
            Replaces the level (or the standard deviation) of the layer's noise.
        lr : float, default 0.1
            Learning rate.

        Returns
        -------
        float
            The mean cost of the minibatch, before the update.

        Raises
        ------
        IndexError
            If the minibatch does not exist.
        """
        minibatch = _pick(self._batches, index)
        make_ordinary(self._stack)
        layer = self._autoencoder.layer
        with torch.no_grad():
            x = self._stack.encode(self._rows.batch(minibatch), depth=layer)  # (B, V) -> (B, H)
        noise = self._autoencoder.corruption.with_level(corruption)
        # Each call draws new noise, as an epoch does.
        key = NoiseKey(self._seed, Stream.STEP_CORRUPTION, layer, self._calls)
        self._calls += 1
        columns = self._autoencoder.columns
        corrupted = corrupt(x, noise, key, minibatch.samples, self._donors, columns)
        cost = self._autoencoder.loss_of(x, corrupted).mean()
        return self._steps.take(cost, list(self._autoencoder.parameters()), lr)


class FinetuneFunctions(NamedTuple):
    """The tutorial's three functions for fine-tuning.

    Attributes
    ----------
    train : callable
        ``train(index) -> cost``: one step on minibatch `index` of the training set.
    valid_score, test_score : callable
        ``() -> list of float``: the error of each whole minibatch.
    """

    train: Callable[[int], float]
    valid_score: Callable[[], list[float]]
    test_score: Callable[[], list[float]]


@undisturbed()
def pretraining_functions(
    stack: StackedDenoisingAutoencoder,
    train_x: Array | RowSource,
    batch_size: int,
    *,
    optimizer: str = "sgd",
    momentum: float = 0.0,
    nesterov: bool = False,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    seed: int = 0,
) -> list[PretrainFunction]:
    """Return a list whose element k does one step of training on layer k.

    Parameters
    ----------
    stack : StackedDenoisingAutoencoder
        Trained in place by the functions.
    train_x : array or Tensor, shape (n, n_visible)
        The training set.
    batch_size : int
        Rows of a minibatch.
    optimizer, momentum, nesterov, beta_1, beta_2, epsilon
        As in :func:`sdae.pretrain`; each function has its own optimiser state.
    seed : int, default 0
        Seed of the noise.
    """
    caller = "pretraining_functions"
    config = PretrainingConfig.read(
        {
            "batch_size": batch_size,
            "optimizer": optimizer,
            "momentum": momentum,
            "nesterov": nesterov,
            "beta_1": beta_1,
            "beta_2": beta_2,
            "epsilon": epsilon,
        },
        caller,
    )
    seed = check_seed(seed, caller)
    warn_that_each_trains(caller)
    make_ready(stack)
    rows = row_source(train_x, stack.n_visible, stack.autoencoder(0).weight, "train_x")
    batches = minibatches(len(rows), config.batch_size)
    return [
        PretrainFunction(stack, layer, rows, batches, config, seed)
        for layer in range(stack.n_layers)
    ]


@undisturbed()
def build_finetune_functions(
    stack: StackedDenoisingAutoencoder,
    datasets: Sequence[tuple[Array | RowSource, Labels]],
    batch_size: int,
    learning_rate: float,
    *,
    optimizer: str = "sgd",
    momentum: float = 0.0,
    nesterov: bool = False,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
) -> FinetuneFunctions:
    """Return ``train``, ``valid_score`` and ``test_score``.

    Parameters
    ----------
    stack : StackedDenoisingAutoencoder
        A stack with a head for classes; trained in place by ``train``.
    datasets : three pairs (x, y)
        Training, validation and test set, in this order.
    batch_size : int
        Rows of a minibatch.
    learning_rate : float
        Learning rate of every step.
    optimizer, momentum, nesterov, beta_1, beta_2, epsilon
        As in :func:`sdae.pretrain`.
    """
    caller = "build_finetune_functions"
    config = FinetuningConfig.read(
        {
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "optimizer": optimizer,
            "momentum": momentum,
            "nesterov": nesterov,
            "beta_1": beta_1,
            "beta_2": beta_2,
            "epsilon": epsilon,
        },
        caller,
    )
    warn_that_each_trains(caller)
    make_ready(stack)
    _ = stack.logistic_head  # raises an error for a stack without one, before the data are read
    if len(datasets) != 3:
        raise InvalidParameterError(
            f"The datasets parameter of {caller} must be three pairs (x, y): training, validation "
            f"and test. Got {len(datasets)} instead."
        )
    names = ("training", "validation", "test")
    train_set, valid_set, test_set = (
        _LabelledBatches(stack, pair, config.batch_size, name)
        for pair, name in zip(datasets, names, strict=True)
    )

    steps = _Steps(config)

    @undisturbed()
    def train(index: int) -> float:
        make_ordinary(stack)
        x, y = train_set.batch(_pick(train_set.batches, index))
        cost = stack.negative_log_likelihood(x, y)
        return steps.take(cost, list(stack.mlp.parameters()), config.learning_rate)

    return FinetuneFunctions(train, valid_set.errors, test_set.errors)


class _LabelledBatches:
    """A labelled set, minibatch by minibatch."""

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        pair: tuple[Array | RowSource, Labels],
        batch_size: int,
        name: str,
    ) -> None:
        self._stack = stack
        self._rows, self._labels = labelled_rows(stack, pair, name)
        self.batches = minibatches(len(self._rows), batch_size)
        self._whole = minibatches(len(self._rows), batch_size, drop_last=True)

    def batch(self, minibatch: Minibatch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the rows and the labels of a minibatch, (B, V) and (B,)."""
        return self._rows.batch(minibatch), self._labels[minibatch.span]

    def errors(self) -> list[float]:
        """Return the mean 0-1 loss of each whole minibatch."""
        return [float(self._stack.errors(*self.batch(minibatch))) for minibatch in self._whole]


class _Steps:
    """Steps of one optimiser, which keeps its state between steps."""

    def __init__(self, config: PretrainingConfig | FinetuningConfig) -> None:
        self._config = config
        self._parameters: list[nn.Parameter] = []
        self._optimizer: torch.optim.Optimizer | None = None

    def take(self, cost: Tensor, parameters: list[nn.Parameter], rate: float) -> float:
        """Do a step on every parameter, and return the cost before it."""
        if self._config.optimizer == "sgd" and not self._config.momentum:
            gradients = torch.autograd.grad(cost, parameters)
            with torch.no_grad():  # p ← p − rate · ∂cost/∂p
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.sub_(rate * gradient)
            return float(cost.detach())
        optimizer = self._optimizer_of(parameters)
        set_rate(optimizer, rate)
        descend(optimizer, cost)
        optimizer.zero_grad(set_to_none=True)
        return float(cost.detach())

    def _optimizer_of(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser; a new one if parameters were replaced."""
        same = len(parameters) == len(self._parameters) and all(
            map(is_, parameters, self._parameters)
        )
        if self._optimizer is None or not same:
            self._parameters = parameters
            self._optimizer = new_optimizer(parameters, self._config)
        return self._optimizer


def _pick(batches: Sequence[Minibatch], index: int) -> Minibatch:
    if isinstance(index, bool) or not isinstance(index, int | np.integer):
        raise InvalidParameterError(
            f"The index parameter must be an integer. Got {index!r} instead."
        )
    if not 0 <= index < len(batches):
        raise IndexError(f"The index must be from 0 to {len(batches) - 1}. Got {index} instead.")
    return batches[index]
