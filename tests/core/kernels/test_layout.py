"""Aligned memory, padding and shares."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdae.core.kernels.layout import LANES, PAGE, aligned_zeros, padded, row_length, shares


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1,), (7, 3), (2, 5, 16)])
def test_zeros_begin_at_a_cache_line(shape: tuple[int, ...], kind: type[np.floating]) -> None:
    zeros = aligned_zeros(shape, np.dtype(kind))
    assert zeros.ctypes.data % 64 == 0
    assert zeros.shape == shape
    assert zeros.dtype == kind
    assert zeros.flags.c_contiguous
    assert not zeros.any()


@pytest.mark.parametrize("place", [0, 1024, 3072])
def test_zeros_begin_where_wished_in_a_page(place: int) -> None:
    zeros = aligned_zeros((3, 100), np.dtype(np.float32), place)
    assert zeros.ctypes.data % PAGE == place
    assert zeros.shape == (3, 100)
    assert not zeros.any()


@pytest.mark.parametrize("kind", [np.dtype(np.float32), np.dtype(np.float64)])
@given(n=st.integers(1, 10_000))
def test_no_row_is_a_little_shorter_than_pages(kind: np.dtype[np.floating], n: int) -> None:
    length = row_length(n, kind)
    assert length % LANES == 0
    assert n <= length < n + max(LANES, PAGE // 8 // kind.itemsize)
    short_of_a_page = -length * kind.itemsize % PAGE
    assert short_of_a_page == 0 or short_of_a_page >= PAGE // 8


@given(n=st.integers(0, 10**6), multiple=st.integers(1, 100))
def test_padding_is_the_next_multiple(n: int, multiple: int) -> None:
    assert padded(n, multiple) % multiple == 0
    assert n <= padded(n, multiple) < n + multiple


@given(n=st.integers(0, 500), n_parts=st.integers(1, 9), multiple=st.integers(1, 20))
def test_shares_cover_everything_once(n: int, n_parts: int, multiple: int) -> None:
    bounds = shares(n, n_parts, multiple).tolist()
    assert bounds == sorted(bounds)
    assert (bounds[0], bounds[-1], len(bounds)) == (0, n, n_parts + 1)
    assert all(bound % multiple == 0 for bound in bounds if bound != n)
    sizes = np.diff(bounds)
    assert max(sizes) - min(sizes) < 2 * multiple
