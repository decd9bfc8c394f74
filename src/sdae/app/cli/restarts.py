"""What is left to do after torchrun has started all processes anew: to continue, or nothing.

The store of torchrun outlives its processes. An attempt notes there which folder it works on: a
finished run that was there before may be of other data, although its recipe is the same.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sdae.app.cli.launched import Launched
from sdae.app.recipes.recipe import Recipe
from sdae.app.runs.run_folder import RECIPE, RunFolder

NOTHING_LEFT = "{} was finished before the restart: nothing is left to do."

_NOTE = "sdae-begun"
_WAIT = timedelta(seconds=20)


def continues(launched: Launched, out: Path | None, recipe: Recipe) -> bool:
    """Return whether this is a restart, and `out` is the unfinished run of the same recipe."""
    if out is None or not _is_run(out) or RunFolder(out).finished:
        return False
    # Each machine counts its own restarts.
    if not launched.n_restarts and not _was_noted(launched, out):
        return False
    return _with_windows_of(RunFolder(out).recipe(), recipe) == recipe


def has_ended(launched: Launched, out: Path) -> bool:
    """Return whether an attempt before this restart has begun and finished the run `out`."""
    there = _is_run(out) and RunFolder(out).finished
    return there and _was_noted(launched, out)


def note(launched: Launched, run: RunFolder) -> None:
    """Note for a restart that this attempt has begun the run, or continues it."""
    if launched.most_restarts and launched.store_lasts:
        with suppress(RuntimeError):  # torchrun has ended, so it restarts nothing
            launched.store(_WAIT).set(_NOTE, _identity(run.path))


def _is_run(folder: Path) -> bool:
    """Return whether there is a run; a refused name is none (writing says why)."""
    with suppress(OSError):
        return (folder / RECIPE).is_file()
    return False


def _was_noted(launched: Launched, out: Path) -> bool:
    """Return whether an attempt before this one has noted that it works on this folder."""
    if launched.most_restarts and launched.store_lasts:
        with suppress(RuntimeError):  # as above
            store = launched.store(_WAIT)
            return bool(store.check([_NOTE])) and str(store.get(_NOTE), "utf-8") == _identity(out)
    return False


def _identity(folder: Path) -> str:
    """Return what stays of a folder that is renamed, and differs from all others."""
    found = folder.stat()
    return f"{found.st_dev} {found.st_ino}"


def _with_windows_of(begun: Recipe, asked: Recipe) -> Recipe:
    """Return the recipe of a run as it was asked for: windows of rows on the disk were added."""
    first, second = asked.pretraining.shuffle_window, asked.finetuning.shuffle_window
    pretraining = replace(begun.pretraining, shuffle_window=first)
    finetuning = replace(begun.finetuning, shuffle_window=second)
    return replace(begun, pretraining=pretraining, finetuning=finetuning)
