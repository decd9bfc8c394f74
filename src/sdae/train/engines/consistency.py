"""The engine of fine-tuning with unlabelled rows: labels, and answers that agree.

A step takes a minibatch of all rows, whose labels do not count, and as many labelled rows. Its cost
is, with the means over each of them,

    cost = CE(labelled) + CE(spread labels) + ramp · disagreement with the teacher
           + divergence of adversarial rows + ramp · entropy,

where each method adds its own terms; the ramp is exp(−5 (1 − t / (0.3 T))²) in the first 30 % of
the T updates, and then 1. Labelled rows, and those that spread labels and teachers are compared on,
are masked and pass through dropout.

All noise is a function of its place, and so are both orders of rows. Axes: B rows of a minibatch,
n all rows, V columns, C classes.
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from sdae.core.corruption import MaskingNoise, corrupt
from sdae.core.kinds.draws import draws_on
from sdae.core.minibatches import Minibatch, Minibatches
from sdae.core.randomness import NoiseKey, Stream
from sdae.core.rows import RowSource
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.train.consistency.costs import adversarial, disagreement, divergence, entropy
from sdae.train.consistency.neighbours import distance_to_neighbour
from sdae.train.consistency.spread_labels import spread_over
from sdae.train.consistency.teacher import Teacher
from sdae.train.engines.autograd import limit_norms, new_optimizer, set_rate
from sdae.train.engines.costs import SummedCosts
from sdae.train.engines.dropout import kept
from sdae.train.engines.optimizer_state import give_state, state_of
from sdae.train.engines.products import faster_products
from sdae.train.engines.safeguard import Safeguard
from sdae.train.engines.slice_sizes import samples_between_looks
from sdae.train.engines.steps import descend
from sdae.train.settings import LABEL_SPREADING, MEAN_TEACHER, VAT, FinetuningConfig
from sdae.train.two_orders import EndlessPasses, late_decay

RADIUS, RADIUS_NEIGHBOUR = 0.35, 7
"""VAT's ε is this share of the median distance to this neighbour."""
TEACHER_WEIGHT = 1.0
RAMP_SHARE = 0.3
_LABELLED, _UNLABELLED, _PROBE = range(3)


class ConsistencyFinetuning:
    """Train the whole network on labelled rows and on all rows.

    Parameters
    ----------
    stack, config, seed
        The network with a head of classes, the settings and the seed.
    rows : RowSource
        All rows, the labelled ones first.
    y : Tensor
        Classes of the labelled rows.
    n_updates : int
        T, updates of the whole training.
    weights : Tensor or None
        Factors of the loss of each labelled row, and of what its label counts where it spreads.
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
        n_updates: int,
        weights: Tensor | None = None,
    ) -> None:
        self._stack = stack
        self._rows = rows
        self._y = y
        self._weights = weights
        self._config = config
        self._seed = seed
        self._methods = frozenset(config.semi_supervised or ())
        self._masking = MaskingNoise(config.input_dropout)
        self._dropout = config.dropout
        self._labelled = EndlessPasses(len(y), min(config.batch_size, len(rows)), seed)
        self._n_updates = n_updates
        self._update = 0
        self._optimizer = new_optimizer(stack.mlp.parameters(), config)
        self._teacher = Teacher(dict(stack.mlp.named_parameters()))
        self._spread: tuple[Tensor, Tensor] | None = None
        self._radius: float | None = None
        self._safeguard = Safeguard(stack.mlp)
        self.slice_samples = samples_between_looks(list(stack.mlp.parameters()), config.batch_size)

    def train(self, minibatches: Minibatches, epoch: int, rate: float) -> Tensor:
        """Do a step on each minibatch; return the summed cost of their samples, a scalar.

        `rate` is that of the first update of the epoch: it falls in the last third of all.

        Raises
        ------
        NotFiniteError
            If a cost or a parameter is not finite; the parameters are then as before the slice.
        """
        self._prepare()
        config = self._config
        first = late_decay((epoch - 1) * self._n_updates // config.epochs, self._n_updates)
        costs = SummedCosts(self._stack.head.weight)
        faster = faster_products(self._stack.mlp, minibatches.batch_size)
        with self._safeguard.slice(int(minibatches.joined.samples[-1])), faster:
            for minibatch in minibatches:
                decay = late_decay(self._update, self._n_updates) / first
                set_rate(self._optimizer, rate * decay)
                losses = self._losses(minibatch, epoch)  # (B,)
                costs.add(losses, minibatch)
                descend(self._optimizer, losses.mean())
                if config.max_norm is not None:
                    limit_norms(self._stack, config.max_norm)
                if MEAN_TEACHER in self._methods:
                    self._teacher.after_update(self._update)
                self._update += 1
            return costs.total()

    def state(self) -> dict[str, Tensor]:
        """Return the optimiser's state, the teacher, the spread labels and the place."""
        state = state_of(self._optimizer)
        state["update"] = torch.tensor(self._update)
        if MEAN_TEACHER in self._methods:
            state |= {f"teacher.{name}": mean for name, mean in self._teacher.mean.items()}
        if self._spread is not None:
            classes, certainty = self._spread
            state |= {"spread.classes": classes, "spread.certainty": certainty}
        if self._radius is not None:
            state["radius"] = torch.tensor(self._radius, dtype=torch.float64)
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore a state.

        Raises
        ------
        LookupError, ValueError
            If it is not of this engine.
        """
        rest, like = dict(state), self._stack.head.weight
        update = int(_number(rest.pop("update"), torch.int64))
        if not 0 <= update <= self._n_updates:
            raise ValueError("its update does not occur in this training")
        means, spread_labels, radius = [], None, None
        if MEAN_TEACHER in self._methods:
            for name, mean in self._teacher.mean.items():
                means.append(_like(rest.pop(f"teacher.{name}"), mean))
        if LABEL_SPREADING in self._methods:
            n_rows, n_classes = len(self._rows), like.shape[0]
            classes = _like(rest.pop("spread.classes"), self._y.new_empty(n_rows))
            certainty = _like(rest.pop("spread.certainty"), like.new_empty(n_rows))
            if not 0 <= int(classes.min()) <= int(classes.max()) < n_classes:
                raise ValueError("its spread labels are not classes")
            spread_labels = (classes.to(like.device), certainty.to(like.device))
        if VAT in self._methods:
            radius = _number(rest.pop("radius"), torch.float64)
            if not (math.isfinite(radius) and radius >= 0):
                raise ValueError("its radius is not a length")
        give_state(self._optimizer, rest, self._config.optimizer.facts.state(self._config))
        self._update, self._spread, self._radius = update, spread_labels, radius
        if means:
            self._teacher.restore(means)

    def close(self) -> None:
        """Do nothing: there are no threads."""

    # -- before the first step ---------------------------------------------------------------

    def _prepare(self) -> None:
        """Spread the labels and measure distances, unless a checkpoint had them."""
        if LABEL_SPREADING in self._methods and self._spread is None:
            like, typed = self._stack.head.weight, self._stack.autoencoder(0).layout is not None
            n_classes, weights = like.shape[0], self._weights
            found = spread_over(
                self._rows, self._y, n_classes, self._seed, typed=typed, weights=weights
            )
            self._spread = (
                torch.from_numpy(found.classes).to(like.device),
                torch.from_numpy(found.certainty).to(like),
            )
        if VAT in self._methods and self._radius is None:
            self._radius = RADIUS * distance_to_neighbour(self._rows, RADIUS_NEIGHBOUR, self._seed)

    # -- one step ----------------------------------------------------------------------------

    def _losses(self, minibatch: Minibatch, epoch: int) -> Tensor:
        """Return the cost of each row of a minibatch of all rows, (B,).

        Each contains the mean cost of the labelled rows of the step.
        """
        x = self._rows.batch(minibatch)  # (B, V)
        places, passes = self._labelled.minibatch(self._update)
        # A row differs each time that it is visited: its noise is that of a number of its own.
        numbers = passes * len(self._y) + places
        parts = [_Part(self._rows.batch(Minibatch(places, None)), numbers, 0, _LABELLED)]
        if self._methods & {LABEL_SPREADING, MEAN_TEACHER}:
            parts.append(_Part(x, minibatch.samples, epoch, _UNLABELLED))
        noisy = self._noisy(parts)  # (2 B, C)
        losses = self._labelled_cost(noisy[: len(places)], places).expand(len(x))
        if len(parts) > 1:
            losses = losses + self._taught(x, noisy[len(places) :], minibatch.samples)
        if VAT in self._methods:
            losses = losses + self._smooth(x, minibatch.samples, epoch)
        return losses

    def _labelled_cost(self, output: Tensor, places: NDArray[np.int64]) -> Tensor:
        """Return the mean cost of labelled rows by their outputs, (B, C) -> ()."""
        index = torch.from_numpy(places).to(self._y.device)
        losses = F.cross_entropy(output, self._y[index], reduction="none")
        if self._weights is not None:
            losses = losses * self._weights[index]
        return losses.mean()

    def _taught(self, x: Tensor, noisy: Tensor, samples: NDArray[np.int64]) -> Tensor:
        """Return what answers to noisy rows cost by spread labels and by the teacher, (B,)."""
        cost = noisy.new_zeros(len(x))
        if self._spread is not None:
            index = torch.from_numpy(samples).to(noisy.device)
            classes, certainty = (part[index] for part in self._spread)
            cost = cost + certainty * F.cross_entropy(noisy, classes, reduction="none")
        if MEAN_TEACHER in self._methods:
            with torch.no_grad():
                taught = functional_call(self._stack.mlp, self._teacher.mean, (x,)).softmax(dim=1)
            cost = cost + self._ramp * TEACHER_WEIGHT * disagreement(noisy, taught)
        return cost

    def _smooth(self, x: Tensor, samples: NDArray[np.int64], epoch: int) -> Tensor:
        """Return the divergence of adversarial rows, and the entropy of clean ones, (B,)."""
        clean = F.log_softmax(self._stack.output(x), dim=1)  # (B, C)
        key = NoiseKey(self._seed, Stream.CONSISTENCY, _PROBE, epoch)
        probe = draws_on(x.device, key, samples).normal(x.shape[1], 1.0, x.dtype).to(x)
        fixed = {name: p.detach() for name, p in self._stack.named_parameters()}
        output = partial(functional_call, self._stack, fixed)  # only x takes a gradient
        rows = adversarial(output, x, clean.detach(), probe, self._radius or 0.0)
        answers = F.log_softmax(self._stack.output(rows), dim=1)
        return divergence(clean.detach(), answers) + self._ramp * entropy(clean)

    @property
    def _ramp(self) -> float:
        share = min(1.0, self._update / (RAMP_SHARE * self._n_updates))
        return math.exp(-5 * (1 - share) ** 2)

    def _noisy(self, parts: Sequence["_Part"]) -> Tensor:
        """Run the network on masked rows with dropout, several (B, V) -> (sum of B, C)."""
        first = self._stack.autoencoder(0)
        masked = [
            corrupt(
                part.x, self._masking, self._key(part, 0), part.numbers, columns=first.columns
            ).x_tilde
            for part in parts
        ]
        h = torch.cat(masked)
        for layer in range(self._stack.n_layers):
            h = self._stack.autoencoder(layer).encode(h)  # (B, H_{layer-1}) -> (B, H_layer)
            stays = [
                kept(h, self._dropout, self._key(part, layer + 1), part.numbers) for part in parts
            ]
            h = h * torch.cat(stays) / (1 - self._dropout)
        output: Tensor = self._stack.head(h)  # (B, H) -> (B, C)
        return output

    def _key(self, part: "_Part", depth: int) -> NoiseKey:
        return NoiseKey(self._seed, Stream.CONSISTENCY, 3 * depth + part.which, part.epoch)


class _Part(NamedTuple):
    """Rows (B, V) for the network, and the place of their noise."""

    x: Tensor
    numbers: NDArray[np.int64]
    epoch: int
    which: int


def _like(value: Tensor, like: Tensor) -> Tensor:
    finite = value.shape == like.shape and bool(value.isfinite().all())
    if not finite or value.dtype != like.dtype:
        raise ValueError("a part of it has another shape or type, or is not finite")
    return value.clone()


def _number(value: Tensor, dtype: torch.dtype) -> float:
    if value.shape != () or value.dtype != dtype:
        raise ValueError("a number of it has another shape or type")
    return value.item()
