"""Tables, sparse matrices, integers, memory maps, tiny and strange data."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from sdae import (
    SDAEClassifier,
    SDAEImputer,
    SDAEOutlierDetector,
    SDAERegressor,
    SDAETransformer,
)
from sdae.core.errors import DataError, InvalidParameterError
from tests.estimators.helpers import ALL, STREAMING, answers, labels, quick, rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NAMES = ["a", "b", "c", "d", "e"]


def tables() -> list[Any]:
    pandas, polars, pyarrow = (
        pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow")
    )
    columns = {name: rows()[:, k] for k, name in enumerate(NAMES)}
    return [pandas.DataFrame(columns), polars.DataFrame(columns), pyarrow.table(columns)]


def test_tables_of_three_libraries_say_the_same_as_an_array_and_have_names() -> None:
    x = rows()
    expected = quick(SDAEClassifier).fit(x, labels(x)).predict_proba(x)
    for table in tables():
        model = quick(SDAEClassifier).fit(table, labels(x))
        known = hasattr(StandardScaler().fit(table), "feature_names_in_")  # by this scikit-learn
        assert not known or model.feature_names_in_.tolist() == NAMES
        assert model.predict_proba(table).tobytes() == expected.tobytes()


def test_other_names_are_refused() -> None:
    table = tables()[0]
    model = quick(SDAETransformer).fit(table)
    with pytest.raises(ValueError, match="feature names should match"):
        model.transform(table.rename(columns={"a": "z"}))


def test_codes_come_as_a_table_where_wished() -> None:
    frame = quick(SDAETransformer).set_output(transform="pandas").fit_transform(tables()[0])
    assert list(frame.columns) == [f"sdaetransformer{k}" for k in range(4)]
    assert quick(SDAETransformer).set_output(transform="polars").fit_transform(rows()).shape == (
        60,
        4,
    )


@pytest.mark.parametrize("kind", STREAMING, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("scale", ["none", "minmax", "standard"])
def test_sparse_rows_are_as_good_as_dense_ones(kind: type, scale: str) -> None:
    x = rows()
    x[x < 0.4] = 0
    y = labels(x)
    dense = quick(kind, scale=scale, decoder="linear").fit(x, y)
    thin = quick(kind, scale=scale, decoder="linear").fit(sparse.csr_array(x), y)
    for one, other in zip(answers(dense, x), answers(thin, sparse.csr_matrix(x)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"categorical_features": [0]}, r"categorical_features .* None or 'from_dtype' for sparse"),
        (
            {"categorical_features": [77]},
            r"categorical_features .* Got \[77\] instead\. Give X\.to",
        ),
        ({"missing_values": 2}, r"missing_values .* must be NaN for sparse rows\. Got 2 instead"),
        ({"scale": "robust"}, "scale .* for sparse rows"),
    ],
)
def test_what_is_for_tables_is_refused_for_sparse_rows(
    parameters: dict[str, Any], complaint: str
) -> None:
    x = sparse.csr_array(rows())
    with pytest.raises(InvalidParameterError, match=complaint):
        quick(SDAEClassifier, **parameters).fit(x, labels(rows()))
    for usual in ({"categorical_features": None}, {"missing_values": None}):
        quick(SDAEClassifier, **usual).fit(x, labels(rows()))


@pytest.mark.parametrize("kind", STREAMING)
def test_gaps_of_sparse_rows_are_told_with_a_remedy(kind: type) -> None:
    x, y = sparse.csr_array(rows()), labels(rows())
    model, gappy = quick(kind).fit(x, y), x.copy()
    gappy.data[7] = np.nan
    complaint = f"sparse rows of {kind.__name__} must be without gaps. Give X.toarray"
    with pytest.raises(DataError, match=complaint):
        quick(kind).fit(gappy, y)
    with pytest.raises(DataError, match=complaint):
        model.transform(gappy) if kind is SDAETransformer else model.predict(gappy)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float32, np.uint8])
def test_numbers_of_any_type_are_taken(dtype: type) -> None:
    x: NDArray[Any] = (10 + 3 * rows()).astype(dtype)
    model = quick(SDAEClassifier).fit(x, labels(rows()))
    expected = quick(SDAEClassifier).fit(x.astype(np.float64), labels(rows()))
    np.testing.assert_allclose(
        model.predict_proba(x), expected.predict_proba(x.astype(np.float64)), rtol=1e-3
    )


def test_a_read_only_memory_map_is_taken(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", rows())
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    model = quick(SDAETransformer).fit(mapped)
    assert (
        model.transform(mapped).tobytes() == quick(SDAETransformer).fit_transform(rows()).tobytes()
    )


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    "x",
    [
        rows(5, 1),
        np.column_stack([rows(), np.full(60, 7.0)]),
        rows() * np.array([1e12, 1e-12, 1, 1e30, 1]),
        np.zeros((8, 3)),
    ],
    ids=["5 rows of 1 column", "a constant column", "columns far apart", "nothing but zeros"],
)
def test_strange_data_give_finite_answers(kind: type, x: Any) -> None:
    y = np.arange(len(x)) % 2
    if kind is SDAEImputer and not x.any():
        with pytest.raises(DataError, match="each is constant or empty"):
            quick(kind).fit(x)
        return
    for answer in answers(quick(kind).fit(x, y), x):
        assert np.isfinite(answer).all()


def test_data_within_the_unit_interval_stay_as_they_are_and_others_are_standardised() -> None:
    unit = np.random.default_rng(0).random((40, 5))
    model = quick(SDAETransformer).fit(unit)
    assert model.scaling_ is None
    assert str(model.network_.autoencoder(0).decoder) == "sigmoid"
    other = quick(SDAETransformer).fit(unit * 3)
    assert other.scaling_.kind == "standard"
    assert str(other.network_.autoencoder(0).decoder) == "linear"
    bounded = quick(SDAETransformer, decoder=("sigmoid", "auto")).fit(unit * 3)
    assert bounded.scaling_.kind == "minmax"


def test_cross_entropy_on_data_outside_the_unit_interval_is_refused() -> None:
    with pytest.raises(DataError, match="Set scale='minmax', or decoder='linear'"):
        quick(SDAETransformer, decoder="sigmoid", scale="none").fit(rows())


def test_a_regressor_gives_as_many_columns_as_it_was_given() -> None:
    x = rows()
    assert quick(SDAERegressor).fit(x, x[:, 0]).predict(x).shape == (60,)
    assert quick(SDAERegressor).fit(x, x[:, :1]).predict(x).shape == (60, 1)
    assert quick(SDAERegressor).fit(x, x[:, :3]).predict(x).shape == (60, 3)


def test_targets_far_from_zero_are_learned() -> None:
    x = rows(300)
    y = 1e6 + 1e3 * x[:, 0]
    model = SDAERegressor((50,), random_state=0, learning_rate_init=0.01, max_iter=100)
    assert model.fit(x, y).score(x, y) > 0.98


def test_outliers_are_the_share_that_contamination_says_and_contributions_add_up() -> None:
    x = rows(200)
    x[7, 2] = 40
    model = quick(SDAEOutlierDetector, contamination=0.05).fit(x)
    assert (model.predict(x) == -1).sum() == 10
    assert model.predict(x)[7] == -1
    contributions = model.feature_contributions(x)
    assert contributions[7].argmax() == 2
    np.testing.assert_allclose(contributions.sum(axis=1), -model.score_samples(x), rtol=1e-6)


@pytest.mark.parametrize("layer", [None, 0, "all"])
def test_codes_carry_back_to_rows(layer: object) -> None:
    x = rows()
    model = quick(SDAETransformer, layer=layer).fit(x)
    again = model.inverse_transform(model.transform(x))
    assert again.shape == x.shape
    if layer != 0:
        np.testing.assert_array_equal(again, model.reconstruct(x))
    with pytest.raises(ValueError, match=r"H has 3 columns, but transform of SDAETransformer"):
        model.inverse_transform(np.zeros((2, 3)))
