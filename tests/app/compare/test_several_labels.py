"""A study of rows that have several labels each."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.svm import SVC

from sdae.app.compare.candidates import Models
from sdae.app.compare.label_splits import cut
from sdae.app.compare.per_label import PerLabel
from sdae.app.compare.result_cache import CellCache
from sdae.app.compare.study import BESIDE, MODELS, NETWORKS
from sdae.app.compare.study_data import StudyData, load_study_data
from sdae.app.compare.study_files import verdict_of
from sdae.app.compare.study_run import plan, run_study
from sdae.app.compare.tuning import error_of
from tests.app.compare.problems import small_study

NAMES = ("red", "big", "old")


def things(n_rows: int = 120) -> StudyData:
    """Return rows of which each of three columns says whether they have a label."""
    x = np.random.default_rng(0).random((n_rows, 4)).astype(np.float32)
    return StudyData("things", x, (x[:, :3] > 0.5).astype(np.int64), NAMES, x[:0])


@pytest.mark.usefixtures("short_ladders")
def test_every_model_learns_several_labels(tmp_path: Path) -> None:
    study = small_study(40, None, seeds=2, models=MODELS, budget=2)
    planned = plan(study, things())
    assert planned.labels == (40, planned.n_pool)
    cells = run_study(study, things(), CellCache(tmp_path / "cells.jsonl"))
    errors = {cell.model: cell.error for cell in cells if cell.labels == planned.n_pool}
    assert set(errors) == {*NETWORKS, *BESIDE, "ladder"}
    assert errors["logistic"] < 0.12  # one line parts the rows with a label from those without
    assert all(0 <= error < 0.6 for error in errors.values())
    assert "labels" in verdict_of(cells)


@pytest.mark.parametrize("place", [0, 1])
def test_a_label_that_all_rows_have_changes_no_other(place: int) -> None:
    data = things()
    other = data.y[:, 0] & data.y[:, 1]  # rare, so that a threshold of 0.5 would find too few
    y = np.insert(other[:, None], place, 1, axis=1)
    found = PerLabel(SVC()).fit(data.x, y).predict(data.x)
    assert found[:, place].tolist() == [1] * len(y)
    assert found[:, 1 - place].tolist() == SVC().fit(data.x, other).predict(data.x).tolist()


def test_the_rows_with_labels_are_nested_and_the_parts_do_not_overlap() -> None:
    data = replace(things(), x=np.arange(480.0, dtype=np.float32).reshape(120, 4))
    pool, held_out = cut(data, 0.25, seed=3)
    assert held_out.y.shape == (30, 3)
    assert not set(held_out.x[:, 0]) & set(pool.rows[:, 0])
    few, many = (set(pool.labelled(n)[0][:, 0]) for n in (10, 25))
    assert len(few) == 10
    assert few < many


def test_before_it_sees_a_label_a_network_knows_how_many_there_are() -> None:
    study = small_study(40, seeds=2)
    pool, _ = cut(things(), 0.25, seed=0)
    network = Models(study, pool, 0).new("pretrained", {})
    assert network.network_.n_labels == 3
    assert error_of(network, pool.rows, np.zeros((len(pool.rows), 3), int)) == 0  # a zero head


def test_a_study_loads_several_columns(tmp_path: Path) -> None:
    text = "a,red,b,big\n" + "".join(f"{i},{i % 2},{-i},{i % 3 == 0}\n" for i in range(12))
    (tmp_path / "t.csv").write_text(text)
    data = load_study_data(str(tmp_path / "t.csv"), ["red", "big"])
    assert data.classes == ("red", "big")
    assert data.y.tolist() == [[i % 2, int(i % 3 == 0)] for i in range(12)]
    assert data.x.shape == (12, 2)
