"""The estimate of a run's length: from a trial that leaves the network as it is."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdae.app.recipes.recipe import Recipe
from sdae.app.runs.estimate import estimate
from sdae.app.runs.prepared_data import PreparedData
from sdae.app.runs.run_recipe import build_stack
from sdae.train.history import EpochRecord, History
from tests.app.runs.recipes import prepared, recipe_for, write_npz

Setting = tuple[Recipe, PreparedData]


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    recipe = recipe_for(
        write_npz(tmp_path / "rows.npz", n_rows=400), "data.validation=0.1", "data.test=0.1"
    )
    return recipe, prepared(recipe)


@pytest.fixture
def one_second_trials(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let every epoch of a trial take a second; return the numbers of rows that trials saw."""
    seen: list[int] = []

    def record(layer: int | None) -> EpochRecord:
        return EpochRecord("trial", layer, 1, 0.0, None, None, 0.1, 1.0, 1.0, "autograd")

    def pretraining(_stack: object, rows: np.ndarray, *_: object, **__: object) -> History:
        seen.append(len(rows))
        return History((record(0), record(1)))

    def finetuning(
        _stack: object, train: tuple[np.ndarray, np.ndarray], *_: object, **__: object
    ) -> History:
        seen.append(len(train[0]))
        return History((record(None),))

    monkeypatch.setattr("sdae.app.runs.estimate.run_pretraining", pretraining)
    monkeypatch.setattr("sdae.app.runs.estimate.run_finetuning", finetuning)
    return seen


def test_the_network_is_left_as_it_is(setting: Setting) -> None:
    recipe, data = setting
    stack = build_stack(recipe, data)
    before = copy.deepcopy(stack.state_dict())
    expected = estimate(recipe, data, stack, "cpu")
    assert 0 < expected.pretraining < 60
    assert 0 < expected.finetuning_least == expected.finetuning_most < 60 or (
        expected.finetuning_least < expected.finetuning_most
    )
    for name, tensor in stack.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_epochs_and_rows_are_scaled_up_from_the_trial(
    setting: Setting, one_second_trials: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdae.app.runs.estimate._TRIAL_SAMPLES", 1)
    recipe, data = setting
    recipe = replace(
        recipe,
        pretraining=replace(recipe.pretraining, epochs=(3, 5)),
        finetuning=replace(recipe.finetuning, epochs=40, batch_size=4),
    )
    expected = estimate(recipe, data, build_stack(recipe, data), "cpu")
    assert set(one_second_trials) == {12 * 8, 12 * 4}
    assert expected.pretraining == pytest.approx((3 + 5) * 320 / 96)
    assert expected.finetuning_least == pytest.approx(10 * 320 / 48)
    assert expected.finetuning_most == pytest.approx(40 * 320 / 48)


@pytest.mark.usefixtures("one_second_trials")
def test_without_early_stopping_or_validation_every_epoch_counts(setting: Setting) -> None:
    recipe, data = setting
    recipe = replace(recipe, finetuning=replace(recipe.finetuning, epochs=40))
    stack = build_stack(recipe, data)
    to_the_end = replace(recipe, finetuning=replace(recipe.finetuning, early_stopping=False))
    for case, rows in ((to_the_end, data), (recipe, replace(data, validation=None))):
        expected = estimate(case, rows, stack, "cpu")
        assert expected.finetuning_least == expected.finetuning_most > 0


@pytest.mark.usefixtures("one_second_trials")
def test_without_labels_only_pre_training_takes_time(setting: Setting) -> None:
    recipe, data = setting
    expected = estimate(recipe, replace(data, train=None), build_stack(recipe, data), "cpu")
    assert expected.pretraining > 0
    assert expected.finetuning_least == expected.finetuning_most == 0


def test_on_a_gpu_the_epoch_that_makes_its_graphs_does_not_count(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(config: Any, *layers: int | None) -> History:
        (n_epochs,) = config.epochs if isinstance(config.epochs, tuple) else (config.epochs,)
        return History(
            tuple(
                EpochRecord("trial", layer, epoch, 0.0, None, None, 0.1, seconds, 1.0, "graph")
                for layer in layers
                for epoch, seconds in zip(range(1, n_epochs + 1), (500.0, 1.0), strict=True)
            )
        )

    module = "sdae.app.runs.estimate"
    monkeypatch.setattr(f"{module}.device_of", lambda _: torch.device("cuda", 0))
    monkeypatch.setattr(
        f"{module}.run_pretraining", lambda _stack, _rows, config, **_: trained(config, 0, 1)
    )
    monkeypatch.setattr(f"{module}.run_finetuning", lambda *given, **_: trained(given[4], None))
    monkeypatch.setattr(f"{module}._TRIAL_SAMPLES", 1)
    recipe, data = setting
    recipe = replace(
        recipe,
        pretraining=replace(recipe.pretraining, epochs=(3, 5)),
        finetuning=replace(recipe.finetuning, epochs=40, batch_size=4, early_stopping=False),
    )
    expected = estimate(recipe, data, build_stack(recipe, data), "cpu")
    assert expected.pretraining == pytest.approx((3 + 5) * 320 / 96)
    assert expected.finetuning_most == pytest.approx(40 * 320 / 48)


def test_fewer_rows_than_a_minibatch_can_be_estimated(setting: Setting) -> None:
    recipe, data = setting
    big = replace(
        recipe,
        pretraining=replace(recipe.pretraining, batch_size=1000, drop_last=True),
        finetuning=replace(recipe.finetuning, batch_size=1000, drop_last=True),
    )
    assert estimate(big, data, build_stack(big, data), "cpu").pretraining > 0
