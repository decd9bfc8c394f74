"""The size of a slice, and the numbers of parts and threads of a step."""

from collections.abc import Sequence

import torch
from torch import Tensor

_SMALL_WEIGHTS = 1 << 16
_SMALL_STEP = 1 << 20
_PARTS = 4
_MOST_THREADS = 8
_MOST_NUMBERS = 1 << 26
_CHEAP_BATCH = 8
_FEWEST_SAMPLES, _MOST_SAMPLES = 512, 2048
_MOST_PRODUCTS = 1 << 33


def parts_and_threads(n_weights: int) -> tuple[int, int]:
    """Return into how many parts to cut a step, and how many of torch's threads to use.

    A small network is one part, since waiting would cost more than it saves. Others are four, so
    that one to four threads give the same bytes; more threads, up to eight, need more parts.
    """
    if n_weights < _SMALL_WEIGHTS:
        return 1, 1
    n_threads = min(torch.get_num_threads(), _MOST_THREADS)
    return max(_PARTS, n_threads), n_threads


def minibatch_parts_and_threads(n_products: int, batch_size: int) -> tuple[int, int]:
    """Return the same for a step of the compiled engine, by the multiplications of a row."""
    if n_products * batch_size < _SMALL_STEP:
        return 1, 1
    n_threads = min(torch.get_num_threads(), _MOST_THREADS)
    return max(_PARTS, n_threads), n_threads


def samples_for(n_columns: int) -> int:
    """Return how many samples to take at once: 2,048, or fewer where rows are very wide."""
    return max(64, min(_MOST_SAMPLES, _MOST_NUMBERS // n_columns))


def samples_between_looks(parameters: Sequence[Tensor], batch_size: int) -> int:
    """Return how many samples PyTorch trains on between two checks of the parameters.

    Checking and copying the parameters takes the time of a pass or two over them, so a slice has
    many steps. But a stop waits for the end of a slice: it has 2,048 samples where minibatches make
    them fast, and fewer, down to 512, where the network is large.
    """
    if batch_size < _CHEAP_BATCH:
        return _FEWEST_SAMPLES
    n_numbers = sum(parameter.numel() for parameter in parameters)
    return max(_FEWEST_SAMPLES, min(_MOST_SAMPLES, _MOST_PRODUCTS // n_numbers))
