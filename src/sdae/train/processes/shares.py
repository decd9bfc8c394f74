"""Shares of a minibatch: consecutive samples, of which a share may have none.

Axes: B samples of a minibatch.
"""

from sdae.core.minibatches import Minibatch


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
