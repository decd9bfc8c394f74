"""Rows on their way to a step: checked once, delivered a minibatch at a time."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdae.core.errors import DataError
from sdae.core.minibatches import Minibatch, minibatches, n_batches
from sdae.core.rows import MappedRows, TensorRows, row_source, value_range
from tests.core.values import REPEATABLE

LIKE = torch.zeros(1)
X = np.arange(21, dtype=np.float32).reshape(7, 3)


def _mapped(folder: Path, x: Any) -> Any:
    mapped = np.memmap(folder / "x.bin", dtype=x.dtype, mode="w+", shape=x.shape)
    mapped[:] = x
    mapped.flush()
    return np.memmap(folder / "x.bin", dtype=x.dtype, mode="r", shape=x.shape)


@REPEATABLE
@given(st.integers(1, 40), st.integers(1, 12), st.booleans(), st.booleans())
def test_minibatches_visit_every_row_once_in_order(
    n_rows: int, batch_size: int, shuffled: bool, drop_last: bool
) -> None:
    order = np.random.default_rng(n_rows).permutation(n_rows) if shuffled else None
    batches = list(minibatches(n_rows, batch_size, order=order, drop_last=drop_last))
    assert len(batches) == n_batches(n_rows, batch_size, drop_last)
    assert all(len(batch.samples) == batch_size for batch in batches[:-1])
    visited = [int(sample) for batch in batches for sample in batch.samples]
    expected = list(range(n_rows)) if order is None else order.tolist()
    n_used = n_rows - n_rows % batch_size if drop_last else n_rows
    assert visited == expected[:n_used]
    for batch in batches:
        assert (batch.span is None) == shuffled
        if batch.span is not None:
            assert list(range(n_rows))[batch.span] == batch.samples.tolist()


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "drop_last", "expected"),
    [(10, 5, False, 2), (11, 5, False, 3), (11, 5, True, 2), (4, 5, False, 1), (4, 5, True, 0)],
)
def test_the_last_smaller_minibatch_counts_unless_dropped(
    n_rows: int, batch_size: int, drop_last: bool, expected: int
) -> None:
    assert n_batches(n_rows, batch_size, drop_last) == expected


def test_consecutive_rows_in_memory_are_not_copied() -> None:
    source = row_source(X, 3, LIKE, "x")
    assert isinstance(source, TensorRows)
    batch = source.batch(Minibatch(np.arange(2, 5), slice(2, 5)))
    assert batch.data_ptr() == source.rows[2:].data_ptr()
    assert batch.tolist() == X[2:5].tolist()


@pytest.mark.parametrize("mapped", [False, True], ids=["memory", "mapped"])
@pytest.mark.parametrize("kind", ["f4", "f8", ">f4", "u1", "i8"])
def test_a_source_delivers_the_rows_of_a_minibatch(tmp_path: Path, kind: str, mapped: bool) -> None:
    x: Any = X.astype(kind)
    source = row_source(_mapped(tmp_path, x) if mapped else x, 3, LIKE, "x")
    assert isinstance(source, MappedRows) == mapped
    assert len(source) == 7
    for samples in ([4, 1, 1], [6]):
        batch = source.batch(Minibatch(np.array(samples), None))
        assert batch.dtype == torch.float32
        assert batch.tolist() == X[samples].tolist()
    assert source.batch(Minibatch(np.arange(5, 7), slice(5, 7))).tolist() == X[5:7].tolist()


def test_a_mapped_file_is_never_written_to(tmp_path: Path) -> None:
    source = row_source(_mapped(tmp_path, X), 3, LIKE, "x")
    source.batch(Minibatch(np.arange(7), slice(0, 7))).zero_()
    assert source.batch(Minibatch(np.arange(7), slice(0, 7))).tolist() == X.tolist()


@pytest.mark.parametrize(
    "x",
    [X[::-1], X[:, ::-1], np.asfortranarray(X), X.tolist(), torch.from_numpy(X.copy())],
    ids=["rows reversed", "columns reversed", "transposed", "list", "tensor"],
)
def test_rows_of_any_layout_are_delivered(x: Any) -> None:
    source = row_source(x, 3, LIKE, "x")
    batch = source.batch(Minibatch(np.array([1, 0]), None))
    assert batch.tolist() == [[float(v) for v in x[1]], [float(v) for v in x[0]]]


@pytest.mark.parametrize("shape", [(3,), (2, 4), (0, 3), (2, 3, 1)])
def test_rows_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    text = f"train_x must have shape (n ≥ 1, 3), a row per sample. Got shape {shape} instead."
    with pytest.raises(DataError, match=re.escape(text)):
        row_source(np.zeros(shape, dtype=np.float32), 3, LIKE, "train_x")
    with pytest.raises(DataError, match=re.escape(text)):
        row_source(torch.zeros(shape), 3, LIKE, "train_x")


@pytest.mark.parametrize("x", [np.array([["a"]]), np.array([[None]]), np.array([[1j]])], ids=str)
def test_rows_that_are_no_numbers_are_refused(x: Any) -> None:
    with pytest.raises(DataError, match=r"x must be an array of numbers. Got dtype"):
        row_source(x, 1, LIKE, "x")


@pytest.mark.parametrize("mapped", [False, True], ids=["memory", "mapped"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 4095, 4096, 4999])
def test_values_that_are_not_finite_are_refused_with_their_place(
    tmp_path: Path, row: int, value: float, mapped: bool
) -> None:
    x = np.zeros((5000, 2), dtype=np.float32)
    x[row, 1] = value
    place = "rows 0 to 4095" if row < 4096 else "rows 4096 to 4999"
    with pytest.raises(DataError, match=rf"x has values that are not finite .* in {place}\. Imp"):
        row_source(_mapped(tmp_path, x) if mapped else x, 2, LIKE, "x")


def test_a_value_too_large_for_the_type_of_training_is_refused() -> None:
    with pytest.raises(DataError, match=r"not finite"):
        row_source(np.array([[1e300]]), 1, LIKE, "x")


def test_the_range_covers_all_rows() -> None:
    x = np.zeros((5000, 2), dtype=np.float32)
    x[4999, 1], x[10, 0] = 9, -2
    assert value_range(row_source(x, 2, LIKE, "x")) == (-2.0, 9.0)
