"""How many updates of a ladder fit into a given time."""

import copy
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace

from sdae.train.callbacks import Callback, Callbacks, PartStarted
from sdae.train.checkpoint_state import Extras, Kept
from sdae.train.history import LADDER
from sdae.train.ladder.choice import ladder_engine
from sdae.train.ladder.plan import UPDATES, plan_of
from sdae.train.ladder.task import LadderTask

_WARM, _TIMED, _NEVER = 3, 20, 1 << 30
_FOR_MEASURES = 0.95  # of the time; the rest is for the statistics at the end


def updates_within(
    task: LadderTask, seed: int, kept: Kept | None, callbacks: Iterable[Callback] = ()
) -> int:
    """Return the number of updates: that of the settings, or as many as the minutes allow.

    The time of an update is measured on a copy of the network; `callbacks` get its start. A run
    that is resumed keeps the number of its checkpoint.

    Raises
    ------
    FileFormatError
        If the checkpoint does not have that number.
    """
    minutes = task.config.max_minutes
    if minutes is None:
        return task.config.n_updates
    if kept is not None:
        return Extras(kept).whole(UPDATES)
    seconds = seconds_of_an_update(task, seed, callbacks)
    return max(1, int(_FOR_MEASURES * 60 * minutes / seconds))


def seconds_of_an_update(task: LadderTask, seed: int, callbacks: Iterable[Callback] = ()) -> float:
    """Return the seconds of an update, measured on a copy of the network."""
    trial = replace(task, network=copy.deepcopy(task.network))
    # so many updates that the rate does not fall
    plan = replace(plan_of(task, _NEVER, seed), passes=1)
    with closing(ladder_engine(trial, plan)) as engine:
        begun = PartStarted(LADDER, None, 1, plan.n_rows, engine.name, engine.compiles)
        Callbacks(callbacks).tell(begun)
        some = plan.minibatches(1)[:_TIMED]
        engine.train(some[:_WARM], 1, 0.0)  # the first take longer
        done, start = 0, time.perf_counter()
        while done < _TIMED:
            engine.train(some, 1, 0.0)
            done += len(some)
        return (time.perf_counter() - start) / done
