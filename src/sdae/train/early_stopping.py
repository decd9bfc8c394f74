"""The tutorial's early stopping: patience that grows with every significant improvement."""

import math


class EarlyStopping:
    """Decide when to validate and when to stop, as the tutorial does.

    Updates are counted by t from 0. With n minibatches an epoch, patience starts at
    ``patience_epochs * n`` updates. The network is validated when t + 1 is a multiple of
    f = min(n, patience // 2), fixed at the start. Any strictly lower error is the new best; one
    below `improvement_threshold` times the best so far also sets patience to
    max(patience, t * `patience_increase`). Training stops after update t when patience ≤ t.

    Parameters
    ----------
    n_batches : int
        n, the updates per epoch.
    patience_epochs : int, default 10
        Minimum number of epochs.
    patience_increase : float, default 2
        How much longer to wait after a significant improvement.
    improvement_threshold : float, default 0.995
        An error below this times the best error is a significant improvement.

    Attributes
    ----------
    patience : float
        The update after which training stops, unless there is an improvement.
    frequency : int
        f, updates between validations.
    best_error : float
        Lowest validation error so far; infinite before the first.
    """

    def __init__(
        self,
        n_batches: int,
        patience_epochs: int = 10,
        patience_increase: float = 2.0,
        improvement_threshold: float = 0.995,
    ) -> None:
        self.patience: float = patience_epochs * n_batches
        self.frequency = max(1, min(n_batches, int(self.patience) // 2))
        self.best_error = math.inf
        self._increase = patience_increase
        self._threshold = improvement_threshold

    def go_on(self, patience: float, best_error: float) -> None:
        """Continue with the state of another instance."""
        self.patience, self.best_error = patience, best_error

    def validation_due(self, t: int) -> bool:
        """Return whether to validate after update `t`."""
        return (t + 1) % self.frequency == 0

    def record(self, t: int, error: float) -> bool:
        """Take the validation error after update `t`; return whether it is the lowest so far."""
        if not error < self.best_error:
            return False
        if error < self.best_error * self._threshold:
            self.patience = max(self.patience, t * self._increase)
        self.best_error = error
        return True

    def ended(self, t: int) -> bool:
        """Return whether patience has run out after update `t`."""
        return self.patience <= t

    def updates_until_validation(self, t: int) -> int:
        """Return how many updates, `t` being the next, may run before a validation is due."""
        return self.frequency - t % self.frequency

    def updates_until_decision(self, t: int) -> int:
        """Return how many updates, `t` being the next, may run before validation or the end."""
        to_the_end = max(1, math.ceil(self.patience) - t + 1)
        return min(self.updates_until_validation(t), to_the_end)
