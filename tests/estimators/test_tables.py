"""Tables with texts, dates and gaps: every estimator takes them, from every kind of data frame."""

import copy
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdae import (
    SDAEClassifier,
    SDAEOutlierDetector,
    SDAERegressor,
    SDAETransformer,
    load,
)
from sdae.core.errors import DataError, InvalidParameterError
from tests.estimators.helpers import answers, quick

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ALL = (SDAEClassifier, SDAERegressor, SDAETransformer, SDAEOutlierDetector)
EACH = pytest.mark.parametrize("kind", ALL)


def frame(n_rows: int = 80, seed: int = 0) -> Any:
    """Draw a table with a column of each type, and gaps in most."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "size": rng.normal(170, 10, n_rows),
            "town": rng.choice(["A", "B", "C"], n_rows),
            "smoker": rng.random(n_rows) < 0.3,
            "day": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 700, n_rows), "D"),
            "visits": pd.array(rng.integers(0, 9, n_rows), dtype="Int64"),
            "group": pd.Categorical(rng.choice(["x", "y", "z"], n_rows)),
            "wait": pd.to_timedelta(rng.integers(0, 99, n_rows), "m"),
            "weight": rng.normal(70, 9, n_rows).astype(np.float32),
        }
    )
    for name in ("size", "town", "day", "visits", "group", "wait"):
        table.loc[rng.random(n_rows) < 0.15, name] = None
    return table


TABLE = frame()
Y = np.where(TABLE["size"].fillna(170) > 170, "tall", "small")
TARGETS = {SDAERegressor: TABLE["weight"].to_numpy(float)}


def fitted(kind: Any, X: Any = TABLE, **parameters: Any) -> Any:
    return quick(kind, **parameters).fit(X, TARGETS.get(kind, Y))


def to_objects(table: Any) -> Any:
    """Return a table as an array of objects, as a user without data frames has it."""
    return table.astype(object).to_numpy()


FORMS: dict[str, Callable[[Any], Any]] = {
    "polars": pl.from_pandas,
    "arrow": lambda table: pl.from_pandas(table).to_arrow(),
    "batch": lambda table: pl.from_pandas(table).to_arrow().to_batches()[0],
    "pandas on arrow": lambda table: table.convert_dtypes(dtype_backend="pyarrow"),
    "nullable pandas": lambda table: table.convert_dtypes(),
}


@pytest.mark.parametrize("form", FORMS)
@EACH
def test_every_data_frame_means_the_same(kind: type, form: str) -> None:
    model = fitted(kind)
    other = FORMS[form](TABLE)
    for one, two in zip(answers(model, TABLE), answers(model, other), strict=True):
        assert np.array_equal(one, two)
    again = fitted(kind, other)
    assert again.schema_.blocks == model.schema_.blocks
    assert again.schema_.parts == model.schema_.parts
    for one, two in zip(answers(model, TABLE), answers(again, TABLE), strict=True):
        assert np.array_equal(one, two)


def test_an_array_of_objects_is_a_table_without_names() -> None:
    X = to_objects(TABLE)
    model = fitted(SDAEClassifier, X)
    assert model.n_features_in_ == 8
    assert not hasattr(model, "feature_names_in_")
    assert model.schema_.blocks == fitted(SDAEClassifier).schema_.blocks
    assert np.array_equal(model.predict_proba(X), fitted(SDAEClassifier).predict_proba(TABLE))
    rows = [list(row) for row in X]
    assert np.array_equal(model.predict_proba(rows), model.predict_proba(X))


@EACH
def test_files_pickles_and_copies_give_it_back(kind: type, tmp_path: Path) -> None:
    model = fitted(kind)
    model.save(tmp_path / "model.safetensors")
    for again in (
        load(tmp_path / "model.safetensors"),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
    ):
        assert again.schema_.to_json() == model.schema_.to_json()  # type: ignore[union-attr]
        assert again.feature_names_in_.tolist() == list(TABLE.columns)
        assert again.n_features_in_ == 8
        for one, two in zip(answers(model, TABLE), answers(again, TABLE), strict=True):
            assert np.array_equal(one, two)
    load(tmp_path / "model.safetensors").save(tmp_path / "again.safetensors")
    first, second = (tmp_path / f"{name}.safetensors" for name in ("model", "again"))
    assert first.read_bytes() == second.read_bytes()


@EACH
def test_a_row_does_not_depend_on_its_company(kind: type) -> None:
    model = fitted(kind)
    for row in (0, 17, 79):
        alone = answers(model, TABLE.iloc[[row]])
        for one, many in zip(alone, answers(model, TABLE), strict=True):
            assert np.array_equal(one[0], many[row])


@EACH
def test_columns_are_matched_by_name(kind: type) -> None:
    model = fitted(kind)
    shuffled = TABLE[TABLE.columns[::-1]].assign(more=1)
    for one, two in zip(answers(model, TABLE), answers(model, shuffled), strict=True):
        assert np.array_equal(one, two)
    with pytest.raises(DataError, match="lacks columns town, day, which fit had"):
        answers(model, TABLE.drop(columns=["town", "day"]))


def test_an_unseen_level_and_a_new_gap_are_no_errors() -> None:
    model = fitted(SDAEClassifier)
    new = TABLE.head(3).copy()
    new["town"] = ["Z", "A", None]
    new["weight"] = [70, np.nan, 80]
    with pytest.warns(UserWarning, match="missing values in column weight, which had none in fit"):
        assert np.isfinite(model.predict_proba(new)).all()


def test_another_type_is_an_error_that_names_the_column() -> None:
    model = fitted(SDAEClassifier)
    with pytest.raises(DataError, match="Column 'size' held numbers in fit, but holds texts now"):
        model.predict(TABLE.assign(size="tall"))
    with pytest.raises(DataError, match=r"Column 'size' is of type List.*Drop it"):
        fitted(SDAEClassifier, pl.from_pandas(TABLE).with_columns(size=pl.lit([1, 2])))
    with pytest.raises(DataError, match="Column 'size' holds values of type dict, which are"):
        fitted(SDAEClassifier, TABLE.assign(size=[{}] * 80))


def test_text_that_identifies_rows_is_refused_with_the_remedy() -> None:
    table = TABLE.assign(name=[f"person {k}" for k in range(80)])
    text = r"in column name: it looks like an identifier or like free text. Drop them.*skrub"
    with pytest.raises(DataError, match=text):
        fitted(SDAEClassifier, table)
    declared = fitted(SDAEClassifier, table, categorical_features=["name", "town"])
    assert declared.schema_.columns[-1].size == 50


@pytest.mark.parametrize(
    "declared",
    [["visits", "town"], [4, 1], [-4, 1], np.isin(TABLE.columns, ["visits", "town"])],
)
def test_a_declared_number_is_a_category(declared: Any) -> None:
    model = fitted(SDAEClassifier, categorical_features=declared)
    assert model.schema_.columns[4].kind == "category"
    assert "visits = 3" in model.schema_.parts
    assert fitted(SDAEClassifier, categorical_features=None).schema_.columns[4].kind == "number"


@pytest.mark.parametrize("declared", [["nobody"], [8], [True], "town", [[1]], 3.5])
def test_what_declares_no_columns_is_refused(declared: Any) -> None:
    with pytest.raises(InvalidParameterError, match="categorical_features parameter of SDAEClass"):
        fitted(SDAEClassifier, categorical_features=declared)


def test_a_blank_text_is_missing() -> None:
    blank = TABLE.assign(town=TABLE["town"].fillna(" "))
    assert np.array_equal(
        fitted(SDAEClassifier, blank).predict_proba(blank),
        fitted(SDAEClassifier).predict_proba(TABLE),
    )


def test_another_mark_of_missing_values() -> None:
    X = np.random.default_rng(0).normal(size=(80, 3))
    holes = X.copy()
    holes[::7, 1] = -999
    nan = np.where(holes == -999, np.nan, holes)
    model = fitted(SDAEClassifier, holes, missing_values=-999)
    expected = fitted(SDAEClassifier, nan)
    assert np.array_equal(model.predict_proba(holes), expected.predict_proba(nan))
    texts = TABLE.assign(town=TABLE["town"].fillna("?"))
    model = fitted(SDAEClassifier, texts, missing_values="?")
    assert np.array_equal(model.predict_proba(texts), fitted(SDAEClassifier).predict_proba(TABLE))


def test_rows_without_labels_may_have_gaps_and_levels_of_their_own() -> None:
    more = frame(60, seed=5)
    more["town"] = "D"
    shuffled = more[more.columns[::-1]]
    model = quick(SDAEClassifier).fit(TABLE, Y, X_unlabeled=shuffled)
    assert "town = D" in model.schema_.parts
    with pytest.raises(DataError, match="X_unlabeled of SDAEClassifier lacks column town"):
        quick(SDAEClassifier).fit(TABLE, Y, X_unlabeled=more.drop(columns="town"))
    X = np.random.default_rng(0).normal(size=(80, 3))
    holes = np.where(np.arange(240).reshape(80, 3) % 7, X, np.nan)
    model = quick(SDAEClassifier).fit(X, Y, X_unlabeled=holes)
    assert len(model.schema_.blocks.indicators) == 3


def test_numbers_without_gaps_give_the_network_of_before() -> None:
    X = TABLE[["weight"]].assign(other=np.arange(80.0))
    model = fitted(SDAEClassifier, X)
    assert model.schema_ is None
    assert model.network_.autoencoder(0).layout is None
    with pytest.warns(UserWarning, match=r"missing values in 1 column \(the first has the number"):
        gaps = model.predict_proba(X.assign(other=np.nan))
    mean = model.predict_proba(X.assign(other=X["other"].mean()))
    np.testing.assert_allclose(gaps, mean, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.* has missing values in 1 column")
@pytest.mark.parametrize("gap", [None, pd.NA, pd.NaT])
def test_gaps_among_objects_are_those_of_numbers(gap: Any) -> None:
    X = TABLE[["weight"]].assign(other=np.arange(80.0))
    new = X.assign(other=pd.Series([gap, *X["other"][1:]], X.index, dtype=object))
    model, plain = fitted(SDAEClassifier, X), fitted(SDAEClassifier, X.to_numpy())
    expected = model.predict_proba(X.assign(other=[np.nan, *X["other"][1:]]))
    assert np.array_equal(model.predict_proba(new), expected)
    assert np.array_equal(model.predict(new), model.classes_[expected.argmax(axis=1)])
    assert np.array_equal(plain.predict_proba(new.to_numpy(object)), expected)
    model.partial_fit(new, Y)
    assert new["other"].iloc[0] is gap


@pytest.mark.parametrize("scale", ["robust", "quantile"])
def test_scales_of_tables_are_for_numbers_too(scale: str) -> None:
    X = np.random.default_rng(0).lognormal(size=(80, 3))
    model = fitted(SDAEClassifier, X, scale=scale)
    assert model.schema_.columns[0].scale.name == scale
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.filterwarnings("ignore:.* has missing values in column")
def test_streams_learn_the_schema_from_their_first_rows() -> None:
    model = quick(SDAEClassifier)
    for part in np.split(np.arange(80), 4):
        model.partial_fit(TABLE.iloc[part], Y[part], classes=["small", "tall"])
    assert model.schema_.parts
    assert len(model.predict(TABLE)) == 80


def test_contributions_are_those_of_columns() -> None:
    model = fitted(SDAEOutlierDetector, TABLE.assign(constant=3))
    contributions = model.feature_contributions(TABLE.assign(constant=3))
    assert contributions.shape == (80, 9)
    assert (contributions[:, 8] == 0).all()
    missing = TABLE["town"].isna().to_numpy()
    assert (contributions[missing, 1] == 0).all()
    assert (contributions[~missing, 1] > 0).all()
    scores = model.score_samples(TABLE.assign(constant=3))
    np.testing.assert_allclose(contributions.sum(axis=1), -scores)


def test_reconstructions_are_values_of_the_table() -> None:
    model = fitted(SDAETransformer)
    values = model.reconstruct(TABLE)
    assert values.shape == (80, 8)
    assert set(values[:, 1]) <= {"A", "B", "C"}
    assert 100 < np.median(values[:, 0].astype(float)) < 240
    again = model.inverse_transform(model.transform(TABLE))
    assert again[:, 1].tolist() == values[:, 1].tolist()


def test_one_warning_is_all_that_is_said() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        fitted(SDAEClassifier, max_iter=2).predict(TABLE)
    assert {each.category.__name__ for each in seen} <= {"ConvergenceWarning"}


@EACH
def test_levels_that_fit_did_not_see_may_be_refused(kind: Any, tmp_path: Path) -> None:
    model = fitted(kind, handle_unknown="error", min_frequency=0.3)
    new = TABLE[:4].copy()
    answers(model, new)
    new.loc[2, "town"] = "D"
    new["group"] = new["group"].astype(object)
    new.loc[1, "group"] = "w"
    model.save(tmp_path / "model.safetensors")
    loaded = load(tmp_path / "model.safetensors")
    assert loaded.get_params()["handle_unknown"] == "error"
    for one in (model, loaded):
        with pytest.raises(DataError, match=r"in columns 'town' \('D'\), 'group' \('w'\)\. Mark"):
            answers(one, new)
    answers(fitted(kind), new)  # by default they are rare
    with pytest.raises(InvalidParameterError, match="handle_unknown"):
        fitted(kind, handle_unknown="ignore")
