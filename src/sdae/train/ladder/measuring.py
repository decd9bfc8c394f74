"""How many updates of a ladder fit into a given time."""

import copy
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace

from sdae.train.callbacks import Callback, Callbacks, PartStarted
from sdae.train.checkpoint_state import Extras, Kept
from sdae.train.history import LADDER
from sdae.train.labelled import LabelledRows
from sdae.train.ladder.choice import ladder_engine
from sdae.train.ladder.plan import UPDATES, plan_of
from sdae.train.ladder.task import LadderTask
from sdae.train.ladder.validation import MOST_LOOKS, LadderValidator

_WARM, _TIMED, _NEVER = 3, 20, 1 << 30
_FOR_TRAINING = 0.95  # of the time; the rest is for the statistics at the end


def updates_within(
    task: LadderTask,
    seed: int,
    kept: Kept | None,
    validation: LabelledRows | None,
    test: LabelledRows | None,
    *,
    callbacks: Iterable[Callback] = (),
) -> int:
    """Return the number of updates: that of the settings, or as many as the minutes allow.

    The times of an update, and of a look at validation and test rows, are measured on copies of the
    network; `callbacks` get the start. A run that is resumed keeps the number of its checkpoint.

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
    look = seconds_of_a_look(task, validation, test)
    allowed = _FOR_TRAINING * 60 * minutes
    # each epoch has a look, or of many epochs at most so many have one
    of_few_epochs = allowed / (seconds + look / plan_of(task, 1, seed).updates_of_a_pass)
    of_many_epochs = (allowed - MOST_LOOKS * look) / seconds
    return max(1, int(max(of_few_epochs, of_many_epochs)))


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


def seconds_of_a_look(
    task: LadderTask, validation: LabelledRows | None, test: LabelledRows | None
) -> float:
    """Return the seconds of scoring validation and test rows, measured on a copy of the network."""
    if validation is None and test is None:
        return 0.0
    trial = replace(task, network=copy.deepcopy(task.network))
    validator = LadderValidator(trial, validation, test)
    for _ in range(2):  # the first takes longer
        start = time.perf_counter()
        validator.after_epoch(1, last=False, n_epochs=1)
    return time.perf_counter() - start
