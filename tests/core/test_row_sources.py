"""Sparse and scaled rows: what a source delivers, what it never holds, what is refused."""

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import sparse

from sdae.core import rows as rows_module
from sdae.core.errors import DataError
from sdae.core.minibatches import Minibatch, minibatches
from sdae.core.preprocessing import fit_scaling, fit_scaling_sparse
from sdae.core.rows import MappedRows, ScaledRows, SparseRows, TensorRows, row_source, value_range
from sdae.core.sparse import csr_of, is_sparse

LIKE = torch.zeros(1)
X = np.array([[0, 0, 0], [0, 2, 0], [-1, 0, 3], [0, 0, 0], [4, 5, 6]], dtype=np.float32)
FORMS = ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"]


def _batch(*samples: int) -> Minibatch:
    return Minibatch(np.array(samples), None)


def _span(start: int, stop: int) -> Minibatch:
    return Minibatch(np.arange(start, stop), slice(start, stop))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_rows_in_memory_are_copied_in_any_order_and_viewed_in_their_own(dtype: torch.dtype) -> None:
    rows = torch.from_numpy(X).to(dtype)
    source = TensorRows(rows)
    picked = source.batch(_batch(4, 0, 4))
    assert picked.dtype is dtype
    assert torch.equal(picked, rows[[4, 0, 4]])
    assert source.batch(_span(1, 3)).data_ptr() == rows[1].data_ptr()
    picked.zero_()
    assert torch.equal(rows, torch.from_numpy(X).to(dtype))


@pytest.mark.parametrize("kind", ["f4", "f8", "i8", "u1", "?"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("family", ["array", "matrix"])
def test_rows_of_any_sparse_form_are_delivered(form: str, family: str, kind: str) -> None:
    dense = np.abs(X).astype(kind)
    matrix = getattr(sparse, f"{form}_{family}")(dense)
    source = row_source(matrix, 3, LIKE, "x")
    assert isinstance(source, SparseRows)
    assert len(source) == 5
    for minibatch in (_batch(4, 1, 1), _batch(3), _span(2, 5), _span(0, 1)):
        batch = source.batch(minibatch)
        assert batch.dtype == torch.float32
        assert batch.tolist() == dense[minibatch.samples].astype(np.float32).tolist()
    assert (matrix.toarray() == dense).all()


@pytest.mark.parametrize("width", [np.int32, np.int64])
def test_indices_may_have_any_width(width: type[np.integer]) -> None:
    matrix = sparse.csr_array(X)
    matrix.indices, matrix.indptr = matrix.indices.astype(width), matrix.indptr.astype(width)
    source = row_source(matrix, 3, LIKE, "x")
    assert source.batch(_batch(4, 2)).tolist() == X[[4, 2]].tolist()
    assert value_range(source) == (-1, 6)


def test_elements_stored_twice_are_summed_and_the_matrix_is_left_alone() -> None:
    columns, starts = np.array([2, 0, 2]), np.array([0, 3, 3])
    matrix = sparse.csr_array((np.array([1.0, 4.0, -2.0]), columns, starts), shape=(2, 3))
    source = row_source(matrix, 3, LIKE, "x")
    assert source.batch(_span(0, 2)).tolist() == [[4, 0, -1], [0, 0, 0]]
    assert value_range(source) == (-1, 4)
    assert matrix.data.tolist() == [1, 4, -2]
    assert matrix.indices.tolist() == [2, 0, 2]


def test_room_that_a_matrix_does_not_use_is_not_looked_at() -> None:
    matrix = sparse.csr_array(np.array([[1.0, 0.0], [0.0, 2.0]]))
    matrix.data = np.concatenate([matrix.data, [np.nan, -9.0]])
    matrix.indices = np.concatenate([matrix.indices, [0, 0]]).astype(np.int32)
    assert value_range(row_source(matrix, 2, LIKE, "x")) == (0, 2)
    scaling = fit_scaling_sparse(matrix, "minmax")
    assert scaling is not None
    assert (scaling.offset.tolist(), scaling.scale.tolist()) == ([0, 0], [1, 2])
    assert len(matrix.data) == 4


def test_a_huge_matrix_never_gets_all_its_zeros() -> None:
    n, v = 1_000_000, 100_000  # 400 GB in float32
    places = (np.array([3, 3, 999_999]), np.array([0, 7, 99_999]))
    matrix = sparse.csr_array((np.array([0.25, 1.0, 0.5]), places), shape=(n, v))
    source = row_source(matrix, v, LIKE, "x")
    batch = source.batch(_batch(999_999, 3))
    assert batch.shape == (2, v)
    assert batch.nonzero().tolist() == [[0, 99_999], [1, 0], [1, 7]]
    assert batch.sum() == 1.75
    assert source.batch(_span(2, 5)).sum() == 1.25
    assert value_range(source) == (0, 1)


def test_only_the_rows_of_a_minibatch_get_their_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, shapes = sparse.csr_array(np.eye(9000, 3, dtype=np.float32)), []
    filled = sparse.csr_array.toarray

    def watched(self: Any) -> NDArray[Any]:
        shapes.append(self.shape)
        dense: NDArray[Any] = filled(self)
        return dense

    monkeypatch.setattr(sparse.csr_array, "toarray", watched)
    source = row_source(matrix, 3, LIKE, "x")
    assert value_range(source) == (0, 1)
    assert shapes in ([], [(1, 3), (1, 3)])  # a look at the first row
    source.batch(_span(5, 25))
    source.batch(_batch(7, 8000))
    assert shapes[-2:] == [(20, 3), (2, 3)]


def test_the_range_counts_zeros_that_are_not_stored() -> None:
    full = sparse.csr_array(np.array([[2.0, 3.0], [4.0, 5.0]]))
    assert value_range(row_source(full, 2, LIKE, "x")) == (2, 5)
    holed = sparse.csr_array(np.array([[2.0, 0.0], [4.0, 5.0]]))
    assert value_range(row_source(holed, 2, LIKE, "x")) == (0, 5)
    below = sparse.csr_array(np.array([[-2.0, 0.0], [-4.0, -5.0]]))
    assert value_range(row_source(below, 2, LIKE, "x")) == (-5, 0)
    assert value_range(row_source(sparse.csr_array((4, 2)), 2, LIKE, "x")) == (0, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("row", [0, 4095, 4096, 4999])
def test_stored_values_that_are_not_finite_are_refused_with_their_place(
    row: int, value: float
) -> None:
    matrix = sparse.coo_array(([1.0, value], ([17, row], [0, 1])), shape=(5000, 2))
    place = "rows 0 to 4095" if row < 4096 else "rows 4096 to 4999"
    with pytest.raises(DataError, match=rf"x has values that are not finite .* in {place}\."):
        row_source(matrix, 2, LIKE, "x")


@pytest.mark.parametrize("shape", [(2, 4), (0, 3), (3,)])
def test_sparse_rows_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    text = f"train_x must have shape (n ≥ 1, 3), a row per sample. Got shape {shape} instead."
    with pytest.raises(DataError, match=re.escape(text)):
        row_source(sparse.coo_array(np.zeros(shape)), 3, LIKE, "train_x")


def test_sparse_complex_numbers_are_refused() -> None:
    with pytest.raises(DataError, match=r"x must be an array of numbers. Got dtype complex128 in"):
        row_source(sparse.csr_array(np.array([[1j]])), 1, LIKE, "x")


def test_only_matrices_of_scipy_are_sparse() -> None:
    class Mine(sparse.csr_array):  # type: ignore[misc]
        pass

    class Stranger:
        tocsr = None

    assert is_sparse(sparse.csr_array(X))
    assert is_sparse(sparse.lil_matrix(X))
    assert is_sparse(Mine(X))
    assert not any(is_sparse(x) for x in (X, torch.from_numpy(X), Stranger(), X.tolist()))
    canonical = sparse.csr_array(X)
    assert csr_of(canonical) is canonical


def test_to_ask_whether_rows_are_sparse_does_not_import_scipy() -> None:
    code = (
        "import sys; from sdae.core.sparse import is_sparse;"
        "print(is_sparse([[1.0]]), 'scipy' in sys.modules);"
        "from scipy.sparse import csr_array; print(is_sparse(csr_array([[1.0]])))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout == "False False\nTrue\n"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["minmax", "standard"])
def test_scaled_rows_are_the_rows_of_scaled_data(kind: str, dtype: torch.dtype) -> None:
    x = (1e4 + np.random.default_rng(0).normal(0, 3, size=(50, 4))).astype(np.float32)
    scaling = fit_scaling(x, kind)
    assert scaling is not None
    like = torch.zeros(1, dtype=dtype)
    source = ScaledRows(row_source(x, 4, like, "x"), scaling.offset, scaling.scale)
    wide = torch.from_numpy((x - scaling.offset) / scaling.scale)
    assert len(source) == 50
    for minibatch in (_batch(4, 1, 49), _span(3, 9)):
        batch = source.batch(minibatch)
        assert batch.dtype == dtype
        assert torch.equal(batch, wide.to(dtype)[torch.from_numpy(minibatch.samples)])
        if dtype == torch.float32:
            assert batch.tolist() == scaling.apply(x)[minibatch.samples].tolist()


def test_scaled_rows_may_come_from_wider_ones() -> None:
    x = 1e9 + np.arange(6.0).reshape(3, 2)
    offset, scale = np.full(2, 1e9), np.array([2.0, 4.0])
    wide = row_source(x, 2, LIKE.double(), "x")
    source = row_source(ScaledRows(wide, offset, scale, LIKE), 2, LIKE, "x")
    assert source.batch(_span(0, 3)).tolist() == [[0, 0.25], [1, 0.75], [2, 1.25]]
    assert value_range(source) == (0, 2)


def test_sparse_rows_are_scaled_as_they_are_delivered() -> None:
    source = ScaledRows(SparseRows(sparse.csr_array(X), LIKE), np.full(3, -1.0), np.full(3, 8.0))
    assert source.batch(_batch(4, 0)).tolist() == ((X[[4, 0]] + 1) / 8).tolist()
    assert value_range(source) == (0, 7 / 8)


def test_scaling_leaves_rows_offset_and_scale_alone() -> None:
    x, offset, scale = X.copy(), np.ones(3), np.full(3, 2.0)
    offset.flags.writeable = scale.flags.writeable = False
    source = ScaledRows(TensorRows(torch.from_numpy(x)), offset, scale)
    source.batch(_span(0, 5)).zero_()
    assert (x == X).all()


def test_wide_rows_are_looked_at_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    class Watched(TensorRows):
        def batch(self, minibatch: Minibatch) -> torch.Tensor:
            sizes.append(len(minibatch.samples))
            return super().batch(minibatch)

    monkeypatch.setattr(rows_module, "_CHECKED_NUMBERS", 7)
    assert value_range(Watched(torch.from_numpy(X))) == (-1, 6)
    assert sizes == [1, 2, 2, 1]


class Source:
    """A caller's own source, of rows all alike."""

    def __init__(self, row: torch.Tensor, n: int = 2) -> None:
        self._row, self._n = row, n

    def __len__(self) -> int:
        return self._n

    def batch(self, minibatch: Minibatch) -> torch.Tensor:
        return self._row.repeat(len(minibatch.samples), 1)


@pytest.mark.parametrize(
    "source",
    [
        Source(torch.zeros(3)),
        TensorRows(torch.zeros(2, 3)),
        SparseRows(sparse.csr_array(X), LIKE),
        MappedRows(X, LIKE),
    ],
    ids=lambda source: type(source).__name__,
)
def test_a_source_is_taken_as_it_is(source: Any) -> None:
    assert row_source(source, 3, LIKE, "x") is source


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            Source(torch.zeros(4)),
            "x must have 3 columns. Its first row has shape (1, 4) instead of (1, 3).",
        ),
        (Source(torch.zeros(3), 0), "x must have at least one row. Got none."),
        (
            Source(torch.zeros(3).double()),
            "x must deliver torch.float32 on cpu, as the parameters are. Got torch.float64 on cpu",
        ),
    ],
)
def test_a_source_that_does_not_fit_is_refused(source: Source, problem: str) -> None:
    with pytest.raises(DataError, match=re.escape(problem)):
        row_source(source, 3, LIKE, "x")


def test_a_table_with_a_column_named_batch_is_no_source() -> None:
    class Table:
        """Columns are attributes of the object, as in a data frame."""

        def __init__(self) -> None:
            self.batch = X[:, 0]

        def __len__(self) -> int:
            return len(X)

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
            return X

    table: Any = Table()
    assert isinstance(row_source(table, 3, LIKE, "x"), TensorRows)


def test_minibatches_of_a_sparse_source_in_any_order_are_those_of_a_dense_one() -> None:
    x = np.random.default_rng(2).integers(-2, 3, size=(37, 3)).astype(np.float32)
    order = np.random.default_rng(3).permutation(37)
    sparse_rows, dense_rows = (row_source(m, 3, LIKE, "x") for m in (sparse.csr_array(x), x))
    for minibatch in (*minibatches(37, 5, order=order), *minibatches(37, 8)):
        assert torch.equal(sparse_rows.batch(minibatch), dense_rows.batch(minibatch))
