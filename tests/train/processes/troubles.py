"""What goes wrong in one of several processes, and what the others then find."""

import logging
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray

from sdae import Checkpoint, LadderNetwork, finetune, pretrain, train_ladder
from sdae.core.minibatches import Minibatch
from sdae.core.rows import TensorRows
from sdae.core.user_warnings import DataWarning
from sdae.data import open_rows
from sdae.train.callbacks import EpochEnded, Event
from sdae.train.processes import together
from sdae.train.processes.shares import FEW_ROWS
from tests.train.consistency.test_automatic import CLOUD, GROUPS, trained
from tests.train.engines.engines import rows
from tests.train.engines.test_compiled import stacks
from tests.train.helpers import state_bytes
from tests.train.processes.cases import B, N, V, finetuned, found_in, pretrained
from tests.train.processes.ranks import Case, Found, as_array, serve

LABELS = np.random.default_rng(5).integers(3, size=N)
FOLDER = Path(sys.argv[2]) if len(sys.argv) > 2 else Path()


def differs(what: str) -> Found:
    """Let the last process train something else."""
    is_last = dist.get_rank() == dist.get_world_size() - 1
    x, y = rows(N, V, torch.float64), LABELS.copy()
    settings: dict[str, Any] = {"seed": 4, "batch_size": B}
    if is_last and what in settings:
        settings[what] += 1
    if is_last and what == "x":
        x[7, 3] += 1e-9
    if is_last and what == "y":
        y[7] = (y[7] + 1) % 3
    if is_last and what == "fewer rows":
        x, y = x[1:], y[1:]
    form: dict[str, Any] = {"dtype": torch.float64, "seed": 3}
    if is_last:
        form |= OTHER_FORMS.get(what, {})
    n_columns = V + 1 if is_last and what == "columns" else V
    (stack,) = stacks(n_columns, (7,), 1, **form)
    if is_last and what == "frozen":
        stack.autoencoder(0).hidden_bias.requires_grad_(False)
    if n_columns > V:
        x = rows(N, n_columns, torch.float64)
    return found_in(stack, finetune(stack, (x, y), None, epochs=1, engine="autograd", **settings))


def stored_rows_differ() -> Found:
    """Let the last process read another file: only some of its rows are compared."""
    rank = dist.get_rank()
    x = rows(2000, V, torch.float32, seed=int(rank == dist.get_world_size() - 1))
    path = FOLDER / f"rows-{dist.get_world_size()}-{rank}.npy"
    np.save(path, x)
    (stack,) = stacks(V, (7,), 1)
    return found_in(stack, pretrain(stack, open_rows(path), epochs=1, batch_size=B))


def refused(**settings: Any) -> Found:
    """Fine-tune by settings that several processes do not support."""
    (stack,) = stacks(V, (7,), 1, dtype=torch.float64)
    pair = rows(N, V, torch.float64), LABELS
    return found_in(stack, finetune(stack, pair, None, epochs=1, **settings))


def chosen() -> Found:
    """Let the engine be chosen."""
    return pretrained_by("auto")


def pretrained_by(engine: str) -> Found:
    """Pre-train by an engine."""
    (stack,) = stacks(V, (7,), 1)
    x = rows(N, V, torch.float32)
    return found_in(stack, pretrain(stack, x, epochs=1, batch_size=B, engine=engine))


def auto_learns_nothing() -> Found:
    """Let the rows choose what is learned from others, and note what is said of that."""
    said, as_without = {}, []
    settings: dict[str, dict[str, Any]] = {"deterministic": {"deterministic": True}}
    for name, x in {"groups": GROUPS, "cloud": CLOUD, "deterministic": GROUPS}.items():
        more = settings.get(name, {})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            by_auto = trained(x, "auto", 30, **more)
        said[name] = [str(one.message) for one in caught if one.category is DataWarning]
        as_without.append(state_bytes(by_auto) == state_bytes(trained(x, None, 30, **more)))
    return {"said": as_array(said), "as_without": as_array(as_without)}


def ladder() -> Found:
    """Train a ladder."""
    train_ladder(LadderNetwork(V, (5,), 3), (rows(N, V, torch.float32), LABELS), None)
    return {}


def callback_fails() -> Found:
    """Raise an error in a callback, which the first process calls."""
    since = time.monotonic()

    def fails(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.record.epoch == 2:
            raise LookupError("the callback")

    try:
        return pretrained(epochs=3, callbacks=[fails])
    finally:
        assert time.monotonic() - since < 60


class _Broken(TensorRows):
    """Rows of which one cannot be read, by the last process."""

    def batch(self, minibatch: Minibatch) -> torch.Tensor:
        if 41 in minibatch.samples and dist.get_rank() == dist.get_world_size() - 1:
            raise LookupError("row 41")
        return super().batch(minibatch)


def setting_fails(finetunes: bool) -> Found:
    """Give the last process a setting that is refused; the group of the caller stays as it is."""
    is_last = dist.get_rank() == dist.get_world_size() - 1
    rate = -1.0 if is_last else 0.1
    try:
        return (finetuned if finetunes else pretrained)(epochs=1, learning_rate=rate)
    finally:
        dist.barrier()


def rows_fail() -> Found:
    """Raise an error in the last process, in the middle of an epoch."""
    (stack,) = stacks(V, (7,), 1, dtype=torch.float64)
    x = rows(N, V, torch.float64)
    x[41] = 0.5  # by its number in the file, it is in the share of the last process
    source = _Broken(torch.from_numpy(x))
    return found_in(stack, pretrain(stack, source, epochs=2, batch_size=42, engine="autograd"))


def interrupted_and_resumed(deterministic: bool) -> Found:
    """Interrupt training after a checkpoint, then go on; only the first process has a folder."""
    n_looks = [0]

    def at_the_third() -> BaseException | None:
        n_looks[0] += 1
        return KeyboardInterrupt("at the third look") if n_looks[0] == 3 else None

    place = FOLDER / f"checkpoints-{dist.get_world_size()}-{deterministic}-{dist.get_rank()}"
    texts = []
    options: dict[str, Any] = {"optimizer": "adam", "learning_rate": 0.01, "epochs": 3}
    options |= {"deterministic": deterministic}
    try:
        pretrained(checkpoint=Checkpoint(place, "1epoch", interruption=at_the_third), **options)
    except (KeyboardInterrupt, RuntimeError) as error:
        texts.append(type(error).__name__)
    found = pretrained(checkpoint=Checkpoint(place, "1epoch"), **options)
    again = pretrained(checkpoint=Checkpoint(place, "1epoch"), **options)
    unbroken = pretrained(**options)
    same = all(found[name].tobytes() == unbroken[name].tobytes() for name in unbroken)
    ended = all(found[name].tobytes() == again[name].tobytes() for name in found)
    return {**found, "seen": as_array([texts, place.exists(), same, ended])}


def finetuning_resumed() -> Found:
    """Stop fine-tuning with validation after a checkpoint, then go on."""
    pair, held = (rows(N, V, torch.float64), LABELS), (rows(30, V, torch.float64, 9), LABELS[:30])

    def fine(checkpoint: Checkpoint | None) -> Found:
        (stack,) = stacks(V, (7,), 1, dtype=torch.float64)
        options: dict[str, Any] = {"epochs": 30, "batch_size": B, "learning_rate": 0.5}
        history = finetune(stack, pair, held, checkpoint=checkpoint, patience_epochs=4, **options)
        return found_in(stack, history)

    n_looks = [0]

    def at_the_fourth() -> BaseException | None:
        n_looks[0] += 1
        return KeyboardInterrupt() if n_looks[0] == 4 else None

    place = FOLDER / f"finetuning-{dist.get_world_size()}-{dist.get_rank()}"
    with suppress(KeyboardInterrupt, RuntimeError):
        fine(Checkpoint(place, "1epoch", interruption=at_the_fourth))
    found, unbroken = fine(Checkpoint(place, "1epoch")), fine(None)
    same = all(found[name].tobytes() == unbroken[name].tobytes() for name in unbroken)
    return {**found, "seen": as_array(same)}


def warned(function: Callable[[], object]) -> list[str]:
    """Return the warnings of a function."""
    texts: list[str] = []

    class Keeps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(record.getMessage())

    log, handler = logging.getLogger("sdae"), Keeps()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.WARNING)
    try:
        function()
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    return texts


def findings_are_logged_once() -> Found:
    """Train until the doctor reports something."""
    texts = warned(partial(pretrained, n=60, learning_rate=1e-9, epochs=1))
    return {"seen": as_array(texts)}


def few_rows() -> Found:
    """Train with just enough rows for each process, and with fewer."""
    enough, place = FEW_ROWS * dist.get_world_size(), FOLDER / f"few-{dist.get_world_size()}"
    once: dict[str, Any] = {"epochs": 1, "n": 500}
    kept = partial(pretrained, batch_size=enough - 1, checkpoint=Checkpoint(place), **once)
    trainings = {
        "enough": partial(pretrained, batch_size=enough, **once),
        "few": kept,
        "ended": kept,
        "none": partial(pretrained, epochs=0, n=500),
        "finetuned": partial(finetuned, batch_size=enough - 1, **once),
        "enough, finetuned": partial(finetuned, batch_size=enough, **once),
        "all rows": partial(finetuned, batch_size=1000, epochs=1),
    }
    said = {name: [t for t in warned(f) if "share" in t] for name, f in trainings.items()}
    return {"seen": as_array(said)}


def estimator_fits_alone() -> Found:
    """Fit an estimator: it does so in each process by itself."""
    from sdae import SDAEClassifier

    x, seed = rows(60, V, torch.float32), dist.get_rank()
    fitted = SDAEClassifier(
        (5,), max_iter=3, pretrain_epochs=1, random_state=seed, engine="autograd"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answers: NDArray[Any] = fitted.fit(x, np.arange(60) % 2).predict_proba(x)
    said = [str(one.message) for one in caught if one.category is DataWarning]
    return {"answers": answers, "said": as_array(said)}


def slow_callback() -> Found:
    """Let the first process be slower in a callback than a step may be."""

    def sleeps(event: Event) -> None:
        if isinstance(event, EpochEnded):
            time.sleep(3)

    with patch.object(together, "STEP_MINUTES", 1 / 60):
        return pretrained(epochs=1, callbacks=[sleeps])


def slow_checkpoint() -> Found:
    """Let the first process need longer for a checkpoint than a step may take, within an epoch."""
    naps = [3]
    checkpoint = Checkpoint(
        FOLDER / f"slow-{dist.get_rank()}",
        interruption=lambda: time.sleep(naps.pop()) if naps else None,
    )
    with patch.object(together, "STEP_MINUTES", 1 / 60):
        return pretrained(n=5000, batch_size=100, epochs=1, checkpoint=checkpoint)


class _Late(TensorRows):
    """Rows that keep the last process waiting, longer than a step may take."""

    def batch(self, minibatch: Minibatch) -> torch.Tensor:
        if 41 in minibatch.samples and dist.get_rank() == dist.get_world_size() - 1:
            time.sleep(5)
        return super().batch(minibatch)


def hangs() -> Found:
    """Let the last process not answer."""
    (stack,) = stacks(V, (7,), 1, dtype=torch.float64)
    source = _Late(torch.from_numpy(rows(N, V, torch.float64)))
    with patch.object(together, "STEP_MINUTES", 1 / 60):
        return found_in(stack, pretrain(stack, source, epochs=1, batch_size=42, engine="autograd"))


OTHER_FORMS: dict[str, dict[str, Any]] = {
    "w": {"seed": 8},
    "dtype": {"dtype": torch.float32},
    "tied": {"tied": False},
}
DIFFERENT = {
    "seed": "seed (5, not 4)",
    "batch_size": f"batch_size ({B + 1}, not {B})",
    "x": "x",
    "y": "y",
    "w": "initial parameters",
    "frozen": "requires_grad of autoencoders.0.hidden_bias",
    "columns": f"number of columns ({V + 1}, not {V}), initial parameters, x",
    "dtype": "dtype (torch.float32, not torch.float64), initial parameters, x",
    "tied": "tied (False, not True), initial parameters",
    "fewer rows": "x, y, number of rows of x (52, not 53), number of rows of y (52, not 53)",
}
REFUSED: dict[str, dict[str, Any]] = {
    "batch_size 1": {"batch_size": 1},
    "engine": {"batch_size": B, "engine": "compiled"},
    "semi_supervised": {"batch_size": B, "semi_supervised": "vat"},
}
CASES: dict[str, Case] = {
    **{f"differs, {what}": partial(differs, what) for what in DIFFERENT},
    "stored rows": stored_rows_differ,
    **{f"refused, {name}": partial(refused, **options) for name, options in REFUSED.items()},
    "auto": auto_learns_nothing,
    "ladder": ladder,
    "chosen": chosen,
    "callback": callback_fails,
    "rows": rows_fail,
    "setting, pretrain": partial(setting_fails, False),
    "setting, finetune": partial(setting_fails, True),
    "resumed": partial(interrupted_and_resumed, False),
    "resumed, deterministic": partial(interrupted_and_resumed, True),
    "finetuning resumed": finetuning_resumed,
    "slow callback": slow_callback,
    "slow checkpoint": slow_checkpoint,
    "hangs": hangs,
    "findings": findings_are_logged_once,
    "few rows": few_rows,
    "estimator": estimator_fits_alone,
}

if __name__ == "__main__":
    serve(CASES, sys.argv[1])
