"""What ``auto`` means for a ladder: the mean variance of its rows, a few at a time."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from sdae.core.minibatches import Minibatch
from sdae.core.rows import RowSource, SparseRows, row_source
from sdae.train.ladder.automatic import mean_variance

LIKE = torch.empty(0)


def source(x: Any) -> RowSource:
    return row_source(x, x.shape[1], LIKE, "x")


def of_all_at_once(*parts: Any) -> float:
    rows = [part[:: max(1, len(part) // 10_000)].astype(np.float64) for part in parts]
    return float(np.concatenate(rows).var(axis=0).mean())


@pytest.mark.parametrize("far", [0.0, 1e3])
@pytest.mark.parametrize("sizes", [(70,), (3, 2500), (25_000, 1001)])
def test_it_is_that_of_all_rows_at_once(sizes: tuple[int, ...], far: float) -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(far, 2, (size, 7)).astype(np.float32) for size in sizes]
    found = mean_variance([source(part) for part in parts], 7)
    assert found == pytest.approx(of_all_at_once(*parts), rel=1e-12)


@pytest.mark.parametrize(("n_columns", "most"), [(5, 1000), (20_000, 209)])
def test_few_sparse_rows_are_dense_at_once(
    n_columns: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = sparse.random(2300, n_columns, 0.001, "csr", np.float32, np.random.default_rng(0))
    rows, made = source(x), list[int]()
    batch = SparseRows.batch

    def counted(self: SparseRows, minibatch: Minibatch) -> Any:
        made.append(len(minibatch.samples))
        return batch(self, minibatch)

    monkeypatch.setattr(SparseRows, "batch", counted)
    found = mean_variance([rows], n_columns)
    assert (max(made), sum(made)) == (most, 2300)
    mean = np.asarray(x.mean(axis=0, dtype=np.float64))
    squares = np.asarray(x.astype(np.float64).power(2).mean(axis=0))
    assert found == pytest.approx((squares - mean**2).mean(), rel=1e-9)
