"""What users of scikit-learn's perceptrons read, pass and rely on."""

import inspect
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor

import sdae
from sdae import SDAEClassifier, SDAERegressor
from sdae.core.errors import DataError
from sdae.core.model_file import FORMAT
from sdae.core.tensor_file import read_tensors
from tests.estimators.helpers import ALL, SUPERVISED, fitted, labels, quick, rows
from tests.golden.test_golden import HERE as GOLDEN

X = rows()
Y = labels(X)
QUIET = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EACH = pytest.mark.parametrize("kind", SUPERVISED)


@pytest.mark.parametrize(
    ("ours", "theirs"), [(SDAEClassifier, MLPClassifier), (SDAERegressor, MLPRegressor)]
)
def test_every_parameter_of_theirs_is_there(ours: type, theirs: type) -> None:
    missing = set(inspect.signature(theirs).parameters) - set(inspect.signature(ours).parameters)
    assert not missing


@pytest.mark.parametrize("kind", ALL)
def test_a_constructor_names_its_parameters_and_clone_keeps_them(kind: type[Any]) -> None:
    parameters = inspect.signature(kind).parameters
    assert not {each.kind for each in parameters.values()} & {
        inspect.Parameter.VAR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    }
    positional = [n for n, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    usual = ["hidden_layer_sizes", "activation"]
    assert positional == (usual[:1] if kind is sdae.SDAEOutlierDetector else usual)
    assert set(kind().get_params()) == set(parameters)
    changed = kind((3, 2), beta_1=0.5, random_state=7)
    assert clone(changed).get_params() == changed.get_params()
    assert set(vars(changed)) == set(parameters)


@QUIET
@EACH
def test_weights_are_those_of_the_perceptron_in_shape_and_give_its_outputs(kind: type[Any]) -> None:
    model = fitted(kind, activation="relu", scale="none")
    h = X.astype(np.float32)
    for depth, (coef, intercept) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        h = h @ coef + intercept
        h = np.maximum(h, 0) if depth < 2 else h
    assert [c.shape for c in model.coefs_[:2]] == [(5, 6), (6, 4)]
    if kind is SDAEClassifier:
        np.testing.assert_allclose(h, model.decision_function(X), atol=1e-4)
    else:
        scaling = model.target_scaling_
        np.testing.assert_allclose(
            h[:, 0] * scaling.scale + scaling.offset, model.predict(X), atol=1e-4
        )
    assert model.n_outputs_ == model.coefs_[-1].shape[1] == len(model.intercepts_[-1])
    model.coefs_[0][:] = 0  # a copy
    assert model.coefs_[0].any()


@pytest.mark.parametrize("kind", SUPERVISED)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("given", "kept"), [("f4", "f4"), ("f8", "f8"), ("i8", "f8")])
def test_weights_come_in_the_type_of_the_rows(kind: type, given: str, kept: str) -> None:
    model = quick(kind).fit((10 * X).astype(given), Y)
    copies = [*model.coefs_, *model.intercepts_]
    assert {copy.dtype for copy in copies} == {np.dtype(kept)}
    assert np.array_equal(model.coefs_[0], model.network_.mlp[0].weight.detach().numpy().T)


@EACH
def test_before_fit_there_are_none(kind: type[Any]) -> None:
    for name in ("coefs_", "intercepts_", "loss_", "loss_curve_", "n_iter_", "best_loss_"):
        assert not hasattr(kind(), name)
        with pytest.raises(NotFittedError):
            getattr(kind(), name)


@QUIET
@EACH
def test_the_best_is_of_the_cost_or_of_the_scores(kind: type[Any]) -> None:
    plain, stopping = fitted(kind), fitted(kind, early_stopping=True)
    assert plain.best_loss_ == min(plain.loss_curve_)
    assert plain.validation_scores_ is plain.best_validation_score_ is None
    assert stopping.best_loss_ is None
    assert stopping.best_validation_score_ == max(stopping.validation_scores_)


@QUIET
@EACH
def test_without_an_end_to_patience_all_epochs_are_done(kind: type[Any], tmp_path: Path) -> None:
    model = quick(kind, n_iter_no_change=np.inf, tol=1e9, max_iter=25).fit(X, Y)
    assert model.n_iter_ == 25
    assert quick(kind, n_iter_no_change=2, tol=1e9, max_iter=25).fit(X, Y).n_iter_ < 25
    model.save(tmp_path / "model")
    loaded: Any = sdae.load(tmp_path / "model")
    assert loaded.n_iter_no_change == np.inf
    for wrong in (0, 2.5, -np.inf, np.nan, "inf"):
        with pytest.raises(ValueError, match=r"n_iter_no_change .* an integer ≥ 1, or infinity"):
            quick(kind, n_iter_no_change=wrong).fit(X, Y)


@EACH
def test_warnings_begin_as_theirs(kind: type[Any]) -> None:
    with pytest.warns(ConvergenceWarning, match=r"^Stochastic Optimizer: Maximum iterations \(4\)"):
        quick(kind).fit(X, Y)
    with pytest.warns(ConvergenceWarning, match="^lbfgs failed to converge after"):
        quick(kind, solver="lbfgs").fit(X, Y)


@EACH
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_warnings_point_at_the_call(kind: type[Any], solver: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        quick(kind, solver=solver).fit(X, Y)
    assert [each.filename for each in caught] == [__file__]


@EACH
def test_streams_and_early_stopping_exclude_each_other(kind: type[Any]) -> None:
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        quick(kind, early_stopping=True).partial_fit(X, Y)


@EACH
def test_a_validation_set_of_one_row_is_too_small(kind: type[Any]) -> None:
    model = quick(kind, early_stopping=True)
    with pytest.raises(DataError, match=r"The validation set is too small.*n_samples=10 "):
        model.fit(X[:10], Y[:10])
    assert not hasattr(model, "network_")


def test_a_warm_start_with_other_classes_is_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = quick(SDAEClassifier, warm_start=True).fit(X, Y)
        model.fit(X, Y)
    for other in (np.minimum(Y, 1), np.where(Y == 2, 3, Y)):
        with pytest.raises(DataError, match=r"warm_start can only .* got \[0 1 2\], `y` has \["):
            model.fit(X, other)


@QUIET
@pytest.mark.parametrize("label", [7, "yes"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_one_class_is_always_predicted(label: Any, solver: str, tmp_path: Path) -> None:
    model = quick(SDAEClassifier, solver=solver).fit(X, [label] * 60)
    model.save(tmp_path / "model")
    for each in (model, sdae.load(tmp_path / "model")):
        assert each.predict(X).tolist() == [label] * 60
        assert each.predict_proba(X).tolist() == [[1.0]] * 60
        assert each.predict_log_proba(X).tolist() == [[0.0]] * 60
        assert each.decision_function(X).shape == (60,)
        assert each.score(X, [label] * 60) == 1
        assert each.classes_.tolist() == [label]
    with pytest.raises(DataError, match="among the classes"):
        quick(SDAEClassifier).partial_fit(X, [label] * 59 + [label * 2], classes=[label])


@QUIET
def test_parameters_that_came_later_are_in_a_file_only_where_they_are_set(tmp_path: Path) -> None:
    for parameters, kept in (({}, set()), ({"max_fun": 9, "loss": "poisson"}, {"max_fun", "loss"})):
        quick(SDAERegressor, **parameters).fit(X, Y).save(tmp_path / "model")
        description, _ = read_tensors(tmp_path / "model", "model file", FORMAT)
        assert set(description["estimator"]["parameters"]) & {"max_fun", "loss"} == kept
    for name in ("classifier-1", "regressor-1"):
        path = GOLDEN / f"{name}.safetensors"
        loaded: Any = sdae.load(path)
        loaded.save(tmp_path / "again")
        before, now = (
            read_tensors(each, "model file", FORMAT)[0]["estimator"]
            for each in (path, tmp_path / "again")
        )
        assert json.dumps(now) == json.dumps(before)
