"""Schemas: what is learned of each kind of column, and rows there and back again."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdae.core.errors import DataError
from sdae.core.schema.columns import IgnoredColumn
from sdae.core.schema.learning import learn_schema
from sdae.core.schema.level_columns import BinaryColumn, CategoryColumn
from sdae.core.schema.number_columns import DateColumn, NumberColumn
from sdae.core.schema.raw_table import RawColumn, RawTable
from sdae.core.schema.schema_options import SchemaOptions
from sdae.core.schema.table_schema import Schema
from tests.core.schema.tables import NAN, booleans, dates, mixed, numbers, table, texts

USUAL = SchemaOptions()


def learned(*columns: RawColumn, **options: Any) -> Schema:
    return learn_schema(table(*columns), SchemaOptions(**options))


def only(column: RawColumn, **options: Any) -> Any:
    """Return what is learned of one column; another makes the table usable."""
    return learned(column, numbers("other", *range(len(column.values))), **options).columns[0]


def test_numbers_are_standardised_from_what_is_there() -> None:
    schema = learned(numbers("a", 1, NAN, 3))
    x = schema.encode(table(numbers("a", 1, NAN, 3, 5)))
    assert x.tolist() == [[-1, 0], [0, 1], [1, 0], [3, 0]]
    assert schema.parts == ("a", "a is missing")


def test_booleans_and_zeros_and_ones_are_not_scaled() -> None:
    schema = learned(booleans("a", 0, 1, 1, 1), numbers("b", 0, 0, 0, 1))
    assert [type(column) for column in schema.columns] == [BinaryColumn, BinaryColumn]
    assert schema.encode(table(booleans("a", 1), numbers("b", 0))).tolist() == [[1, 0]]
    assert schema.blocks.gap_values == (0.75, 0.25)
    # a boolean may come as a number, and what lies beyond 0 and 1 counts as these
    assert schema.encode(table(numbers("a", 0, 7), booleans("b", 1, 1))).tolist() == [
        [0, 1],
        [1, 1],
    ]


def test_two_texts_are_binary_in_ascending_order() -> None:
    column = only(texts("sex", "m", "f", "m", None))
    assert column == BinaryColumn("sex", column.type, ("f", "m"), 2 / 3, has_gaps=True)


def test_texts_are_levels_and_an_unseen_one_is_none_of_them() -> None:
    schema = learned(texts("town", "B", "A", "C", "A"))
    x = schema.encode(table(texts("town", "A", "C", "D", "B")))
    assert x.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert schema.parts == ("town = A", "town = B", "town = C")


def test_rare_levels_share_a_component_and_unseen_ones_too() -> None:
    values = ["a"] * 5 + ["b"] * 4 + ["c"] * 2 + ["d"]
    column = only(texts("t", *values), max_categories=3)
    assert (column.levels, column.infrequent) == (("a", "b"), "c")
    schema = learned(texts("t", *values), max_categories=3)
    assert schema.encode(table(texts("t", "c", "d", "never", "b"))).tolist() == [
        [0, 0, 1],
        [0, 0, 1],
        [0, 0, 1],
        [0, 1, 0],
    ]
    assert only(texts("t", *values), min_frequency=3).levels == ("a", "b")
    assert only(texts("t", *values), min_frequency=0.2).levels == ("a", "b")
    assert only(texts("t", *values), max_categories=4).infrequent is None


def test_a_declared_number_is_a_category() -> None:
    column = only(numbers("code", 3, 1, 2, 3, declared=True))
    assert isinstance(column, CategoryColumn)
    assert column.levels == (1.0, 2.0, 3.0)
    assert column.parts == ["code = 1", "code = 2", "code = 3"]
    assert isinstance(only(numbers("code", 3, 1, 2, 3)), NumberColumn)
    named = only(numbers("code", 3, 1, 2, 3), categorical=frozenset(["code"]))
    assert named == column


def test_dates_have_the_cycles_that_they_go_through() -> None:
    one = only(dates("d", "2024-01-01", "2024-01-03", None))
    assert isinstance(one, DateColumn)
    assert (one.cycles, one.size, one.has_gaps) == ((), 1, True)
    assert only(dates("d", "2024-01-01", "2024-03-03")).cycles == ("week",)
    assert only(dates("d", "2022-01-01", "2024-03-03T12:00")).cycles == ("year", "week", "day")
    schema = learned(dates("d", "2024-01-01", "2024-03-03"))
    monday, next_monday = schema.encode(table(dates("d", "2024-01-01", "2024-01-08")))
    np.testing.assert_allclose(monday[1:], [0, 1], atol=1e-6)  # the week begins
    np.testing.assert_allclose(monday[1:], next_monday[1:], atol=1e-6)
    assert monday[0] < next_monday[0]


def test_what_tells_nothing_is_left_out() -> None:
    schema = learned(
        numbers("one", 7, 7, 7),
        texts("empty", None, None, None),
        numbers("a", 1, 2, 3),
        texts("same", "x", "x", "x"),
        texts("present", "x", None, "x"),
    )
    assert [type(column) for column in schema.columns][:2] == [IgnoredColumn, IgnoredColumn]
    assert schema.parts == ("a", "present = x", "present is missing")
    new = table(
        numbers("one", 8), texts("empty", "!"), numbers("a", 2), texts("same", "y"),
        texts("present", None),
    )  # fmt: skip
    assert schema.encode(new).tolist() == [[0, 0, 1]]
    values = schema.decoded_rows(np.array([[0.0, 1.0, 0.0]]))
    assert values.tolist() == [[7.0, None, 2.0, "x", "x"]]


def test_text_that_differs_from_row_to_row_is_refused_by_name() -> None:
    names = [f"name {k}" for k in range(30)]
    with pytest.raises(DataError, match=r"columns name, ticket: it looks like an identifier"):
        learned(texts("name", *names), numbers("a", *range(30)), texts("ticket", *names))
    levels = only(texts("name", *names), categorical=frozenset(["name"]), max_categories=4)
    assert levels.size == 4


def test_a_table_without_information_is_refused() -> None:
    with pytest.raises(DataError, match="no column in which rows differ"):
        learned(numbers("a", 1, 1), texts("b", None, None))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e200])
def test_numbers_that_cannot_be_scaled_are_refused_by_name(value: float) -> None:
    with pytest.raises(DataError, match=r"infinite or too large to scale in columns b, c\."):
        learned(numbers("a", 1, 2), numbers("b", value, 1), numbers("c", 1, value))


def test_columns_are_matched_by_name() -> None:
    schema = learned(numbers("a", 1, 3), texts("b", "x", "y"), numbers("c", 0, 4))
    x = schema.encode(table(numbers("a", 1), texts("b", "y"), numbers("c", 4)))
    other = table(numbers("z", 5), numbers("c", 4), texts("b", "y"), numbers("a", 1))
    assert np.array_equal(schema.encode(other), x)
    with pytest.raises(DataError, match=r"lacks columns a, c, which fit had. Its columns are: b"):
        schema.encode(table(texts("b", "y")))
    with pytest.raises(DataError, match="Column 'a' held numbers in fit, but holds texts now, su"):
        schema.encode(table(texts("a", "1"), texts("b", "y"), numbers("c", 4)))


def test_without_names_columns_are_matched_by_place() -> None:
    schema = learn_schema(
        table(numbers("x0", 1, 3), texts("x1", "a", "b"), named=False), SchemaOptions()
    )
    new = table(numbers("p", 1), texts("q", "b"))
    assert schema.encode(new).tolist() == [[-1, 1]]
    with pytest.raises(DataError, match="must have 2 columns, as in fit"):
        schema.encode(table(numbers("p", 1)))


def test_a_gap_that_fit_did_not_have_is_masked_with_one_warning() -> None:
    schema = learned(
        numbers("a", 1, 3),
        texts(
            "b",
            "x",
            "y",
        ),
        texts("c", *"uv"),
    )
    new = table(numbers("a", NAN, 3), texts("b", None, "y"), texts("c", "u", "v"))
    with pytest.warns(UserWarning, match="missing values in columns a, b, which had none") as seen:
        x = schema.encode(new)
    assert len(seen) == 1
    assert x.tolist() == [[0, 0.5, 0], [1, 1, 1]]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 0.6), st.sampled_from([1, 2, 7, 60]))
def test_any_table_goes_there_and_back(seed: int, gaps: float, n_rows: int) -> None:
    raw = mixed(60, seed, gaps)
    schema = learn_schema(raw, USUAL)
    part = raw[np.arange(n_rows)]
    x = schema.encode(part)
    assert x.shape == (n_rows, schema.blocks.n_components) == (n_rows, len(schema.parts))
    assert np.isfinite(x).all()
    assert np.array_equal(schema.encode(raw)[:n_rows], x)  # a row does not depend on others
    back = schema.decode(x)
    for column in part:
        if column.name not in back:
            continue
        there = ~column.missing
        found = back[column.name][there]
        if column.values.dtype == object:
            assert found.tolist() == column.values[there].tolist()
        else:
            np.testing.assert_allclose(found, column.values[there].astype(float), rtol=1e-5)
    again = Schema.of_json(json.loads(json.dumps(schema.to_json())))
    assert np.array_equal(again.encode(part), x)
    assert again.to_json() == schema.to_json()


@pytest.mark.parametrize("scale", ["standard", "robust", "quantile", "minmax", "none"])
def test_every_scale_goes_there_and_back(scale: str) -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.lognormal(size=500), [7.0] * 100])
    raw = table(numbers("a", *values), numbers("b", *rng.normal(size=600)))
    schema = learn_schema(raw, SchemaOptions(scale=scale))
    x = schema.encode(raw).astype(float)
    np.testing.assert_allclose(schema.decode(x)["a"], values, rtol=2e-3)
    again = Schema.of_json(json.loads(json.dumps(schema.to_json())))
    assert np.array_equal(again.encode(raw), x.astype(np.float32))
    match scale:
        case "quantile":
            assert abs(x[:500, 0].mean()) < 0.3
            assert (np.abs(x) <= 5.3).all()
        case "robust":
            low, middle, high = np.quantile(x[:, 0], (0.25, 0.5, 0.75))
            assert middle == pytest.approx(0, abs=1e-6)
            assert high - low == pytest.approx(1.349, abs=1e-3)
        case "minmax":
            assert x.min() == 0
            assert x.max() == 1


def test_a_quantile_scale_keeps_order_and_its_ends() -> None:
    raw = table(numbers("a", 5, 1, 3, 2, 4))
    schema = learn_schema(raw, SchemaOptions(scale="quantile"))
    x = schema.encode(table(numbers("a", -100, 1, 2, 3, 4, 5, 100)))[:, 0]
    assert (np.diff(x) >= 0).all()
    assert x[0] == x[1] == pytest.approx(-5.2, abs=0.01)
    assert x[3] == pytest.approx(0, abs=1e-6)


BAD: tuple[Any, ...] = (None, -1.5, "?", [], {}, [1, 1], 10**400, float("nan"), True)


def damaged() -> Any:
    usual = learn_schema(mixed(), USUAL).to_json()
    for name, value in (("named", 1), ("columns", []), ("columns", [{"kind": "odd"}])):
        yield {**usual, name: value}
    for k, column in enumerate(usual["columns"]):
        for name in column:
            for bad in BAD:
                entry = json.loads(json.dumps(usual))
                entry["columns"][k][name] = bad
                yield entry
        twice = json.loads(json.dumps(usual))
        twice["columns"].append(twice["columns"][k])
        yield twice


def test_a_damaged_schema_is_refused_or_means_something() -> None:
    raw, n_refused, n_tried = mixed(), 0, 0
    for entry in damaged():
        n_tried += 1
        try:
            schema = Schema.of_json(entry)
            x = schema.encode(raw)
        except (ValueError, LookupError, TypeError, OverflowError, AttributeError, DataError):
            n_refused += 1
            continue
        assert np.isfinite(x).all()
    assert n_refused > 0.8 * n_tried


def test_a_raw_table_picks_and_joins_rows() -> None:
    raw = mixed(10)
    both = raw[:4].below(raw[np.arange(4, 10)])
    assert both.shape == raw.shape
    for one, other in zip(both, raw, strict=True):
        assert one.values.tolist() == pytest.approx(other.values.tolist(), nan_ok=True) or (
            one.values.tolist() == other.values.tolist()
        )
    with pytest.raises(DataError, match="Column 'a' held numbers in fit, but holds texts now"):
        table(numbers("a", 1)).below(table(texts("a", "1")))
    with pytest.raises(DataError, match="same number of rows"):
        RawTable([numbers("a", 1), numbers("b", 1, 2)])


def test_levels_that_fit_did_not_see_are_refused_by_name_if_the_user_wants_it() -> None:
    town = texts("town", *"AAABBBCD")
    kind = numbers("kind", 1, 2, 3, 1, 2, 3, 1, 2, whole=True, declared=True)
    fit = (town, kind, texts("sex", *"mfmfmfmf"), booleans("b", 0, 1, 0, 1, 0, 1, 0, 1))
    schema = learned(*fit, min_frequency=2, handle_unknown="error")
    assert schema.columns[0].rare == ("D",)  # type: ignore[union-attr]
    entry = json.loads(json.dumps(schema.to_json()))
    assert entry["handle_unknown"] == "error"
    schema = Schema.of_json(entry)
    assert schema.to_json() == entry
    schema.encode(table(*fit))  # rare levels are known, and gaps are none
    empty = table(
        texts("town", None, "D"),
        numbers("kind", NAN, 3),
        texts("sex", None, "m"),
        booleans("b", 0, NAN),
    )
    with pytest.warns(UserWarning, match="missing values in columns b, kind, sex, town"):
        schema.encode(empty)
    new = table(
        texts("town", "E", "A", "F"),
        numbers("kind", 1, 7, 2),
        texts("sex", "m", "x", None),
        booleans("b", 0, 1, 1),
    )
    with pytest.raises(DataError) as error:
        schema.encode(new, "new rows")
    assert str(error.value) == (
        "new rows has levels that fit did not have in columns 'sex' ('x'), 'town' ('E', 'F'), "
        "'kind' ('7'). Mark them as missing, map them to levels of fit, or fit with "
        "handle_unknown='infrequent_if_exist'."
    )


def test_a_schema_of_defaults_has_the_bytes_of_before() -> None:
    entry = learned(texts("town", *"AABBC"), min_frequency=2).to_json()
    assert entry.keys() == {"named", "columns"}
    assert "rare" not in entry["columns"][0]
    assert Schema.of_json(entry).handle_unknown == "infrequent_if_exist"
    assert Schema.of_json(entry).left_out == ()
