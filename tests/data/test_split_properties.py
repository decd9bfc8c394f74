"""Whatever the table, a split loses no row, doubles none, and keeps what belongs together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from sdae.core.errors import DataError, InvalidParameterError
from sdae.core.randomness import NoiseKey, Stream, generator
from sdae.data import Dataset
from sdae.data.splits import split_dataset
from sdae.data.table import checked_table

PROPERTIES = settings(max_examples=60, derandomize=True, deadline=None, database=None)
SHARES = st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.4, 0.7])
WIDE_SHARES = st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9])
SEEDS = st.integers(0, 2**63 - 1)
LABELS = st.lists(st.sampled_from(["cat", "dog", "elk"]), min_size=1, max_size=60)
COUNTS = st.lists(st.integers(1, 40) | st.integers(1, 5), min_size=2, max_size=8)
Parts = dict[str, list[int]]


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


def proportional_parts(y: NDArray[np.str_], validation: float, test: float, seed: int) -> Parts:
    """Cut as scikit-learn does, whatever becomes of rare classes: the plain reference."""
    remaining, parts = np.arange(len(y)), {}
    for number, (name, share) in enumerate((("test", test), ("validation", validation))):
        if share > 0:
            words = generator(NoiseKey(seed, Stream.SPLIT, number))
            _, cut = train_test_split(
                remaining,
                test_size=round(share * len(y)),
                random_state=int(words.integers(2**32)),
                stratify=y[remaining],
            )
            parts[name] = sorted(cut.tolist())
            remaining = np.setdiff1d(remaining, cut)
    return {**parts, "train": remaining.tolist()}


def parts_of(split: Dataset) -> Parts:
    tables = {"test": split.test, "validation": split.validation, "train": split.train}
    return {
        name: [int(n) for n in table.x[:, 0]] for name, table in tables.items() if table is not None
    }


@settings(PROPERTIES, max_examples=300)
@given(counts=COUNTS, validation=WIDE_SHARES, test=WIDE_SHARES, seed=SEEDS)
def test_every_class_is_in_every_part_where_there_is_room_and_other_splits_stay(
    counts: list[int], validation: float, test: float, seed: int
) -> None:
    if validation + test >= 1:
        return
    y = np.repeat([f"class {number}" for number in range(len(counts))], counts)
    sizes = [round(share * len(y)) for share in (test, validation) if share > 0]
    sizes.append(len(y) - sum(sizes))
    has_room = min(counts) >= len(sizes) and min(sizes) >= len(counts)
    split = cut(numbered(y.tolist(), len(y)), validation, test, seed)
    assert (split is not None) == (has_room or len(sizes) == 1)
    if split is None:
        return
    parts = parts_of(split)
    assert [len(part) for part in parts.values()] == sizes
    assert all(set(y[part]) == set(y) for part in parts.values())
    try:
        before = proportional_parts(y, validation, test, seed)
    except ValueError:  # of scikit-learn: the first cut left too little of a class for the second
        return
    if all(set(y[part]) == set(y) for part in before.values()):
        assert parts == before


@pytest.mark.parametrize(
    ("counts", "validation", "test", "rare_rows"),
    [
        ((60, 2), 0.9, 0.0, [1, 1]),
        ((90, 5, 5), 0.1, 0.0, [1, 4]),
        ((90, 3), 0.1, 0.1, [1, 1, 1]),
        ((200, 3), 0.45, 0.45, [1, 1, 1]),
        ((100, 50, 25, 12, 6, 3), 0.1, 0.1, [1, 1, 1]),
    ],
)
def test_a_rare_class_is_in_every_part_by_whatever_seed(
    counts: tuple[int, ...], validation: float, test: float, rare_rows: list[int]
) -> None:
    y = np.repeat(np.arange(len(counts)), counts).astype(str)
    for seed in range(30):
        split = split_dataset(
            numbered(y.tolist(), len(y)), validation=validation, test=test, seed=seed
        )
        parts = parts_of(split).values()
        assert [int((y[part] == y[-1]).sum()) for part in parts] == rare_rows
        assert all(set(y[part]) == set(y) for part in parts)
