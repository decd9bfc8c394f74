"""Products of matrices in flat arrays, cut into register tiles.

Every element is a sum in an order that does not depend on the other elements, on the number of rows
or on the share of a thread. Nothing here checks bounds: numbers of rows are multiples of
``FEW_ROWS``, columns of the lanes of a vector, and arrays have room for both.

A matrix is given as the flat array that it lies in, where it begins, and how far apart its rows
are.
"""

import numpy as np
from numpy.typing import NDArray

from sdae.core.kernels import tiles
from sdae.core.kernels.compiling import kernel
from sdae.core.kernels.tiles import DOTS, FEW_ROWS, MOST_VECTORS, ROWS, SHAPES

Flat = NDArray[np.floating]

_NEAR = 32  # rows of B that stay in the nearest cache
_VECTOR_BYTES = SHAPES.vector_bytes


@kernel
def multiply(
    a: Flat,
    a_at: int,
    a_row: int,
    a_term: int,
    n_terms: int,
    b: Flat,
    b_at: int,
    b_row: int,
    c: Flat,
    c_at: int,
    c_row: int,
    n_rows: int,
    n_columns: int,
    bias: Flat,
    bias_at: int,
    begin: int,
) -> None:
    """Compute C = A B, or bias + A B, or C + A B, as `begin` says.

    `a_term` is how far apart the terms of a row of A are: 1, or the length of a row of what A is
    the transpose of. Columns are the outer loop: so many columns of B stay in a cache.
    """
    lanes = _VECTOR_BYTES // a.itemsize
    first = 0
    while first < n_columns:
        n_vectors = min((n_columns - first) // lanes, MOST_VECTORS)
        row = 0
        while row < n_rows:
            a_here, c_here = a_at + row * a_row, c_at + row * c_row + first
            if ROWS > FEW_ROWS and n_rows - row >= ROWS:
                tiles.sums(
                    a,
                    a_here,
                    a_row,
                    a_term,
                    b,
                    b_at + first,
                    b_row,
                    n_terms,
                    c,
                    c_here,
                    c_row,
                    n_vectors,
                    bias,
                    bias_at + first,
                    begin,
                )
                row += ROWS
            else:
                tiles.few_sums(
                    a,
                    a_here,
                    a_row,
                    a_term,
                    b,
                    b_at + first,
                    b_row,
                    n_terms,
                    c,
                    c_here,
                    c_row,
                    n_vectors,
                    bias,
                    bias_at + first,
                    begin,
                )
                row += FEW_ROWS
        first += n_vectors * lanes


@kernel
def multiply_transposed(
    a: Flat,
    a_at: int,
    a_row: int,
    b: Flat,
    b_at: int,
    b_row: int,
    n_terms: int,
    c: Flat,
    c_at: int,
    c_row: int,
    n_rows: int,
    n_columns: int,
    bias: Flat,
    bias_at: int,
    begin: int,
) -> None:
    """Compute C = A Bᵀ, or bias + A Bᵀ; the columns of C are rows of B, a multiple of 4."""
    for block in range(0, n_columns, _NEAR):
        for row in range(0, n_rows, FEW_ROWS):
            for column in range(block, min(block + _NEAR, n_columns), DOTS):
                tiles.dots(
                    a,
                    a_at + row * a_row,
                    a_row,
                    b,
                    b_at + column * b_row,
                    b_row,
                    n_terms,
                    c,
                    c_at + row * c_row + column,
                    c_row,
                    bias,
                    bias_at + column,
                    begin,
                )
