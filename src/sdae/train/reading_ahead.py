"""Rows that a source reads while the slice of minibatches before is trained on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from sdae.core.minibatches import Minibatches
from sdae.core.rows import RowSource, expect, is_expectant
from sdae.core.threads import usable_cores
from sdae.train.processes.together import ALONE, Processes

Coming = Callable[[Minibatches, Minibatches], None]
"""Takes the slice that is trained on next, and the minibatches after it."""


@contextmanager
def reading_ahead(rows: RowSource, processes: Processes = ALONE) -> Iterator[Coming]:
    """Yield what announces slices to a source; at the end it reads nothing any more.

    Nothing is announced where training uses all cores: reading would take one from a thread for
    which the others wait at every step. Nor is it to one of several processes, which needs a part
    of each minibatch.
    """
    busy = torch.get_num_threads() >= usable_cores()
    if not is_expectant(rows) or busy or processes.size > 1:
        yield nothing_is_read
        return

    def coming(part: Minibatches, rest: Minibatches) -> None:
        following = rest[: len(part)]
        if len(following):
            _ = part.joined  # first, since an order keeps what it was asked for last
            expect(rows, following.joined)

    try:
        yield coming
    finally:
        expect(rows, None)


def nothing_is_read(_part: Minibatches, _rest: Minibatches) -> None:
    """Do nothing."""
