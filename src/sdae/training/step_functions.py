"""The tutorial's functions: one step of training at a time, by the index of a minibatch.

They let a script be written as the tutorial's is::

    pretraining_fns = stack.pretraining_functions(train_x, batch_size=1)
    for index in range(n_train_batches):
        cost = pretraining_fns[0](index, corruption=0.1, lr=0.001)

Axes: B samples of a minibatch, V visible, H hidden.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from sdae.arrays import Array, Labels
from sdae.autoencoder import DenoisingAutoencoder
from sdae.config.readers import integer, number, read_fields
from sdae.corruption import corrupt
from sdae.errors import InvalidParameterError
from sdae.minibatches import Minibatch, minibatches
from sdae.randomness import NoiseKey, Stream, check_seed
from sdae.rows import RowSource, row_source
from sdae.stack import StackedDenoisingAutoencoder
from sdae.surroundings import make_ordinary, undisturbed
from sdae.training.ready import make_ready
from sdae.training.scoring import labelled_rows


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
        seed: int,
    ) -> None:
        self._stack = stack
        self._autoencoder: DenoisingAutoencoder = stack.autoencoder(layer)
        self._rows = rows
        self._batches = batches
        self._seed = seed
        self._calls = 0

    @undisturbed()
    def __call__(self, index: int, corruption: float = 0.2, lr: float = 0.1) -> float:
        """Train on minibatch `index`.

        Parameters
        ----------
        index : int
            Of the minibatch, from 0.
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
            If there is no such minibatch.
        """
        minibatch = _pick(self._batches, index)
        make_ordinary(self._stack)
        layer = self._autoencoder.layer
        with torch.no_grad():
            x = self._stack.encode(self._rows.batch(minibatch), depth=layer)  # (B, V) -> (B, H)
        noise = self._autoencoder.corruption.with_level(corruption)
        # Each call has noise of its own, as if it were an epoch.
        key = NoiseKey(self._seed, Stream.STEP_CORRUPTION, layer, self._calls)
        self._calls += 1
        corrupted = corrupt(x, noise, key, minibatch.samples)
        cost = self._autoencoder.loss_of(x, corrupted).mean()
        return _step(cost, list(self._autoencoder.parameters()), lr)


class FinetuneFunctions(NamedTuple):
    """The tutorial's three functions of fine-tuning.

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
    stack: StackedDenoisingAutoencoder, train_x: Array, batch_size: int, *, seed: int = 0
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
    seed : int, default 0
        Of the noise.
    """
    caller = "pretraining_functions"
    batch_size = _batch_size(batch_size, caller)
    seed = check_seed(seed, caller)
    make_ready(stack)
    rows = row_source(train_x, stack.n_visible, stack.autoencoder(0).weight, "train_x")
    batches = minibatches(len(rows), batch_size)
    return [PretrainFunction(stack, layer, rows, batches, seed) for layer in range(stack.n_layers)]


@undisturbed()
def build_finetune_functions(
    stack: StackedDenoisingAutoencoder,
    datasets: Sequence[tuple[Array, Labels]],
    batch_size: int,
    learning_rate: float,
) -> FinetuneFunctions:
    """Return ``train``, ``valid_score`` and ``test_score``.

    Parameters
    ----------
    stack : StackedDenoisingAutoencoder
        With a head for classes; trained in place by ``train``.
    datasets : three pairs (x, y)
        Training, validation and test set, in this order.
    batch_size : int
        Rows of a minibatch.
    learning_rate : float
        Of every step.
    """
    caller = "build_finetune_functions"
    batch_size = _batch_size(batch_size, caller)
    make_ready(stack)
    _ = stack.logistic_head  # refuse a stack without one before looking at the data
    rate = read_fields({"learning_rate": number(0)}, {"learning_rate": learning_rate}, caller)[
        "learning_rate"
    ]
    if len(datasets) != 3:
        raise InvalidParameterError(
            f"The datasets parameter of {caller} must be three pairs (x, y): training, validation "
            f"and test. Got {len(datasets)} instead."
        )
    names = ("training", "validation", "test")
    train_set, valid_set, test_set = (
        _LabelledBatches(stack, pair, batch_size, name)
        for pair, name in zip(datasets, names, strict=True)
    )

    @undisturbed()
    def train(index: int) -> float:
        make_ordinary(stack)
        x, y = train_set.batch(_pick(train_set.batches, index))
        return _step(stack.negative_log_likelihood(x, y), list(stack.mlp.parameters()), rate)

    return FinetuneFunctions(train, valid_set.errors, test_set.errors)


class _LabelledBatches:
    """A labelled set, minibatch by minibatch."""

    def __init__(
        self,
        stack: StackedDenoisingAutoencoder,
        pair: tuple[Array, Labels],
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


def _step(cost: torch.Tensor, parameters: list[torch.nn.Parameter], rate: float) -> float:
    """Do p ← p − rate · ∂cost/∂p on every parameter, and return the cost before it."""
    gradients = torch.autograd.grad(cost, parameters)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.sub_(rate * gradient)
    return float(cost.detach())


def _pick(batches: Sequence[Minibatch], index: int) -> Minibatch:
    if isinstance(index, bool) or not isinstance(index, int | np.integer):
        raise InvalidParameterError(
            f"The index parameter must be an integer. Got {index!r} instead."
        )
    if not 0 <= index < len(batches):
        raise IndexError(f"There are minibatches 0 to {len(batches) - 1}. Got index {index}.")
    return batches[index]


def _batch_size(batch_size: object, caller: str) -> int:
    size = read_fields({"batch_size": integer(1)}, {"batch_size": batch_size}, caller)
    return int(size["batch_size"])
