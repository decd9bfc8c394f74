"""Tables as they come: odd containers, types and names, and rows that fit did not see."""

import datetime as dt
import warnings
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from sdae import LadderClassifier, SDAEClassifier, SDAERegressor, SDAETransformer
from sdae.core.errors import DataError, InvalidParameterError
from sdae.core.user_warnings import DataWarning
from sdae.model_selection import LabelledKFold
from tests.estimators.helpers import labels, quick, rows

pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = rows()
Y = labels(X)
GAPS = np.where(np.arange(X.size).reshape(X.shape) % 11 == 3, np.nan, X)
N = len(X)
B = X[:, 0]


@pytest.mark.parametrize("kind", [SDAEClassifier, SDAERegressor])
@pytest.mark.parametrize("parameters", [{}, {"warm_start": True}])
def test_gaps_after_a_fit_without_any(kind: type, parameters: dict[str, Any]) -> None:
    model = quick(kind, **parameters)
    if parameters:
        model.fit(X, Y)
    else:
        model.partial_fit(X, Y, **({"classes": [0, 1, 2]} if kind is SDAEClassifier else {}))
    with pytest.warns(UserWarning, match="They count as masked: 0 in the network") as seen:
        model.fit(GAPS, Y) if parameters else model.partial_fit(GAPS, Y)
    assert [each.filename for each in seen if each.category is DataWarning] == [__file__]
    assert np.isfinite(model.predict(X).astype(float)).all()


def test_a_warning_names_the_line_of_the_user() -> None:
    model = quick(SDAEClassifier).fit(pd.DataFrame({"a": list("xyz") * 20, "b": B}), Y)
    new = pd.DataFrame({"a": [None], "b": [0.0]})
    for method in (model.predict, model.predict_proba, model.transform):
        with pytest.warns(UserWarning, match="missing values in column a") as seen:
            method(new)
        assert [each.filename for each in seen] == [__file__]


def test_numbers_that_were_0_and_1_may_be_others_later() -> None:
    table = pd.DataFrame({"k": np.arange(N) % 2, "s": ["a", "b"] * 30, "b": B})
    model = quick(SDAERegressor, max_iter=60).fit(table, 2.0 * table["k"])
    new = pd.DataFrame({"k": [0, 1, 0.5, 50], "s": "a", "b": 0.0})
    low, high, half, far = model.predict(new)
    assert low < half < high
    assert far == high
    stream = quick(SDAERegressor).partial_fit(table, table["k"])
    assert [column.kind for column in stream.schema_.columns] == ["number", "binary", "number"]


@pytest.mark.parametrize(
    "new",
    [
        pl.DataFrame({"a": [None], "b": [0.0]}),
        pa.table({"a": pa.nulls(1), "b": [0.0]}),
        pd.DataFrame({"a": [None], "b": [0.0]}),
        pd.DataFrame({"a": [np.nan], "b": [0.0]}),
    ],
)
def test_a_column_without_values_has_no_type(new: Any) -> None:
    table = pd.DataFrame({"a": ["x", "y", None] * 20, "b": B})
    model = quick(SDAEClassifier).fit(table, Y)
    expected = model.predict_proba(pd.DataFrame({"a": pd.Series([None], dtype=str), "b": [0.0]}))
    assert np.array_equal(model.predict_proba(new), expected)


def test_a_row_of_a_mixed_column_does_not_depend_on_others() -> None:
    table = pd.DataFrame({"a": np.array(["x", 1, True, 2.5] * 15, object), "b": B})
    model = quick(SDAEClassifier).fit(table, Y)
    together = model.predict_proba(table)
    for row in range(4):
        assert np.array_equal(model.predict_proba(table.iloc[[row]])[0], together[row])


def test_masked_arrays_have_gaps() -> None:
    masked = np.ma.array(X, mask=np.isnan(GAPS))
    model = quick(SDAEClassifier).fit(masked, Y)
    expected = quick(SDAEClassifier).fit(GAPS, Y)
    assert np.array_equal(model.predict_proba(masked), expected.predict_proba(GAPS))


@pytest.mark.parametrize(
    "form",
    [
        lambda x: [list(row) for row in x],
        lambda x: list(x),
        lambda x: x.astype(object),
        lambda x: np.where(np.isnan(x), None, x.astype(object)),
    ],
)
def test_lists_and_objects_are_arrays(form: Any) -> None:
    model = quick(SDAEClassifier).fit(form(GAPS), Y)
    expected = quick(SDAEClassifier).fit(GAPS, Y)
    assert np.array_equal(model.predict_proba(form(GAPS)), expected.predict_proba(GAPS))


def test_dates_of_python_are_dates() -> None:
    days = np.array([[dt.date(2020, 1, 1 + k % 28), float(b)] for k, b in enumerate(B)], object)
    assert quick(SDAEClassifier).fit(days, Y).schema_.columns[0].kind == "date"


def test_a_marker_comes_before_the_type() -> None:
    values = np.array([*B[:-2], "?", "?"], object)
    table = pd.DataFrame({"a": values, "b": B})
    model = quick(SDAEClassifier, missing_values="?").fit(table, Y)
    assert [column.kind for column in model.schema_.columns] == ["number", "number"]
    with pytest.raises(InvalidParameterError, match=r"missing_values parameter .* must be one"):
        quick(SDAEClassifier, missing_values=["?", "x"]).fit(table, Y)


def test_sparse_columns_of_pandas_are_numbers() -> None:
    dummies = pd.get_dummies(pd.Series(list("abc") * 20), sparse=True, dtype=float)
    assert quick(SDAEClassifier).fit(dummies, Y).schema_ is None
    mixed = dummies.assign(town=list("xyz") * 20)
    model = quick(SDAEClassifier).fit(mixed, Y)
    assert [column.kind for column in model.schema_.columns] == ["binary"] * 3 + ["category"]


@pytest.mark.parametrize("values", [X, GAPS])
def test_two_columns_of_one_name(values: Any) -> None:
    table = pd.DataFrame(np.hstack([values, values[:, :1]]), columns=list("abcdea"))
    with pytest.raises(DataError, match=r"has two columns named 'a'\. Rename one"):
        quick(SDAEClassifier).fit(table, Y)


@pytest.mark.parametrize(
    ("parameters", "x", "text"),
    [
        ({"categorical_features": "everything"}, X, "categorical_features parameter of SDAEC"),
        ({"scale": "quantile"}, sparse.csr_array(X), "scale parameter .* for sparse rows"),
    ],
)
def test_parameters_are_checked_for_every_kind_of_rows(
    parameters: dict[str, Any], x: Any, text: str
) -> None:
    with pytest.raises(InvalidParameterError, match=text):
        quick(SDAEClassifier, **parameters).fit(x, Y)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1e308, -1e308, None] * 20, "infinite or too large to scale in column a"),
        ([10**400, 1, None] * 20, "Column 'a' has an integer too large for a float64"),
    ],
)
def test_numbers_too_large_are_refused_by_name(values: list[Any], text: str) -> None:
    table = pd.DataFrame({"a": pd.Series(values, dtype=object), "b": B})
    with pytest.raises(DataError, match=text):
        quick(SDAEClassifier).fit(table, Y)


def test_categories_that_float64_would_merge_are_refused() -> None:
    table = pd.DataFrame({"a": np.array([2**53, 2**53 + 1, 2**53 + 2] * 20), "b": B})
    with pytest.raises(DataError, match=r"'a' is a category of integers beyond 2\*\*53"):
        quick(SDAEClassifier, categorical_features=["a"]).fit(table, Y)


def test_other_types_of_rows_without_labels() -> None:
    table = pd.DataFrame({"f": np.arange(N) % 2, "s": list("ab") * 30, "b": B})
    more = table.assign(f=table["f"].astype(bool))
    model = quick(SDAEClassifier).fit(table, Y, X_unlabeled=more)
    assert model.schema_.columns[0].kind == "binary"
    said = "'b' of X_unlabeled of SDAEClassifier holds texts, such as 'q', but numbers in X"
    with pytest.raises(DataError, match=said):
        quick(SDAEClassifier).fit(table, Y, X_unlabeled=table.assign(b="q"))
    empty = pd.DataFrame({"a": pd.Categorical([None] * N, categories=[0, 1, 2]), "b": B})
    there = pd.DataFrame({"a": [0, 1, 2] * 20, "b": B})
    kinds = quick(SDAETransformer).fit(pd.concat([there.assign(a=pd.Categorical(there["a"]))]))
    assert kinds.schema_.columns[0].kind == "category"
    found = quick(SDAEClassifier).fit(empty, Y, X_unlabeled=there)
    assert found.schema_.columns[0].kind == "category"


@pytest.mark.parametrize("kind", [SDAEClassifier, SDAERegressor, LadderClassifier])
def test_a_table_of_an_earlier_fit_does_not_matter_to_rows_without_labels(kind: type[Any]) -> None:
    settings: dict[str, Any] = {"hidden_layer_sizes": (6,), "random_state": 3}
    settings |= {"n_updates": 20} if kind is LadderClassifier else {"pretrain_epochs": 2}
    model, fresh = kind(**settings), kind(**settings)
    model.fit(pd.DataFrame({"s": list("ab") * 30, "b": B}), Y)
    answers = [each.fit(X, Y, X_unlabeled=X[:20]).predict(X) for each in (model, fresh)]
    assert (answers[0] == answers[1]).all()
    table = pd.DataFrame({"s": list("ab") * 30, "b": B})
    with pytest.raises(DataError, match="column"):
        model.fit(table, Y, X_unlabeled=table[["s"]])
    assert (model.predict(X) == answers[0]).all()


def test_whole_numbers_are_targets_too_in_a_cross_validation() -> None:
    y = np.arange(20.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(LabelledKFold(5, random_state=0).split(X[:20], y))) == 5
    with pytest.raises(DataError, match=r"y parameter of LabelledKFold.split must be given"):
        next(LabelledKFold().split(X))


@pytest.mark.parametrize("kind", [SDAEClassifier, SDAERegressor])
def test_score_needs_as_many_targets_as_rows(kind: type) -> None:
    model = quick(kind).fit(X, Y)
    for y, weight in ((Y[:50], None), (Y, [1, 2])):
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            model.score(X, y, sample_weight=weight)


def test_zeros_and_ones_come_back_as_they_are() -> None:
    table = pd.DataFrame({"whole": np.arange(N) % 2, "flag": np.arange(N) % 3 == 0, "b": B})
    model = quick(SDAETransformer).fit(table)
    values = model.reconstruct(table)
    assert {type(value) for value in values[:, 0]} == {int}
    assert {type(value) for value in values[:, 1]} == {bool}


def test_the_number_of_levels_may_have_no_limit() -> None:
    table = pd.DataFrame({"s": [f"level {k % 60}" for k in range(240)]})
    for most, n_levels in ((50, 50), (None, 60)):
        model = quick(SDAETransformer, max_categories=most).fit(table)
        assert model.schema_.blocks.levels == (n_levels,)
