"""How many threads PyTorch may use: one where steps are small, and one in a forked child.

A fork copies the thread that calls it and no other. What PyTorch does with several threads waits
for ever in the child, where its pool of them is gone, if any was started before. Nothing tells
whether one was, so a child has one thread from its beginning on. The price is speed, and it is paid
only where processes are forked: those started by spawn, forkserver or loky keep their threads.

This module registers a handler with the operating system's fork when it is imported, and remembers
what it saw: a process learns that it was forked in no other way.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

logger = logging.getLogger("sdae")

_FEW_PRODUCTS = 1 << 25


@dataclass
class _Birth:
    """How this process came to be."""

    forked: bool = False
    n_threads_before: int = 1
    has_said_so: bool = False


_birth = _Birth()


def usable_threads(wished: int | None = None) -> int:
    """Return how many threads there may be: as many as are wished for, but one in a forked child.

    There it sees to it that PyTorch has one, and says so once in each process, if there would have
    been more.

    Parameters
    ----------
    wished : int or None
        None wishes for what PyTorch is set to.
    """
    n_set = torch.get_num_threads()
    if not _birth.forked:
        return wished or n_set
    if n_set > 1:  # set by the child itself
        torch.set_num_threads(1)
    if (wished or max(n_set, _birth.n_threads_before)) > 1 and not _birth.has_said_so:
        _birth.has_said_so = True
        logger.warning(
            "This process was forked from another, and a fork does not copy PyTorch's threads: one "
            "thread is used. For more, start processes by spawn, forkserver or loky."
        )
    return 1


@contextmanager
def threads(n_threads: int | None, n_products: int) -> Iterator[None]:
    """Let PyTorch, and so the fused kernels, use that many threads.

    None takes PyTorch's setting, but one thread where a step has so few products of numbers that to
    wake another costs more than it saves.
    """
    wanted = usable_threads(n_threads or (1 if n_products < _FEW_PRODUCTS else None))
    before = torch.get_num_threads()
    wanted = min(wanted, max(before, os.cpu_count() or 1))  # more would only wait
    if wanted != before:
        torch.set_num_threads(wanted)
    try:
        yield
    finally:
        if wanted != before:
            torch.set_num_threads(usable_threads(before))


def _begin_forked() -> None:
    """Give a forked child one thread, before it does anything else."""
    _birth.forked = True
    _birth.has_said_so = False
    _birth.n_threads_before = max(_birth.n_threads_before, torch.get_num_threads())
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_begin_forked)
