"""Products in register tiles against NumPy's, and that no element depends on the others.

Axes: R rows, K terms, C columns.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sdae.core.kernels import products
from sdae.core.kernels.layout import padded
from sdae.core.kernels.tiles import FEW_ROWS, FROM_BIAS, FROM_OUT, FROM_ZERO, lanes

Matrix = NDArray[np.floating]
ROOT = Path(__file__).parents[3]
KINDS: list[Any] = [np.float32, np.float64]
EXACT: dict[Any, float] = {np.float32: 2e-6, np.float64: 4e-15}


def drawn(kind: Any, *shape: int, seed: int = 0) -> Matrix:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(kind)


def product(a: Matrix, b: Matrix, c: Matrix, bias: Matrix, begin: int) -> Matrix:
    """Return what ``multiply`` makes of A (R, K) and B (K, C)."""
    out, (k, n) = c.ravel().copy(), b.shape
    flat = a.ravel(), b.ravel()
    products.multiply(flat[0], 0, k, 1, k, flat[1], 0, n, out, 0, n, len(a), n, bias, 0, begin)
    return out.reshape(c.shape)


def transposed_product(a: Matrix, b: Matrix, bias: Matrix, begin: int) -> Matrix:
    """Return what ``multiply_transposed`` makes of A (R, K) and B (C, K)."""
    out, k = np.full(len(a) * len(b), np.nan, a.dtype), a.shape[1]
    flat = a.ravel(), b.ravel()
    products.multiply_transposed(
        flat[0], 0, k, flat[1], 0, k, k, out, 0, len(b), len(a), len(b), bias, 0, begin
    )
    return out.reshape(len(a), len(b))


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n_rows=st.integers(1, 40).map(lambda n: padded(n, FEW_ROWS)),
    n_terms=st.integers(0, 60),
    n_vectors=st.integers(1, 9),
    begin=st.sampled_from([FROM_ZERO, FROM_BIAS, FROM_OUT]),
)
def test_products_are_numpys(
    kind: Any, n_rows: int, n_terms: int, n_vectors: int, begin: int
) -> None:
    n = n_vectors * lanes(np.dtype(kind))
    a, b = drawn(kind, n_rows, n_terms), drawn(kind, n_terms, n, seed=1)
    c, bias = drawn(kind, n_rows, n, seed=2), drawn(kind, n, seed=3)
    first = {FROM_ZERO: 0.0, FROM_BIAS: bias.astype(float), FROM_OUT: c.astype(float)}[begin]
    wanted = first + a.astype(float) @ b.astype(float)
    found = product(a, b, c, bias, begin)
    assert np.abs(found - wanted).max() <= EXACT[kind] * (n_terms + 1)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    n_rows=st.integers(1, 40).map(lambda n: padded(n, FEW_ROWS)),
    n_vectors=st.integers(1, 9),
    n_columns=st.integers(1, 70).map(lambda n: padded(n, FEW_ROWS)),
    begin=st.sampled_from([FROM_ZERO, FROM_BIAS]),
)
def test_transposed_products_are_numpys(
    kind: Any, n_rows: int, n_vectors: int, n_columns: int, begin: int
) -> None:
    k = n_vectors * lanes(np.dtype(kind))
    a, b = drawn(kind, n_rows, k), drawn(kind, n_columns, k, seed=1)
    bias = drawn(kind, n_columns, seed=3)
    wanted = a.astype(float) @ b.astype(float).T + (bias if begin == FROM_BIAS else 0.0)
    assert np.abs(transposed_product(a, b, bias, begin) - wanted).max() <= EXACT[kind] * (k + 1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_transpose_of_a_factor_is_read_by_its_distances(kind: Any) -> None:
    n = 3 * lanes(np.dtype(kind))
    a, b = drawn(kind, 7, 12), drawn(kind, 7, n, seed=1)
    bias: Matrix = np.zeros(n, kind)
    out: Matrix = np.empty(12 * n, kind)
    flat = a.ravel(), b.ravel()
    products.multiply(flat[0], 0, 1, 12, 7, flat[1], 0, n, out, 0, n, 12, n, bias, 0, FROM_ZERO)
    assert np.array_equal(
        out.reshape(12, n), product(a.T.copy(), b, np.empty((12, n), kind), bias, FROM_ZERO)
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_element_is_the_same_in_any_company(kind: Any) -> None:
    n = 7 * lanes(np.dtype(kind))
    a, b = drawn(kind, 24, 37), drawn(kind, 37, n, seed=1)
    bias = drawn(kind, n, seed=2)
    whole = product(a, b, np.empty((24, n), kind), bias, FROM_BIAS)
    some = lanes(np.dtype(kind))
    for rows in (slice(0, 4), slice(4, 8), slice(8, 20)):
        for columns in (slice(0, some), slice(some, 3 * some), slice(5 * some, n)):
            part = product(
                a[rows],
                b[:, columns].copy(),
                np.empty_like(whole[rows, columns]),
                bias[columns].copy(),
                FROM_BIAS,
            )
            assert np.array_equal(part, whole[rows, columns])
    other = drawn(kind, 40, n, seed=4)
    dots = transposed_product(whole, other, np.zeros(40, kind), FROM_ZERO)
    for columns in (slice(0, 4), slice(4, 12), slice(16, 40)):
        part = transposed_product(whole[8:12], other[columns].copy(), np.zeros(40, kind), FROM_ZERO)
        assert np.array_equal(part, dots[8:12, columns])


def test_nothing_is_written_beside_the_result() -> None:
    n = lanes(np.dtype(np.float32))
    a, b = drawn(np.float32, 4, 5).ravel(), drawn(np.float32, 5, n).ravel()
    out = np.full(3 * n * 6, 7, np.float32)
    products.multiply(
        a, 0, 5, 1, 5, b, 0, n, out, 3 * n + n, 3 * n, 4, n, np.zeros(n, np.float32), 0, FROM_ZERO
    )
    changed = out.reshape(6, 3, n) != 7
    assert changed[1:5, 1].all()
    assert changed.sum() == changed[1:5, 1].sum()


OTHER_PROCESSORS = """
import llvmlite.binding as binding
real = binding.get_host_cpu_features, binding.get_default_triple
binding.get_host_cpu_features = lambda: {features}
binding.get_default_triple = lambda: {triple!r}
from sdae.core.kernels import tiles
binding.get_host_cpu_features, binding.get_default_triple = real
assert (tiles.SHAPES.vector_bytes, tiles.MOST_VECTORS) == {shape}
from tests.core.kernels import test_products as tests
tests.test_products_are_numpys()
tests.test_transposed_products_are_numpys()
for kind in tests.KINDS:
    tests.test_an_element_is_the_same_in_any_company(kind)
"""


@pytest.mark.parametrize(
    ("features", "triple", "shape"),
    [
        ({"avx512f": True}, "x86_64", (64, 3)),
        ({"avx2": True}, "x86_64", (32, 3)),
        ({}, "aarch64-apple-darwin", (16, 4)),
        ({}, "x86_64", (16, 2)),
    ],
    ids=["AVX-512", "AVX2", "NEON", "SSE"],
)
def test_tiles_of_other_processors_compute_the_same(
    features: dict[str, bool], triple: str, shape: tuple[int, int], tmp_path: Path
) -> None:
    """The shape alone is theirs: the code is made for this processor, which cuts its vectors."""
    code = OTHER_PROCESSORS.format(features=features, triple=triple, shape=shape)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=300)
