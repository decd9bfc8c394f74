"""The kind of a column of texts: the same from all rows at once and from some at a time."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sdae.core.schema.raw_table import ColumnType, RawColumn
from sdae.data.tables.dialect import Numerals, dialects
from sdae.data.tables.options import ReadOptions
from sdae.data.tables.remarks import Remark
from sdae.data.tables.text_kinds import Evidence, typed
from sdae.data.tables.typed_texts import SEPARATOR, TextColumn

TEXTS = [
    "", "NA", "1", "0", "-3", "2.5", "1.234", "1,234", "1,5", "1.234,5", "1,234.5", "1e3", "inf",
    "007", "true", "False", "yes", "no", "x", " 4 ", "2024-01-02", "1 000", "-9",
]  # fmt: skip


def column(texts: Sequence[str]) -> TextColumn:
    return TextColumn("a", SEPARATOR.join(texts))


def in_parts(
    texts: Sequence[str], ends: Sequence[int], options: ReadOptions, numerals: Numerals
) -> tuple[RawColumn, list[str]]:
    cuts = sorted({0, len(texts), *(end for end in ends if 0 < end < len(texts))})
    parts = [column(texts[a:b]) for a, b in pairwise(cuts)]
    evidence = Evidence("a", options, numerals)
    for part in parts:
        evidence.add(part)
    remarks: list[Remark] = []
    kind = evidence.kind(numerals.decided, remarks)
    found = [kind.values(part, options) for part in parts]
    values = np.concatenate([each.values for each in found])
    first = found[0]
    whole = RawColumn("a", first.type, values, first.declared, first.whole)
    return whole, [remark.text for remark in remarks]


def assert_same(found: RawColumn, expected: RawColumn) -> None:
    assert (found.type, found.declared) == (expected.type, expected.declared)
    if expected.type is ColumnType.NUMBER and not expected.missing.all():
        assert found.whole == expected.whole
    np.testing.assert_array_equal(found.values, expected.values)


@settings(max_examples=400, deadline=None)
@given(
    texts=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=8).flatmap(
        lambda some: st.lists(st.sampled_from(some), min_size=1, max_size=20)
    ),
    ends=st.lists(st.integers(1, 19), max_size=5),
    decided=st.sampled_from([None, 0, 1]),
    options=st.sampled_from(
        [
            ReadOptions(),
            ReadOptions(decimal=","),
            ReadOptions(thousands=""),
            ReadOptions(na_values=frozenset({"-9", "x"})),
            ReadOptions(id=("a",)),
            ReadOptions(categorical=frozenset({"a"})),
        ]
    ),
)
@example(["true", "-9"], [1], None, ReadOptions(na_values=frozenset({"-9"})))
def test_the_kind_and_the_values_do_not_depend_on_the_parts(
    texts: list[str], ends: list[int], decided: int | None, options: ReadOptions
) -> None:
    possible = dialects(options)
    if len(possible) == 1:
        decided = 0
    numerals = Numerals(possible, None if decided is None else possible[decided])
    remarks: list[Remark] = []
    expected = typed(column(texts), options, numerals, remarks)
    found, said = in_parts(texts, ends, options, numerals)
    assert_same(found, expected)
    assert said == [remark.text for remark in remarks]


CASES: dict[str, tuple[list[str], Any, Any]] = {
    "whole numbers become floats": (["1", "2", "3.5"], ColumnType.NUMBER, False),
    "whole numbers stay whole": (["1", "2", "-7"], ColumnType.NUMBER, True),
    "thousands, and a later number decides": (["1,234", "5,678", "1.5"], ColumnType.NUMBER, False),
    "decimal commas, after numbers that both read": (
        ["1.234", "12", "1,5"],
        ColumnType.NUMBER,
        False,
    ),
    "numbers that nothing decides": (["1,234", "5,678", "12"], ColumnType.TEXT, False),
    "a text in the last row": (["1", "2", "x"], ColumnType.TEXT, False),
    "words for true and false": (["yes", "no", ""], ColumnType.BOOLEAN, False),
    "words of two kinds": (["yes", "no", "true"], ColumnType.TEXT, False),
    "codes": (["1", "2", "007"], ColumnType.TEXT, False),
}


@pytest.mark.parametrize("case", CASES)
def test_what_the_first_rows_do_not_show(case: str) -> None:
    texts, kind, whole = CASES[case]
    options = ReadOptions()
    found, _ = in_parts(texts, [1, 2], options, Numerals(dialects(options)))
    assert (found.type, found.whole) == (kind, whole)
    assert_same(found, typed(column(texts), options, Numerals(dialects(options)), []))


def test_the_first_text_that_is_no_date_is_named() -> None:
    options = ReadOptions(parse_dates=frozenset({"a"}))
    numerals = Numerals(dialects(options))
    _, said = in_parts(["2024-01-02", "then", "now"], [1, 2], options, numerals)
    assert len(said) == 1
    assert "'then', which is not a date" in said[0]
    found, said = in_parts(["2024-01-02", "", "2024-01-03"], [1, 2], options, numerals)
    assert (found.type, said) == (ColumnType.DATE, [])
