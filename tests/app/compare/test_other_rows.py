"""Models that learn from rows without labels get all other rows of the pool, without labels."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.semi_supervised import LabelSpreading

from sdae.app.compare import study_run as running
from sdae.app.compare.candidates import Models, describe_model, settings_of
from sdae.app.compare.label_splits import Pool, cut
from sdae.app.compare.other_rows import WithOtherRows
from sdae.app.compare.quiet import quiet
from sdae.app.compare.result_cache import CellCache
from sdae.app.compare.study import AGREEING, FROM_ALL_ROWS, MODELS, NETWORKS
from sdae.app.compare.study_run import run_study
from sdae.estimators import SDAEClassifier
from tests.app.compare.problems import TINY_NETWORK, blobs, small_study

pytestmark = pytest.mark.usefixtures("short_ladders")

STUDY = small_study(9, models=MODELS)
SETTING = {"learning_rate_init": 0.005, "dropout": 0.2}


@pytest.fixture(scope="module")
def pool() -> Pool:
    data = blobs()
    return cut(replace(data, unlabelled=data.x[:7] + 0.1), 0.25, 0)[0]


def fitted(models: Models, name: str, pool: Pool, n_labels: int = 9, **setting: Any) -> Any:
    chosen = setting or dict(settings_of(name, STUDY)[0])
    model = models.new(name, chosen, pool.without_labels(n_labels))
    with quiet():
        return model.fit(*pool.labelled(n_labels))


def network_of(model: Any) -> SDAEClassifier:
    network: SDAEClassifier = model._model
    return network


@pytest.mark.parametrize(("name", "pretrain_epochs"), [*zip(AGREEING, (2, 0), strict=True)])
def test_agreement_after_the_shared_start_is_one_fit_of_the_classifier(
    name: str, pretrain_epochs: int, pool: Pool
) -> None:
    """Pre-training is paid once, and what follows is what ``fit`` does on the same rows."""
    models = Models(STUDY, pool, 3)
    model = models.new(name, SETTING, pool.without_labels(9))
    model._model._n_calls = 0  # the seed of fine-tuning counts the fits before it
    model.fit(*pool.labelled(9))
    y = np.full(len(pool.rows), -1)
    y[pool.order[:9]] = pool.y[pool.order[:9]]
    parameters: dict[str, Any] = {**TINY_NETWORK, **SETTING, "pretrain_epochs": pretrain_epochs}
    expected = SDAEClassifier(**parameters, unlabeled_label=-1, random_state=3).fit(pool.rows, y)
    found = network_of(model)
    assert found.semi_supervised_ == expected.semi_supervised_ is not None
    for one, other in zip(found.coefs_, expected.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


def test_both_agree_in_the_same_way_and_differ_in_pre_training_alone(pool: Pool) -> None:
    models = Models(STUDY, pool, 0)
    one, other = (network_of(fitted(models, name, pool)) for name in AGREEING)
    assert one.semi_supervised_ == other.semi_supervised_ is not None
    a, b = one.get_params(), other.get_params()
    assert (a.pop("pretrain_epochs"), b.pop("pretrain_epochs")) == (2, 0)
    assert a == b
    assert models.cost_of_start("agreement") == models.cost_of_start("pretrained")
    assert models.cost_of_start("agreement_random").seconds == 0
    with quiet():
        plain = models.new("pretrained", SETTING).fit(*pool.labelled(9))
    assert plain.semi_supervised_ is None


def test_the_method_may_be_named(pool: Pool) -> None:
    study = replace(STUDY, network={**TINY_NETWORK, "semi_supervised": "mean_teacher"})
    models = Models(study, pool, 0)
    for name in AGREEING:
        assert network_of(fitted(models, name, pool)).semi_supervised_ == ("mean_teacher",)
    fixed: Any = describe_model(AGREEING[0], study)["fixed"]
    assert fixed["semi_supervised"] == "mean_teacher"


@pytest.mark.parametrize("name", FROM_ALL_ROWS)
def test_rows_without_labels_reach_the_model(name: str, pool: Pool) -> None:
    far = pool.rows[pool.order[:9]].mean(axis=0) + 3
    moved = replace(pool, rows=np.where(pool.rows > 1, pool.rows, pool.rows / 2 + far / 2))
    x, y = pool.labelled(9)
    answers = []
    for others in (pool.without_labels(9), moved.without_labels(9)):
        setting = dict(settings_of(name, STUDY)[0])
        with quiet():
            model = Models(STUDY, pool, 0).new(name, setting, others).fit(x, y)
        proba = model._model.predict_proba(pool.rows)
        answers.append(proba)
    assert not np.allclose(answers[0], answers[1])


class Recorder:
    """Keeps what it is fitted to, and answers with the first class."""

    def fit(self, x: NDArray[Any], y: NDArray[Any]) -> "Recorder":
        self.x, self.y = x, y
        return self

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        return np.zeros(len(x), int)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (np.array([2, 0]), [2, 0, -1, -1, -1]),
        (np.array([[1, 0], [0, 1]]), [[1, 0], [0, 1], [-1, -1], [-1, -1], [-1, -1]]),
        (np.array([0.5, -1.0]), [0.5, -1.0, np.nan, np.nan, np.nan]),
    ],
)
def test_other_rows_come_below_and_have_no_label(y: NDArray[Any], expected: list[Any]) -> None:
    recorder, rows = Recorder(), np.arange(10.0).reshape(5, 2)
    WithOtherRows(recorder, rows[2:]).fit(rows[:2], y)
    np.testing.assert_array_equal(recorder.x, rows)
    np.testing.assert_array_equal(recorder.y, expected)
    assert recorder.y.dtype == y.dtype


def rows_of(x: NDArray[Any]) -> list[bytes]:
    return sorted(row.tobytes() for row in x)


@pytest.mark.parametrize("name", FROM_ALL_ROWS)
def test_every_fit_gets_all_rows_of_the_pool_and_a_fold_hides_its_labels(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = blobs(48, 2)
    data = replace(data, unlabelled=data.x[:5] + 0.5)
    seen: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []
    monkeypatch.setattr(Models, "_network", lambda *_: Recorder())
    monkeypatch.setattr(Models, "_other", lambda *_: Recorder())
    real = WithOtherRows.fit

    def fit(self: WithOtherRows, x: NDArray[Any], y: NDArray[Any]) -> WithOtherRows:
        seen.append((x, y, self._others))
        return real(self, x, y)

    monkeypatch.setattr(WithOtherRows, "fit", fit)
    study = small_study(12, models=(*NETWORKS, name), budget=2)
    monkeypatch.setattr(running, "plan", lambda *_: running.Plan((12,), {12: (name,)}, 36, ()))
    run_study(study, data, CellCache(tmp_path / "cells.jsonl"))
    assert [len(y) for _, y, _ in seen] == 2 * [
        6,
        6,
        6,
        6,
        12,
    ]  # folds, then the fit
    for place, (x, y, others) in enumerate(seen):
        pool, held_out = cut(data, 0.25, place // 5)
        assert rows_of(np.concatenate([x, others])) == rows_of(pool.rows)
        assert not set(rows_of(held_out.x)) & set(rows_of(others))
        labelled, labels = pool.labelled(12)
        known = {row.tobytes(): label for row, label in zip(labelled, labels, strict=True)}
        assert [known[row.tobytes()] for row in x] == y.tolist()


@pytest.mark.parametrize("name", FROM_ALL_ROWS)
def test_labels_that_a_cell_does_not_have_change_nothing(name: str, pool: Pool) -> None:
    y = pool.y.copy()
    hidden = pool.order[9:]
    y[hidden] = (y[hidden] + 1) % 3
    answers = [
        fitted(Models(STUDY, each, 0), name, each).predict(pool.rows)
        for each in (pool, replace(pool, y=y))
    ]
    np.testing.assert_array_equal(*answers)


def test_a_row_that_no_label_reaches_is_answered_without_a_warning() -> None:
    x = np.array([[0.0], [0.1], [9.0], [9.1]])
    spreading = LabelSpreading(kernel="knn", n_neighbors=2)
    model = WithOtherRows(spreading, x[2:]).fit(x[:2], np.array([0, 1]))
    assert model.predict(np.array([[9.0]])).tolist() == [0]


def test_without_other_rows_self_training_is_logistic_regression(pool: Pool) -> None:
    data = replace(pool, rows=pool.rows[: len(pool.y)])
    models, n_labels = Models(STUDY, data, 0), len(pool.y)
    assert len(data.without_labels(n_labels)) == 0
    one = fitted(models, "self_training", data, n_labels, C=1.0, threshold=0.75)
    other = models.new("logistic", {"C": 1.0}).fit(*data.labelled(n_labels))
    np.testing.assert_array_equal(one.predict(pool.rows), other.predict(pool.rows))
