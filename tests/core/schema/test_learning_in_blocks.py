"""Schemas learned from blocks of rows: those of the whole table, for any blocks."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdae.core.errors import DataError
from sdae.core.schema import unfit
from sdae.core.schema.learning import learn_in_blocks, learn_schema
from sdae.core.schema.raw_table import ColumnType, RawColumn, RawTable
from sdae.core.schema.schema_options import SchemaOptions
from sdae.core.schema.table_schema import Schema
from tests.core.schema.tables import NAN, assert_same_schema, booleans, dates, numbers, table, texts

Cells = Sequence[Any]


def blocks_of(whole: RawTable, ends: Sequence[int]) -> Iterator[RawTable]:
    """Cut a table before some rows."""
    cuts = sorted({0, len(whole), *(end for end in ends if 0 < end < len(whole))})
    return (whole[first:last] for first, last in pairwise(cuts))


def outcome(learn: Callable[[], Schema]) -> Schema | str:
    try:
        return learn()
    except DataError as error:
        return str(error)


def cells(kind: str, n_rows: int) -> st.SearchStrategy[list[Any]]:
    each: dict[str, st.SearchStrategy[Any]] = {
        "bits": st.sampled_from([0.0, 1.0]),
        "whole": st.integers(-5, 5).map(float),
        "numbers": st.floats(-1e6, 1e6).map(lambda value: round(value, 3)),
        "times": st.integers(1_700_000_000, 1_700_000_400).map(float),
        "texts": st.sampled_from(["b", "a", "c", "ab", "Z"]),
        "many": st.integers(0, 99).map(str),
        "two": st.sampled_from(["no", "yes"]),
    }
    gap = None if kind in ("texts", "many", "two") else NAN
    value = each[kind]
    return st.lists(st.one_of(st.just(gap), value, value), min_size=n_rows, max_size=n_rows)


@st.composite
def tables(draw: st.DrawFn) -> RawTable:
    n_rows = draw(st.integers(1, 60))
    columns = []
    for place, kind in enumerate(draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))):
        values = draw(cells(kind, n_rows))
        declared = draw(st.booleans())
        if kind in ("texts", "many", "two"):
            columns.append(texts(f"c{place}", *values, declared=declared))
        elif kind == "times":
            as_dates = np.array(values, float)
            columns.append(RawColumn(f"c{place}", ColumnType.DATE, as_dates))
        else:
            columns.append(numbers(f"c{place}", *values, declared=declared))
    return table(*columns)


KINDS = ["bits", "whole", "numbers", "times", "texts", "many", "two"]


@pytest.mark.untraced
@settings(max_examples=200, deadline=None)
@given(
    whole=tables(),
    ends=st.lists(st.integers(1, 59), max_size=8),
    scale=st.sampled_from(["standard", "minmax", "none"]),
    most=st.sampled_from([2, 3, 50]),
    least=st.sampled_from([1, 2, 0.1]),
    unknown=st.sampled_from(["error", "infrequent_if_exist"]),
)
def test_any_blocks_give_the_schema_of_the_table(
    whole: RawTable, ends: list[int], scale: str, most: int, least: float, unknown: str
) -> None:
    options = SchemaOptions(
        scale=scale, max_categories=most, min_frequency=least, handle_unknown=unknown
    )
    expected = outcome(lambda: learn_schema(whole, options))
    found = outcome(lambda: learn_in_blocks(blocks_of(whole, ends), options))
    if isinstance(expected, str) or isinstance(found, str):
        assert found == expected
    else:
        assert_same_schema(found, expected)


CASES = {
    "gaps in one block only": [numbers("a", 1, 2, 3, 4, 5, NAN)],
    "a level that only the last block has": [texts("a", "x", "y", "z", "x", "y", "new")],
    "nothing in the first blocks": [numbers("a", *[NAN] * 4, 1, 2), texts("b", *[None] * 5, "x")],
    "0 and 1, and a 2 later": [numbers("a", 0, 1, 0, 1, 1, 2)],
    "two texts, and a third later": [texts("a", "x", "y", "x", "y", "y", "z")],
    "one value": [numbers("a", 7, 7, 7, 7, 7, 7), texts("b", *["x"] * 6)],
    "one value, and another later": [texts("b", *["x"] * 5, "y")],
    "0 and -0": [numbers("a", 0.0, -0.0, 0.0, 0.0, -0.0, 0.0)],
    "truth values": [booleans("a", 0, 1, NAN, 1, 1, 1)],
    "days, and an hour in the last": [dates("a", *["2020-01-01"] * 3, *["2024-01-02"] * 2,
                                            "2024-01-02T03:00")],
    "numbers that hardly differ": [numbers("a", 1e9, 1e9 + 1, 1e9, 1e9, 1e9 + 2, 1e9)],
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [1, 2, 4, 5, 6])
def test_what_one_block_does_not_show(case: str, size: int) -> None:
    whole = table(*CASES[case], numbers("other", *range(6)))
    options = SchemaOptions()
    blocks = blocks_of(whole, range(size, 6, size))
    assert_same_schema(learn_in_blocks(blocks, options), learn_schema(whole, options))


def test_scales_of_many_blocks_are_exact_where_numbers_hardly_differ() -> None:
    values = 1e12 + np.random.default_rng(0).integers(0, 100, 20_001)
    whole = table(numbers("a", *values))
    one = learn_schema(whole, SchemaOptions()).to_json()["columns"][0]["scale"]
    many = learn_in_blocks(blocks_of(whole, range(7, 20_001, 7)), SchemaOptions())
    scale = many.to_json()["columns"][0]["scale"]
    exact = values - 1e12
    assert scale["scale"] == pytest.approx(exact.std(), rel=1e-13)
    assert scale["scale"] == pytest.approx(one["scale"], rel=1e-13)
    assert scale["offset"] == pytest.approx(1e12 + exact.mean(), rel=1e-15)


@pytest.mark.parametrize("scale", ["robust", "quantile"])
def test_scales_that_need_all_values_are_refused_in_several_blocks(scale: str) -> None:
    whole = table(numbers("a", 1, 2, 3, 4))
    options = SchemaOptions(scale=scale)
    assert learn_in_blocks([whole], options).to_json() == learn_schema(whole, options).to_json()
    with pytest.raises(DataError, match="Use 'standard', 'minmax' or 'none'"):
        learn_in_blocks(blocks_of(whole, [2]), options)


def endless(column: Callable[[int], RawColumn]) -> Iterator[RawTable]:
    """Yield blocks without an end."""
    block = 0
    while True:
        yield table(column(block))
        block += 1


def test_texts_that_all_differ_end_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfit, "MOST_BYTES", 100_000)
    different = endless(lambda block: texts("id", *(f"{block}-{k}" for k in range(50))))
    with pytest.raises(DataError, match="text that differs from row to row in column id"):
        learn_in_blocks(different, SchemaOptions())


def test_levels_beyond_counting_end_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfit, "MOST_BYTES", 100_000)
    declared = endless(
        lambda block: texts("id", *(f"{block}-{k}" for k in range(50)), declared=True)
    )
    with pytest.raises(DataError, match=r"different levels in the first [\d,]+ rows of column"):
        learn_in_blocks(declared, SchemaOptions())


def test_types_are_those_of_the_rows_below_each_other() -> None:
    mixed = [table(numbers("a", 0, 1, whole=True)), table(booleans("a", 1, 0))]
    together = mixed[0].below(mixed[1])
    options = SchemaOptions()
    assert learn_in_blocks(mixed, options).to_json() == learn_schema(together, options).to_json()
    other = [table(numbers("a", 0, 1)), table(texts("a", "x", "y"))]
    with pytest.raises(DataError, match="held numbers in fit, but holds texts now"):
        learn_in_blocks(other, options)
