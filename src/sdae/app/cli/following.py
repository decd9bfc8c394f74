"""The processes but the first: they train along, print nothing, and write nothing."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

from sdae.app.cli.interrupts import ignored
from sdae.app.recipes.recipe import Recipe, parse_recipe, write_recipe
from sdae.app.runs.ladder_runs import settled_recipe
from sdae.app.runs.prepare import prepare
from sdae.app.runs.run_recipe import build_stack, run_recipe
from sdae.core.errors import InvalidParameterError
from sdae.train.alike import first_that_differs
from sdae.train.processes.together import Processes

_OWN_OPTIONS = frozenset(["device", "threads", "quiet"])


class _Begun(TypedDict):
    """What the first process says of the run: its recipe, and how its tables are read.

    Without a recipe there is nothing to train.
    """

    recipe: str
    rounded: bool
    scratch: str


def check_same_command(processes: Processes, options: Mapping[str, Any]) -> None:
    """Raise an error, the same on every process, if they were not started with the same command.

    The others train by the recipe of the first, so their own options would do nothing.

    Parameters
    ----------
    processes : Processes
    options : mapping
        Arguments and options of this process's command, by name.

    Raises
    ------
    InvalidParameterError
        If a process differs from the first in more than its device and number of threads.
    """
    if processes.size == 1:
        return
    said = {name: str(value) for name, value in options.items() if name not in _OWN_OPTIONS}
    if odd := first_that_differs(processes, said):
        rank, what = odd
        raise InvalidParameterError(
            f"Process {rank} was started with another command than process 0: different are {what}"
            ". Start all processes with the same command."
        )


def lead(
    processes: Processes, recipe: Recipe, *, rounded: bool, scratch: Path | None = None
) -> None:
    """Let the others begin with the run that this process has begun."""
    begun: _Begun = {
        "recipe": write_recipe(recipe),
        "rounded": rounded,
        "scratch": "" if scratch is None else str(scratch),
    }
    processes.said_by_first(begun)


def dismiss(processes: Processes) -> None:
    """Let the others end: there is nothing to train."""
    processes.said_by_first(_Begun(recipe="", rounded=False, scratch=""))


def follow(processes: Processes, device: str) -> None:
    """Train along with the first process.

    Signals are for the first process, which ends all after a checkpoint.
    """
    with _unseen():
        begun = processes.said_by_first(_Begun(recipe="", rounded=False, scratch=""))
        if not begun["recipe"]:
            return
        recipe = parse_recipe(begun["recipe"], "the recipe of the first process")
        scratch = Path(begun["scratch"]) if begun["scratch"] else None
        prepared = prepare(
            recipe.data,
            recipe.model.decoder[0],
            recipe.seed,
            rounded=begun["rounded"],
            scratch=scratch,
        )
        recipe = settled_recipe(recipe, prepared, device, processes=processes)
        stack = build_stack(recipe, prepared)
        run_recipe(recipe, prepared, stack, device=device, processes=processes, scratch=scratch)


@contextmanager
def _unseen() -> Iterator[None]:
    """Print no warnings, and leave signals to the first process until this one has ended."""
    log = logging.getLogger("sdae")
    ignored()
    log.addFilter(_nothing)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.removeFilter(_nothing)


def _nothing(_record: logging.LogRecord) -> bool:
    return False
