"""``SDAEImputer``: what was observed stays, gaps are filled in kind, for any table."""

import copy
import pickle
import warnings
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sdae import SDAEImputer, load
from sdae.core.errors import DataError, InvalidParameterError

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (12,),
    "pretrain_epochs": 3,
    "random_state": 3,
    "batch_size": 32,
}


def quick(**parameters: Any) -> SDAEImputer:
    return SDAEImputer(**(QUICK | parameters))


def frame(n_rows: int = 90, seed: int = 0) -> Any:
    """Draw a table with a column of each type and gaps in all."""
    rng = np.random.default_rng(seed)
    size = rng.normal(170, 10, n_rows)
    table = pd.DataFrame(
        {
            "size": size,
            "weight": (size - 100 + rng.normal(0, 3, n_rows)).astype(np.float32),
            "visits": pd.array(rng.integers(0, 9, n_rows), dtype="Int64"),
            "smoker": pd.array(rng.random(n_rows) < 0.3, dtype="boolean"),
            "town": np.where(size > 170, "A", rng.choice(["B", "C"], n_rows)),
            "group": pd.Categorical(rng.choice(["x", "y", "z"], n_rows), ["z", "y", "x"]),
            "day": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 700, n_rows), "D"),
            "wait": pd.to_timedelta(rng.integers(0, 99, n_rows), "m"),
        }
    )
    for name in table.columns:
        table.loc[rng.random(n_rows) < 0.15, name] = None
    return table


TABLE = frame()


@cache
def fitted() -> SDAEImputer:
    """Return an imputer that has seen the table, to be read only; other tests need not wait."""
    return quick().fit(TABLE)


def same(one: Any, two: Any) -> bool:
    """Return whether two data frames of pandas are equal, gaps included."""
    try:
        pd.testing.assert_frame_equal(one, two)
    except AssertionError:
        return False
    return True


# -- what comes out ------------------------------------------------------------------------------


def test_observed_cells_are_unchanged_and_types_are_kept() -> None:
    filled = fitted().transform(TABLE)
    assert (filled.dtypes == TABLE.dtypes).all()
    assert filled.index.equals(TABLE.index)
    assert not filled.isna().any().any()
    for name in TABLE.columns:
        known = TABLE[name].notna()
        assert filled.loc[known, name].equals(TABLE.loc[known, name]), name
    assert set(filled["town"]) == {"A", "B", "C"}
    assert list(filled["group"].cat.categories) == ["z", "y", "x"]


@pytest.mark.parametrize("index", [range(7, 97), [f"row {k}" for k in range(90)], [3] * 90])
def test_any_index_of_pandas_stays(index: Any) -> None:
    table = TABLE.set_axis(index, axis=0)
    filled = fitted().transform(table)
    assert filled.index.equals(table.index)
    assert np.array_equal(filled["size"], fitted().transform(TABLE)["size"])


@pytest.mark.parametrize("form", ["polars", "arrow", "batch"])
def test_every_data_frame_comes_back_as_it_is(form: str) -> None:
    polars = pl.from_pandas(TABLE).with_columns(
        pl.col("day").cast(pl.Date), pl.col("group").cast(pl.Enum(["x", "y", "z"]))
    )
    table = polars if form == "polars" else polars.to_arrow()
    table = table.to_batches()[0] if form == "batch" else table
    imputer = quick().fit(table)
    filled = imputer.transform(table)
    assert isinstance(filled, pl.DataFrame if form == "polars" else pa.Table)
    if form == "polars":
        assert filled.schema == polars.schema
    again = filled if form == "polars" else pl.from_arrow(filled)
    assert sum(again.null_count().row(0)) == 0
    assert isinstance(again["day"][0], date)
    for name in polars.columns:
        known = polars[name].is_not_null()
        one, two = (each[name].filter(known) for each in (again, polars))
        if name == "group":  # Arrow has no type of fixed levels
            one, two = one.cast(pl.String), two.cast(pl.String)
        assert one.equals(two), name
    expected = quick().fit_transform(TABLE)  # the same network
    assert np.array_equal(again["size"].to_numpy(), expected["size"].to_numpy())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_arrays_stay_arrays(dtype: Any) -> None:
    X = np.random.default_rng(0).normal(size=(60, 4)).astype(dtype)
    holes = X.copy()
    holes[::7, 1] = holes[3, :] = np.nan
    before = holes.copy()
    filled = quick().fit_transform(holes)
    assert filled.dtype == dtype
    assert np.isfinite(filled).all()
    assert np.array_equal(filled[~np.isnan(holes)], X[~np.isnan(holes)])
    assert np.array_equal(holes, before, equal_nan=True)


def test_objects_stay_objects_of_their_type() -> None:
    X = TABLE[["size", "town", "smoker", "visits"]].astype(object).to_numpy()
    filled = quick().fit_transform(X)
    for column, kind in enumerate((float, str, bool, int)):
        assert all(isinstance(value, kind) for value in filled[:, column].tolist())


def test_whole_numbers_with_a_mark_for_missing_are_rounded() -> None:
    X = np.random.default_rng(0).integers(0, 50, (80, 3))
    X[::9, 1] = -1
    filled = quick(missing_values=-1).fit_transform(X)
    assert filled.dtype == X.dtype
    assert (filled[::9, 1] != -1).all()


def test_rows_without_gaps_in_fit_prepare_for_gaps_later() -> None:
    x = np.linspace(-1, 1, 300)
    X = np.stack([x, 2 * x, -x], axis=1)
    imputer = SDAEImputer(random_state=0, pretrain_epochs=100).fit(X)
    holes = X.copy()
    holes[::10, 1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        filled = imputer.transform(holes)
    assert np.abs(filled - X).max() < 0.2


# -- columns that say little ---------------------------------------------------------------------


@pytest.mark.parametrize("keep", [False, True])
def test_an_empty_column_is_left_out_or_filled_by_a_constant(keep: bool) -> None:
    table = TABLE[["size", "town"]].assign(empty=np.nan, none=pd.Series([None] * 90, dtype="str"))
    imputer = quick(keep_empty_features=keep, add_indicator=True).fit(table)
    later = table.assign(empty=np.where(np.arange(90) % 2, 7.5, np.nan))
    filled = imputer.transform(later)
    marks = [f"missingindicator_{name}" for name in table.columns]
    kept = ["size", "town", *(["empty", "none"] if keep else [])]
    assert list(filled.columns) == list(imputer.get_feature_names_out()) == [*kept, *marks]
    assert filled["missingindicator_empty"].tolist() == later["empty"].isna().tolist()
    if keep:
        assert filled["empty"].tolist() == [7.5 if k % 2 else 0.0 for k in range(90)]
        assert filled["none"].isna().all()


def test_a_constant_fills_its_gaps() -> None:
    table = TABLE[["size"]].assign(land="U", with_gaps=np.where(np.arange(90) % 3, 4.0, np.nan))
    filled = quick().fit(table).transform(table.assign(land=None))
    assert set(filled["land"]) == {"U"}
    assert set(filled["with_gaps"]) == {4.0}


def test_a_row_without_any_value_is_filled() -> None:
    nothing = TABLE.iloc[:3].copy()
    nothing.iloc[0] = None
    assert not fitted().transform(nothing).isna().any().any()
    empty = TABLE.iloc[:2].mask(np.ones((2, 8), bool))
    assert not fitted().transform(empty).isna().any().any()


def test_an_unseen_level_stays() -> None:
    table = TABLE.iloc[:9].copy()
    table.loc[2, "town"] = "elsewhere"
    filled = fitted().transform(table)
    assert filled.loc[2, "town"] == "elsewhere"


def test_a_category_without_the_level_that_fills_it_gets_it() -> None:
    table = TABLE.iloc[:20].copy()
    table["group"] = pd.Categorical([None] * 20, ["other"])
    filled = fitted().transform(table)["group"]
    assert set(filled) <= {"x", "y", "z"}
    enum = pl.from_pandas(TABLE.iloc[:20][["size", "town"]])
    imputer = quick().fit(enum)
    with pytest.raises(DataError, match=r"Column 'town' .* cannot hold"):
        imputer.transform(enum.with_columns(pl.Series("town", [None] * 20, pl.Enum(["q"]))))


# -- any table -----------------------------------------------------------------------------------

_COLUMNS = {
    "number": st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)),
    "whole": st.one_of(st.none(), st.integers(-50, 50)),
    "boolean": st.one_of(st.none(), st.booleans()),
    "text": st.one_of(st.none(), st.sampled_from(["a", "b", "c", "d"])),
    "day": st.one_of(st.none(), st.dates(date(1990, 1, 1), date(2030, 1, 1))),
}


@st.composite
def any_table(draw: Any) -> Any:
    """Draw a table of polars: any mix of kinds, any gaps."""
    n_rows = draw(st.integers(2, 12))
    kinds = draw(st.lists(st.sampled_from(sorted(_COLUMNS)), min_size=1, max_size=5))
    types = {
        "number": pl.Float64,
        "whole": pl.Int32,
        "boolean": pl.Boolean,
        "text": pl.String,
        "day": pl.Date,
    }
    return pl.DataFrame(
        [
            pl.Series(
                f"{kind} {k}",
                draw(st.lists(_COLUMNS[kind], min_size=n_rows, max_size=n_rows)),
                types[kind],
            )
            for k, kind in enumerate(kinds)
        ]
    )


@settings(max_examples=25, deadline=None)
@given(table=any_table())
def test_any_mix_of_kinds_is_filled_and_nothing_else_changes(table: Any) -> None:
    imputer = quick(hidden_layer_sizes=(4,), pretrain_epochs=1, keep_empty_features=True)
    if all(table[name].drop_nulls().n_unique() < 2 for name in table.columns):
        with pytest.raises(DataError, match="each is constant or empty"):
            imputer.fit(table)
        return
    filled = imputer.fit_transform(table)
    assert filled.schema == table.schema
    for name in table.columns:
        known = table[name].is_not_null()
        assert filled[name].filter(known).equals(table[name].filter(known))
        assert not known.any() or filled[name].null_count() == 0
    assert filled.equals(clone(imputer).fit_transform(table))


# -- promises ------------------------------------------------------------------------------------


def test_a_row_does_not_depend_on_other_rows() -> None:
    whole = fitted().transform(TABLE)
    for rows in (slice(0, 1), slice(5, 6), slice(17, 60)):
        assert same(fitted().transform(TABLE.iloc[rows]), whole.iloc[rows])
    other = TABLE.iloc[::-1]
    assert same(fitted().transform(other), whole.iloc[::-1])


def test_the_same_seed_gives_the_same_values() -> None:
    again = quick().fit(TABLE)
    assert same(again.transform(TABLE), fitted().transform(TABLE))
    for one, two in zip(again.impute(TABLE, 2), fitted().impute(TABLE, 2), strict=True):
        assert same(one, two)
    assert not same(quick(random_state=4).fit(TABLE).transform(TABLE), fitted().transform(TABLE))


def test_files_pickles_and_copies_give_it_back(tmp_path: Path) -> None:
    imputer = quick(add_indicator=True, max_iter=1).fit(TABLE)
    imputer.save(tmp_path / "imputer.safetensors")
    for again in (
        load(tmp_path / "imputer.safetensors"),
        pickle.loads(pickle.dumps(imputer)),
        copy.deepcopy(imputer),
    ):
        assert isinstance(again, SDAEImputer)
        assert same(again.transform(TABLE), imputer.transform(TABLE))
        assert same(again.impute(TABLE, 1)[0], imputer.impute(TABLE, 1)[0])
        assert list(again.get_feature_names_out()) == list(imputer.get_feature_names_out())
        assert again.hidden_errors_ == imputer.hidden_errors_
        assert again.constant_features_ == imputer.constant_features_ != ()
    load(tmp_path / "imputer.safetensors").save(tmp_path / "again.safetensors")
    first, second = (tmp_path / f"{name}.safetensors" for name in ("imputer", "again"))
    assert first.read_bytes() == second.read_bytes()


def test_columns_are_matched_by_name_and_come_in_the_order_of_fit() -> None:
    mixed = TABLE[TABLE.columns[::-1]].assign(more=1)
    assert same(fitted().transform(mixed), fitted().transform(TABLE))
    with pytest.raises(DataError, match=r"lacks columns? town"):
        fitted().transform(TABLE.drop(columns="town"))


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_gives_the_wanted_container(container: str) -> None:
    imputer = quick(add_indicator=True).set_output(transform=container).fit(TABLE)
    filled = imputer.transform(TABLE)
    assert isinstance(filled, pd.DataFrame if container == "pandas" else pl.DataFrame)
    assert list(filled.columns) == list(imputer.get_feature_names_out())
    X = TABLE[["size", "weight"]].to_numpy()
    of_array = quick().set_output(transform=container).fit_transform(X)
    assert list(of_array.columns) == ["x0", "x1"]


def test_a_warm_start_continues_with_the_network() -> None:
    once, more = quick(), quick(warm_start=True)
    first = more.fit(TABLE).network_.autoencoder(0).weight.detach().clone()
    more.fit(TABLE)
    assert not np.array_equal(first, more.network_.autoencoder(0).weight.detach())
    assert same(once.fit(TABLE).transform(TABLE), fitted().transform(TABLE))
    assert [record.epoch for record in more.history_] == [1, 2, 3]


def test_several_layers_are_trained_one_above_the_other() -> None:
    imputer = quick(hidden_layer_sizes=(12, 6), pretrain_epochs=(3, 2)).fit(TABLE)
    assert [(r.layer, r.epoch) for r in imputer.history_] == [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 1),
        (1, 2),
    ]
    assert not imputer.transform(TABLE).isna().any().any()


# -- columns that nothing predicts ---------------------------------------------------------------


def unrelated(n_rows: int = 400) -> Any:
    """Draw a table of which three columns say nothing of others, and nothing says them."""
    rng = np.random.default_rng(1)
    return related(n_rows).assign(
        noise=rng.normal(5, 2, n_rows),
        coin=rng.choice(["heads", "tails"], n_rows, p=[0.3, 0.7]),
        level=rng.choice(["p", "q", "r"], n_rows, p=[0.2, 0.5, 0.3]),
    )


def test_what_nothing_predicts_is_filled_by_mean_and_mode(tmp_path: Path) -> None:
    table = unrelated()
    imputer = SDAEImputer(random_state=0, pretrain_epochs=60).fit(table)
    assert set(imputer.constant_features_) == {"noise", "coin", "level"}
    holes = table.assign(noise=np.nan, coin=None, level=None, sign=None)
    for again in (imputer, _saved(imputer, tmp_path)):
        filled = again.transform(holes)
        assert np.allclose(filled["noise"], table["noise"].mean(), atol=1e-5)
        assert set(filled["coin"]) == {"tails"}
        assert set(filled["level"]) == {"q"}
        assert set(filled["sign"]) == {"+", "-"}
        shares = again.predict_proba(table, "level")
        assert np.allclose(shares, table["level"].value_counts(normalize=True)[["p", "q", "r"]])
        drawn = again.impute(holes, 1)[0]
        assert abs(drawn["noise"].std() - table["noise"].std()) < 0.3
        assert abs((drawn["coin"] == "tails").mean() - 0.7) < 0.08


def _saved(imputer: SDAEImputer, folder: Path) -> Any:
    imputer.save(folder / "imputer.safetensors")
    return load(folder / "imputer.safetensors")


def test_too_few_hidden_cells_leave_the_word_to_the_network() -> None:
    assert quick().fit(unrelated(12)).constant_features_ == ()


# -- draws ---------------------------------------------------------------------------------------


def related(n_rows: int = 400) -> Any:
    rng = np.random.default_rng(0)
    x = rng.normal(size=n_rows)
    return pd.DataFrame(
        {
            "x": x,
            "y": 3 * x + rng.normal(0, 1.0, n_rows),
            "sign": np.where(x + rng.normal(0, 0.3, n_rows) > 0, "+", "-"),
        }
    )


def test_draws_spread_as_the_residuals_do_and_follow_the_shares() -> None:
    table = related()
    imputer = SDAEImputer(random_state=0, pretrain_epochs=60).fit(table)
    holes = table.assign(y=np.nan, sign=None)
    drawn = imputer.impute(holes, m=12)
    values = np.stack([each["y"] for each in drawn])
    residual = values.std(axis=0, ddof=1).mean()
    assert 0.7 < residual < 1.5  # the noise of y has the standard deviation 1
    middle = np.abs(table["x"]) < 0.15
    plus = np.mean([(each["sign"] == "+")[middle].mean() for each in drawn])
    assert 0.3 < plus < 0.7
    far = table["x"] > 1
    assert np.mean([(each["sign"] == "+")[far].mean() for each in drawn]) > 0.9
    posterior = copy.deepcopy(imputer).set_params(sample_posterior=True).transform(holes)
    assert not np.allclose(posterior["y"], imputer.transform(holes)["y"])


def test_values_drawn_for_one_row_fit_one_another() -> None:
    table = related()
    imputer = SDAEImputer(random_state=0, pretrain_epochs=60).fit(table)
    drawn = imputer.impute(table.assign(x=np.nan, y=np.nan, sign=None), m=1)[0]
    assert drawn[["x", "y"]].corr().iloc[0, 1] > 0.5  # 0.95 in the table
    assert ((drawn["x"] > 0) == (drawn["sign"] == "+")).mean() > 0.75


def test_probabilities_are_those_of_levels() -> None:
    shares = fitted().predict_proba(TABLE, "town")
    assert fitted().categories_["town"].tolist() == ["A", "B", "C"]
    assert shares.shape == (90, 3)
    assert np.allclose(shares.sum(axis=1), 1)
    gaps = TABLE["town"].isna().to_numpy()
    place = shares.argmax(axis=1)
    if fitted().n_iter_ == 0:
        filled = fitted().transform(TABLE)["town"].to_numpy()
        assert (filled[gaps] == fitted().categories_["town"][place][gaps]).mean() > 0.6
    assert np.array_equal(shares, fitted().predict_proba(TABLE, 4))
    changed = TABLE.assign(town="A")  # the column itself is not asked
    assert np.array_equal(shares, fitted().predict_proba(changed, "town"))
    assert fitted().categories_["smoker"].tolist() == [False, True]
    assert fitted().predict_proba(TABLE).shape == (90, 2 + 3 + 3)
    with pytest.raises(InvalidParameterError, match=r"column parameter .* a binary or a category"):
        fitted().predict_proba(TABLE, "size")


def test_overimputation_names_each_column_with_its_rivals() -> None:
    table = related(150)
    found = quick(pretrain_epochs=60).overimpute(table, rate=0.2)
    assert [error.name for error in found] == ["x", "y", "sign"]
    assert [error.measure for error in found] == ["rmse", "rmse", "error rate"]
    assert 0.7 < found[1].simple < 1.4
    assert found[1].error < 0.8 * found[1].simple
    assert found[1].iterative < 0.8
    assert found[2].error < found[2].simple
    assert all(error.n_hidden > 10 for error in found)


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"max_iter": -1}, "max_iter parameter"),
        ({"corruption_levels": "much"}, "corruption_levels parameter"),
        ({"corruption_levels": (0.1, 2)}, "corruption_levels parameter"),
        ({"checkpoint": "folder"}, "checkpoint parameter"),
        ({"pretrain_epochs": "many"}, "pretrain_epochs parameter"),
        ({"weight_decay": -1.0}, "weight_decay parameter"),
    ],
)
def test_a_wrong_parameter_is_named(parameters: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidParameterError, match=named):
        quick(**parameters).fit(TABLE)


def test_what_cannot_be_learned_is_refused_in_words() -> None:
    with pytest.raises(NotFittedError):
        quick().transform(TABLE)
    with pytest.raises(DataError, match="each is constant or empty"):
        quick().fit(np.full((5, 2), np.nan))
    with pytest.raises(InvalidParameterError, match="m parameter"):
        fitted().impute(TABLE, 0)
    with pytest.raises(InvalidParameterError, match="rate parameter"):
        fitted().overimpute(TABLE, 1.0)


def test_training_makes_no_optimiser_of_pytorch_whose_import_takes_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("numba")
    made = lambda *_arguments, **_named: pytest.fail("an optimiser")  # noqa: E731 - one line
    monkeypatch.setattr(torch.optim.Optimizer, "__init__", made)
    assert same(quick().fit(TABLE).transform(TABLE), fitted().transform(TABLE))
