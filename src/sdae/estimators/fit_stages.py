"""The stages of a fit, from checked input: pre-training, and fine-tuning by epochs or L-BFGS."""

import copy
import math
import warnings
from dataclasses import replace

from sklearn.exceptions import ConvergenceWarning

from sdae.core.stack import StackedDenoisingAutoencoder
from sdae.estimators.fit_callbacks import Plateau, Recorder
from sdae.estimators.fit_checkpoints import turns
from sdae.estimators.parameters import Settings
from sdae.estimators.tasks import (
    Finetuning,
    Pretraining,
)
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.finetuning import run_finetuning
from sdae.train.history import FINETUNING
from sdae.train.lbfgs import minimise
from sdae.train.optimizer_memory import OptimizerMemory
from sdae.train.pretraining import run_pretraining

_LOWEST_RATE = 1e-6
_SEEDS_APART = 1_000_003


def pretrain_stage(
    network: StackedDenoisingAutoencoder,
    task: Pretraining,
    seed: int,
    recorder: Recorder,
    checkpoint: Checkpoint | None,
    memory: OptimizerMemory | None,
) -> None:
    """Pre-train, or wait for another process that does the same training."""
    for turn in turns():
        with turn:
            run_pretraining(
                network,
                task.rows,
                task.config,
                seed=seed,
                checkpoint=checkpoint,
                known_by=task.names,
                memory=memory,
                callbacks=[recorder],
            )


def finetune_stage(
    network: StackedDenoisingAutoencoder,
    task: Finetuning,
    settings: Settings,
    seed: int,
    recorder: Recorder,
    checkpoint: Checkpoint | None,
    memory: OptimizerMemory | None,
) -> None:
    """Fine-tune; ``adaptive`` continues at a fifth of the rate after each plateau."""
    watched = task.watched
    left, rate, piece = task.config.epochs, task.config.learning_rate, 0
    plateau = Plateau(settings.tol, settings.n_iter_no_change)
    best_error, best = math.inf, network.state_dict()
    while left > 0:
        for turn in turns():
            with turn:
                history = run_finetuning(
                    network,
                    task.labelled.pair,
                    None if watched is None else watched.pair,
                    None,
                    replace(task.config, epochs=left, learning_rate=rate),
                    seed=seed + piece * _SEEDS_APART,
                    checkpoint=checkpoint,
                    stage=f"{FINETUNING}-{piece}" if piece else FINETUNING,
                    known_by=task.names,
                    memory=memory,
                    callbacks=[recorder, plateau] if task.has_rule else [recorder],
                    sample_weight=task.labelled.weight,
                    validation_weight=None if watched is None else watched.weight,
                    unlabeled=task.unlabelled,
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
    if left == 0 and task.has_rule and not plateau.reached and settings.expects_plateau:
        _warn(
            f"Stochastic Optimizer: Maximum iterations ({settings.max_iter}) reached and the "
            "optimization hasn't converged yet: fine-tuning was still improving by more than "
            f"tol={settings.tol:g}. Raise max_iter={settings.max_iter}, or the learning rate."
        )


def minimise_stage(
    network: StackedDenoisingAutoencoder,
    task: Finetuning,
    settings: Settings,
    recorder: Recorder,
) -> None:
    """Fine-tune by L-BFGS, without checkpoints and without validation rows."""
    end = minimise(
        network,
        task.task,
        penalty=task.config.weight_decay,
        max_iterations=settings.max_iter,
        max_evaluations=settings.max_fun,
        tolerance=settings.tol,
        callbacks=[recorder],
    )
    if not end.converged:
        _warn(
            f"lbfgs failed to converge after {end.n_iterations} iterations: {end.reason} Raise "
            f"max_iter={settings.max_iter} or max_fun={settings.max_fun}, or scale the data."
        )


def _warn(text: str) -> None:
    """Warn at the line that called ``fit``, four calls above the caller of this."""
    warnings.warn(text, ConvergenceWarning, stacklevel=6)
