"""Validation in fine-tuning: when to stop, and which parameters are best."""

import math

import torch
from torch import Tensor

from sdae.train.beforehand import FinetuningTask
from sdae.train.callbacks import Callbacks, ValidationImproved
from sdae.train.checkpoint_state import Extra, Extras, Kept
from sdae.train.early_stopping import EarlyStopping
from sdae.train.processes.together import ALONE, Processes
from sdae.train.scoring import answers_of, error_of


class Validator:
    """Validates the network of one call of ``finetune``; without a validation set it does nothing.

    Of several processes, the first measures errors, and all decide by them.

    Attributes
    ----------
    error, test_error : float or None
        The lowest validation error of the current epoch, and the test error measured with it.
    best_epoch : int or None
        The epoch of the lowest validation error so far.
    best_test_error : float or None
        The test error measured with it.
    out_of_patience : bool
        Whether early stopping ends training here.
    """

    def __init__(
        self, task: FinetuningTask, listeners: Callbacks, processes: Processes = ALONE
    ) -> None:
        config = task.config
        self._stack, self._answers = task.stack, answers_of(task.stack)
        self._scored = task.scored
        self._listeners = listeners
        self._processes = processes
        self._validates = "validation" in task.scored
        self._stops_early = self._validates and config.early_stopping
        self._keeps_best = config.restore_best
        self._rule = EarlyStopping(
            task.n_updates,
            config.patience_epochs,
            config.patience_increase,
            config.improvement_threshold,
        )
        self.error: float | None = None
        self.test_error: float | None = None
        self.best_epoch: int | None = None
        self.best_test_error: float | None = None
        self.out_of_patience = False
        self._best_parameters: list[Tensor] = []

    @property
    def best_error(self) -> float | None:
        """The lowest validation error so far; None before the first."""
        return None if self.best_epoch is None else self._rule.best_error

    def updates_until_look(self, n_updates: int) -> int:
        """Return how many updates may follow the `n_updates` done until the next decision."""
        if self._stops_early:
            return self._rule.updates_until_decision(n_updates)
        return self._rule.updates_until_validation(n_updates)

    def after_update(self, n_updates: int, epoch: int) -> None:
        """Validate if it is due, and check the patience.

        If the validation error is the lowest so far, the test set is scored too.
        """
        t = n_updates - 1  # the update just done, counted from 0
        if self._validates and self._rule.validation_due(t):
            self._validate(t, epoch)
        self.out_of_patience = self._stops_early and self._rule.ended(t)

    def end_epoch(self) -> None:
        """Forget the errors of the epoch, but not the best ones."""
        self.error = self.test_error = None

    def restore_best(self) -> None:
        """Restore the parameters of the lowest validation error, if they were saved."""
        with torch.no_grad():
            for parameter, best in zip(
                self._stack.mlp.parameters(), self._best_parameters, strict=False
            ):
                parameter.copy_(best)

    def state(self) -> Extra:
        """Return the state for a checkpoint."""
        rule = self._rule
        values = {
            "patience": rule.patience,
            "best_error": rule.best_error if math.isfinite(rule.best_error) else None,
            "best_epoch": self.best_epoch,
            "best_test_error": self.best_test_error,
            "validation_error": self.error,
            "test_error": self.test_error,
        }
        return Extra(values, {f"best.{k}": p for k, p in enumerate(self._best_parameters)})

    def resume(self, kept: Kept | None) -> None:
        """Restore the state of a checkpoint, if there is one.

        Raises
        ------
        FileFormatError
            If it is malformed.
        """
        if kept is None:
            return
        read = Extras(kept)
        best_error = read.error("best_error")
        self._rule.go_on(read.number("patience"), math.inf if best_error is None else best_error)
        self.best_epoch = read.epoch("best_epoch")
        self.best_test_error = read.error("best_test_error")
        self.error = read.error("validation_error")
        self.test_error = read.error("test_error")
        self._best_parameters = read.best_parameters(list(self._stack.mlp.parameters()))

    def _validate(self, t: int, epoch: int) -> None:
        error = self._error_of("validation")
        if self.error is None or error < self.error:
            self.error = error
        if not self._rule.record(t, error):
            return
        self.best_epoch = epoch
        if self._keeps_best:
            self._best_parameters = [p.detach().clone() for p in self._stack.mlp.parameters()]
        if "test" in self._scored:
            self.test_error = self.best_test_error = self._error_of("test")
        self._listeners.tell(ValidationImproved(epoch, error, self.test_error))

    def _error_of(self, name: str) -> float:
        """Return the error on one of the sets, as the first process measures it."""
        first = self._processes.is_first
        error = error_of(self._stack, self._scored[name], self._answers) if first else math.nan
        return self._processes.said_by_first(error)
