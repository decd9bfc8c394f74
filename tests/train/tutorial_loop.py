"""The tutorial's early-stopping loop, written out literally, fed with the errors of a function."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Walk:
    """What the loop did: updates are counted from 1, `validated` and `best` hold their numbers."""

    n_updates: int = 0
    validated: list[int] = field(default_factory=list)
    best: list[int] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    ran_out: bool = False


def walk(
    n_train_batches: int,
    training_epochs: int,
    validation_error: Callable[[int], float],
    *,
    train: Callable[[int], object] = lambda _: None,
    on_best: Callable[[], object] = lambda: None,
    patience_epochs: int = 10,
    patience_increase: float = 2.0,
    improvement_threshold: float = 0.995,
) -> Walk:
    """Run the loop; `validation_error` is given the number of validations before."""
    result = Walk()
    patience: float = patience_epochs * n_train_batches
    validation_frequency = min(n_train_batches, int(patience) // 2)
    best_validation_loss = math.inf
    done_looping = False
    epoch = 0
    while epoch < training_epochs and not done_looping:
        epoch = epoch + 1
        for minibatch_index in range(n_train_batches):
            train(minibatch_index)
            result.n_updates += 1
            it = (epoch - 1) * n_train_batches + minibatch_index
            if (it + 1) % validation_frequency == 0:
                this_validation_loss = validation_error(len(result.validated))
                result.validated.append(it + 1)
                result.errors.append(this_validation_loss)
                if this_validation_loss < best_validation_loss:
                    if this_validation_loss < best_validation_loss * improvement_threshold:
                        patience = max(patience, it * patience_increase)
                    best_validation_loss = this_validation_loss
                    result.best.append(it + 1)
                    on_best()
            if patience <= it:
                done_looping = True
                break
    result.ran_out = done_looping
    return result
