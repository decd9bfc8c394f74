"""The stages of a fit: pre-training, and the two ways of fine-tuning.

Each checks what it is given when it is made, says by what a checkpoint knows it, and runs. Axes:
n rows, V columns, T targets.
"""

import copy
import math
import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from sdae.core.preprocessing import Scaling
from sdae.core.rows import RowSource, row_source
from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.estimators.fit_callbacks import Plateau, Recorder
from sdae.estimators.fit_checkpoints import in_turn
from sdae.estimators.new_networks import network_rows
from sdae.estimators.parameters import Settings
from sdae.train.beforehand import check_finetuning
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.finetuning import run_finetuning
from sdae.train.history import FINETUNING
from sdae.train.identity import Entry, Identity, identity_of
from sdae.train.lbfgs import minimise
from sdae.train.pretraining import run_pretraining

_LOWEST_RATE = 1e-6
_SEEDS_APART = 1_000_003


@dataclass(frozen=True)
class Labelled:
    """Rows (n, V) with targets: class numbers (n,) int64, or values (n, T) float64.

    `weight` says how much each row counts, (n,); None weighs all alike.
    """

    x: Any
    targets: NDArray[Any]
    weight: NDArray[np.float64] | None = None

    def at(self, places: NDArray[np.int64]) -> "Labelled":
        """Return the rows at some places."""
        weight = None if self.weight is None else self.weight[places]
        return Labelled(self.x[places], self.targets[places], weight)

    def for_network(
        self, scaling: Scaling | None, network: StackedDenoisingAutoencoder
    ) -> "Labelled":
        """Return them with rows as the network takes them."""
        return replace(self, x=network_rows(self.x, scaling, network))


class Pretraining:
    """Pre-train the layers on all rows."""

    is_kept = True

    def __init__(
        self,
        network: StackedDenoisingAutoencoder,
        rows: NDArray[np.float32] | RowSource,
        settings: Settings,
        epochs: tuple[int, ...],
        seed: int,
        names: Identity,
    ) -> None:
        self._network = network
        self._config = settings.pretraining(len(rows), epochs)
        self._rows = row_source(rows, network.n_visible, network.autoencoder(0).weight, "x")
        self._seed = seed
        self._names = names

    def identity(self) -> Identity:
        """Return what a checkpoint knows it by."""
        known = identity_of(self._network, self._config, self._seed, {"x": self._rows})
        return {**known, **self._names}

    def run(self, recorder: Recorder, checkpoint: Checkpoint | None) -> None:
        """Train the network in place."""
        in_turn(
            lambda: run_pretraining(
                self._network,
                self._rows,
                self._config,
                seed=self._seed,
                checkpoint=checkpoint,
                known_by=self._names,
                callbacks=[recorder],
            )
        )


class MinibatchFinetuning:
    """Fine-tune by minibatches, until nothing improves or `max_iter` epochs are done.

    Parameters
    ----------
    network, labelled, watched, settings, seed, names
        What is trained, on what, and how; `watched` are the rows of early stopping.
    max_iter : int or None
        Epochs, without a rule to stop earlier; None takes the settings'.
    """

    is_kept = True

    def __init__(
        self,
        network: StackedDenoisingAutoencoder,
        labelled: Labelled,
        watched: Labelled | None,
        settings: Settings,
        seed: int,
        names: Identity,
        max_iter: int | None,
    ) -> None:
        self._network = network
        self._settings = settings
        self._seed = seed
        self._max_iter = max_iter
        self._pair = labelled.x, labelled.targets
        self._weight = labelled.weight
        self._watched = None if watched is None else (watched.x, watched.targets)
        self._watched_weight = None if watched is None else watched.weight
        self._config = settings.finetuning(  # up to the first plateau if the rate is adaptive
            len(labelled.targets),
            max_iter or settings.max_iter,
            settings.learning_rate_init,
            classifies=network.n_targets is None,
        )
        rule = {
            "tol": Entry(str(settings.tol)),
            "n_iter_no_change": Entry(str(settings.n_iter_no_change)),
        }
        self._known_by = {**rule, **names}
        self._task = check_finetuning(
            network,
            self._pair,
            self._watched,
            None,
            self._config,
            self._weight,
            self._watched_weight,
        )

    def identity(self) -> Identity:
        """Return what a checkpoint knows it by."""
        known = identity_of(self._network, self._config, self._seed, self._task.data())
        return {**known, **self._known_by}

    def run(self, recorder: Recorder, checkpoint: Checkpoint | None) -> None:
        """Train the network in place.

        ``adaptive`` goes on at a fifth of the rate whenever a plateau is reached.
        """
        settings, network = self._settings, self._network
        left, rate, piece = self._config.epochs, self._config.learning_rate, 0
        plateau = Plateau(settings.tol, settings.n_iter_no_change)
        best_error, best = math.inf, network.state_dict()
        while left > 0:
            history = in_turn(
                partial(
                    run_finetuning,
                    network,
                    self._pair,
                    self._watched,
                    None,
                    replace(self._config, epochs=left, learning_rate=rate),
                    seed=self._seed + piece * _SEEDS_APART,
                    checkpoint=checkpoint,
                    stage=f"{FINETUNING}-{piece}" if piece else FINETUNING,
                    known_by=self._known_by,
                    callbacks=[recorder] if self._max_iter else [recorder, plateau],
                    sample_weight=self._weight,
                    validation_weight=self._watched_weight,
                )
            )
            error = history.best_validation_error
            if error is not None and error < best_error:
                best_error, best = error, copy.deepcopy(network.state_dict())
            left -= len(history.records)
            rate, piece = rate / 5, piece + 1
            if not settings.adapts or not plateau.reached or rate <= _LOWEST_RATE:
                break
            plateau.go_on()
        if best_error < math.inf:
            network.load_state_dict(best)
        if left == 0 and self._max_iter is None and not plateau.reached:
            _warn(
                f"Stochastic Optimizer: Maximum iterations ({settings.max_iter}) reached and the "
                "optimization hasn't converged yet: fine-tuning was still improving by more than "
                f"tol={settings.tol:g}. Raise max_iter={settings.max_iter}, or the learning rate."
            )


class LbfgsFinetuning:
    """Fine-tune by L-BFGS on all labelled rows at once; no checkpoint is written within."""

    is_kept = False

    def __init__(
        self, network: StackedDenoisingAutoencoder, labelled: Labelled, settings: Settings
    ) -> None:
        n_rows = len(labelled.targets)
        config = settings.finetuning(
            n_rows, settings.max_iter, 0.0, classifies=network.n_targets is None
        )
        self._network = network
        self._settings = settings
        pair = labelled.x, labelled.targets
        self._task = check_finetuning(network, pair, None, None, config, labelled.weight)
        self._penalty = config.weight_decay

    def identity(self) -> Identity:
        """Return nothing: no checkpoint knows it."""
        return {}

    def run(self, recorder: Recorder, checkpoint: Checkpoint | None) -> None:  # noqa: ARG002
        """Train the network in place."""
        settings = self._settings
        end = minimise(
            self._network,
            self._task,
            penalty=self._penalty,
            max_iterations=settings.max_iter,
            max_evaluations=settings.max_fun,
            tolerance=settings.tol,
            callbacks=[recorder],
        )
        if not end.converged:
            _warn(
                f"lbfgs failed to converge after {end.n_iterations} iterations: {end.reason} "
                f"Raise max_iter={settings.max_iter} or max_fun={settings.max_fun}, or scale the "
                "data."
            )


Finetuning = MinibatchFinetuning | LbfgsFinetuning


def _warn(text: str) -> None:
    """Warn where ``fit`` was called: six calls above, through stages, fitting and the estimator."""
    warnings.warn(text, ConvergenceWarning, stacklevel=6)
