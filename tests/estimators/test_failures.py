"""A fit that fails leaves the estimator as it was; what goes on must be the same network."""

from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from sdae import SDAEClassifier, SDAEOutlierDetector, SDAERegressor, SDAETransformer
from sdae.core.errors import DataError, TrainingDivergedError
from tests.estimators.helpers import ALL, answers, fitted, labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = rows()
Y = labels(X)


def said(model: Any) -> list[bytes]:
    return [answer.tobytes() for answer in answers(model, X)]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_fit_that_diverges_changes_nothing(kind: type, warm_start: bool) -> None:
    model = fitted(kind, warm_start=warm_start)
    before, history = said(model), model.history_
    wild = {"solver": "sgd", "pretrain_learning_rate": 1e30}
    if kind in (SDAEClassifier, SDAERegressor):
        wild["learning_rate_init"] = 1e30
    model.set_params(**wild)
    with pytest.raises(TrainingDivergedError), np.errstate(all="ignore"):
        model.fit(100 * X + 5, Y)
    assert said(model) == before
    assert model.history_ == history


def test_bad_targets_and_weights_change_nothing_and_cost_no_training() -> None:
    model = fitted(SDAEClassifier)
    before = said(model)
    names = np.array(["a", "b", "c", "d"])[np.arange(60) % 4]
    with pytest.raises(ValueError, match="expecting 5 features"):
        model.fit(X, names, X_unlabeled=X[:, :2])
    for weights in ({0: -1.0, 1: 1, 2: 1}, "balance", {7: 2.0}, {0: "x"}):
        with pytest.raises(ValueError, match="class_weight parameter of SDAEClassifier must be"):
            model.set_params(class_weight=weights).fit(X, Y)
    assert said(model) == before
    assert model.classes_.tolist() == [0, 1, 2]


def test_a_first_fit_that_fails_leaves_an_unfitted_estimator() -> None:
    model = quick(SDAEClassifier)
    with pytest.raises(ValueError, match="Unknown label type"):
        model.fit(X, np.linspace(0, 1, 60))
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(ValueError, match="among the classes"):
        model.partial_fit(X, Y, classes=[0, 1])
    assert model.partial_fit(X, Y, classes=[0, 1, 2]).predict(X).shape == (60,)


def test_after_fit_a_stream_does_not_pretrain_again() -> None:
    model = fitted(SDAEClassifier).partial_fit(X, Y)
    assert [record.layer for record in model.history_].count(None) == 5
    assert model.history_[-1].layer is None
    weights = [p.clone() for p in fitted(SDAETransformer).partial_fit(X).network_.parameters()]
    for ours, theirs in zip(weights, fitted(SDAETransformer).network_.parameters(), strict=True):
        assert (ours == theirs).all()


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("hidden_layer_sizes", (9, 4)), ("activation", "relu"), ("tied", False)],
)
def test_another_network_cannot_be_gone_on_with(parameter: str, value: object) -> None:
    model = fitted(SDAEClassifier, warm_start=True).set_params(**{parameter: value})
    for go_on in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=f"{parameter} parameter .* must be .* as in fit"):
            getattr(model, go_on)(X, Y)
    with pytest.raises(ValueError, match=r"must be .* as in fit"):
        model.save("nowhere.safetensors")


def test_a_layer_that_the_fitted_network_has_not_is_refused() -> None:
    model = fitted(SDAETransformer).set_params(hidden_layer_sizes=(6, 4, 3), layer=2)
    with pytest.raises(ValueError, match="layer parameter of SDAETransformer must be below"):
        model.transform(X)


def test_targets_of_another_shape_are_refused_when_going_on() -> None:
    model = quick(SDAERegressor, warm_start=True).fit(X, X[:, :3])
    with pytest.raises(DataError, match=r"y parameter .* must have shape \(n, 3\)"):
        model.fit(X, X[:, 4])


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_rows_far_beyond_the_training_data_have_finite_answers(kind: type) -> None:
    model = fitted(kind)
    for answer in answers(model, X * 1e39):
        assert np.isfinite(answer).all()


def test_the_most_extreme_rows_are_outliers() -> None:
    model = fitted(SDAEOutlierDetector)
    assert (model.predict(X * 1e30) == -1).all()


def test_columns_of_small_relative_spread_are_scaled_in_float64() -> None:
    x = np.column_stack([X, 1.7e9 + 100 * X[:, 0]])
    scale = quick(SDAETransformer).fit(x).scaling_.scale
    assert scale[5] == pytest.approx(100 * X[:, 0].std(), rel=1e-3)


def test_values_too_large_to_scale_are_refused() -> None:
    with pytest.raises(DataError, match="too large to scale"):
        quick(SDAETransformer).fit(X * 1e200)


def test_an_adaptive_rate_with_early_stopping_keeps_the_best_of_all_its_pieces() -> None:
    model = quick(
        SDAEClassifier,
        solver="sgd",
        learning_rate="adaptive",
        learning_rate_init=0.5,
        early_stopping=True,
        validation_fraction=0.3,
        n_iter_no_change=2,
        max_iter=60,
    ).fit(X, Y)
    assert model.validation_scores_ is not None
    from sklearn.model_selection import train_test_split

    _, watched = train_test_split(
        np.arange(60), test_size=0.3, random_state=model._seed % 2**32, stratify=Y
    )
    assert model.score(X[watched], Y[watched]) == pytest.approx(max(model.validation_scores_))


def test_a_regressor_with_the_fused_engine_is_pretrained_by_it() -> None:
    model = quick(
        SDAERegressor, engine="fused", batch_size=1, solver="sgd", momentum=0, alpha=0
    ).fit(X, X[:, 0])
    assert {r.engine for r in model.history_ if r.layer is not None} == {"fused"}
    assert {r.engine for r in model.history_ if r.layer is None} == {"compiled"}


def test_one_sigmoid_decoder_is_of_the_first_layer() -> None:
    unit = np.random.default_rng(0).random((40, 5))
    network = quick(SDAETransformer, decoder="sigmoid").fit(unit).network_
    assert [str(network.autoencoder(k).decoder) for k in range(2)] == ["sigmoid", "linear"]


def test_a_constant_target_is_predicted_exactly() -> None:
    model = quick(SDAERegressor).fit(X, np.full(60, 1 / 3))
    assert (model.predict(X) == 1 / 3).all()
