"""Weights of rows and of classes: 0 is as if a row were not there; rows set aside are weighed."""

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, r2_score

from sdae import SDAEClassifier, SDAERegressor
from sdae.core.errors import DataError
from sdae.core.target_scaling import fit_target_scaling
from tests.estimators.helpers import SUPERVISED, labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EACH = pytest.mark.parametrize("kind", SUPERVISED, ids=lambda kind: kind.__name__)
FUSED = {"solver": "sgd", "momentum": 0, "alpha": 0, "batch_size": 1, "learning_rate_init": 0.01}
X = rows(80)
Y = labels(X)
COUNTS = np.random.default_rng(1).random(80) < 0.7


def state_of(model: Any) -> list[bytes]:
    scaling = [model.scaling_.offset, model.scaling_.scale]
    if isinstance(model, SDAERegressor):
        scaling += [model.target_scaling_.offset, model.target_scaling_.scale]
    parameters = [p.detach().numpy() for p in model.network_.parameters()]
    curves = [model.loss_curve_, model.validation_scores_ or []]
    return [np.asarray(array).tobytes() for array in (*scaling, *parameters, *curves)]


def spoiled(x: Any, y: Any, kind: type) -> tuple[Any, Any]:
    """Return rows and targets that would spoil a fit if those of weight 0 were looked at."""
    x, y = x.copy(), y.astype(float) if kind is SDAERegressor else y.copy()
    x[~COUNTS] *= 1000
    y[~COUNTS] = -999_999.0 if kind is SDAERegressor else 0
    return x, y


@EACH
@pytest.mark.parametrize("weights", ["equal", "unequal"])
@pytest.mark.parametrize(
    "parameters",
    [{}, {"early_stopping": True}, FUSED, {"batch_size": "auto", "scale": "minmax"}],
    ids=["defaults", "early stopping", "fused", "minmax"],
)
def test_rows_of_weight_0_are_as_if_they_were_not_there(
    kind: type, weights: str, parameters: dict[str, Any]
) -> None:
    x, y = spoiled(X, Y, kind)
    own = np.full(80, 3.0) if weights == "equal" else 0.1 + np.arange(80) % 7
    model = quick(kind, **parameters).fit(x, y, np.where(COUNTS, own, 0))
    given = None if weights == "equal" else own[COUNTS]
    without = quick(kind, **parameters).fit(x[COUNTS], y[COUNTS], given)
    assert state_of(model) == state_of(without)
    assert model.network_.hidden_layer_sizes == (6, 4)


@EACH
def test_so_are_sparse_rows_and_those_of_a_stream_and_of_a_warm_start(kind: type) -> None:
    x, y = spoiled(X, Y, kind)
    weights = np.where(COUNTS, 1.0 + np.arange(80) % 3, 0)
    own = weights[COUNTS]
    thin = sparse.csr_array(np.where(x > 0, x, 0))
    one = quick(kind, decoder="linear").fit(thin, y, weights)
    other = quick(kind, decoder="linear").fit(thin[COUNTS], y[COUNTS], own)
    assert state_of(one) == state_of(other)
    one, other = (quick(kind, warm_start=True) for _ in range(2))
    for _ in range(2):
        one.fit(x, y, weights)
        other.fit(x[COUNTS], y[COUNTS], own)
    assert state_of(one) == state_of(other)
    classes = {"classes": [0, 1, 2]} if kind is SDAEClassifier else {}
    one, other = quick(kind), quick(kind)
    for _ in range(2):
        one.partial_fit(x, y, sample_weight=weights, **classes)
        other.partial_fit(x[COUNTS], y[COUNTS], sample_weight=own, **classes)
    assert state_of(one) == state_of(other)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 5.0, 2: 0.5}], ids=str)
def test_class_weights_do_not_see_rows_of_weight_0(class_weight: Any) -> None:
    y = np.where(COUNTS, Y, 1)
    one = quick(SDAEClassifier, class_weight=class_weight).fit(X, y, COUNTS.astype(float))
    other = quick(SDAEClassifier, class_weight=class_weight).fit(X[COUNTS], Y[COUNTS])
    assert state_of(one) == state_of(other)


def test_a_class_of_weight_0_is_as_if_its_rows_were_not_there_and_stays_a_class() -> None:
    by_class = quick(SDAEClassifier, class_weight={1: 0.0}, pretrain_epochs=5).fit(X, Y)
    by_rows = quick(SDAEClassifier, pretrain_epochs=5).fit(X, Y, (Y != 1).astype(float))
    np.testing.assert_allclose(by_class.predict_proba(X), by_rows.predict_proba(X), rtol=1e-5)
    np.testing.assert_array_equal(by_class.scaling_.offset, by_rows.scaling_.offset)
    for model in (by_class, by_rows):
        assert model.classes_.tolist() == [0, 1, 2]
        assert 1 not in model.set_params(max_iter=50).fit(X, Y, (Y != 1) + 0.0).predict(X)


def test_a_dict_may_name_a_class_that_has_rows_of_weight_0_alone() -> None:
    weights = (Y != 2).astype(float)
    model = quick(SDAEClassifier, class_weight={0: 2.0, 2: 9.0}).fit(X, Y, weights)
    assert model.classes_.tolist() == [0, 1, 2]


def test_unlabelled_rows_of_weight_0_are_not_pretrained_on() -> None:
    y = np.where(np.arange(80) < 50, Y, -1)
    one = quick(SDAEClassifier, unlabeled_label=-1).fit(X, y, COUNTS + 0.0)
    other = quick(SDAEClassifier, unlabeled_label=-1).fit(X[COUNTS], y[COUNTS])
    assert state_of(one) == state_of(other)
    with pytest.raises(DataError, match="All rows with labels have weight 0, by sample_weight or"):
        quick(SDAEClassifier, unlabeled_label=-1).fit(X, y, (y == -1) + 0.0)


def test_balanced_classes_have_the_same_weight_as_scikit_learns_logistic_regression() -> None:
    """A column of zeros tells nothing, so that what is learned is each class's share."""
    x, y = np.zeros((200, 1)), np.repeat([0, 1], 100)
    weights = np.where(np.arange(200) < 150, 1.0, 1e-9)  # of class 1 half hardly counts
    expected = LogisticRegression(class_weight="balanced").fit(x, y, weights).predict_proba(x)
    model = SDAEClassifier((2,), class_weight="balanced", max_iter=300, tol=1e-6, random_state=0)
    np.testing.assert_allclose(model.fit(x, y, weights).predict_proba(x), expected, atol=0.02)


@EACH
@pytest.mark.parametrize("weights", [np.zeros(80), 0.0])
def test_zeros_alone_are_refused(kind: type, weights: Any) -> None:
    model = quick(kind).fit(X, Y)
    before = state_of(model)
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=r"(?i)sample.weight.*(above 0|non-zero)"):
            fit(X, Y, sample_weight=weights)
    assert state_of(model) == before


@pytest.mark.parametrize("factor", [1.0, 1e300, 1e-300])
def test_the_scaling_of_targets_counts_rows_by_their_weights(factor: float) -> None:
    targets = np.column_stack([X[:, 0], 100 + X[:, 1]])
    often = 1 + np.arange(80) % 3
    weighted = fit_target_scaling(targets, factor * often.astype(np.float64), "caller")
    repeated = fit_target_scaling(targets.repeat(often, axis=0), None, "caller")
    np.testing.assert_allclose(weighted.offset, repeated.offset, rtol=1e-12)
    np.testing.assert_allclose(weighted.scale, repeated.scale, rtol=1e-12)


def test_a_target_that_hardly_counts_hardly_changes_a_regressor() -> None:
    y = X[:, 0].copy()
    expected = quick(SDAERegressor, max_iter=100).fit(X[1:], y[1:])
    y[0] = -999_999
    weights = np.where(np.arange(80) == 0, 1e-20, 1.0)
    model = quick(SDAERegressor, max_iter=100).fit(X, y, weights)
    assert model.score(X[1:], y[1:]) == pytest.approx(expected.score(X[1:], y[1:]), abs=0.05)


def watched_rows(kind: type, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the function that tells which rows a fit sets aside, and the list it fills."""
    seen: list[Any] = []
    own = kind._set_aside  # type: ignore[attr-defined]

    def set_aside(self: Any, targets: Any, share: float) -> Any:
        parts = own(self, targets, share)
        seen.append(parts[1])
        return parts

    monkeypatch.setattr(kind, "_set_aside", set_aside)
    return seen


@EACH
def test_rows_set_aside_are_judged_by_their_weights(
    kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best score is that of the parameters kept, as ``score`` says with the weights."""
    y = Y if kind is SDAEClassifier else X[:, 0] + X[:, 1] ** 2
    weights = np.where(np.arange(80) % 2, 10.0, 0.01)
    class_weight = {0: 1.0, 1: 3.0, 2: 7.0}
    chosen = {"class_weight": class_weight} if kind is SDAEClassifier else {}
    model = quick(kind, early_stopping=True, validation_fraction=0.3, **chosen)
    seen = watched_rows(kind, monkeypatch)
    model.fit(X, y, weights)
    (watch,) = seen
    said, own = model.predict(X[watch]), weights[watch]
    if kind is SDAEClassifier:
        own = own * np.array([1.0, 3.0, 7.0])[y[watch]]
        assert max(model.validation_scores_) == pytest.approx(
            accuracy_score(y[watch], said, sample_weight=own)
        )
        assert max(model.validation_scores_) != pytest.approx(accuracy_score(y[watch], said))
    else:
        errors = ((said - y[watch]) / model.target_scaling_.scale) ** 2
        expected = 1 - np.average(errors, weights=own)
        assert max(model.validation_scores_) == pytest.approx(expected, rel=1e-4)
        assert expected != pytest.approx(r2_score(y[watch], said), rel=1e-3)


@pytest.mark.parametrize(
    ("counts", "fraction"), [((60, 2), 0.9), ((90, 5, 5), 0.1), ((50, 1, 20), 0.1), ((40, 3), 0.05)]
)
def test_early_stopping_keeps_every_class_on_both_sides(
    counts: tuple[int, ...],
    fraction: float,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    x = rows(len(y))
    for seed in range(5):
        model = quick(
            SDAEClassifier,
            early_stopping=True,
            validation_fraction=fraction,
            random_state=seed,
            pretrain_epochs=0,
            max_iter=1,
        )
        with monkeypatch.context() as patch:
            seen = watched_rows(SDAEClassifier, patch)
            model.fit(x, y)
        watched = np.bincount(y[seen[0]], minlength=len(counts))
        assert watched.sum() == np.ceil(fraction * len(y))
        assert (watched[np.array(counts) > 1] >= 1).all()
        assert (np.array(counts) - watched >= 1).all()
    told = [
        record.getMessage() for record in caplog.records if "none of the" in record.getMessage()
    ]
    assert len(told) == (5 if 1 in counts else 0)
    assert all("none of the 8 validation rows has class 1: the val" in text for text in told)


def test_early_stopping_says_which_classes_have_no_room(caplog: pytest.LogCaptureFixture) -> None:
    y = np.array(["a", "b", "c", "d", "e", "f"])[np.arange(12) % 6]
    quick(SDAEClassifier, early_stopping=True, validation_fraction=0.8, max_iter=1).fit(rows(12), y)
    told = [record.getMessage() for record in caplog.records if "early_stopping" in record.msg]
    assert len(told) == 1
    assert told[0].startswith("With early_stopping none of the 2 training rows has clas")
    assert len(told[0].split("class ")[1].split(":")[0].split(", ")) == 4


def test_weights_whose_sum_is_no_number_are_weights() -> None:
    x = rows(40)
    plain_fit = quick(SDAEClassifier, class_weight={0: 1.0, 1: 1.0, 2: 1.0}).fit(x, labels(x))
    large = quick(SDAEClassifier, class_weight={0: 1e308, 1: 1e308, 2: 1e308}).fit(x, labels(x))
    assert large.predict_proba(x).tobytes() == plain_fit.predict_proba(x).tobytes()
