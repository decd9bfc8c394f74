"""The processes that a launcher has started, as PyTorch knows them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from traceback import walk_tb

import torch.distributed as dist

from sdae.core.errors import InvalidParameterError
from sdae.core.user_warnings import warn_user
from sdae.train.processes.together import ALONE, Processes, SeveralProcesses


def n_processes() -> int:
    """Return the size of the process group that is initialised; 1 if there is none."""
    if not (dist.is_available() and dist.is_initialized()):
        return 1
    return dist.get_world_size()


def check_one_process(caller: str) -> None:
    """Raise an error for what several processes cannot train together; warn without a group.

    Raises
    ------
    InvalidParameterError
        If there are several.
    """
    if n_processes() > 1:
        raise InvalidParameterError(
            f"{caller} trains in one process, and a process group of {n_processes()} is "
            "initialised. Start one process; pretrain and finetune train with several."
        )
    warn_that_each_trains(caller)


def warn_that_each_trains(caller: str) -> None:
    """Warn, in the first of several processes, that they do not share the work of a caller."""
    n_started = _n_started()
    if n_started > 1 and _rank() == 0:
        warn_user(
            f"{caller} trains by itself in each of the {n_started} processes, which do not share "
            "the work. Start one process, or train a stack by pretrain and finetune, which share "
            "it in a process group."
        )


def _n_started() -> int:
    """Return how many processes there are: of the process group, or that torchrun has started."""
    if n_processes() > 1 or "TORCHELASTIC_RUN_ID" not in os.environ:
        return n_processes()
    return int(os.environ.get("WORLD_SIZE", "1"))


def _rank() -> int:
    return dist.get_rank() if n_processes() > 1 else int(os.environ.get("RANK", "0"))


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the processes of the initialised process group; all of them must come here.

    At the end of the block they wait for each other. If it fails on one of them, the others end
    with an error when they next wait for it.

    Raises
    ------
    ProcessLostError
        If another process has ended or does not answer.
    """
    if n_processes() == 1:
        if _n_started() > 1 and _rank() == 0:
            warn_user(
                f"torchrun has started {_n_started()} processes, and each trains by itself: no "
                "process group is initialised. Call torch.distributed.init_process_group before."
            )
        yield ALONE
        return
    processes = SeveralProcesses()
    try:
        processes.wait_for_all()  # or one that fails at once would leave while others still come
        yield processes
        processes.wait_for_all()
    except BaseException as error:
        forget_groups(error)
        raise
    finally:
        processes.leave()


def forget_groups(error: BaseException) -> None:
    """Clear PyTorch's frames in a traceback: what they refer to would keep connections open."""
    seen: BaseException | None = error
    while seen is not None:
        for frame, _ in walk_tb(seen.__traceback__):
            if frame.f_globals.get("__name__", "").startswith("torch.distributed"):
                with suppress(RuntimeError):  # it still runs
                    frame.clear()
        seen = seen.__context__
