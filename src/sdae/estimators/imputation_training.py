"""Training for imputation: the noise changes its level from epoch to epoch, and hidden cells judge.

A gap may come alone or with many others, so the network learns to fill few and many: layer 0 sees
another level of noise in each epoch. In the first part of training some observed cells are hidden,
as if they were missing. What the network then says of them settles how many rounds of refilling
help, which columns a constant predicts better, and how far values lie from their predictions. The
last part trains on all cells.

Axes: n rows, V components, C columns, N components of numbers, S components of values.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdae.core.autoencoder import DenoisingAutoencoder
from sdae.core.blocks import BlockLayout
from sdae.core.filling import Cells, Filler, Rows
from sdae.core.randomness import NoiseKey, Stream, generator
from sdae.estimators.imputation_guard import column_errors, constants_of
from sdae.train.callbacks import Callback
from sdae.train.history import EpochRecord
from sdae.train.optimizer_memory import OptimizerMemory
from sdae.train.pretraining import run_pretraining
from sdae.train.settings import PretrainingConfig

_HIDDEN = 0.1  # share of the observed cells
_FIRST_PART = 0.75  # share of the epochs of layer 0
_RATE_OF_LAST_PART = 0.3
_LAST_RATE = 0.02  # each part ends at this share of its rate
_STEPS_OF_A_TURN, _FEWEST_TURNS = 20, 8
_FEW_CELLS = 5  # fewer errors do not show how far values lie from predictions


@dataclass(frozen=True, eq=False)
class Learned:
    """What hidden cells have shown.

    Attributes
    ----------
    n_rounds : int
        Rounds of refilling after which their error was lowest.
    errors : tuple of float
        Their mean error after the first prediction and after each round that was tried.
    spread : ndarray, shape (N,)
        Root of the mean squared error of each component of numbers, scaled.
    constants : ndarray, shape (S,)
        Components of the columns that a constant predicts better; NaN for others.
    """

    n_rounds: int
    errors: tuple[float, ...]
    spread: NDArray[np.float64]
    constants: Rows


@dataclass(frozen=True)
class Plan:
    """How layer 0 is trained.

    Attributes
    ----------
    levels : tuple of float
        Levels of the noise, in turn; empty keeps the level of the noise.
    max_rounds : int
        Rounds of refilling to try.
    seed : int
    """

    levels: tuple[float, ...]
    max_rounds: int
    seed: int


def train_to_impute(
    filler: Filler,
    x: Rows,
    missing: Cells,
    config: PretrainingConfig,
    plan: Plan,
    recorder: Callback,
) -> Learned:
    """Train the network of a filler on rows, (n, V), with gaps (n, C); see the module."""
    network = filler.network
    each = config.epochs if len(config.epochs) > 1 else config.epochs * network.n_layers
    hidden = hidden_cells(missing, plan.seed)
    turns = _Turns(filler, config, plan, recorder)
    steps = math.ceil(len(x) / config.batch_size)  # of an epoch
    first, last = _turns_of(each[0], steps, config.learning_rate[0])
    masked = filler.masked(x, hidden)
    turns.train(masked, first)
    above = (0, *each[1:])
    turns.train_above(masked, above)
    learned = _learned(filler, x, masked, missing, hidden, plan.max_rounds)
    turns.train(x, last)
    return learned


def hidden_cells(missing: Cells, seed: int) -> Cells:
    """Choose observed cells to be hidden, (n, C) -> (n, C): not the last one of a row."""
    rng = generator(NoiseKey(seed, Stream.SPLIT))
    hidden = ~missing & (rng.random(missing.shape) < _HIDDEN)
    emptied = (missing | hidden).all(axis=1)
    hidden[emptied] = False
    return hidden


class _Turn(NamedTuple):
    """Some epochs of layer 0 with one level of the noise, at one rate."""

    n_epochs: int
    rate: float


class _Turns:
    """Trains layer 0 turn by turn; its optimiser continues from one to the next."""

    def __init__(
        self, filler: Filler, config: PretrainingConfig, plan: Plan, recorder: Callback
    ) -> None:
        self._filler, self._config, self._plan = filler, config, plan
        self._recorder = recorder
        self._memory = OptimizerMemory()
        network = filler.network
        self._noises = [network.autoencoder(k).corruption for k in range(network.n_layers)]
        self._done = 0

    def train(self, x: Rows, turns: Sequence[_Turn]) -> None:
        """Train layer 0 on rows, (n, V)."""
        levels = self._plan.levels
        first, above = self._noises[0], self._noises[1:]
        for turn in turns:
            noise = first.with_level(levels[self._done % len(levels)]) if levels else first
            config = replace(
                self._config,
                epochs=(turn.n_epochs, *[0] * len(above)),
                learning_rate=(turn.rate,),
                corruption=(noise, *above),
            )
            self._run(x, config)

    def train_above(self, x: Rows, epochs: tuple[int, ...]) -> None:
        """Train the layers above on the codes of rows, (n, V)."""
        if any(epochs):
            self._run(x, replace(self._config, epochs=epochs))

    def _run(self, x: Rows, config: PretrainingConfig) -> None:
        run_pretraining(
            self._filler.network,
            x,
            config,
            seed=self._plan.seed + self._done,
            memory=self._memory,
            callbacks=[self._recorder],
        )
        self._done += 1


def numbered(records: Sequence[EpochRecord]) -> tuple[EpochRecord, ...]:
    """Return records with their epochs counted within their layer, from 1."""
    counts: dict[int | None, int] = {}
    found = []
    for record in records:
        counts[record.layer] = counts.get(record.layer, 0) + 1
        found.append(replace(record, epoch=counts[record.layer]))
    return tuple(found)


def _turns_of(n_epochs: int, n_steps: int, rate: float) -> tuple[list[_Turn], list[_Turn]]:
    """Divide epochs of `n_steps` steps into the turns of the first and of the last part.

    A turn is one epoch, or as many as make some steps where there are few rows.
    """
    n_turns = min(n_epochs, max(_FEWEST_TURNS, round(n_epochs * n_steps / _STEPS_OF_A_TURN)))
    n_first = math.ceil(_FIRST_PART * n_turns)
    rates = [*_rates(rate, n_first), *_rates(_RATE_OF_LAST_PART * rate, n_turns - n_first)]
    cuts = (
        np.linspace(0, n_epochs, n_turns + 1).round().astype(int) if n_turns else np.zeros(1, int)
    )
    turns = [_Turn(int(n), each) for n, each in zip(np.diff(cuts), rates, strict=True)]
    return turns[:n_first], turns[n_first:]


def _rates(rate: float, n_turns: int) -> list[float]:
    """Return a rate for each turn: half a cosine that begins at `rate`."""
    shares = (np.arange(n_turns) + 0.5) / max(n_turns, 1)
    falling = _LAST_RATE + (1 - _LAST_RATE) * (1 + np.cos(np.pi * shares)) / 2
    return [float(rate * each) for each in falling]


def _learned(
    filler: Filler, x: Rows, masked: Rows, missing: Cells, hidden: Cells, max_rounds: int
) -> Learned:
    """Judge the network by the hidden cells of rows, (n, V)."""
    autoencoder: DenoisingAutoencoder = filler.network.autoencoder(0)
    layout = autoencoder.layout
    assert layout is not None
    errors: list[float] = []
    best = np.empty(0, np.float32)
    for n_rounds, rows in enumerate(filler.rounds(masked, missing | hidden)):
        error = _mean_error(layout, x, rows, hidden)
        if errors and not error < min(errors):
            errors.append(error)
            break
        errors.append(error)
        best = rows
        if n_rounds == max_rounds or not hidden.any():
            break
    constants = constants_of(layout, x, best, missing, hidden)
    fixed = np.flatnonzero(~np.isnan(constants))
    best = best.copy()
    best[:, fixed] = constants[fixed]
    spread = _spread(filler, x, best, hidden)
    return Learned(int(np.argmin(errors)), tuple(errors), spread, constants)


def _mean_error(layout: BlockLayout, x: Rows, filled: Rows, hidden: Cells) -> float:
    """Return the mean error of hidden cells: squared for numbers, nats for others."""
    if not hidden.any():
        return 0.0
    return float(column_errors(layout, x, filled)[hidden].mean())


def _spread(filler: Filler, x: Rows, filled: Rows, hidden: Cells) -> NDArray[np.float64]:
    """Return how far components of numbers lie from their predictions, (N,)."""
    n_numbers = sum(filler.blocks.numbers)
    column_of = filler.blocks.column_of[:n_numbers]
    cells = hidden[:, column_of]  # (n, N)
    squared = np.square(x[:, :n_numbers].astype(np.float64) - filled[:, :n_numbers])
    counts = cells.sum(axis=0)
    found = np.sqrt(np.where(cells, squared, 0).sum(axis=0) / np.maximum(counts, 1))
    # Where too few cells were hidden, as far as from the mean.
    spread: NDArray[np.float64] = np.where(
        counts >= _FEW_CELLS, found, x[:, :n_numbers].std(axis=0)
    )
    return spread
