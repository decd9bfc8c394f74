"""The checked input of the stages of a fit, and their identities for checkpoints.

Axes: n rows, V columns, L labels, T targets.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdae.core.array_rows import picked
from sdae.core.kinds.heads import Head
from sdae.core.rows import RowSource, row_source, window_of
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.estimators.new_networks import Preparation, network_rows, weight_of
from sdae.estimators.parameters import Settings
from sdae.train.beforehand import FinetuningTask, check_finetuning
from sdae.train.consistency.noise import masking_of
from sdae.train.consistency.rule import methods_by_rows
from sdae.train.identity import Entry, Identity, identity_of
from sdae.train.settings import FinetuningConfig, PretrainingConfig


@dataclass(frozen=True)
class Labelled:
    """Rows (n, V) with targets: class numbers (n,), labels (n, L), or values (n, T) float64.

    `weight` are the weights of the rows, (n,); None weights all equally.
    """

    x: Any
    targets: NDArray[Any]
    weight: NDArray[np.float64] | None = None

    def at(self, places: NDArray[np.int64]) -> "Labelled":
        """Return the rows at some indices."""
        weight = None if self.weight is None else self.weight[places]
        return Labelled(picked(self.x, places), self.targets[places], weight)

    def for_network(self, scaling: Preparation, network: StackedDenoisingAutoencoder) -> "Labelled":
        """Return a copy with rows scaled for the network."""
        return replace(self, x=network_rows(self.x, scaling, weight_of(network)))

    @property
    def pair(self) -> tuple[Any, NDArray[Any]]:
        """Rows and targets."""
        return self.x, self.targets


@dataclass(frozen=True)
class Consistency:
    """What is learned from unlabelled rows (m, V) in fine-tuning; None if there are none.

    Where there are no methods yet, `chosen_by` says how they are found.
    """

    methods: tuple[str, ...]
    rows: Any
    chosen_by: str = ""

    def for_network(
        self, scaling: Preparation, network: StackedDenoisingAutoencoder
    ) -> "Consistency":
        """Return a copy with rows scaled for the network."""
        if self.rows is None or self.rows.shape[0] == 0:
            return replace(self, rows=None)
        return replace(self, rows=network_rows(self.rows, scaling, weight_of(network)))

    def by_the_rule(
        self, labelled: Labelled, network: StackedDenoisingAutoencoder, seed: int
    ) -> "Consistency | None":
        """Return a copy with the methods that fit the rows, scaled for the network; None: none."""
        layout = network.autoencoder(0).layout
        methods = methods_by_rows(
            labelled.x,
            self.rows,
            labelled.targets,
            network.head.out_features,
            seed,
            blocks=None if layout is None else layout.blocks,
        )
        return None if methods is None else replace(self, methods=methods)


@dataclass(frozen=True)
class Pretraining:
    """Rows and settings of pre-training, and the names that identify it."""

    rows: RowSource
    config: PretrainingConfig
    names: Identity

    def identity(self, network: StackedDenoisingAutoencoder, seed: int) -> Identity:
        """Return its identity for a checkpoint."""
        return {**identity_of(network, self.config, seed, {"x": self.rows}), **self.names}


@dataclass(frozen=True)
class Finetuning:
    """Rows and settings of fine-tuning, and the names that identify it.

    With an adaptive rate `config` holds up to the first plateau. `has_rule` is False if all epochs
    must be done. `unlabelled` are rows that are learned from too. `settings` are those it was made
    of, with the values that ``auto`` has become.
    """

    labelled: Labelled
    watched: Labelled | None
    config: FinetuningConfig
    task: FinetuningTask
    names: Identity
    has_rule: bool
    unlabelled: Any
    settings: Settings

    @property
    def n_others(self) -> int | None:
        """Number of unlabelled rows that are learned from; None where labels alone are."""
        if self.config.semi_supervised is None:
            return None
        return 0 if self.unlabelled is None else len(self.unlabelled)

    def identity(self, network: StackedDenoisingAutoencoder, seed: int) -> Identity:
        """Return its identity for a checkpoint."""
        return {**identity_of(network, self.config, seed, self.task.data()), **self.names}


def pretraining(
    network: StackedDenoisingAutoencoder,
    rows: NDArray[np.float32] | RowSource,
    settings: Settings,
    epochs: tuple[int, ...],
    names: Identity,
) -> Pretraining:
    """Return the input of pre-training; `rows` are scaled for the network.

    Raises
    ------
    DataError
        If the rows have the wrong shape or type.
    """
    source = row_source(rows, network.n_visible, network.autoencoder(0).weight, "x")
    config = settings.pretraining(len(rows), epochs)
    return Pretraining(source, replace(config, shuffle_window=_window(source, config)), names)


def finetuning(
    network: StackedDenoisingAutoencoder,
    labelled: Labelled,
    watched: Labelled | None,
    settings: Settings,
    max_iter: int | None,
    names: Identity,
    consistency: Consistency | None = None,
) -> Finetuning:
    """Return the input of fine-tuning.

    Parameters
    ----------
    network, labelled, watched, settings, names
        Rows are scaled for the network; `watched` are those of early stopping.
    max_iter : int or None
        Number of epochs, without early stopping; None takes the number of the settings.
    consistency : Consistency or None
        What is learned from unlabelled rows, scaled for the network; all epochs are then done.

    Raises
    ------
    InvalidParameterError, DataError
        If fine-tuning would raise it.
    """
    n_rows = len(labelled.targets)
    if consistency is not None:
        n_rows += 0 if consistency.rows is None else len(consistency.rows)
        settings = settings.for_consistency(n_rows)
    config = settings.finetuning(
        len(labelled.targets),
        max_iter or settings.max_iter,
        settings.learning_rate_init,
        classifies=network.head_kind is Head.CLASSES,
    )
    unlabelled = None
    if consistency is not None:
        unlabelled = consistency.rows
        config = settings.with_consistency(config, consistency.methods, n_rows)
        config = replace(config, input_dropout=masking_of(network))
    task = check_finetuning(
        network,
        labelled.pair,
        None if watched is None else watched.pair,
        None,
        config,
        labelled.weight,
        None if watched is None else watched.weight,
        unlabelled,
    )
    config = replace(config, shuffle_window=_window(task.visited, config))
    rule = {
        "tol": Entry(str(settings.tol)),
        "n_iter_no_change": Entry(str(settings.n_iter_no_change)),
    }
    has_rule = max_iter is None and consistency is None
    identity = {**rule, **names}
    return Finetuning(labelled, watched, config, task, identity, has_rule, unlabelled, settings)


def _window(rows: RowSource, config: PretrainingConfig | FinetuningConfig) -> int | None:
    """Return how many rows are shuffled together; None: all, or none."""
    window = window_of(rows)
    return window if config.shuffle and window is not None and window < len(rows) else None
