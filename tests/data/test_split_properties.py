"""Whatever the table, a split loses no row, doubles none, and keeps what belongs together."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sdae.data import Dataset
from sdae.data.splits import split_dataset
from sdae.data.table import checked_table
from sdae.errors import DataError, InvalidParameterError

PROPERTIES = settings(max_examples=60, derandomize=True, deadline=None, database=None)
SHARES = st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.4, 0.7])
SEEDS = st.integers(0, 2**63 - 1)
LABELS = st.lists(st.sampled_from(["cat", "dog", "elk"]), min_size=1, max_size=60)


def numbered(labels: list[str] | None, n_rows: int) -> Dataset:
    y = None if labels is None else np.array(labels)
    return Dataset("d", checked_table(np.arange(float(n_rows))[:, None], y, "rows.npz"))


def cut(dataset: Dataset, validation: float, test: float, seed: int) -> Dataset | None:
    try:
        return split_dataset(dataset, validation=validation, test=test, seed=seed)
    except (DataError, InvalidParameterError):
        return None


def check_rows(split: Dataset, n_rows: int) -> list[int]:
    tables = [split.train, split.validation, split.test]
    parts = [[int(n) for n in table.x[:, 0]] for table in tables if table is not None]
    assert all(part and part == sorted(part) for part in parts)
    rows = [row for part in parts for row in part]
    assert sorted(rows) == list(range(n_rows))
    return rows


@PROPERTIES
@given(labels=LABELS, validation=SHARES, test=SHARES, seed=SEEDS)
def test_labelled_rows_are_cut_whole_with_every_class_in_every_part(
    labels: list[str], validation: float, test: float, seed: int
) -> None:
    split = cut(numbered(labels, len(labels)), validation, test, seed)
    if split is None:
        return
    check_rows(split, len(labels))
    assert (split.test is not None) == (test > 0)
    assert (split.validation is not None) == (validation > 0)
    for table in (split.train, split.validation, split.test):
        if table is not None:
            assert table.y is not None
            assert table.y.tolist() == [labels[int(n)] for n in table.x[:, 0]]
            assert set(table.y.tolist()) == set(labels)


@PROPERTIES
@given(n_rows=st.integers(20, 60), validation=SHARES, test=SHARES, seed=SEEDS)
def test_unlabelled_rows_are_cut_by_share_and_seed_alone(
    n_rows: int, validation: float, test: float, seed: int
) -> None:
    split = cut(numbered(None, n_rows), validation, test, seed)
    again = cut(numbered(None, n_rows), validation, test, seed)
    if split is None or again is None:
        assert validation + test >= 1
        assert split is again is None
        return
    assert check_rows(split, n_rows) == check_rows(again, n_rows)
    for table, share in ((split.validation, validation), (split.test, test)):
        assert (0 if table is None else table.n_rows) == round(share * n_rows)
