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
    if not launched.n_restarts or out is None or not (out / RECIPE).is_file():
        return False
    run = RunFolder(out)
    return not run.finished and _with_windows_of(run.recipe(), recipe) == recipe


def has_ended(launched: Launched, out: Path) -> bool:
    """Return whether an attempt before this restart has begun and finished the run `out`."""
    if not launched.n_restarts or not (out / RECIPE).is_file() or not RunFolder(out).finished:
        return False
    return _noted(launched) == _identity(out)


def note(launched: Launched, run: RunFolder) -> None:
    """Note for a restart that this attempt has begun the run, or continues it."""
    if launched.most_restarts and launched.store_lasts:
        with suppress(RuntimeError):  # torchrun has ended, so it restarts nothing
            launched.store(_WAIT).set(_NOTE, _identity(run.path))


def _noted(launched: Launched) -> str | None:
    """Return the identity of the folder that an attempt before this one has noted."""
    if launched.store_lasts:
        with suppress(RuntimeError):
            store = launched.store(_WAIT)
            if store.check([_NOTE]):
                return str(store.get(_NOTE), "utf-8")
    return None


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
