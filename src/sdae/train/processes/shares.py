"""Shares of a minibatch: consecutive samples, of which a share may have none.

Axes: B samples of a minibatch.
"""

import logging

from sdae.core.minibatches import Minibatch
from sdae.train.processes.together import Processes

logger = logging.getLogger("sdae")

FEW_ROWS = 100
"""Shares of fewer rows are not worth the sums: two processes are then slower than one, as
``benchmarks/scaling_processes.py`` measures it."""


def share_of(minibatch: Minibatch, number: int, n_shares: int) -> Minibatch:
    """Return share `number`, from 0, of a minibatch that is cut into `n_shares`.

    The sizes differ by one at most.
    """
    n_samples = len(minibatch.samples)
    start, stop = (place * n_samples // n_shares for place in (number, number + 1))
    span = minibatch.span
    part = None if span is None else slice(span.start + start, span.start + stop)
    return Minibatch(minibatch.samples[start:stop], part)


def start_of(minibatch: Minibatch, number: int, n_shares: int) -> int:
    """Return the place in the minibatch at which a share starts."""
    return number * len(minibatch.samples) // n_shares


def warn_of_few_rows(processes: Processes, batch_size: int, n_rows: int, stage: str) -> None:
    """Let the first of several processes warn if their shares of a minibatch are small."""
    batch_size = min(batch_size, n_rows)
    enough = FEW_ROWS * processes.size
    if processes.size == 1 or not processes.is_first or batch_size >= enough:
        return
    remedy = f"Set batch_size to {enough} or more, or train" if n_rows >= enough else "Train"
    logger.warning(
        f"{processes.size} processes share minibatches of {batch_size} rows in {stage}. With "
        f"fewer than {FEW_ROWS} rows for each, the sums over the processes take longer than the "
        f"sharing saves. {remedy} in one process."
    )
