"""How many threads PyTorch may use: one where steps are small, and one in a forked child.

A fork copies only the thread that calls it. If PyTorch had started its thread pool before the fork,
the pool is missing in the child, and any operation with several threads hangs there for ever. A
process cannot find out whether the pool was started, so a forked child always uses one thread.
Forked children are therefore slower; processes started by spawn, forkserver or loky keep their
threads.

This module registers a fork handler when it is imported, because a process has no other way to
learn that it was forked.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

logger = logging.getLogger("sdae")

FEW_PRODUCTS = 1 << 25


@dataclass
class _Birth:
    """Whether and how this process was forked."""

    forked: bool = False
    n_threads_before: int = 1
    has_said_so: bool = False


_birth = _Birth()


def usable_threads(wished: int | None = None) -> int:
    """Return how many threads to use: as many as wished for, but one in a forked child.

    In a forked child it sets PyTorch to one thread and, if that is fewer than wished for, warns
    once per process.

    Parameters
    ----------
    wished : int or None
        None takes PyTorch's setting.
    """
    n_set = torch.get_num_threads()
    if not _birth.forked:
        return wished or n_set
    if n_set > 1:  # set by the child itself
        torch.set_num_threads(1)
    if (wished or max(n_set, _birth.n_threads_before)) > 1 and not _birth.has_said_so:
        _birth.has_said_so = True
        logger.warning(
            "This process was forked, and a fork does not copy PyTorch's threads, so only one "
            "thread is used. To use more, start processes with spawn, forkserver or loky."
        )
    return 1


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not everywhere
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_for(n_threads: int | None, n_products: int) -> int:
    """Return how many threads to use for a number of multiplications.

    None takes PyTorch's setting, but one thread where there are so few that waking a second thread
    costs more than it saves.
    """
    wanted = usable_threads(n_threads or (1 if n_products < FEW_PRODUCTS else None))
    return min(wanted, max(torch.get_num_threads(), os.cpu_count() or 1))  # more would only wait


@contextmanager
def threads(n_threads: int | None, n_products: int) -> Iterator[None]:
    """Let PyTorch and the kernels use as many threads as :func:`threads_for` says of a step."""
    wanted = threads_for(n_threads, n_products)
    before = torch.get_num_threads()
    if wanted != before:
        torch.set_num_threads(wanted)
    try:
        yield
    finally:
        if wanted != before:
            torch.set_num_threads(usable_threads(before))


def _begin_forked() -> None:
    """Set a forked child to one thread, before it does anything else."""
    _birth.forked = True
    _birth.has_said_so = False
    _birth.n_threads_before = max(_birth.n_threads_before, torch.get_num_threads())
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_begin_forked)
