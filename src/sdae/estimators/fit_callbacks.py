"""Callbacks of estimators: store records, print them, and stop at a plateau."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from sdae.train.callbacks import EpochEnded, Event, StageResumed, log_compiling
from sdae.train.history import FINETUNING, LADDER, EpochRecord


class Recorder:
    """Stores the record of every epoch, and prints it if wanted; says when kernels are compiled.

    An interrupted training does not return a history; its records so far are here.
    """

    def __init__(self, *, verbose: bool) -> None:
        self.records: list[EpochRecord] = []
        self._verbose = verbose

    def __call__(self, event: Event) -> None:
        """Handle an event."""
        log_compiling(event)
        if isinstance(event, StageResumed):
            self.records.extend(event.history.records)
        if not isinstance(event, EpochEnded):
            return
        record = event.record
        self.records.append(record)
        if self._verbose:
            print(_line(record), flush=True)


def _line(record: EpochRecord) -> str:
    """Return a line about an epoch; for fine-tuning in the format of scikit-learn's MLPs."""
    if record.layer is not None:
        return f"Layer {record.layer}, epoch {record.epoch}: cost {record.cost:.6g}"
    error = record.validation_error
    score = "" if error is None else f", validation error = {error:.6g}"
    return f"Iteration {record.epoch}, loss = {record.cost:.8f}{score}"


class Plateau:
    """Asks to stop when a value has not improved by `tol` for some consecutive epochs.

    This is the rule of ``MLPClassifier``: the value is the cost or, with early stopping, the error
    on the validation rows.
    """

    def __init__(self, tol: float, n_iter_no_change: float) -> None:
        self._tol = tol
        self._limit = n_iter_no_change
        self._best = math.inf
        self._epochs_without = 0
        self.reached = False

    def __call__(self, event: Event) -> bool:
        """Handle an event; return whether to stop."""
        if isinstance(event, StageResumed):
            for record in event.history.records:
                self._watch(record)
        return isinstance(event, EpochEnded) and self._watch(event.record)

    def _watch(self, record: EpochRecord) -> bool:
        if record.stage != FINETUNING:
            return False
        value = record.cost if record.validation_error is None else record.validation_error
        improved = value <= self._best - self._tol  # with tol = 0 an equal value counts
        self._epochs_without = 0 if improved else self._epochs_without + 1
        self._best = min(self._best, value)
        self.reached = self._epochs_without > self._limit
        return self.reached

    def go_on(self) -> None:
        """Start counting again; the best value is kept."""
        self._epochs_without, self.reached = 0, False


@contextmanager
def interruptible(recorder: Recorder, *, fine_tunes: bool) -> Iterator[None]:
    """Let Ctrl-C end training with a warning: the estimator keeps what it learned so far."""
    try:
        yield
    except KeyboardInterrupt:
        tuned = any(record.stage in (FINETUNING, LADDER) for record in recorder.records)
        state = (
            "usable with the training so far"
            if tuned or not fine_tunes
            else "only pre-trained, so its predictions are meaningless. Fit it again"
        )
        warnings.warn(f"Training was interrupted: the estimator is {state}.", stacklevel=6)
