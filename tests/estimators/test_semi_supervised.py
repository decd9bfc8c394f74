"""Rows without labels: for pre-training alone, where nothing else is learned from them."""

from typing import Any

import numpy as np
import pytest

from sdae import LadderClassifier, SDAEClassifier, SDAERegressor
from sdae.core.errors import DataError, InvalidParameterError
from sdae.model_selection import LabelledKFold
from tests.estimators.helpers import labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = rows(80)
Y = labels(X)
LABELLED = np.arange(80) < 30


def parameters_of(model: SDAEClassifier | SDAERegressor) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in model.network_.parameters()]


def test_rows_marked_as_unlabelled_are_the_same_as_rows_given_apart() -> None:
    marked = quick(SDAEClassifier, unlabeled_label=-1).fit(X, np.where(LABELLED, Y, -1))
    apart = quick(SDAEClassifier).fit(X[LABELLED], Y[LABELLED], X_unlabeled=X[~LABELLED])
    assert parameters_of(marked) == parameters_of(apart)
    assert marked.classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("names", "marker"), [(np.array(["a", "b", "c"]), "?"), (np.array([10, 20, 30]), 99)]
)
def test_any_marker_will_do(
    names: "np.ndarray[tuple[int], np.dtype[np.str_]]", marker: object
) -> None:
    y = names[Y].astype(object) if isinstance(marker, str) else names[Y].copy()
    y[~LABELLED] = marker
    model = quick(SDAEClassifier, unlabeled_label=marker).fit(X, y)
    assert model.classes_.tolist() == names.tolist()
    assert set(model.predict(X)) <= set(names.tolist())


def test_pretraining_sees_all_rows_and_fine_tuning_only_the_labelled() -> None:
    alone = {"unlabeled_label": -1, "batch_size": 10, "semi_supervised": None}
    model = quick(SDAEClassifier, **alone)
    model.fit(X, np.where(LABELLED, Y, -1))
    changed = X.copy()
    changed[~LABELLED] += 0.5
    other = quick(SDAEClassifier, **alone)
    other.fit(changed, np.where(LABELLED, Y, -1))
    assert parameters_of(model) != parameters_of(other)
    # Without pre-training and scaling, rows without labels have no say at all.
    without = {"pretrain_epochs": 0, "scale": "none", **alone}
    one, two = (
        quick(SDAEClassifier, **without).fit(x, np.where(LABELLED, Y, -1)) for x in (X, changed)
    )
    assert parameters_of(one) == parameters_of(two)


def test_a_regressor_takes_rows_without_targets() -> None:
    with_more = quick(SDAERegressor).fit(X[:30], X[:30, 0], X_unlabeled=X[30:])
    alone = quick(SDAERegressor).fit(X[:30], X[:30, 0])
    assert parameters_of(with_more) != parameters_of(alone)
    assert with_more.predict(X).shape == (80,)


def test_without_any_label_there_is_an_error() -> None:
    with pytest.raises(DataError, match="All rows have the unlabeled_label -1"):
        quick(SDAEClassifier, unlabeled_label=-1).fit(X, np.full(80, -1))


def test_unlabelled_rows_need_the_same_columns() -> None:
    with pytest.raises(ValueError, match="X has 4 features, but SDAEClassifier is expecting 5"):
        quick(SDAEClassifier).fit(X, Y, X_unlabeled=X[:, :4])


@pytest.mark.parametrize("marker", ["-1", [1, 2]])
def test_a_marker_that_is_no_label_of_that_kind_is_refused(marker: object) -> None:
    with pytest.raises(ValueError, match=r"unlabeled_label parameter .* must be"):
        quick(SDAEClassifier, unlabeled_label=marker).fit(X, Y)


def test_numbers_and_a_text_as_the_marker_may_share_an_array_of_objects() -> None:
    y = Y.astype(object)
    y[~LABELLED] = "?"
    model = quick(SDAEClassifier, unlabeled_label="?").fit(X, y)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict(X).dtype == np.int64


@pytest.mark.parametrize("kind", [SDAEClassifier, LadderClassifier])
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize(
    ("marker", "type_"), [(True, int), (np.True_, float), (False, np.uint8), (1, bool), (0.0, bool)]
)
def test_true_is_not_one_and_false_is_not_zero(
    kind: type, marker: object, type_: type, several: bool
) -> None:
    y: Any = (X[:, :2] > 0 if several else X[:, 0] > 0).astype(type_)
    with pytest.raises(InvalidParameterError, match=r"unlabeled_label parameter .* of the type of"):
        kind(unlabeled_label=marker).fit(X, y)


def test_true_and_one_may_share_an_array_of_objects() -> None:
    y = np.array([1, 0, True, None] * 20, object)
    model = quick(SDAEClassifier, unlabeled_label=True).fit(X, y)
    assert model.classes_.tolist() == [0, 1]
    assert model.classes_.dtype == np.int64
    tested = [test for _, test in LabelledKFold(2, unlabeled_label=True).split(X, y)]
    assert sorted(np.concatenate(tested).tolist()) == [k for k in range(80) if k % 4 < 2]


def test_labels_that_are_false_and_true_may_be_marked_by_another_number() -> None:
    y = (X[:, 0] > 0).astype(object)
    y[~LABELLED] = None
    model = quick(SDAEClassifier, unlabeled_label=-1).fit(X, y)
    assert model.classes_.tolist() == [False, True]
    assert quick(SDAEClassifier, unlabeled_label=-1).fit(X, X[:, 0] > 0).score(X, X[:, 0] > 0) > 0.5
