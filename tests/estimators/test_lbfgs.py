"""solver="lbfgs": it finds what linear models find, and says where it ended."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression

import sdae
from sdae import SDAEClassifier, SDAEOutlierDetector, SDAERegressor, SDAETransformer
from sdae.core.errors import InvalidParameterError
from sdae.estimators import fit_callbacks
from tests.estimators.helpers import SUPERVISED, labels, quick, rows

X = rows()
Y = labels(X)
LONG = {"solver": "lbfgs", "max_iter": 2000, "tol": 1e-8}


def test_without_a_bend_it_finds_the_linear_regression() -> None:
    x = np.random.default_rng(0).normal(size=(60, 5))
    y = np.stack([x[:, 0] - x[:, 3], x[:, 1] * x[:, 2]], axis=1)
    model = quick(SDAERegressor, activation="identity", alpha=0.0, **LONG).fit(x, y)
    np.testing.assert_allclose(model.predict(x), LinearRegression().fit(x, y).predict(x), atol=1e-4)


def test_without_a_bend_it_finds_the_logistic_regression() -> None:
    noisy = np.where(np.random.default_rng(0).random(60) < 0.3, Y[::-1], Y)
    model = quick(SDAEClassifier, activation="identity", alpha=0.0, **LONG).fit(X, noisy)
    linear = LogisticRegression(C=np.inf, tol=1e-8, max_iter=5000).fit(X, noisy)
    np.testing.assert_allclose(model.predict_proba(X), linear.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize("kind", SUPERVISED)
def test_a_weight_of_two_is_the_row_twice(kind: type[Any]) -> None:
    twice = np.arange(60) % 3 == 0
    more = {"scale": "none", "pretrain_epochs": 0, "alpha": 0.0, "activation": "identity", **LONG}
    y = Y if kind is SDAEClassifier else X[:, 0] * X[:, 1]
    if kind is SDAEClassifier:
        y = np.where(np.random.default_rng(0).random(60) < 0.3, Y[::-1], Y)
    weighted = quick(kind, **more).fit(X, y, np.where(twice, 2.0, 1.0))
    repeated = quick(kind, **more).fit(np.vstack([X, X[twice]]), np.concatenate([y, y[twice]]))
    name = "predict_proba" if kind is SDAEClassifier else "predict"
    ours, theirs = getattr(weighted, name)(X), getattr(repeated, name)(X)
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


@pytest.mark.parametrize("kind", SUPERVISED)
def test_limits_end_it_with_a_warning_that_names_them(kind: type[Any]) -> None:
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge after 5 .* max_iter=5"):
        model = quick(kind, solver="lbfgs", max_iter=5).fit(X, Y)
    assert model.n_iter_ == len(model.loss_curve_) == 5
    assert model.loss_ == model.loss_curve_[-1] == model.best_loss_
    with pytest.warns(ConvergenceWarning, match="max_fun=3"):
        assert quick(kind, solver="lbfgs", max_iter=50, max_fun=3).fit(X, Y).n_iter_ <= 3


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", SUPERVISED)
def test_pretraining_is_adams(kind: type[Any]) -> None:
    ours, adams = (quick(kind, solver=name).fit(X, Y) for name in ("lbfgs", "adam"))
    assert ours.pretraining_loss_curves_ == adams.pretraining_loss_curves_
    assert {record.engine for record in ours.history_} == {"compiled", "lbfgs"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", SUPERVISED)
def test_sparse_rows_the_same_seed_and_a_file_give_the_same(
    kind: type[Any], tmp_path: Path
) -> None:
    one, other = (quick(kind, solver="lbfgs", max_fun=77, max_iter=20) for _ in range(2))
    one.fit(X, Y)
    assert one.transform(X).tobytes() == other.fit(X, Y).transform(X).tobytes()
    from_sparse = other.fit(sparse.csr_array(X), Y)
    np.testing.assert_allclose(from_sparse.transform(X), one.transform(X), atol=1e-3)
    one.save(tmp_path / "model")
    loaded: Any = sdae.load(tmp_path / "model")
    assert loaded.get_params() == one.get_params()
    assert loaded.predict(X).tobytes() == one.predict(X).tobytes()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_warm_start_goes_on() -> None:
    model = quick(SDAERegressor, solver="lbfgs", max_iter=5, warm_start=True).fit(X, X[:, 0])
    first = model.loss_
    model.fit(X, X[:, 0])
    assert model.loss_curve_[0] < first
    assert not any(model.pretraining_loss_curves_)


def test_early_stopping_sets_no_rows_aside() -> None:
    plain, stopping = (
        quick(SDAEClassifier, early_stopping=stops, **LONG).fit(X, Y) for stops in (False, True)
    )
    assert stopping.validation_scores_ is stopping.best_validation_score_ is None
    assert stopping.predict_proba(X).tobytes() == plain.predict_proba(X).tobytes()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_checkpoint_keeps_the_pretraining(tmp_path: Path) -> None:
    alone = quick(SDAEClassifier, solver="lbfgs").fit(X, Y)
    kept = quick(SDAEClassifier, solver="lbfgs", checkpoint=tmp_path).fit(X, Y)
    (folder,) = tmp_path.iterdir()
    assert {path.name.split("-")[0] for path in folder.glob("*.safetensors")} == {"pretraining"}
    again = quick(SDAEClassifier, solver="lbfgs", checkpoint=tmp_path).fit(X, Y)
    assert again.history_[:4] == kept.history_[:4]  # to the second: it was not done again
    for model in (kept, again):
        assert model.predict_proba(X).tobytes() == alone.predict_proba(X).tobytes()
    no_stage = quick(SDAEClassifier, solver="lbfgs", pretrain_epochs=0, checkpoint=tmp_path / "b")
    assert no_stage.fit(X, Y).n_iter_ == 4
    assert not (tmp_path / "b").exists()


def test_ctrl_c_keeps_the_last_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = fit_callbacks.Recorder.__call__

    def interrupt(recorder: Any, event: Any) -> None:
        usual(recorder, event)
        if recorder.records and recorder.records[-1].engine == "lbfgs":
            raise KeyboardInterrupt

    monkeypatch.setattr(fit_callbacks.Recorder, "__call__", interrupt)
    with pytest.warns(UserWarning, match="usable with the training so far"):
        model = quick(SDAEClassifier, **LONG).fit(X, Y)
    assert model.n_iter_ == 1
    assert model.network_.head.weight.any()


@pytest.mark.parametrize("kind", SUPERVISED)
@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("engine", "fused", "'auto' or 'autograd' with solver='lbfgs'"),
        ("engine", "closed_form", "'auto' or 'autograd' with solver='lbfgs'"),
        ("dropout", 0.5, "0 with solver='lbfgs'"),
        ("max_fun", 0, "an integer ≥ 1"),
        ("solver", "bfgs", "one of 'sgd', 'adam', 'adamw', 'nadam', 'rmsprop', 'lbfgs'"),
    ],
)
def test_what_does_not_go_with_it_is_named(
    kind: type[Any], name: str, value: object, text: str
) -> None:
    with pytest.raises(InvalidParameterError, match=f"{name} parameter of .* must be {text}"):
        quick(kind, **({"solver": "lbfgs"} | {name: value})).fit(X, Y)


@pytest.mark.parametrize("kind", [SDAETransformer, SDAEOutlierDetector])
def test_without_fine_tuning_there_is_none(kind: type[Any]) -> None:
    with pytest.raises(InvalidParameterError, match=r"solver parameter .* 'rmsprop'\. Got 'lbfgs'"):
        quick(kind, solver="lbfgs").fit(X)


@pytest.mark.parametrize("kind", SUPERVISED)
def test_it_takes_no_streams(kind: type[Any]) -> None:
    assert hasattr(quick(kind), "partial_fit")
    model = quick(kind, solver="lbfgs")
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'"):
        model.partial_fit(X, Y)
