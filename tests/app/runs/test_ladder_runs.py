"""Runs of a ladder: what their recipes leave to the data."""

from pathlib import Path
from typing import Any

import pytest

from sdae.app.recipes.by_name import load_recipe
from sdae.app.runs import ladder_runs
from sdae.app.runs.ladder_runs import settled_recipe
from sdae.train.ladder import measuring
from tests.app.runs.recipes import prepared, write_npz

GIVEN = ("ladder.input_noise=0.3", "ladder.denoising_costs=[10, 1, 1, 1]")


def test_rows_are_not_measured_where_nothing_depends_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_asked(*_: Any) -> float:
        raise AssertionError

    source = f"data.source={write_npz(tmp_path / 'rows.npz')}"
    monkeypatch.setattr(ladder_runs, "mean_variance", not_asked)
    recipe = load_recipe("ladder", (source, *GIVEN))
    settled = settled_recipe(recipe, prepared(recipe), "cpu")
    assert (settled.ladder.input_noise, settled.ladder.batch_size) == (0.3, 50)
    for given in GIVEN:
        recipe = load_recipe("ladder", (source, given))
        with pytest.raises(AssertionError):
            settled_recipe(recipe, prepared(recipe), "cpu")


def test_minutes_count_the_looks_at_validation_and_test_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[tuple[int, int]]()

    def look(_: object, validation: Any, test: Any) -> float:
        seen.append((len(validation[0]), len(test[0])))
        return 1.0

    monkeypatch.setattr(measuring, "seconds_of_an_update", lambda *_: 1.0)
    monkeypatch.setattr(measuring, "seconds_of_a_look", look)
    source = f"data.source={write_npz(tmp_path / 'rows.npz')}"
    recipe = load_recipe("ladder", (source, "ladder.max_minutes=1"))
    settled = settled_recipe(recipe, prepared(recipe), "cpu")
    assert seen == [(6, 6)]
    assert settled.ladder.n_updates == 57 - 20  # an epoch is one update
