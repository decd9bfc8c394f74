"""Epochs of a ladder: passes over the unlabelled rows, several in each where there are few rows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdae.core.errors import FileFormatError
from sdae.core.ladder.network import LadderNetwork
from sdae.train.checkpoint_state import Extra, Kept
from sdae.train.checkpoints.checkpoint_folder import Checkpoint
from sdae.train.epoch import Place
from sdae.train.history import History
from sdae.train.ladder import plan
from sdae.train.ladder.walk import train_ladder
from tests.train.ladder.helpers import C, V, a_ladder, a_plan, a_task, data
from tests.train.ladder.test_walk import Cut, state_bytes


@pytest.mark.untraced
def test_few_rows_have_epochs_of_many_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, _ = data(30, 30)
    given: dict[str, Any] = {"n_updates": 570, "batch_size": 20, "denoising_costs": 10}
    network, alone = (LadderNetwork(V, (12, 8), n_classes=C, seed=1) for _ in range(2))
    history = train_ladder(network, (x, y), **given)
    assert [round(r.seconds * r.samples_per_second) for r in history.records] == [5 * 20] * 114

    monkeypatch.setattr(plan, "_FEW_EPOCHS", 10_000)  # passes of one update
    of_passes = train_ladder(alone, (x, y), **given)
    assert len(of_passes.records) == 570
    assert state_bytes(alone) == state_bytes(network)  # orders and noise are those of the passes
    means = np.reshape(of_passes.costs(), (114, 5)).mean(axis=1)
    assert history.costs() == pytest.approx(means.tolist(), rel=1e-5)


def test_an_epoch_of_many_passes_visits_every_row_in_each() -> None:
    task = a_task(a_ladder(), batch_size=50, n_updates=1000)
    made = a_plan(task)
    assert (made.passes, made.updates_of_a_pass, made.n_batches) == (2, 4, 8)
    samples = made.minibatches(3).joined.samples
    assert made.n_rows == len(samples) == 400
    first, second = samples[:200], samples[200:]
    assert sorted(first) == sorted(second) == list(range(200))
    assert not np.array_equal(first, second)
    one_by_one = replace(made, passes=1)
    assert np.array_equal(first, one_by_one.minibatches(5).joined.samples)
    assert made.passes_of(7, 2).tolist() == [2] * 50 + [3] * 50
    assert [made.pass_of(update) for update in (7, 8)] == [2, 3]


@pytest.mark.parametrize("engine", ["compiled", "autograd"])
def test_a_checkpoint_of_a_version_whose_epochs_were_passes_goes_on_so(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y, _ = data(30, 30)

    def train(checkpoint: Checkpoint | None = None) -> tuple[LadderNetwork, Any]:
        network = LadderNetwork(V, (12,), n_classes=C, seed=1)
        given: dict[str, Any] = {"n_updates": 250, "batch_size": 20, "denoising_costs": 10}
        return network, train_ladder(network, (x, y), engine=engine, checkpoint=checkpoint, **given)

    calls = iter(range(1, 1000))
    interruption = lambda: Cut() if next(calls) == 101 else None  # noqa: E731 - one line
    with monkeypatch.context() as before:
        before.setattr(plan, "_FEW_EPOCHS", 10_000)
        only_updates = property(lambda self: Extra({plan.UPDATES: self.n_updates}))
        before.setattr(plan.LadderPlan, "extra", only_updates)
        with pytest.raises(Cut):
            train(Checkpoint(tmp_path, "1000steps", interruption=interruption))
    resumed, history = train(Checkpoint(tmp_path, "1000steps"))
    whole, its_history = train()

    assert state_bytes(resumed) == state_bytes(whole)
    assert len(history.records) == 250
    assert len(its_history.records) == 125


def test_a_checkpoint_of_impossible_epochs_is_refused() -> None:
    task = a_task(a_ladder(), batch_size=50, n_updates=1000)
    place = Place(None)
    for passes in (3, 10**12, 0, "2"):
        kept = Kept(place, History(), False, "compiled", {plan.PASSES: passes}, {})
        with pytest.raises(FileFormatError, match="The checkpoint is not valid"):
            plan.plan_of(task, 1000, 3, kept)
