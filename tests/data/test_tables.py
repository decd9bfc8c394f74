"""Tables: what every reader checks, and columns found by name."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sdae.core.errors import DataError
from sdae.data.table import Table, check_finite, checked_table, match_columns


def table(names: tuple[str, ...] | None = ("width", "height", "depth")) -> Table:
    return checked_table(np.arange(6.0).reshape(2, 3), None, "boxes.csv", names)


def test_a_table_has_contiguous_float32_rows_and_knows_its_size() -> None:
    made = checked_table(np.asfortranarray(np.arange(6).reshape(2, 3)), None, "boxes.csv")
    assert made.x.dtype == np.float32
    assert made.x.flags.c_contiguous
    assert (made.n_rows, made.n_features) == (2, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_the_first_value_that_is_no_finite_number_is_named_with_the_remedy(bad: float) -> None:
    x = np.zeros((4, 3))
    x[2, 1] = x[3, 0] = bad
    with pytest.raises(
        DataError, match=r"boxes.csv has 2 values .* row 3, column 'height'.*SimpleImputer.*drop"
    ):
        checked_table(x, None, "boxes.csv", ("width", "height", "depth"))


def test_without_names_the_column_of_a_bad_value_is_told_by_number() -> None:
    x = np.zeros((2, 3), np.float32)
    x[1, 2] = np.nan
    with pytest.raises(DataError, match=r"1 value missing.*row 2, column 3 \(both counted"):
        check_finite(x, "rows.npy")
    with pytest.raises(DataError, match=r"in row 2 \(counted from 1\), the column named '2'\."):
        check_finite(x, "rows.npy", ("0", "1", "2"))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_a_table_without_rows_or_columns_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(DataError, match=r"rows.npy is empty"):
        checked_table(np.zeros(shape), None, "rows.npy")


def test_rows_and_labels_of_different_number_are_refused() -> None:
    y: NDArray[np.int64] = np.zeros(2, np.int64)
    with pytest.raises(DataError, match="has 3 rows but 2 labels"):
        checked_table(np.zeros((3, 1)), y, "rows.npz")


def test_columns_are_put_in_the_order_of_the_names_and_others_are_dropped() -> None:
    matched = match_columns(table(), ("depth", "width"))
    assert matched.feature_names == ("depth", "width")
    assert matched.x.tolist() == [[2, 0], [5, 3]]
    assert matched.x.flags.c_contiguous
    assert match_columns(matched, ("depth", "width")) is matched


def test_a_missing_column_is_named_with_those_that_are_near() -> None:
    with pytest.raises(
        DataError, match=r"lacks 1 of the 2 columns.*'heigth'.*Similar names: height"
    ):
        match_columns(table(), ("width", "heigth"))


def test_columns_without_names_are_only_counted() -> None:
    nameless = table(None)
    assert match_columns(nameless, ("a", "b", "c")) is nameless
    with pytest.raises(DataError, match=r"must have 2 columns.*Got 3 columns without names"):
        match_columns(nameless, ("a", "b"))


def test_some_rows_keep_their_labels_and_are_called_a_part() -> None:
    whole = checked_table(np.arange(3.0)[:, None], np.array([7, 8, 9]), "rows.npz")
    part = whole.rows(np.array([0, 2]), "test")
    assert part.y is not None
    assert part.y.tolist() == [7, 9]
    assert part.source == "rows.npz (test)"
