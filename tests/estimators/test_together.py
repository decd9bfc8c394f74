"""Inside scikit-learn's machinery: pipelines, searches, calibration, stacking, importances."""

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - unlocks an import below
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC

from sdae import SDAEClassifier, SDAERegressor, SDAETransformer
from tests.estimators.helpers import labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)


def good(**parameters: Any) -> SDAEClassifier:
    few = {"pretrain_epochs": 5, "max_iter": 30, "learning_rate_init": 0.01, "random_state": 0}
    return SDAEClassifier((20,), **(few | parameters))


@pytest.mark.parametrize("last", [SVC(), HistGradientBoostingClassifier(max_iter=5)])
def test_codes_feed_another_classifier(last: Any) -> None:
    pipeline = make_pipeline(SDAETransformer((20,), random_state=0), last)
    assert cross_val_score(pipeline, X, Y, cv=3).mean() > 0.85


def test_a_column_transformer_feeds_it() -> None:
    x = np.column_stack([X, Y % 2])
    columns = ColumnTransformer(
        [
            ("codes", SDAETransformer((8,), random_state=0), [0, 1, 2, 3]),
            ("one", OneHotEncoder(), [4]),
        ]
    )
    assert make_pipeline(columns, LogisticRegression(max_iter=500)).fit(x, Y).score(x, Y) > 0.9


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_over_processes_ends_and_leaves_the_threads_alone(n_jobs: int) -> None:
    before = torch.get_num_threads()
    search = GridSearchCV(good(), {"corruption": ["masking:0.1", 0.4]}, cv=3, n_jobs=n_jobs)
    assert search.fit(X, Y).best_score_ > 0.9
    assert torch.get_num_threads() == before


def test_halving_searches_over_epochs() -> None:
    search = HalvingGridSearchCV(
        good(), {"hidden_layer_sizes": [(5,), (20,)]}, resource="max_iter", max_resources=40, cv=3
    )
    assert search.fit(X, Y).best_score_ > 0.85


def test_calibration_stacking_and_importances_take_it() -> None:
    assert CalibratedClassifierCV(good(), cv=3).fit(X, Y).score(X, Y) > 0.9
    stacked = StackingClassifier([("a", good()), ("b", LogisticRegression(max_iter=500))], cv=3)
    assert stacked.fit(X, Y).score(X, Y) > 0.9
    found = permutation_importance(good().fit(X, Y), X, Y, n_repeats=3, random_state=0)
    assert set(found.importances_mean.argsort()[-2:]) == {2, 3}  # the petals


def test_only_the_class_name_changes_for_a_user_of_mlpclassifier() -> None:
    arguments: dict[str, Any] = {
        "hidden_layer_sizes": (20, 10),
        "activation": "logistic",
        "solver": "sgd",
        "alpha": 1e-3,
        "batch_size": 20,
        "learning_rate": "adaptive",
        "learning_rate_init": 0.05,
        "power_t": 0.4,
        "max_iter": 60,
        "shuffle": True,
        "random_state": 1,
        "tol": 1e-3,
        "verbose": False,
        "warm_start": False,
        "momentum": 0.8,
        "nesterovs_momentum": True,
        "early_stopping": False,
        "validation_fraction": 0.2,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-8,
        "n_iter_no_change": 5,
    }
    theirs = MLPClassifier(**arguments).fit(X, Y)
    ours = SDAEClassifier(**arguments).fit(X, Y)
    assert ours.score(X, Y) >= theirs.score(X, Y) - 0.02
    for name in ("classes_", "n_iter_", "loss_", "loss_curve_", "n_features_in_"):
        assert hasattr(ours, name)


def test_early_stopping_keeps_the_best_and_tells_the_scores() -> None:
    model = good(early_stopping=True, n_iter_no_change=20, max_iter=200).fit(X, Y)
    assert model.validation_scores_ is not None
    assert len(model.validation_scores_) == model.n_iter_ < 200
    assert max(model.validation_scores_) > 0.85
    x = rows()
    regressor = quick(SDAERegressor, early_stopping=True, max_iter=20).fit(x, x[:, 0])
    assert all(score <= 1 for score in regressor.validation_scores_)


def test_learning_rates_follow_their_schedules() -> None:
    sgd = {"solver": "sgd", "tol": 0}
    inverse = good(learning_rate="invscaling", power_t=0.5, max_iter=3, **sgd).fit(X, Y)
    rates = [record.learning_rate for record in inverse.history_ if record.layer is None]
    assert rates == pytest.approx([0.01, 0.01 / 151**0.5, 0.01 / 301**0.5])
    sgd["tol"] = 0.5
    adaptive = good(learning_rate="adaptive", n_iter_no_change=2, max_iter=40, **sgd).fit(X, Y)
    rates = [record.learning_rate for record in adaptive.history_ if record.layer is None]
    assert sorted(set(rates), reverse=True)[:2] == pytest.approx([0.01, 0.002])
    as_theirs = good(learning_rate="adaptive", tol=0.5, n_iter_no_change=2, max_iter=40).fit(X, Y)
    assert {r.learning_rate for r in as_theirs.history_ if r.layer is None} == {0.01}  # of adam


def test_a_stream_trains_the_layers_in_turn_and_the_head_on_labels() -> None:
    model = SDAEClassifier((20, 10), pretrain_epochs=3, random_state=0, learning_rate_init=0.01)
    for call in range(60):
        batch = np.arange(150)[call % 3 :: 3]
        model.partial_fit(X[batch], Y[batch], classes=[0, 1, 2])
    layers = [record.layer for record in model.history_ if record.layer is not None]
    assert layers == [0, 0, 0, 1, 1, 1]
    assert model.n_iter_ == 60
    assert model.score(X, Y) > 0.9


def test_a_stream_needs_its_classes_at_the_first_call() -> None:
    with pytest.raises(ValueError, match="classes parameter of partial_fit must be given"):
        quick(SDAEClassifier).partial_fit(X, Y)
    model = quick(SDAEClassifier).partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="those of the first call"):
        model.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"among the classes \[0, 1, 2\]\. Got 7"):
        model.partial_fit(X, Y + 7 * (Y == 0))


def test_a_warm_start_goes_on_without_pretraining_again() -> None:
    model = good(warm_start=True).fit(X, Y)
    first = model.score(X, Y)
    model.fit(X, Y)
    assert all(record.layer is None for record in model.history_)
    assert model.score(X, Y) >= first - 0.02


@pytest.mark.parametrize(
    ("layer", "text", "n_iter"),
    [(None, "usable with the training so far", 3), (0, "predictions are meaningless", 0)],
)
def test_ctrl_c_ends_a_fit_with_a_warning_that_says_what_is_left(
    monkeypatch: pytest.MonkeyPatch, layer: int | None, text: str, n_iter: int
) -> None:
    from sdae.estimators import fit_callbacks as watching

    def interrupt(self: Any, event: Any) -> None:
        record = getattr(event, "record", None)
        if record is not None:
            self.records.append(record)
            if record.layer == layer and record.epoch == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(watching.Recorder, "__call__", interrupt)
    with pytest.warns(UserWarning, match=f"interrupted: the estimator is .*{text}"):
        model = good().fit(X, Y)
    assert model.n_iter_ == n_iter
    assert model.predict(X).shape == (150,)


def test_verbose_prints_a_line_per_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    x = rows()
    quick(SDAEClassifier, verbose=True).fit(x, labels(x))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 2 + 4
    assert lines[0].startswith("Layer 0, epoch 1: cost ")
    assert lines[-1].startswith("Iteration 4, loss = ")


def test_class_weights_and_sample_weights_multiply() -> None:
    x = rows()
    y = labels(x)
    both = quick(SDAEClassifier, class_weight={0: 2.0}).fit(x, y, np.where(y == 1, 3.0, 1.0))
    one = quick(SDAEClassifier).fit(x, y, np.array([2.0, 3.0, 1.0])[y])
    assert both.predict_proba(x).tobytes() == one.predict_proba(x).tobytes()


UNLABELED = rows(60, seed=7)


class Told(SDAEClassifier):
    """Tells how many rows without labels every fit is given."""

    n_rows: ClassVar[list[int]] = []

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, X_unlabeled: Any = None) -> Any:
        self.n_rows.append(len(X_unlabeled))
        return super().fit(X, y, sample_weight, X_unlabeled=X_unlabeled)


class KnowsItsRows(Told):
    """The remedy of docs/estimators.md."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, X_unlabeled: Any = None) -> Any:
        assert X_unlabeled is None
        return super().fit(X, y, sample_weight, X_unlabeled=UNLABELED)


@pytest.mark.parametrize("n_rows", [40, 59, 60, 61, 90])
def test_scikit_learn_splits_rows_without_labels_where_there_are_as_many_as_others(
    n_rows: int,
) -> None:
    """docs/estimators.md says so; where this fails, scikit-learn has changed, and the page must."""
    x = rows()
    more = {"X_unlabeled": rows(n_rows, seed=7)}
    Told.n_rows.clear()
    cross_val_score(quick(Told, max_iter=1), x, labels(x), cv=3, params=more, error_score="raise")
    assert Told.n_rows == [40 if n_rows == 60 else n_rows] * 3
    Told.n_rows.clear()
    cross_val_score(quick(KnowsItsRows, max_iter=1), x, labels(x), cv=3, error_score="raise")
    assert Told.n_rows == [60] * 3
