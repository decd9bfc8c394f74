"""``SDAEImputer``: what is filled has the type and the range that its column has."""

import copy
import datetime as dt
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sdae import SDAEImputer, load
from sdae.core.errors import DataError
from sdae.core.schema.raw_table import ColumnType
from sdae.estimators.cell_values import whole_numbers
from sdae.estimators.completing import Filling, completed

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

N = 60
RNG = np.random.default_rng(0)
A = RNG.normal(size=N)
GAPS = RNG.random(N) < 0.2
DAYS = np.datetime64("2020-01-01") + RNG.integers(0, 900, N)
ZONE = dt.timezone(dt.timedelta(hours=2))


def quick(**parameters: Any) -> SDAEImputer:
    few: dict[str, Any] = {"hidden_layer_sizes": (4,), "pretrain_epochs": 3, "random_state": 0}
    return SDAEImputer(**(few | parameters))


def numbers() -> NDArray[np.float64]:
    """Return rows of which the second column has gaps, (n, 3)."""
    return np.stack([A, np.where(GAPS, np.nan, 2 * A), -A], axis=1)


# -- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        pd.Index([0, 1, 2]),
        pd.Index([5, 3, 4], name="place"),
        pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)]),
        pd.date_range("2020-01-01", periods=3),
    ],
)
def test_names_of_columns_need_not_be_texts(names: Any) -> None:
    table = pd.DataFrame(numbers(), columns=names)
    imputer = quick()
    filled = imputer.fit_transform(table)
    assert filled.columns.equals(names)
    assert filled.columns.names == names.names
    expected = quick().fit_transform(numbers())
    assert np.array_equal(filled.to_numpy(), expected)
    assert all(each.columns.equals(names) for each in imputer.impute(table, m=2))


def test_marks_and_containers_of_columns_with_numbers_as_names() -> None:
    table = pd.DataFrame(numbers())
    marked = quick(add_indicator=True).fit_transform(table)
    assert list(marked.columns) == [0, 1, 2, "missingindicator_1"]
    assert marked["missingindicator_1"].tolist() == GAPS.tolist()
    for container in ("pandas", "polars"):
        filled = quick().set_output(transform=container).fit_transform(table)
        assert list(filled.columns) == ["0", "1", "2"]


# -- ranges --------------------------------------------------------------------------------------


@cache
def doubling() -> SDAEImputer:
    """Return an imputer that has learned 2 a and -a from a."""
    a = np.linspace(-300, 300, 300)
    return SDAEImputer(random_state=0, pretrain_epochs=60).fit(np.stack([a, 2 * a, -a], axis=1))


def as_form(x: NDArray[Any], form: str) -> Any:
    columns = {str(k): column.copy() for k, column in enumerate(x.T)}
    make = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}
    return x if form == "array" else make[form](columns)


def column_of(table: Any, place: int) -> NDArray[Any]:
    column = table[:, place] if isinstance(table, np.ndarray) else table[str(place)]
    return np.asarray(column)


@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("form", ["array", "pandas", "polars", "arrow"])
@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_what_is_filled_stays_in_the_range_of_whole_numbers(kind: Any, form: str) -> None:
    low, high = (int(bound) for bound in (np.iinfo(kind).min, np.iinfo(kind).max))
    imputer = copy.deepcopy(doubling()).set_params(missing_values=high)
    table = as_form(np.array([[high - 20, high, high]] * 3, kind), form)
    for filled in [imputer.transform(table), *imputer.impute(table, m=3)]:
        double, opposite = column_of(filled, 1), column_of(filled, 2)
        assert double.dtype == opposite.dtype == kind
        assert (double == high - 1).all()  # the largest number means "missing"
        expected = max(20 - high, low)
        assert np.abs(opposite.astype(int) - expected).max() < 60  # a draw


def test_the_range_of_every_type_of_whole_numbers() -> None:
    far = np.array([-1e30, 1e30, 7.4])
    filling = Filling("a", 0, ColumnType.NUMBER, np.ones(3, bool), far)
    for name in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"):
        bounds = np.iinfo(name.lower())
        filled = completed(pl.DataFrame({"a": [None] * 3}, {"a": getattr(pl, name)}), [filling])
        assert filled["a"].to_list() == [bounds.min, bounds.max, 7]
        assert filled["a"].dtype == getattr(pl, name)
        array = completed(np.zeros((3, 1), name.lower()), [filling])
        assert array[:, 0].tolist() == [bounds.min, bounds.max, 7]


def test_a_marker_gives_way_to_its_neighbour_on_the_side_of_the_value() -> None:
    assert whole_numbers([3.2, 2.8, 3.0, 9.0], -5, 5, 3) == [4, 2, 2, 5]
    assert whole_numbers([9.0, -9.0], -5, 5, 5) == [4, -5]
    assert whole_numbers([9.0, -9.0], -5, 5, -5.0) == [5, -4]
    assert whole_numbers([0.4, 2.6], -np.inf, np.inf, np.nan) == [0, 3]


# -- units of time -------------------------------------------------------------------------------


@pytest.mark.parametrize("backed", ["numpy", "pyarrow"])
@pytest.mark.parametrize("zone", [None, "Europe/Paris"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_keep_the_unit_of_their_column(unit: str, zone: str | None, backed: str) -> None:
    moments = pd.Series(DAYS.astype(f"datetime64[{unit}]"))
    column = (moments if zone is None else moments.dt.tz_localize(zone)).mask(GAPS)
    if backed == "pyarrow":
        column = column.astype(pd.ArrowDtype(pa.timestamp(unit, zone)))
    table = pd.DataFrame({"a": A, "day": column})
    filled = quick().fit_transform(table)["day"]
    assert filled.dtype == column.dtype
    assert filled[~GAPS].equals(column[~GAPS])
    assert ((filled >= column.min()) & (filled <= column.max())).all()


@pytest.mark.parametrize("backed", ["numpy", "pyarrow"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_lengths_of_time_keep_the_unit_of_their_column(unit: str, backed: str) -> None:
    column = pd.Series((1e5 * A).astype(f"timedelta64[{unit}]")).mask(GAPS)
    if backed == "pyarrow":
        column = column.astype(pd.ArrowDtype(pa.duration(unit)))
    filled = quick().fit_transform(pd.DataFrame({"a": A, "wait": column}))["wait"]
    assert filled.dtype == column.dtype
    assert not filled.isna().any()


def test_moments_are_rounded_to_the_unit_also_far_from_now() -> None:
    far = Filling("a", 0, ColumnType.DATE, np.ones(1, bool), np.array([250_000_000_000.0264]))
    short = Filling("a", 0, ColumnType.NUMBER, np.ones(1, bool), np.array([-0.0264]))
    for unit, micros in (("s", 0), ("ms", 26_000)):
        moments = pa.table({"a": pa.nulls(1, pa.timestamp(unit))})
        assert completed(moments, [far])["a"][0].as_py().microsecond == micros
        lengths = pa.table({"a": pa.nulls(1, pa.duration(unit))})
        assert completed(lengths, [short])["a"][0].as_py() == dt.timedelta(microseconds=-micros)


# -- objects -------------------------------------------------------------------------------------

OBJECTS: dict[str, list[Any]] = {
    "date": DAYS.tolist(),
    "moment": [dt.datetime(2020, 1, 1) + dt.timedelta(hours=int(k)) for k in range(N)],
    "zoned": [dt.datetime(2020, 1, 1, tzinfo=ZONE) + dt.timedelta(hours=k) for k in range(N)],
    "timestamp": [pd.Timestamp("2020-01-01", tz="UTC") + pd.Timedelta(k, "h") for k in range(N)],
    "length": [dt.timedelta(minutes=7 * k) for k in range(N)],
    "timedelta": [pd.Timedelta(7 * k, "min") for k in range(N)],
    "decimal": [Decimal(k) / 4 for k in range(N)],
    "whole": [3 * k for k in range(N)],
    "boolean": (A > 0).tolist(),
    "text": np.where(A > 0, "yes", "no").tolist(),
}


@pytest.mark.parametrize("form", ["pandas", "array"])
@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_get_values_of_their_own_type(kind: str, form: str) -> None:
    known = OBJECTS[kind]
    column = np.empty(N, object)
    column[:] = [None if gap else each for gap, each in zip(GAPS, known, strict=True)]
    table = pd.DataFrame({"a": A, "b": column}, index=[*range(30), *range(30)])
    table["b"] = pd.Series(column, table.index, object)
    filled = quick().fit_transform(table if form == "pandas" else table.to_numpy())
    values = filled["b"].tolist() if form == "pandas" else filled[:, 1].tolist()
    assert {type(each) for each in values} == {type(known[0])}
    assert min(known) <= min(values) <= max(values) <= max(known)
    if form == "pandas":
        assert filled["b"].dtype == object
        assert filled.index.equals(table.index)
    if kind == "zoned":
        assert all(each.utcoffset() == ZONE.utcoffset(None) for each in values)
    if kind == "decimal":
        assert all(each == round(each, 2) for each in values)


def test_numbers_of_several_types_among_objects_are_not_rounded() -> None:
    mixed = [None if gap else each for gap, each in zip(GAPS, [1, 2.5] * (N // 2), strict=True)]
    filled = quick().fit_transform(pd.DataFrame({"a": A, "b": pd.Series(mixed, dtype=object)}))
    assert any(each != round(each) for each in filled["b"][GAPS])


def test_decimals_of_arrow_keep_their_places() -> None:
    cents = [None if gap else Decimal(int(100 * a)) / 100 for gap, a in zip(GAPS, A, strict=True)]
    table = pa.table({"a": A, "b": pa.array(cents, pa.decimal128(10, 2))})
    filled = quick().fit_transform(table)
    assert filled.schema == table.schema
    assert filled["b"].null_count == 0


# -- dictionaries and sparse columns -------------------------------------------------------------

LEVELS: dict[str, list[Any]] = {
    "whole": [10 + k % 3 for k in range(N)],
    "number": [0.5 + k % 3 for k in range(N)],
    "text": ["pqr"[k % 3] for k in range(N)],
    "date": [dt.date(2020, 1, 1 + k % 3) for k in range(N)],
}


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        *((kind, form) for kind in LEVELS for form in ("categorical", "backed") if kind != "date"),
        *((kind, "arrow") for kind in LEVELS),
    ],
)
def test_dictionaries_are_filled_with_their_levels(kind: str, form: str) -> None:
    values = [None if gap else each for gap, each in zip(GAPS, LEVELS[kind], strict=True)]
    if form == "categorical":
        table = pd.DataFrame({"a": A, "b": pd.Categorical(values)}, index=np.arange(N) // 2)
    else:
        levels = pa.chunked_array([pa.array(values).dictionary_encode()])
        table = pa.table({"a": A, "b": levels})
        if form == "backed":
            table = pd.DataFrame({"a": A, "b": pd.Series(pd.arrays.ArrowExtensionArray(levels))})
    filled = quick().fit_transform(table)
    if form == "arrow":
        assert filled.schema == table.schema
    else:
        assert filled.dtypes.equals(table.dtypes)
        assert filled.index.equals(table.index)
    found = filled["b"].to_pylist() if form == "arrow" else filled["b"].tolist()
    assert set(found) <= set(LEVELS[kind])
    assert [each for gap, each in zip(GAPS, found, strict=True) if not gap] == [
        each for gap, each in zip(GAPS, LEVELS[kind], strict=True) if not gap
    ]


def test_a_dictionary_that_cannot_be_made_anew_is_refused_with_a_remedy() -> None:
    days = [None if gap else each for gap, each in zip(GAPS, LEVELS["date"], strict=True)]
    levels = pa.chunked_array([pa.array(days).dictionary_encode()])
    column = pd.Series(pd.arrays.ArrowExtensionArray(levels))
    with pytest.raises(DataError, match="or to one that is neither sparse nor a dictionary"):
        quick().fit_transform(pd.DataFrame({"a": A, "b": column}))


@pytest.mark.parametrize("fill", [0.0, np.nan])
def test_sparse_columns_are_numbers_and_stay_sparse(fill: float) -> None:
    values = np.where(GAPS, np.nan, np.where(A > 0, A, 0.0))
    sparse = pd.arrays.SparseArray(values, fill_value=fill)
    table = pd.DataFrame({"a": A, "b": sparse}, index=np.arange(N) // 2)
    filled = quick().fit_transform(table)
    assert filled.dtypes.equals(table.dtypes)
    dense = table.assign(b=values)
    expected = quick().fit_transform(dense)["b"]
    assert np.array_equal(filled["b"].to_numpy(float), expected)


# -- columns without a value ---------------------------------------------------------------------


@cache
def of_all_types() -> SDAEImputer:
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(N), "D")
    return quick().fit(
        pd.DataFrame({"a": A, "day": day, "sign": A > 0, "text": np.where(A > 0, "p", "q")})
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda columns: pd.DataFrame(columns, index=[7, 7]),
        lambda columns: pd.DataFrame(columns).astype({"day": float, "sign": float, "text": float}),
        pl.DataFrame,
        pa.table,
    ],
)
def test_an_empty_column_without_a_type_gets_that_of_fit(make: Any) -> None:
    empty: dict[str, Any] = {"a": [1.0, 2.0], "day": [None] * 2, "sign": [None] * 2}
    table = make(empty | {"text": [None] * 2})
    for filled in (of_all_types().transform(table), of_all_types().impute(table, m=1)[0]):
        days, signs, texts = (filled[name].to_numpy() for name in ("day", "sign", "text"))
        assert days.dtype.kind == "M"
        assert (days.astype("datetime64[Y]") == np.datetime64("2020")).all()
        assert signs.dtype == bool
        assert set(texts) <= {"p", "q"}
        if isinstance(table, pd.DataFrame):
            assert filled.index.equals(table.index)


def test_a_boolean_among_numbers_is_one_of_them() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0], "day": None, "sign": [1.0, np.nan], "text": "p"})
    filled = of_all_types().transform(table)
    assert filled["sign"].dtype == float
    assert filled["sign"][1] in (0.0, 1.0)


def test_a_constant_date_fills_a_column_of_dates_without_a_value() -> None:
    day = pd.Timestamp("2020-01-01")
    imputer = quick().fit(pd.DataFrame({"a": A, "day": day}))
    assert imputer.transform(pd.DataFrame({"a": [1.0], "day": [pd.NaT]}))["day"].tolist() == [day]


@pytest.mark.parametrize("form", ["pandas", "arrow", "array"])
@pytest.mark.parametrize("constant", [dt.datetime(2020, 1, 1, 12), True, 3.0, "x"])
def test_a_constant_fills_an_empty_column_without_a_type(
    constant: Any, form: str, tmp_path: Path
) -> None:
    table = pd.DataFrame({"a": A, "same": constant})
    new = pd.DataFrame({"a": [1.0, 2.0], "same": pd.Series([None] * 2, dtype=object)})
    imputer = quick().fit(table if form != "array" else table.to_numpy(object))
    imputer.save(tmp_path / "imputer.safetensors")
    for one in (imputer, load(tmp_path / "imputer.safetensors")):
        if form == "array":
            values = one.transform(new.to_numpy(object))[:, 1].tolist()
        else:
            filled = one.transform(new if form == "pandas" else pa.table(new))["same"]
            values = filled.to_pylist() if form == "arrow" else filled.tolist()
        assert values == [constant] * 2
        assert isinstance(values[0], type(constant))


# -- texts of a fixed width ----------------------------------------------------------------------


@pytest.mark.parametrize("marked", [False, True])
def test_texts_are_not_cut_to_the_width_of_the_rows(marked: bool) -> None:
    words = np.where(A > 0, "long", "wide")
    x = np.stack([np.where(GAPS, "", words), np.where(A > 0, "p", "q")], axis=1)
    imputer = quick(add_indicator=marked).fit(x)
    filled = imputer.transform(np.array([["", "p"], ["no", "q"]]))
    assert filled[0, 0] in ("long", "wide")
    assert filled[1, 0] == "no"
    assert filled[:, 2:].tolist() == ([["True"], ["False"]] if marked else [[], []])


# -- the order of columns ------------------------------------------------------------------------


def test_whether_columns_are_matched_by_name_is_settled_in_fit() -> None:
    table = pd.DataFrame(numbers(), columns=["a", "b", "c"])
    imputer = quick().fit(table)
    for other in (table[["c", "b", "a"]], table.assign(more="x"), table.assign(more=1.0)):
        with pytest.raises(ValueError, match="feature names should match"):
            imputer.transform(other)
    mixed = quick().fit(table.assign(text=np.where(A > 0, "p", "q")))
    batch = table.assign(text=None)
    expected = mixed.transform(batch)
    for text in (None, np.nan):
        other = table.assign(text=text, more=1.0)[["text", "c", "more", "b", "a"]]
        pd.testing.assert_frame_equal(mixed.transform(other), expected, check_dtype=False)
