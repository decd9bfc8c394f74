"""Rows without targets in regression, and in cross-validation."""

import warnings
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score

from sdae import LadderRegressor, SDAEClassifier, SDAERegressor
from sdae.core.errors import DataError
from sdae.model_selection import LabelledKFold, labelled_scorer
from tests.estimators.helpers import labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = rows()
Y = labels(X)
HIDDEN = np.arange(60) % 3 == 0
GAPS = np.where(HIDDEN, np.nan, X[:, 1])
CLASSES = np.array(["a", "b", "c"], object)[Y]
CLASSES[HIDDEN] = None


def test_rows_without_targets_are_pretrained_on_alone() -> None:
    model = quick(SDAERegressor, max_iter=30).fit(X, GAPS)
    apart = quick(SDAERegressor, max_iter=30).fit(X[~HIDDEN], GAPS[~HIDDEN])
    assert model.target_scaling_.offset == apart.target_scaling_.offset
    assert not np.array_equal(model.predict(X), apart.predict(X))
    assert model.score(X, GAPS) == model.score(X[~HIDDEN], GAPS[~HIDDEN])
    weights = np.where(HIDDEN, 1e9, 1.0)
    assert model.score(X, GAPS, weights) == pytest.approx(model.score(X, GAPS))
    weighted = quick(SDAERegressor, max_iter=30).fit(X, GAPS, sample_weight=weights)
    assert np.array_equal(weighted.predict(X), model.predict(X))


def test_predictions_have_the_shape_of_the_table_of_targets_with_and_without_gaps() -> None:
    for y in (X[:, [1]], GAPS[:, None]):
        for target in (y, pd.DataFrame(y, columns=["q"])):
            assert quick(SDAERegressor).fit(X, target).predict(X).shape == (60, 1)
        assert quick(SDAERegressor).fit(X, pd.Series(y[:, 0])).predict(X).shape == (60,)


def test_several_targets_of_a_row_are_all_there_or_all_missing() -> None:
    several = np.stack([GAPS, GAPS], axis=1)
    assert quick(SDAERegressor).fit(X, several).predict(X).shape == (60, 2)
    several[1, 0] = np.nan
    with pytest.raises(DataError, match="row 1 has some of its targets"):
        quick(SDAERegressor).fit(X, several)


@pytest.mark.parametrize("kind", [SDAERegressor, LadderRegressor])
@pytest.mark.parametrize(
    ("y", "got"),
    [
        (["1.5", "low", None] * 20, "'low'"),
        (np.array(["1.5", "NA"] * 30), "'NA'"),
        ([[1.0, 2.0], [3.0, "?"]] * 30, "'?'"),
        (pd.Series(["low", "high"] * 30, dtype="category"), "'low'"),
        (pd.DataFrame({"a": [1.0, 2.0] * 30, "b": [None, "x"] * 30}), "'x'"),
    ],
    ids=["list", "array", "several", "categories", "frame"],
)
def test_texts_are_no_targets_of_a_regression(kind: type, y: Any, got: str) -> None:
    with pytest.raises(DataError) as caught:
        kind().fit(X, y)
    assert str(caught.value) == (
        f"The y parameter of {kind.__name__} must hold numbers. Got {got} instead. Use a "
        "classifier for classes; a missing target is NaN or None."
    )


def test_texts_of_numbers_are_targets_and_others_are_not_scored() -> None:
    texts = np.array([f"{value:.17g}" for value in X[:, 1].tolist()], object)
    model = quick(SDAERegressor).fit(X, texts)
    assert np.array_equal(model.predict(X), quick(SDAERegressor).fit(X, X[:, 1]).predict(X))
    texts[3] = "three"
    with pytest.raises(DataError, match=r"SDAERegressor\.score must hold numbers\. Got 'three'"):
        model.score(X, texts)


DAYS = np.datetime64("2020-01-01", "ns") + np.arange(len(X)) * np.timedelta64(1, "D")


@pytest.mark.parametrize("kind", [SDAERegressor, LadderRegressor])
@pytest.mark.parametrize(
    ("y", "got"),
    [
        (DAYS, "2020-01-01T00:00:00.000000000"),
        (DAYS - DAYS[0], "0 nanoseconds"),
        (pd.Series(DAYS), "2020-01-01T00:00:00.000000000"),
        (pd.Series(DAYS).dt.tz_localize("UTC"), r"2020-01-01 00:00:00\+00:00"),
        (np.array(DAYS.astype("M8[D]").tolist(), object), "2020-01-01"),
    ],
    ids=["dates", "durations", "a series", "time zones", "objects"],
)
def test_dates_are_no_targets_since_their_numbers_depend_on_a_unit(
    kind: Any, y: Any, got: str
) -> None:
    with pytest.raises(DataError, match=f"must hold numbers. Got {got} instead, .* days, for"):
        kind((2,)).fit(X, y)


def test_a_stream_may_have_chunks_without_targets() -> None:
    model = quick(SDAERegressor).partial_fit(X, GAPS)
    before = len(model.history_)
    model.partial_fit(X, np.full(60, np.nan))
    assert len(model.history_) == before + 1  # of pre-training alone
    with pytest.raises(DataError, match="All rows of weight above 0 have missing values in y"):
        quick(SDAERegressor).fit(X, np.full(60, np.nan))


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("y", [CLASSES, np.where(HIDDEN, -1, Y), GAPS], ids=["None", "-1", "NaN"])
def test_folds_test_every_labelled_row_once_and_no_other(y: Any, shuffle: bool) -> None:
    marker = -1 if y.dtype.kind == "i" else None
    seed = 0 if shuffle else None
    folds = LabelledKFold(4, unlabeled_label=marker, shuffle=shuffle, random_state=seed)
    parts = list(folds.split(X, y))
    assert len(parts) == folds.get_n_splits() == 4
    assert sorted(np.concatenate([test for _, test in parts])) == np.flatnonzero(~HIDDEN).tolist()
    for train, test in parts:
        assert set(np.flatnonzero(HIDDEN)) <= set(train)
        assert not set(train) & set(test)
        assert len(train) + len(test) == 60
        if y is CLASSES:
            shares = [np.mean(y[test] == label) for label in "abc"]
            whole = [np.mean(y[~HIDDEN] == label) for label in "abc"]
            np.testing.assert_allclose(shares, whole, atol=0.15)
    assert [t.tolist() for _, t in folds.split(X, y)] == [t.tolist() for _, t in parts]


def test_a_cross_validation_scores_labelled_rows() -> None:
    folds = LabelledKFold(3, random_state=0)
    model = quick(SDAEClassifier, max_iter=60)
    assert cross_val_score(model, X, CLASSES, cv=folds).mean() > 0.6
    search = GridSearchCV(model, {"alpha": [0.001, 0.1]}, cv=folds).fit(X, CLASSES)
    assert set(search.predict(X)) <= {"a", "b", "c"}
    r2 = cross_val_score(quick(SDAERegressor, max_iter=60), X, GAPS, cv=folds).mean()
    assert r2 > 0.5


def test_a_scorer_leaves_out_rows_without_labels() -> None:
    known = ~HIDDEN
    model = LogisticRegression().fit(X[known], Y[known])
    marked = np.where(HIDDEN, -1, Y)
    for scoring in ("accuracy", "balanced_accuracy", "neg_log_loss"):
        scorer = labelled_scorer(scoring, unlabeled_label=-1)
        alone = labelled_scorer(scoring)(model, X[known], Y[known])
        assert scorer(model, X, marked) == alone
    with pytest.raises(DataError, match="y parameter of labelled_scorer has no labels"):
        labelled_scorer("accuracy")(model, X, np.full(60, np.nan))


def test_rows_without_labels_in_other_units_are_warned_of() -> None:
    model = quick(SDAEClassifier)
    with pytest.warns(UserWarning, match="other units than X: the mean of columns x1, x3 lies far"):
        model.fit(X, Y, X_unlabeled=X * [1, 1e4, 1, 1, 1] + [0, 1e5, 0, -1e3, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, Y, X_unlabeled=rows(40, seed=3) * 1.5)
