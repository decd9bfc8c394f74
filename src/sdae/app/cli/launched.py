"""The processes that torchrun has started, by what it says in the environment."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import typer

from sdae.app.cli.command_list import VARIABLES
from sdae.app.cli.meeting import meet
from sdae.app.recipes.recipe import Recipe
from sdae.core.errors import InvalidParameterError, ProcessLostError, RecipeError, SdaeError
from sdae.core.threads import usable_cores
from sdae.data.tables.formats import STANDARD_INPUT
from sdae.train.processes.started import joined
from sdae.train.processes.together import ALONE, FIRST_MINUTES, Processes

_FIRST_FAILED = "the first process has reported its error"
_SECONDS_FOR_IT = 3


@dataclass(frozen=True)
class Launched:
    """What the launcher says.

    Attributes
    ----------
    rank, size : int
        Number of this process, from 0, and how many there are.
    local_rank, local_size : int
        The same for this machine.
    n_restarts, most_restarts : int
        How often the launcher has started all processes anew, and how often it may.
    store_lasts : bool
        Whether the launcher keeps the store, so that it survives a restart.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    n_restarts: int = 0
    most_restarts: int = 0
    store_lasts: bool = False

    @classmethod
    def by(cls, environment: Mapping[str, str]) -> "Launched":
        """Read the variables of torchrun; without them this process is alone.

        Raises
        ------
        InvalidParameterError
            If they are not numbers.
        """
        if not environment.keys() >= VARIABLES:
            return cls()
        try:
            return cls(
                int(environment["RANK"]),
                int(environment["WORLD_SIZE"]),
                int(environment.get("LOCAL_RANK", "0")),
                int(environment.get("LOCAL_WORLD_SIZE", "1")),
                int(environment.get("TORCHELASTIC_RESTART_COUNT", "0")),
                int(environment.get("TORCHELASTIC_MAX_RESTARTS", "0")),
                environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
            )
        except ValueError as error:
            raise InvalidParameterError(
                f"The variables of torchrun in the environment must be numbers: {error}."
            ) from None

    def check(self, recipe: Recipe, out: Path | None) -> None:
        """Raise an error for what several processes, or a restart, cannot train.

        Raises
        ------
        RecipeError, InvalidParameterError
        """
        if self.size > 1 and recipe.is_ladder:
            raise RecipeError(
                f"A ladder is trained in one process, and torchrun started {self.size}. Start it "
                "without torchrun, or train a stack by another recipe."
            )
        if self.size > 1 and recipe.data.source == STANDARD_INPUT:
            raise RecipeError(
                "Standard input is for one process only. Write the rows to a file that all "
                "processes can read."
            )
        if self.most_restarts and out is None:
            raise InvalidParameterError(
                "--out must name the run with --max-restarts: a restart continues the same run."
            )

    def threads(self, asked: int | None) -> int | None:
        """Return the threads to use: those asked for, else this process's share of the cores."""
        if asked is not None or self.size == 1:
            return asked
        if os.environ.get("OMP_NUM_THREADS", "1") != "1":  # torchrun sets it to 1 if nobody did
            return None
        return max(1, usable_cores() // self.local_size)

    @contextmanager
    def together(self, device: str) -> Iterator[Processes]:
        """Join the other processes; the groups of PyTorch are destroyed at the end.

        Of an error that the first process reports too, the others print nothing. That a process is
        lost is reported once for each machine.

        Raises
        ------
        ProcessLostError
            If the others cannot be reached, or one of them ends.
        """
        if self.size == 1:
            yield ALONE
            return
        store = self._initialise(device)
        try:
            with joined() as processes:
                yield processes
        except SdaeError as error:
            lost = isinstance(error, ProcessLostError)
            if self.local_rank > 0 if lost else self.rank > 0 and _is_set(store):
                raise typer.Exit(1) from None
            if self.rank == 0 and not lost:
                with suppress(RuntimeError):
                    store.set(_FIRST_FAILED, "")
            raise
        finally:
            dist.destroy_process_group()

    def store(self, wait: timedelta) -> Any:
        """Connect to the store that all processes and all attempts share.

        Raises
        ------
        RuntimeError
            If it cannot be reached.
        """
        address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        keeps_it = self.rank == 0 and not self.store_lasts
        return dist.TCPStore(  # type: ignore[attr-defined] # PyTorch's types lack it
            address, port, self.size, is_master=keeps_it, timeout=wait
        )

    def _initialise(self, device: str) -> Any:
        on_gpu = device in ("auto", "cuda") and torch.cuda.is_available()
        if on_gpu:
            torch.cuda.set_device(self.local_rank)
        wait = timedelta(minutes=FIRST_MINUTES)
        try:
            every_attempt = self.store(wait)
            name = meet(every_attempt, self.rank, self.size, wait.total_seconds())
            store = dist.PrefixStore(  # type: ignore[attr-defined] # PyTorch's types lack it
                name, every_attempt
            )
            backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
            dist.init_process_group(
                backend, store=store, rank=self.rank, world_size=self.size, timeout=wait
            )
        except (RuntimeError, ValueError, TimeoutError) as error:
            place = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
            raise ProcessLostError(
                f"Process {self.rank} of {self.size} cannot reach the others at {place}: "
                f"{str(error).splitlines()[0]}"
            ) from None
        return store


def _is_set(store: Any) -> bool:
    """Return whether the first process reports an error of its own; wait for it a moment."""
    try:
        store.wait([_FIRST_FAILED], timedelta(seconds=_SECONDS_FOR_IT))
    except RuntimeError:  # it does not, or it is gone
        return False
    return True
