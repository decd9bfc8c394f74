"""Labels in several columns: any number of them may hold of a row."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import accuracy_score
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier

import sdae
from sdae import SDAEClassifier
from sdae.core.errors import DataError, InvalidParameterError
from sdae.core.kinds.heads import Head
from sdae.estimators.class_targets import is_multilabel
from tests.estimators.helpers import quick

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = make_multilabel_classification(n_samples=80, n_classes=4, random_state=0)


def learned(**parameters: Any) -> Any:
    usual = {"hidden_layer_sizes": (30,), "max_iter": 150, "learning_rate_init": 0.02}
    usual |= {"alpha": 0.0001, "dropout": 0}  # to learn the rows by heart
    return quick(SDAEClassifier, **(usual | parameters))


def test_each_label_has_a_probability_of_its_own() -> None:
    model = learned().fit(X, Y)
    p = model.predict_proba(X)
    assert p.shape == model.decision_function(X).shape == (80, 4)
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-model.decision_function(X))), rtol=1e-12)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(p))
    assert (model.predict(X) == (p > 0.5)).all()
    assert model.predict(X).dtype == np.int64
    assert model.score(X, Y) == accuracy_score(Y, model.predict(X)) > 0.9
    assert len(np.unique(p.sum(axis=1).round(3))) > 10
    assert model.network_.head_kind is Head.MULTILABEL


def test_attributes_and_shapes_are_those_of_the_perceptron() -> None:
    ours, theirs = learned().fit(X, Y), MLPClassifier((30,), max_iter=50).fit(X, Y)
    assert ours.classes_.tolist() == theirs.classes_.tolist() == [0, 1, 2, 3]
    assert ours.n_outputs_ == theirs.n_outputs_ == 4
    assert [c.shape for c in ours.coefs_] == [c.shape for c in theirs.coefs_]
    assert ours.predict(X).dtype == theirs.predict(X).dtype
    most_common = np.unique(Y, axis=0, return_counts=True)[1].max() / len(Y)
    assert cross_val_score(learned(), X, Y, cv=3).mean() > most_common + 0.1


@pytest.mark.parametrize(
    "form",
    [
        np.ndarray.tolist,
        lambda y: pytest.importorskip("pandas").DataFrame(y),
        sparse.csr_array,
        lambda y: y.astype(bool),
        lambda y: y.astype(float),
        lambda y: y.astype(object),
    ],
    ids=["list", "pandas", "sparse", "bool", "float", "object"],
)
def test_every_form_of_labels_gives_the_same(form: Any) -> None:
    model, other = quick(SDAEClassifier).fit(X, Y), quick(SDAEClassifier).fit(X, form(Y))
    assert model.predict_proba(X).tobytes() == other.predict_proba(X).tobytes()
    assert other.score(X, form(Y)) == model.score(X, Y)


def test_what_counts_as_several_columns() -> None:
    assert is_multilabel([[0, 1], [1, 0]])
    assert is_multilabel(Y)
    for y in (Y[:, 0], Y[:, :1], ["ab", "cd"], [[0], [1]], [[0, 1], [1]], "ab", None):
        assert not is_multilabel(y)


def test_rows_of_the_marker_are_for_pretraining_alone() -> None:
    few = np.arange(80) % 4 == 0
    marked = np.where(few[:, None], Y, -1)
    model = quick(SDAEClassifier, unlabeled_label=-1).fit(X, marked)
    every = np.vstack([X[few], X[~few]])
    apart = quick(SDAEClassifier, unlabeled_label=-1).fit(every, marked[np.argsort(~few)])
    assert len(model.pretraining_loss_curves_[0]) == 2
    assert model.predict(X).min() == 0
    assert apart.classes_.tolist() == model.classes_.tolist()
    alone = quick(SDAEClassifier, scale="none", pretrain_epochs=0, unlabeled_label=-1)
    alone.fit(X, marked)
    labelled = quick(SDAEClassifier, scale="none", pretrain_epochs=0).fit(X[few], Y[few])
    assert alone.predict_proba(X).tobytes() == labelled.predict_proba(X).tobytes()


def test_a_row_of_weight_zero_is_as_if_it_were_not_there() -> None:
    counts = np.arange(80) % 3 > 0
    weighted = quick(SDAEClassifier).fit(X, Y, counts.astype(float))
    without = quick(SDAEClassifier).fit(X[counts], Y[counts])
    assert weighted.predict_proba(X).tobytes() == without.predict_proba(X).tobytes()
    unequal = quick(SDAEClassifier).fit(X, Y, np.linspace(1, 2, 80))
    assert (
        unequal.predict_proba(X).tobytes()
        != quick(SDAEClassifier).fit(X, Y).predict_proba(X).tobytes()
    )


def test_early_stopping_counts_right_labels() -> None:
    model = learned(early_stopping=True, validation_fraction=0.25, max_iter=20).fit(X, Y)
    for score in model.validation_scores_:
        assert score * 80 == pytest.approx(round(score * 80))  # 20 rows of 4 labels
    assert max(model.validation_scores_) > 0.6


def test_a_stream_needs_no_classes_and_keeps_its_columns() -> None:
    model = quick(SDAEClassifier)
    for _ in range(3):
        model.partial_fit(X, Y)
    assert model.classes_.tolist() == [0, 1, 2, 3]
    announced = quick(SDAEClassifier).partial_fit(X, Y, classes=[0, 1, 2, 3])
    assert announced.n_iter_ == 1
    with pytest.raises(DataError, match=r"must have shape \(n, 4\), as in the first fit"):
        model.partial_fit(X, Y[:, 0])
    with pytest.raises(InvalidParameterError, match="as many as y has columns, 3"):
        model.partial_fit(X, Y[:, :3])
    with pytest.raises(InvalidParameterError, match="must be 0 to 3, the columns of y, or None"):
        quick(SDAEClassifier).partial_fit(X, Y, classes=[0, 1, 2])
    one = quick(SDAEClassifier).fit(X, Y[:, 0])
    with pytest.raises(DataError, match=r"must have shape \(n,\), as in the first fit"):
        one.partial_fit(X, Y)


def test_a_warm_start_goes_on_with_the_same_columns_alone() -> None:
    model = quick(SDAEClassifier, warm_start=True).fit(X, Y)
    first = model.loss_
    assert model.fit(X, Y).loss_ < first
    with pytest.raises(DataError, match="the same classes as in the previous"):
        model.fit(X, Y[:, :3])


def test_a_file_and_a_pickle_give_it_back(tmp_path: Path) -> None:
    model = quick(SDAEClassifier).fit(X, Y)
    model.save(tmp_path / "model")
    loaded: Any = sdae.load(tmp_path / "model")
    assert loaded.classes_.tolist() == [0, 1, 2, 3]
    assert loaded.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    assert loaded.predict(X).tobytes() == model.predict(X).tobytes()
    assert loaded.partial_fit(X, Y).n_iter_ == 5


@pytest.mark.parametrize(
    ("y", "parameters", "text"),
    [
        (Y * 2, {}, "must hold only 0 and 1.* Got 2 instead"),
        (np.where(Y > 0, "yes", "no"), {}, "must hold only 0 and 1.* Got '(yes|no)' instead"),
        (np.where(np.eye(80, 4) > 0, -1, Y), {"unlabeled_label": -1}, "holds -1 in all columns"),
        (np.full_like(Y, -1), {"unlabeled_label": -1}, "needs rows with labels"),
        (Y, {"class_weight": "balanced"}, "class_weight parameter .* None where y has several"),
    ],
)
def test_what_it_cannot_take_is_named(y: Any, parameters: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        quick(SDAEClassifier, **parameters).fit(X, y)
