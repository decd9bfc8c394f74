"""Training on sparse rows, scaled rows and sources: the bytes of the array they stand for.

Of `V` = 12 columns, a row of float32 begins at a multiple of 16 bytes. Other rows of an array in
memory, which are not copied, may begin anywhere, and BLAS may round products of such rows
otherwise.
"""

import re
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import sparse

from sdae import StackedDenoisingAutoencoder, finetune, pretrain
from sdae.core.errors import DataError
from sdae.core.preprocessing import fit_scaling, fit_scaling_sparse
from sdae.core.rows import ScaledRows, SparseRows, row_source
from sdae.train.scoring import error_of
from tests.train.helpers import C, classes, state_bytes, unit_rows

N, V = 23, 12


def _stack(decoder: str = "auto") -> StackedDenoisingAutoencoder:
    return StackedDenoisingAutoencoder(V, (8, 6), C, 0.3, decoder=decoder, seed=3)


def _holed(n: int = N) -> NDArray[np.float32]:
    """Return rows in [0, 1), most of them zeros."""
    x = unit_rows(n, n_columns=V)
    x[x < 0.7] = 0
    return x


def _train(x: Any, y: Any, **settings: Any) -> bytes:
    stack = _stack()
    settings = {"epochs": 2, "shuffle": True, "learning_rate": 0.1} | settings
    history = pretrain(stack, x, codes="recompute" if settings["shuffle"] else "auto", **settings)
    pair = (x, y)
    tuned = finetune(stack, pair, pair, pair, **settings)
    used = {record.engine for record in (*history.records, *tuned.records)}
    assert used == {settings["engine"]}
    errors = [tuned.best_validation_error, tuned.test_error, *history.costs(1), *tuned.costs()]
    return state_bytes(stack) + repr(errors).encode()


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    ("engine", "batch_size"),
    [("autograd", 1), ("autograd", 5), ("autograd", N), ("closed_form", 5), ("fused", 1)],
)
def test_sparse_rows_give_the_same_bytes_as_dense_ones(
    engine: str, batch_size: int, shuffle: bool
) -> None:
    x, y = _holed(), classes(N)
    settings = {"engine": engine, "batch_size": batch_size, "shuffle": shuffle}
    expected = _train(x, y, **settings)
    assert _train(sparse.csr_array(x), y, **settings) == expected
    assert _train(sparse.coo_matrix(x.astype(np.float64)), y, **settings) == expected
    like = _stack().autoencoder(0).weight
    assert _train(SparseRows(sparse.csc_array(x), like), y, **settings) == expected


def test_the_three_sets_may_have_different_forms() -> None:
    x, y = _holed(), classes(N)
    stack, mixed = _stack(), _stack()
    like = stack.head.weight
    expected = finetune(stack, (x, y), (x, y), (x, y), epochs=2)
    source = row_source(x, V, like, "x")
    history = finetune(mixed, (source, y), (sparse.csr_array(x), y), (x, y), epochs=2)
    assert history.best_validation_error == expected.best_validation_error
    assert history.test_error == expected.test_error
    assert state_bytes(mixed) == state_bytes(stack)


@pytest.mark.parametrize("engine", ["autograd", "closed_form", "fused"])
@pytest.mark.parametrize("kind", ["minmax", "standard"])
def test_scaled_rows_give_the_same_bytes_as_scaling_first(kind: str, engine: str) -> None:
    x, y = 40 * _holed() - 3, classes(N)
    scaling = fit_scaling(x, kind)
    assert scaling is not None
    one, other = (_stack("linear") for _ in range(2))
    scaled = scaling.apply(x)
    rows = ScaledRows(
        SparseRows(sparse.csr_array(x), one.head.weight), scaling.offset, scaling.scale
    )
    for stack, own in ((one, scaled), (other, rows)):
        pretrain(stack, own, epochs=2, engine=engine)
        finetune(stack, (own, y), (own, y), epochs=2, engine=engine)
    assert state_bytes(one) == state_bytes(other)


def test_sparse_rows_outside_the_unit_interval_are_refused_by_cross_entropy() -> None:
    x = sparse.coo_array(([0.5, 1.25], ([0, 3], [1, 2])), shape=(4, V))
    with pytest.raises(DataError, match=r"Layer 0 .* but x goes from 0 to 1\.25\. Scale"):
        pretrain(_stack(), x)
    scaling = fit_scaling_sparse(x, "minmax")
    assert scaling is not None
    like = _stack().head.weight
    rows = ScaledRows(SparseRows(x, like), scaling.offset, scaling.scale)
    assert len(pretrain(_stack(), rows, epochs=1).records) == 2


def test_a_source_of_another_width_is_refused_by_name() -> None:
    like = torch.zeros(1)
    wide = SparseRows(sparse.csr_array((4, V + 1)), like)
    problem = rf"must have {V} columns\. Its first row has shape \(1, {V + 1}\) instead"
    with pytest.raises(DataError, match=f"^x {problem}"):
        pretrain(_stack(), wide)
    with pytest.raises(DataError, match=f"^x of the validation set {problem}"):
        finetune(_stack(), (_holed(), classes(N)), (wide, classes(4)))


def test_the_error_rate_takes_rows_of_any_form() -> None:
    stack, x, y = _stack(), _holed(3000), classes(3000)
    with torch.no_grad():
        stack.head.weight.copy_(torch.eye(C, 6))
    labels = torch.from_numpy(y)
    expected = float(stack.errors(x, y))
    assert 0 < expected < 1
    for rows in (x, sparse.csr_array(x), row_source(x, V, stack.head.weight, "x")):
        assert error_of(stack, (rows, labels, None)) == pytest.approx(expected, rel=1e-15)
    text = f"x must have shape (n ≥ 1, {V}), a row per sample. Got shape (3, 2) instead."
    with pytest.raises(DataError, match=re.escape(text)):
        error_of(stack, (np.zeros((3, 2)), labels, None))
